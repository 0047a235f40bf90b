"""The configuration of a run: every parameter once, with its default, check and description."""

# ruff: noqa: RUF009 - a Parameter is a descriptor, which the class is meant to own

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import IntEnum, StrEnum
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagededup.errors import InvalidValueError
from imagededup.fastdup.checks import (
    at_least,
    check_fraction,
    check_model,
    check_path,
    check_place,
    check_switch,
    one_of,
)
from imagededup.fastdup.declaration import Parameter
from imagededup.fastdup.key_values import (
    BoundingBox,
    TuriParameters,
    check_nnmodel,
    parse_bounding_box,
    parse_faiss_param,
    parse_turi_param,
)
from imagededup.search.knn.factory import check_factory, parse_factory
from imagededup.search.knn.options import Distance, NearestModel, Provider
from imagededup.sources.places import Sources
from imagededup.utils.options import check_bool
from imagededup.utils.parallel import check_workers

if TYPE_CHECKING:
    from imagededup.models.session import Device

__all__ = ["BoundingBox", "InputType", "RunConfig", "RunMode"]

logger = logging.getLogger("imagededup")

InputType = str | PathLike[str] | Sequence[str | PathLike[str]] | Sources


class RunMode(IntEnum):
    """What a run does."""

    ALL = 0
    EXTRACT = 1
    SEARCH = 2
    SCORE_IMAGES = 3
    SCORE_FEATURES = 4

    @property
    def lists_images(self) -> bool:
        """Whether `input_dir` names images."""
        return self not in (RunMode.SEARCH, RunMode.SCORE_FEATURES)


class Compute(StrEnum):
    """Where the model runs."""

    CPU = "cpu"
    GPU = "gpu"


def _check_mode(name: str, value: object) -> RunMode:
    number = at_least(0)(name, value)
    if number > max(RunMode):
        raise InvalidValueError(f"{name} must be 0, 1, 2, 3 or 4, got {number}")
    return RunMode(number)


def _as_given(_name: str, value: object) -> Any:  # noqa: ANN401
    return value


@dataclass(frozen=True)
class RunConfig:
    """The parameters of `run`, in its order; a wrong one raises.

    Raises:
        InvalidTypeError: A parameter has a wrong type.
        InvalidValueError: A parameter has a value that is not allowed, or does not go with another.

    Examples:
        >>> RunConfig("photos", threshold=0.9, turi_param="nnmodel=1").nearest_model.value
        'ball_tree'
    """

    input_dir: Parameter[InputType | None, str | tuple[str, ...] | Sources | None] = Parameter(
        None,
        _as_given,  # what it must be depends on run_mode
        "A folder, searched recursively; a text or CSV file with a path in each row; an archive, a "
        "video or a URL; or several of these. In mode 4 a file of features or a folder of such. "
        "Mode 2 ignores it.",
        shell="A folder, searched recursively; a text or CSV file with a path in each row; an "
        "archive, a video or a URL. In mode 4 a file of features or a folder of such. Mode 2 "
        "ignores it.",
        metavar="INPUT",
    )
    work_dir: Parameter[str | PathLike[str], Path] = Parameter(
        ".",
        check_place,
        "The folder of all results, made if it is missing. In mode 2 it may be a file of features.",
        metavar="FOLDER",
    )
    compute: Parameter[str, Compute] = Parameter(
        "cpu", one_of(Compute), "'cpu' or 'gpu'.", metavar="cpu|gpu"
    )
    verbose: Parameter[bool, bool] = Parameter(
        False, check_bool, "Whether to say more of what is done.", shell="Say more."
    )
    num_threads: Parameter[int, int] = Parameter(
        -1,
        at_least(1, unset=-1),
        "Number of threads, -1 for all cores. The results do not depend on it.",
        metavar="N",
    )
    num_images: Parameter[int, int] = Parameter(
        -1, at_least(1, unset=-1), "Most images to take, -1 for all.", metavar="N"
    )
    turi_param: Parameter[str, TuriParameters] = Parameter(
        "",
        parse_turi_param,
        "Any of nnmodel=0, ccthreshold=0.96, run_cc=1, run_pagerank=1, run_degree=0, with commas "
        "between. nnmodel is 0 or brute_force, 1 or ball_tree, 2 or lsh. Edges of the graph have a "
        "similarity above ccthreshold. run_degree=1 writes degree_distribution.csv.",
        metavar="KEY=VALUE,...",
    )
    distance: Parameter[str, Distance] = Parameter(
        "cosine",
        one_of(Distance),
        "'cosine', 'euclidean', 'squared_euclidean' or 'manhattan'. The similarity of the last "
        "three is 1 / (1 + distance).",
        metavar="NAME",
    )
    threshold: Parameter[float, float] = Parameter(
        0.85,
        check_fraction,
        "Smallest similarity of a pair that is stored, 0 to 1.",
        metavar="SIMILARITY",
    )
    lower_threshold: Parameter[float, float] = Parameter(
        0.3,
        check_fraction,
        "The fraction of the images, 0 to 1, of which outliers are taken: those whose nearest "
        "neighbours are the least similar, and less similar than threshold.",
        metavar="FRACTION",
    )
    model_path: Parameter[str | PathLike[str] | None, Path | None] = Parameter(
        None,
        check_model,
        "An ONNX file of one's own; None takes the embedded model.",
        shell="An ONNX file of your own instead of the embedded model.",
        metavar="FILE",
    )
    version: Parameter[bool, bool] = Parameter(
        False,
        check_bool,
        "Whether to print the version and do nothing else.",
        shell="Print the version and do nothing else.",
    )
    nearest_neighbors_k: Parameter[int, int] = Parameter(
        2, at_least(1), "How many neighbours to look for, per image.", metavar="K"
    )
    run_mode: Parameter[int, RunMode] = Parameter(
        0,
        _check_mode,
        "0 does all; 1 extracts features; 2 searches stored features; 3 scores the images of "
        "input_dir against the stored features and index; 4 the same with features that were "
        "extracted before with mode 1.",
        metavar="0|1|2|3|4",
    )
    nn_provider: Parameter[str, Provider] = Parameter(
        "faiss",
        one_of(Provider),
        "Who searches, 'faiss' or 'turi'.",
        metavar="faiss|turi",
    )
    min_offset: Parameter[int, int] = Parameter(
        -1,
        at_least(0, unset=-1),
        "First image of the whole listing to take, from 0; -1 for the very first.",
        metavar="N",
    )
    max_offset: Parameter[int, int] = Parameter(
        -1,
        at_least(1, unset=-1),
        "Image of the listing to stop before; -1 for the end.",
        metavar="N",
    )
    faiss_mode: Parameter[str, str] = Parameter(
        "HNSW32",
        parse_factory,
        "How faiss searches, an index-factory string such as 'HNSW32', 'Flat' or 'IVF256,PQ32'.",
        metavar="NAME",
    )
    faiss_param: Parameter[str, Mapping[str, float]] = Parameter(
        "",
        parse_faiss_param,
        "Search parameters of faiss, such as 'efSearch=175,nprobe=200'.",
        metavar="KEY=VALUE,...",
    )
    bounding_box: Parameter[str, BoundingBox | None] = Parameter(
        "",
        parse_bounding_box,
        "'rows=100,cols=100,width=250,height=310': the part of each image to describe.",
        metavar="KEY=VALUE,...",
    )
    nnmodel: Parameter[str | int | None, NearestModel | None] = Parameter(
        None,
        check_nnmodel,
        "How turi searches: 'brute_force', 'ball_tree' or 'lsh', or 0, 1 or 2.",
        metavar="NAME",
    )
    verify: Parameter[int, bool] = Parameter(
        0,
        check_switch,
        "1 looks at both images of every similar pair and writes verified.csv, which says how they "
        "are related: whether one is an edited copy of the other, a part of it, or something else.",
        metavar="0|1",
    )

    def __post_init__(self) -> None:
        if self.version:
            return
        object.__setattr__(self, "input_dir", _check_input(self.input_dir, self.run_mode))
        _check_offsets(self.min_offset, self.max_offset)
        _check_models(self.nnmodel, self.turi_param.nnmodel)
        self.check_dimension(self._known_dimension)
        _warn_of_unused(self)

    @property
    def workers(self) -> int:
        """Number of threads."""
        return check_workers("num_threads", None if self.num_threads < 0 else self.num_threads)

    @property
    def device(self) -> "Device":
        """Where the model runs."""
        from imagededup.models.session import Device

        return Device.CUDA if self.compute is Compute.GPU else Device.CPU

    @property
    def nearest_model(self) -> NearestModel:
        """How turi searches."""
        return self.nnmodel or self.turi_param.nnmodel or NearestModel.BRUTE_FORCE

    def check_dimension(self, dimension: int | None) -> None:
        """Raise if the search that is asked for cannot be made.

        Args:
            dimension: Length of a descriptor, if it is known.

        Raises:
            InvalidValueError: It cannot.
        """
        if self.nn_provider is Provider.FAISS and self.run_mode in (RunMode.ALL, RunMode.SEARCH):
            check_factory(self.faiss_mode, self.distance, dimension)

    @property
    def _known_dimension(self) -> int | None:
        """Length of a descriptor, where it is known before anything is read."""
        if self.run_mode is not RunMode.ALL or self.model_path is not None:
            return None
        from imagededup.fastdup.store.binary_features import DIMENSION

        return DIMENSION

    def to_json(self) -> dict[str, Any]:
        """The parameters as plain values."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: object) -> Any:  # noqa: ANN401
    match value:
        case Path() | BoundingBox() | TuriParameters():
            return str(value)
        case StrEnum() | IntEnum():
            return value.value
        case Mapping():
            return dict(value)
        case tuple():
            return list(value)
        case Sources():
            return asdict(value)
        case _:
            return value


def _check_input(value: object, mode: RunMode) -> str | tuple[str, ...] | Sources | None:
    if mode is RunMode.SEARCH:
        return None
    if value is None:
        raise InvalidValueError(f"input_dir must be given for run_mode={mode.value}")
    if isinstance(value, list | tuple):
        if not value:
            raise InvalidValueError("input_dir must name at least one image, got an empty list")
        return tuple(check_path("input_dir", path) for path in value)
    if isinstance(value, Sources):
        return value
    check_place("input_dir", value)
    return check_path("input_dir", value)


def _check_offsets(low: int, high: int) -> None:
    if high != -1 and high <= low:
        raise InvalidValueError(
            f"max_offset must be -1 or greater than min_offset, got {low} and {high}"
        )


def _check_models(direct: NearestModel | None, of_turi: NearestModel | None) -> None:
    if direct and of_turi and direct is not of_turi:
        raise InvalidValueError(
            f"nnmodel must be the same in both places, got {direct.value!r} and in turi_param "
            f"{of_turi.value!r}"
        )


def _warn_of_unused(config: RunConfig) -> None:
    """Say which parameters have no effect with the others."""
    names = ["nnmodel"] if config.nn_provider is Provider.FAISS else ["faiss_mode", "faiss_param"]
    reason = f"nn_provider={config.nn_provider.value!r}"
    unused = [(name, reason) for name in names if _is_set(config, name)]
    if not config.run_mode.lists_images:
        names = ["num_images", "min_offset", "max_offset"]
        reason = f"run_mode={config.run_mode.value}"
        unused += [(name, reason) for name in names if _is_set(config, name)]
    if config.run_mode in (RunMode.SCORE_IMAGES, RunMode.SCORE_FEATURES):
        reason = f"run_mode={config.run_mode.value}: the stored index stays as it is"
        unused += [("faiss_mode", reason)] if _is_set(config, "faiss_mode") else []
    if config.run_mode is RunMode.EXTRACT and _is_set(config, "verify"):
        unused.append(("verify", "run_mode=1"))
    for name, reason in unused:
        logger.warning("%s has no effect with %s", name, reason)


def _is_set(config: RunConfig, name: str) -> bool:
    if name == "nnmodel":
        return bool(config.nnmodel or config.turi_param.nnmodel)
    given, default = getattr(config, name), getattr(RunConfig, name)
    return bool(given) and given != default
