"""Errors of a model, with the images that they are about."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from imagededup.errors import ImageDedupError, ModelError
from imagededup.utils.text import shown

__all__ = ["BatchError", "images_named", "translated"]


class BatchError(ModelError):
    """A model cannot describe some of the images that it was given.

    Attributes:
        positions: Which of them.
    """

    positions: range = range(0)

    @classmethod
    def at(cls, positions: range, error: ModelError) -> "BatchError":
        """The same error, about some images."""
        located = cls(str(error))
        located.positions = positions
        return located


@contextmanager
def images_named(names: Sequence[str]) -> Iterator[None]:
    """Put the names of images into the errors of a model.

    Args:
        names: Of the images that the model is given, in their order; one at least where the model
            is called.
    """
    try:
        yield
    except ModelError as error:
        positions = error.positions if isinstance(error, BatchError) else range(len(names))
        ends = dict.fromkeys((positions[0], positions[-1]))  # once where they are the same
        about = " to ".join(shown(names[place]) for place in ends)
        raise ModelError(f"{about}: {error}") from error.__cause__


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn whatever code of the user's raises into a ModelError; memory that is used up stays."""
    try:
        yield
    except (ImageDedupError, MemoryError):
        raise
    except Exception as error:
        raise ModelError(f"{what}: {type(error).__name__}: {error}") from error
