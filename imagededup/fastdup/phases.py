"""The phases of a run: extraction, search, scoring of new images, and the files they write."""

import logging
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.fastdup.config import RunConfig, RunMode
from imagededup.fastdup.graph.outliers import find_outliers
from imagededup.fastdup.graph.similar import neighbors_above, similar_pairs
from imagededup.fastdup.graph.statistics import analyze_graph, component_sizes, degree_distribution
from imagededup.fastdup.same_files import is_among
from imagededup.fastdup.store.files import QUERY_RESULTS, SEARCH_RESULTS
from imagededup.fastdup.store.long_tables import write_pairs
from imagededup.fastdup.store.results import check_result, stage_results
from imagededup.fastdup.store.shards import StoredFeatures, load_features
from imagededup.fastdup.store.work_dir import WorkDir
from imagededup.search.knn.find import Neighbors, find_neighbors
from imagededup.search.knn.index_file import load_index
from imagededup.search.knn.options import Provider
from imagededup.utils.progress import Progress
from imagededup.utils.text import counted

if TYPE_CHECKING:
    from imagededup.fastdup.extract import ExtractionResult

__all__ = ["PHASES"]

logger = logging.getLogger("imagededup")


def _run_all(config: RunConfig, folder: WorkDir) -> None:
    _extract(config, folder)
    _search(config, folder, load_features(folder.feature_files().data))


def _extract(
    config: RunConfig, folder: WorkDir, stored: Collection[str] = ()
) -> "ExtractionResult":
    from imagededup.fastdup.extract import extract_features  # loads all that reads images

    return extract_features(config, folder, stored)


def _search_stored(config: RunConfig, folder: WorkDir) -> None:
    stored = folder.features()
    _check_model(folder, stored)
    _check_images(config, stored)
    _search(config, folder, stored)


def _score_images(config: RunConfig, folder: WorkDir) -> None:
    stored, index = _stored_and_indexed(config, folder)
    _check_box(stored, str(config.bounding_box or ""), "the images of input_dir")
    extracted = _extract(config, folder, stored.names)
    new = load_features(extracted.files.data)
    _check_fit(new, stored)
    _score(config, folder, new, np.arange(len(new.names)), stored, index)


def _score_features(config: RunConfig, folder: WorkDir) -> None:
    stored, index = _stored_and_indexed(config, folder)
    new = WorkDir(str(config.input_dir)).features()
    _check_fit(new, stored)
    _check_images(config, new)
    is_stored = is_among(new.names, stored.names)
    if is_stored.any():
        count = counted(int(is_stored.sum()), "image")
        logger.warning("%s of input_dir are files that are stored already, and left out", count)
    _score(config, folder, new, np.flatnonzero(~is_stored), stored, index)


def _check_model(folder: WorkDir, stored: StoredFeatures) -> None:
    folder.check_model(stored.record.model if stored.record else "", stored.array.shape[1])


def _check_images(config: RunConfig, stored: StoredFeatures) -> None:
    """Raise if pairs are to be verified and there is nothing to look at."""
    if config.verify:
        from imagededup.fastdup.verified import check_images

        check_images(stored)


def _check_box(stored: StoredFeatures, box: str, what: str) -> None:
    """Raise if features come from other parts of their images than the stored ones."""
    if stored.record is None or stored.record.model == "":  # from elsewhere
        return
    if stored.record.bounding_box != box:
        raise InvalidValueError(
            f"bounding_box must be {stored.record.bounding_box!r} as in "
            f"{str(stored.files.data)!r}, got {box!r} for {what}"
        )


def _check_fit(new: StoredFeatures, stored: StoredFeatures) -> None:
    """Raise if features cannot be compared with the stored ones."""
    if new.array.shape[1] != stored.array.shape[1]:
        raise InvalidValueError(
            f"{str(new.files.data)!r} must hold descriptors of {stored.array.shape[1]} numbers "
            f"like {str(stored.files.data)!r}, got {new.array.shape[1]}"
        )
    if new.record and stored.record and new.record.model != stored.record.model:
        raise InvalidValueError(
            f"{str(new.files.data)!r} must be made by the model {stored.record.model!r}, "
            f"got {new.record.model!r}"
        )
    if new.record:
        _check_box(stored, new.record.bounding_box, str(new.files.data))


def _stored_and_indexed(config: RunConfig, folder: WorkDir) -> tuple[StoredFeatures, Any]:
    """The features that new ones are compared with, and their index where one is needed."""
    stored = folder.features()
    _check_model(folder, stored)
    _check_images(config, stored)
    if config.nn_provider is not Provider.FAISS:
        return stored, None
    path = folder.faiss_index
    if not path.exists():
        raise InvalidValueError(
            f"{str(path)!r} is missing: run_mode=0 or 2 with nn_provider='faiss' makes it"
        )
    made_with = check_result(path, stored.digest)
    if made_with.get("distance") != config.distance.value:
        raise InvalidValueError(
            f"{str(path)!r} is for distance={made_with.get('distance')!r}, "
            f"got {config.distance.value!r}; run_mode=0 or 2 makes another"
        )
    logger.info("%s was made with faiss_mode=%s", path, made_with.get("faiss_mode"))
    return stored, load_index(path, stored.array.shape[1], len(stored.array))


def _search(config: RunConfig, folder: WorkDir, stored: StoredFeatures) -> None:
    """Write similar pairs, outliers and the statistics of the graph."""
    replaced = set(SEARCH_RESULTS)
    if config.nn_provider is not Provider.FAISS:  # an index of these features stays
        replaced.remove("faiss.index")
    parameters = _search_parameters(config)
    with (
        stage_results(folder.folder, stored.digest, replaced, parameters) as staging,
        ExitStack() as until_written,
    ):
        staged = WorkDir(staging)
        path = staged.faiss_index if config.nn_provider is Provider.FAISS else None
        neighbors = _neighbors(config, stored.array, index_path=path, until_written=until_written)
        pairs = similar_pairs(neighbors, config.threshold)
        write_pairs(staged.similarity, stored.names, *pairs, workers=config.workers)
        outliers = find_outliers(neighbors, config.lower_threshold, config.threshold)
        write_pairs(staged.outliers, stored.names, *outliers, workers=config.workers)
        components = _write_graph(config, staged, neighbors)
    found = [counted(len(pairs[0]) // 2, "pair"), counted(len(outliers[0]), "outlier")]
    if components is not None:
        found.append(f"{counted(components, 'component')} of 2 images or more")
    _print_summary(len(stored.names), found, folder)
    if config.verify:
        from imagededup.fastdup.verified import FoundPairs, verify_results

        left, right, score = pairs
        once = left < right
        found_pairs = FoundPairs(stored.names, left[once], right[once], score[once])
        verify_results(config.workers, folder, found_pairs, stored.digest, parameters)


def _score(
    config: RunConfig,
    folder: WorkDir,
    new: StoredFeatures,
    rows: NDArray[np.int64],
    stored: StoredFeatures,
    index: Any,  # noqa: ANN401
) -> None:
    """Write pairs of new and stored images, and new images that are unlike all stored ones."""
    names, features = [new.names[row] for row in rows.tolist()], new.array
    if len(rows) < len(new.names):
        features = new.array[rows]
    parameters = {**_search_parameters(config), "query": new.digest}
    with stage_results(folder.folder, stored.digest, set(QUERY_RESULTS), parameters) as staging:
        staged = WorkDir(staging)
        neighbors = _neighbors(config, features, references=stored.array, index=index)
        left, right, score = neighbors_above(neighbors, config.threshold)
        order = np.lexsort((right, left, -score))
        columns = left[order], right[order], score[order]
        among, workers = stored.names, config.workers
        write_pairs(staged.query_similarity, names, *columns, among, workers=workers)
        outliers = find_outliers(neighbors, config.lower_threshold, config.threshold)
        write_pairs(staged.query_outliers, names, *outliers, among, workers=workers)
    found = [counted(len(order), "pair"), counted(len(outliers[0]), "outlier")]
    _print_summary(len(names), found, folder)
    if config.verify:
        from imagededup.fastdup.verified import FoundPairs, verify_results

        found_pairs = FoundPairs(names, *columns, stored.names)
        verify_results(config.workers, folder, found_pairs, stored.digest, parameters)


def _print_summary(images: int, found: list[str], folder: WorkDir) -> None:
    print(f"{counted(images, 'image')} searched: {', '.join(found)}, in {folder.folder}")


def _search_parameters(config: RunConfig) -> dict[str, Any]:
    """The parameters that the results of a search may depend on."""
    places = ("input_dir", "work_dir")
    return {name: value for name, value in config.to_json().items() if name not in places}


def _neighbors(
    config: RunConfig,
    features: NDArray[np.float32],
    *,
    references: NDArray[np.float32] | None = None,
    index: Any = None,  # noqa: ANN401
    index_path: Path | None = None,
    until_written: ExitStack | None = None,
) -> Neighbors:
    search = config.faiss_mode if config.nn_provider is Provider.FAISS else config.nearest_model
    logger.info("searching neighbours of %d images with %s", len(features), search)
    with Progress(1000, "Searching neighbours", None) as progress:
        return find_neighbors(
            features,
            config.nearest_neighbors_k,
            provider=config.nn_provider,
            model=config.nearest_model,
            distance=config.distance,
            faiss_mode=config.faiss_mode,
            faiss_param=config.faiss_param,
            threads=config.workers,
            references=references,
            index=index,
            index_path=index_path,
            until_written=until_written,
            advance=progress.advance,
        )


def _write_graph(config: RunConfig, folder: WorkDir, neighbors: Neighbors) -> int | None:
    """Write what the configuration asks for, and count the components if it asks for them."""
    asked = config.turi_param
    left, right, score = similar_pairs(neighbors, asked.ccthreshold)
    count, above = len(neighbors.index), score > np.float32(asked.ccthreshold)
    graph = analyze_graph(
        count, left[above], right[above], run_cc=asked.run_cc, run_pagerank=asked.run_pagerank
    )
    components = None
    if graph.component_id is not None:
        number, size = component_sizes(graph.component_id)
        folder.write_components_info(number, size, config.workers)
        components = int((size > 1).sum())
    if asked.run_cc or asked.run_pagerank or asked.run_degree:
        folder.write_connected_components(
            graph.component_id,
            graph.pagerank,
            graph.delta,
            graph.in_degree,
            graph.out_degree,
            config.workers,
        )
    if asked.run_degree and graph.in_degree is not None and graph.out_degree is not None:
        folder.write_degree_distribution(*degree_distribution(graph.in_degree, graph.out_degree))
    return components


PHASES: dict[RunMode, Callable[[RunConfig, WorkDir], object]] = {
    RunMode.ALL: _run_all,
    RunMode.EXTRACT: _extract,
    RunMode.SEARCH: _search_stored,
    RunMode.SCORE_IMAGES: _score_images,
    RunMode.SCORE_FEATURES: _score_features,
}
