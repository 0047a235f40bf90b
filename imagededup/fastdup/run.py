"""`run`: from a folder of images to a work folder with everything that is known of them."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from imagededup import __version__
from imagededup.errors import ImageDedupError
from imagededup.fastdup.config import InputType, configure
from imagededup.fastdup.phases import PHASES
from imagededup.fastdup.store.work_dir import WorkDir, stem_of

__all__ = ["run"]


def run(
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
    version: bool = False,
    nearest_neighbors_k: int = 2,
    run_mode: int = 0,
    nn_provider: str = "faiss",
    min_offset: int = -1,
    max_offset: int = -1,
    nnmodel: str | int | None = None,
    faiss_mode: str = "HNSW32",
    faiss_param: str = "",
    bounding_box: str = "",
) -> int:
    """Extract features, find similar images and outliers, and analyse the graph of similarities.

    Everything is stored in the work folder; docs/work_dir.md describes its files. A run that was
    interrupted is started again with the same arguments and goes on where it was.

    Args:
        input_dir: A folder, searched recursively; a text file with one path per row; or a list of
            paths. In mode 4 a file of features or a folder of such. Mode 2 ignores it.
        work_dir: The folder of all results, made if it is missing. In mode 2 it may be a file of
            features.
        compute: 'cpu' or 'gpu'.
        verbose: Whether to say more of what is done.
        num_threads: Number of threads, -1 for all cores. The results do not depend on it.
        num_images: Most images to take, -1 for all.
        turi_param: 'nnmodel=0,ccthreshold=0.96,run_cc=1,run_pagerank=1,run_degree=0' or a part of
            it. `nnmodel` is 0 or brute_force, 1 or ball_tree, 2 or lsh. Edges of the graph have a
            similarity above ccthreshold. run_degree=1 writes degree_distribution.csv.
        distance: 'cosine', 'euclidean', 'squared_euclidean' or 'manhattan'. The similarity of the
            last three is 1 / (1 + distance).
        threshold: Smallest similarity of a pair that is stored, 0 to 1.
        lower_threshold: The fraction of the images, 0 to 1, that are listed as outliers: those
            whose nearest neighbours are the least similar.
        model_path: An ONNX file of one's own; None takes the embedded model.
        version: Whether to print the version and do nothing else.
        nearest_neighbors_k: How many neighbours to look for, per image.
        run_mode: 0 does all; 1 extracts features; 2 searches stored features; 3 scores the images
            of `input_dir` against the stored features and index; 4 the same with features that
            were extracted before with mode 1.
        nn_provider: 'faiss' or 'turi'.
        min_offset: First image of the whole listing to take, from 0; -1 for the very first.
        max_offset: Image of the listing to stop before; -1 for the end.
        nnmodel: 'brute_force', 'ball_tree' or 'lsh', of turi.
        faiss_mode: An index-factory string of faiss.
        faiss_param: Search parameters of faiss, such as 'efSearch=175,nprobe=200'.
        bounding_box: 'rows=100,cols=100,width=250,height=310': the part of each image to describe.

    Returns:
        0, or 1 if the run could not be completed; a message on standard error says why.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: An argument has a value that is not allowed.
    """
    if version:
        print(__version__)
        return 0
    config = configure(
        input_dir,
        work_dir,
        compute,
        verbose,
        num_threads,
        num_images,
        turi_param,
        distance,
        threshold,
        lower_threshold,
        model_path,
        nearest_neighbors_k,
        run_mode,
        nn_provider,
        nnmodel,
        min_offset,
        max_offset,
        faiss_mode,
        faiss_param,
        bounding_box,
    )
    folder = WorkDir(config.work_dir)
    try:
        with _messages(config.verbose), folder.lock(stem_of(config)):
            PHASES[config.run_mode](config, folder)
    except ImageDedupError as error:
        print(f"imagededup: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _messages(shown: bool) -> Iterator[None]:
    """Show what the package logs at level INFO on standard error for a while."""
    if not shown:
        yield
        return
    logger = logging.getLogger("imagededup")
    handler, level = logging.StreamHandler(sys.stderr), logger.level
    handler.setLevel(logging.INFO)
    handler.addFilter(lambda record: record.levelno == logging.INFO)  # others have their own way
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
