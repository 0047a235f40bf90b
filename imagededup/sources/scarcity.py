"""What a process may have only so many of: open files. Their lack says nothing about an image."""

import errno

from imagededup.errors import FileOperationError

__all__ = ["end_if_scarce", "is_scarce", "most_kept_open"]

_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_MOST_KEPT_OPEN = 32
_SHARE = 4


def is_scarce(error: BaseException) -> bool:
    """Whether an error says that the process or the system has no room for another open file."""
    return isinstance(error, OSError) and error.errno in _SCARCE


def end_if_scarce(error: BaseException, path: object) -> None:
    """End the work where an image would be called unreadable for what is not its fault.

    Args:
        error: What came up.
        path: What was being read.

    Raises:
        FileOperationError: It is such an error; the message says what can be done.
    """
    if isinstance(error, OSError) and is_scarce(error):
        raise FileOperationError(f"cannot read {str(path)!r}: {error.strerror}") from error


def most_kept_open() -> int:
    """How many files are kept open for later: 32, or a quarter of what the process may open."""
    try:
        import resource
    except ImportError:  # Windows
        return _MOST_KEPT_OPEN
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return _MOST_KEPT_OPEN
    return max(1, min(_MOST_KEPT_OPEN, allowed // _SHARE))
