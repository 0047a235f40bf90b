"""`run`: from a folder of images to a work folder with everything that is known of them."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from imagededup import __version__
from imagededup.errors import ImageDedupError
from imagededup.fastdup.config import RunConfig
from imagededup.fastdup.declaration import taking
from imagededup.utils.advice import with_advice

__all__ = ["run"]


@taking(RunConfig)
def run(config: RunConfig) -> int:
    """Extract features, find similar images and outliers, and analyse the graph of similarities.

    Everything is stored in the work folder; docs/work_dir.md describes its files. A run that was
    interrupted is started again with the same arguments and goes on where it was.

    Returns:
        0, or 1 if the run could not be completed; a message on standard error says why.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: An argument has a value that is not allowed.
    """
    if config.version:
        print(__version__)
        return 0
    from imagededup.fastdup.listing import check_inputs
    from imagededup.fastdup.phases import PHASES
    from imagededup.fastdup.store.work_dir import WorkDir, stem_of

    try:
        check_inputs(config)
        folder = WorkDir(config.work_dir)
        with _messages(config.verbose), folder.lock(stem_of(config)):
            PHASES[config.run_mode](config, folder)
    except ImageDedupError as error:
        print(f"imagededup: {' '.join(with_advice(error).split())}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _messages(shown: bool) -> Iterator[None]:
    """Show what the package logs at level INFO on standard error for a while, each line once."""
    if not shown:
        yield
        return
    logger = logging.getLogger("imagededup")
    handler, level = logging.StreamHandler(sys.stderr), logger.level
    handler.addFilter(lambda record: record.levelno == logging.INFO)  # others have their own way
    if not _reaches_the_terminal(logger):
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def _reaches_the_terminal(logger: logging.Logger | None) -> bool:
    """Whether a handler, of the command or of the user's program, shows messages already."""
    while logger is not None:
        for handler in logger.handlers:
            if getattr(handler, "stream", None) in (sys.stderr, sys.stdout):
                return handler.level <= logging.INFO
        logger = logger.parent if logger.propagate else None
    return False
