"""What can be done about errors of the system, in words that follow the message."""

import errno
from collections.abc import Iterator

__all__ = ["with_advice"]

_ADVICE = {
    errno.ENOSPC: "make room there and run it again",
    errno.EDQUOT: "make room there and run it again",
    errno.EROFS: "choose a place that can be written to",
    errno.EMFILE: "let the process open more files (ulimit -n) and run it again",
    errno.ENFILE: "close other programs and run it again",
    errno.ENOMEM: "close other programs and run it again",
}


def with_advice(error: BaseException) -> str:
    """The message of an error, and what can be done where the system says why it came up.

    Examples:
        >>> with_advice(OSError(errno.ENOSPC, "No space left on device"))
        '[Errno 28] No space left on device; make room there and run it again'
        >>> with_advice(ValueError("it must be 1"))
        'it must be 1'
    """
    advice = (_ADVICE.get(getattr(one, "errno", None) or 0) for one in _causes(error))
    return "; ".join(filter(None, [str(error), next(filter(None, advice), None)]))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
