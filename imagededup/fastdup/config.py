"""The configuration of a run: every parameter once, checked."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from os import PathLike
from pathlib import Path
from typing import Any

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.fastdup.parameters import (
    BoundingBox,
    check_bool,
    check_faiss_mode,
    check_fraction,
    check_integer,
    check_model,
    check_path,
    parse_bounding_box,
    parse_faiss_param,
    parse_turi_param,
)
from imagededup.models.session import Device
from imagededup.search.knn.find import Distance, NearestModel, Provider
from imagededup.utils.options import check_option
from imagededup.utils.parallel import check_workers

__all__ = ["BoundingBox", "RunConfig", "RunMode", "configure"]

logger = logging.getLogger("imagededup")

InputType = str | PathLike[str] | Sequence[str | PathLike[str]]

_DEFAULT_FAISS_MODE = "HNSW32"
_DEFAULT_CC_THRESHOLD = "0.96"


class RunMode(IntEnum):
    """What a run does."""

    ALL = 0
    EXTRACT = 1
    SEARCH = 2
    SCORE_IMAGES = 3
    SCORE_FEATURES = 4


class _Compute(StrEnum):
    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The parameters of a run; made by `configure`, which says what each means.

    Attributes:
        input_dir: A path, or the paths of a list; None where the mode needs none.
        work_dir: The work folder; in mode 2 it may be a feature file.
        device: Where the model runs.
        verbose: Whether to say what the run does.
        num_threads: As given, -1 for all cores; see `workers`.
        num_images: Most images to take, -1 for all.
        distance: How descriptors are compared.
        threshold: Smallest similarity of a pair that is stored.
        lower_threshold: Fraction of the images that count as outliers.
        model_path: An ONNX file, None for the embedded model.
        nearest_neighbors_k: Neighbours that are looked for, per image.
        run_mode: What the run does.
        nn_provider: Which family of searches.
        nnmodel: Which search of turi.
        cc_threshold: Edges of the graph have a larger similarity.
        run_cc: Whether to compute connected components.
        run_pagerank: Whether to compute PageRank.
        run_degree: Whether to write the distribution of degrees.
        min_offset: First image of the listing, -1 for the very first.
        max_offset: Image of the listing to stop before, -1 for the end.
        faiss_mode: An index-factory string of faiss.
        faiss_param: Numbers by the names that faiss has for them.
        bounding_box: The part of each image that is described.
    """

    input_dir: str | tuple[str, ...] | None
    work_dir: Path
    device: Device
    verbose: bool
    num_threads: int
    num_images: int
    distance: Distance
    threshold: float
    lower_threshold: float
    model_path: Path | None
    nearest_neighbors_k: int
    run_mode: RunMode
    nn_provider: Provider
    nnmodel: NearestModel
    cc_threshold: float
    run_cc: bool
    run_pagerank: bool
    run_degree: bool
    min_offset: int
    max_offset: int
    faiss_mode: str
    faiss_param: Mapping[str, float]
    bounding_box: BoundingBox | None

    @property
    def workers(self) -> int:
        """Number of threads."""
        return check_workers("num_threads", None if self.num_threads < 0 else self.num_threads)

    def to_json(self) -> dict[str, Any]:
        """The parameters as plain values."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def configure(
    input_dir: InputType | None = None,
    work_dir: str | PathLike[str] = ".",
    compute: str = "cpu",
    verbose: bool = False,
    num_threads: int = -1,
    num_images: int = -1,
    turi_param: str = "",
    distance: str = "cosine",
    threshold: float = 0.85,
    lower_threshold: float = 0.3,
    model_path: str | PathLike[str] | None = None,
    nearest_neighbors_k: int = 2,
    run_mode: int = 0,
    nn_provider: str = "faiss",
    nnmodel: str | int | None = None,
    min_offset: int = -1,
    max_offset: int = -1,
    faiss_mode: str = _DEFAULT_FAISS_MODE,
    faiss_param: str = "",
    bounding_box: str = "",
) -> RunConfig:
    """Check the parameters of a run.

    Args:
        input_dir: A folder, searched recursively; a text file with one path per row; or a list of
            paths. In mode 4 a feature file or a folder of such. Mode 2 needs none.
        work_dir: The folder of all results; in mode 2 also the path of a feature file.
        compute: 'cpu' or 'gpu'.
        verbose: Whether to say what the run does; progress bars show on any terminal.
        num_threads: Number of threads, -1 for all cores.
        num_images: Most images to take, -1 for all.
        turi_param: 'nnmodel=0,ccthreshold=0.96,run_cc=1,run_pagerank=1,run_degree=0' or a part of
            it; nnmodel also by name.
        distance: 'cosine', 'euclidean', 'squared_euclidean' or 'manhattan'.
        threshold: Smallest similarity of a pair that is stored, 0 to 1.
        lower_threshold: Fraction of the images that count as outliers, 0 to 1.
        model_path: An ONNX file of one's own, None for the embedded model.
        nearest_neighbors_k: Neighbours that are looked for, per image.
        run_mode: 0 does all, 1 extracts features, 2 searches stored features, 3 scores new images
            against a stored index, 4 scores stored features against it.
        nn_provider: 'faiss' or 'turi'.
        nnmodel: 'brute_force', 'ball_tree' or 'lsh', or 0, 1, 2; of turi only.
        min_offset: First image of the listing, from 0; -1 for the very first.
        max_offset: Image of the listing to stop before; -1 for the end.
        faiss_mode: An index-factory string of faiss; 'HSNW32' is taken as 'HNSW32'.
        faiss_param: Search parameters of faiss, such as 'efSearch=175,nprobe=200'.
        bounding_box: 'rows=100,cols=100,width=250,height=310': the part of each image to describe.

    Raises:
        InvalidTypeError: A parameter has a wrong type.
        InvalidValueError: A parameter has a value that is not allowed.

    Examples:
        >>> configure("photos", threshold=0.9, turi_param="nnmodel=1").nnmodel.value
        'ball_tree'
    """
    mode = _check_mode(run_mode)
    turi = parse_turi_param(turi_param)
    low, high = _check_offsets(min_offset, max_offset)
    config = RunConfig(
        input_dir=_check_input(input_dir, mode),
        work_dir=Path(check_path("work_dir", work_dir)),
        device=_check_device(compute),
        verbose=check_bool("verbose", verbose),
        num_threads=check_integer("num_threads", num_threads, 1, unset=-1),
        num_images=check_integer("num_images", num_images, 1, unset=-1),
        distance=check_option("distance", distance, Distance),
        threshold=check_fraction("threshold", threshold),
        lower_threshold=check_fraction("lower_threshold", lower_threshold),
        model_path=check_model(model_path),
        nearest_neighbors_k=check_integer("nearest_neighbors_k", nearest_neighbors_k, 1),
        run_mode=mode,
        nn_provider=check_option("nn_provider", nn_provider, Provider),
        nnmodel=_check_models(nnmodel, turi.get("nnmodel")),
        cc_threshold=check_fraction("ccthreshold", turi.get("ccthreshold", _DEFAULT_CC_THRESHOLD)),
        run_cc=_check_switch(turi, "run_cc", "1"),
        run_pagerank=_check_switch(turi, "run_pagerank", "1"),
        run_degree=_check_switch(turi, "run_degree", "0"),
        min_offset=low,
        max_offset=high,
        faiss_mode=check_faiss_mode(faiss_mode),
        faiss_param=parse_faiss_param(faiss_param),
        bounding_box=parse_bounding_box(bounding_box),
    )
    _warn_of_unused(config, nnmodel is not None or "nnmodel" in turi)
    return config


def _plain(value: object) -> Any:  # noqa: ANN401
    match value:
        case Path() | BoundingBox():
            return str(value)
        case StrEnum() | IntEnum():
            return value.value
        case Mapping():
            return dict(value)
        case tuple():
            return list(value)
        case _:
            return value


def _check_mode(value: object) -> RunMode:
    number = check_integer("run_mode", value, 0)
    if number > max(RunMode):
        raise InvalidValueError(f"run_mode must be 0, 1, 2, 3 or 4, got {number}")
    return RunMode(number)


def _check_input(value: object, mode: RunMode) -> str | tuple[str, ...] | None:
    if value is None:
        if mode is RunMode.SEARCH:
            return None
        raise InvalidValueError(f"input_dir must be given for run_mode={mode.value}")
    if isinstance(value, list | tuple):
        if not value:
            raise InvalidValueError("input_dir must name at least one image, got an empty list")
        return tuple(check_path("input_dir", path) for path in value)
    return check_path("input_dir", value)


def _check_device(compute: object) -> Device:
    gpu = check_option("compute", compute, _Compute) is _Compute.GPU
    return Device.CUDA if gpu else Device.CPU


def _check_offsets(min_offset: object, max_offset: object) -> tuple[int, int]:
    low = check_integer("min_offset", min_offset, 0, unset=-1)
    high = check_integer("max_offset", max_offset, 1, unset=-1)
    if high != -1 and high <= low:
        raise InvalidValueError(
            f"max_offset must be -1 or greater than min_offset, got {low} and {high}"
        )
    return low, high


def _check_switch(turi: Mapping[str, str], name: str, default: str) -> bool:
    word = turi.get(name, default)
    if word not in ("0", "1"):
        raise InvalidValueError(f"{name} of turi_param must be 0 or 1, got {word!r}")
    return word == "1"


def _check_models(direct: object, of_turi: str | None) -> NearestModel:
    chosen = [_check_nnmodel(value) for value in (direct, of_turi) if value is not None]
    if len(set(chosen)) > 1:
        raise InvalidValueError(
            f"nnmodel must be the same in both places, got {direct!r} and in turi_param {of_turi!r}"
        )
    return chosen[0] if chosen else NearestModel.BRUTE_FORCE


def _check_nnmodel(value: object) -> NearestModel:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidTypeError(f"nnmodel must be a str or an int, got {type(value).__name__}")
    models = (NearestModel.BRUTE_FORCE, NearestModel.BALL_TREE, NearestModel.LSH)
    for number, model in enumerate(models):
        if str(value) in (str(number), model.value):
            return model
    words = ", ".join(f"{number} or {model.value!r}" for number, model in enumerate(models))
    raise InvalidValueError(f"nnmodel must be one of {words}, got {value!r}")


def _warn_of_unused(config: RunConfig, has_model: bool) -> None:
    """Say which parameters have no effect with the other provider."""
    unused = []
    if config.nn_provider is Provider.FAISS:
        unused = ["nnmodel"] if has_model else []
    elif config.faiss_mode != _DEFAULT_FAISS_MODE or config.faiss_param:
        unused = ["faiss_mode" if config.faiss_mode != _DEFAULT_FAISS_MODE else "faiss_param"]
    for name in unused:
        logger.warning("%s has no effect with nn_provider=%r", name, config.nn_provider.value)
