"""The work folder: the names of its files, their writing, its lock; see docs/work_dir.md."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imagededup import __version__
from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.fastdup.config import RunConfig, RunMode
from imagededup.fastdup.store.files import FeatureFiles, VerifiedFiles, read_object
from imagededup.fastdup.store.long_tables import write_columns
from imagededup.fastdup.store.orphans import remove_orphans
from imagededup.fastdup.store.shards import StoredFeatures, load_features
from imagededup.utils.files import open_atomically
from imagededup.utils.locks import locked

__all__ = ["COMPONENTS_HEADER", "FolderConfig", "WorkDir", "stem_of"]

COMPONENTS_HEADER = ("__id", "component_id", "pagerank", "delta", "in_degree", "out_degree")
"""The columns of connected_components.csv."""


@dataclass(frozen=True, slots=True)
class FolderConfig:
    """What config.json says of a work folder.

    Attributes:
        version: Version of the package.
        model: Name of the model, or the hash of its file; empty for descriptors from elsewhere.
        dimension: Length of a descriptor.
        parameters: Of the run that wrote it.
    """

    version: str
    model: str
    dimension: int
    parameters: dict[str, Any]


class WorkDir:
    """A work folder.

    Args:
        path: The folder, or a file of features in it.

    Attributes:
        folder: The folder.
        place: Where stored features are read from: the folder, or the one file.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        if not isinstance(path, str | PathLike):
            raise InvalidTypeError(f"work_dir must be a path, got {type(path).__name__}")
        self.place = Path(path)
        self.folder = self.place.parent if self.place.is_file() else self.place

    @property
    def similarity(self) -> Path:
        """Similar pairs."""
        return self.folder / "similarity.csv"

    @property
    def outliers(self) -> Path:
        """Images that are unlike all others."""
        return self.folder / "outliers.csv"

    @property
    def query_similarity(self) -> Path:
        """Pairs of new images and stored ones."""
        return self.folder / "query_similarity.csv"

    @property
    def query_outliers(self) -> Path:
        """New images that are unlike all stored ones."""
        return self.folder / "query_outliers.csv"

    @property
    def verified(self) -> VerifiedFiles:
        """What verification says of similar pairs."""
        return VerifiedFiles(self.folder / "verified.csv")

    @property
    def query_verified(self) -> VerifiedFiles:
        """What verification says of pairs of new images and stored ones."""
        return VerifiedFiles(self.folder / "query_verified.csv")

    @property
    def faiss_index(self) -> Path:
        """The index of faiss."""
        return self.folder / "faiss.index"

    @property
    def components_info(self) -> Path:
        """Sizes of the connected components."""
        return self.folder / "components_info.csv"

    @property
    def connected_components(self) -> Path:
        """Component, PageRank and degrees of every image."""
        return self.folder / "connected_components.csv"

    @property
    def degree_distribution(self) -> Path:
        """Number of images by degree."""
        return self.folder / "degree_distribution.csv"

    @property
    def config(self) -> Path:
        """How the folder was made."""
        return self.folder / "config.json"

    @property
    def frames(self) -> Path:
        """The frames of videos that are on pages."""
        return self.folder / "frames"

    def feature_files(self, stem: str = "features") -> FeatureFiles:
        """The files of features of a name, such as 'features_0_1000' for a shard."""
        return FeatureFiles(self.folder / f"{stem}.dat")

    def features(self) -> StoredFeatures:
        """The stored features, mapped to memory; shards are joined in the order of their offsets.

        Raises:
            InvalidValueError: There are none, they are broken, or the shards do not fit together.
            FileOperationError: Joined shards cannot be written.
        """
        return load_features(self.place)

    def create(self) -> None:
        """Make the folder and those above it.

        Raises:
            InvalidValueError: There is something else of this name, or it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidValueError(
                f"work_dir must be a folder, {str(self.folder)!r} cannot be made: {error.strerror}"
            ) from error

    @contextmanager
    def lock(self, stem: str = "features") -> Iterator[None]:
        """Keep other runs out of the folder, which is made if it is missing.

        Temporary files of runs that were killed are removed. Runs on different shards may share a
        folder with each other and with no other run.

        Args:
            stem: What the run extracts, as `stem_of` names it.

        Raises:
            FileOperationError: Another run is at work.
        """
        self.create()
        is_shard = stem not in ("features", "query_features")
        with locked(self.folder / ".lock", shared=is_shard):
            if not is_shard:
                remove_orphans(self.folder, stem)
                yield
                return
            with locked(self.folder / f".{stem}.lock"):
                remove_orphans(self.folder, stem)
                yield

    def write_components_info(
        self, component: NDArray[Any], count: NDArray[Any], workers: int = 1
    ) -> None:
        """Write the size of each component."""
        header = ("component_id", "count")
        write_columns(self.components_info, header, (component, count), workers)

    def write_connected_components(
        self,
        component: NDArray[Any] | None,
        pagerank: NDArray[Any] | None,
        delta: NDArray[Any] | None,
        in_degree: NDArray[Any] | None,
        out_degree: NDArray[Any] | None,
        workers: int = 1,
    ) -> None:
        """Write a row for each image, in the order of the features.

        What was not computed, None or NaN, has empty cells; one column at least is there.
        """
        import numpy as np

        given = (component, pagerank, delta, in_degree, out_degree)
        count = next(len(column) for column in given if column is not None)
        unknown = np.full(count, np.nan)
        columns = [unknown if column is None else column for column in given]
        columns.insert(0, np.arange(count))
        write_columns(self.connected_components, COMPONENTS_HEADER, columns, workers)

    def write_degree_distribution(
        self, degree: NDArray[Any], in_count: NDArray[Any], out_count: NDArray[Any]
    ) -> None:
        """Write how many images have each degree."""
        header = ("degree", "in_count", "out_count")
        write_columns(self.degree_distribution, header, (degree, in_count, out_count))

    def write_config(self, config: RunConfig, model: str, dimension: int) -> None:
        """Write how the folder was made.

        Raises:
            FileOperationError: The file cannot be written.
        """
        content = {
            "version": __version__,
            "model": model,
            "dimension": dimension,
            "parameters": config.to_json(),
        }
        with open_atomically(self.config) as file:
            file.write(json.dumps(content, indent=2) + "\n")

    def read_config(self) -> FolderConfig | None:
        """What config.json says; None if there is none.

        Raises:
            InvalidValueError: The file is broken.
        """
        content = read_object(self.config)
        if content is None:
            return None
        try:
            return FolderConfig(**content)
        except TypeError as error:
            raise InvalidValueError(
                f"{str(self.config)!r} must hold version, model, dimension and parameters: {error}"
            ) from error

    def check_model(self, model: str, dimension: int) -> None:
        """Raise if the folder was made with another model.

        Args:
            model: The model of the descriptors at hand; empty if they come from elsewhere.
            dimension: Their length.

        Raises:
            InvalidValueError: It was, or config.json is broken.
        """
        stored = self.read_config()
        if stored is None:
            return
        if stored.dimension != dimension:
            raise InvalidValueError(
                f"{str(self.config)!r} says that descriptors have {stored.dimension} numbers, "
                f"got {dimension}"
            )
        if stored.model and model and stored.model != model:
            raise InvalidValueError(
                f"{str(self.config)!r} says that the model is {stored.model!r}, got {model!r}"
            )


def stem_of(config: RunConfig) -> str:
    """What the files of features are called that a run writes.

    'features'; with offsets in mode 1 'features_0_1000', where the end may be 'end'; in mode 3
    'query_features', so that the stored features stay.
    """
    if config.run_mode is RunMode.SCORE_IMAGES:
        return "query_features"
    if config.run_mode is not RunMode.EXTRACT or config.min_offset == config.max_offset == -1:
        return "features"
    end = "end" if config.max_offset == -1 else config.max_offset
    return f"features_{max(config.min_offset, 0)}_{end}"
