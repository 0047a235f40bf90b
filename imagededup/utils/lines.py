"""Messages between threads of two processes, and exceptions and log records as parts of them."""

import logging
import pickle
import socket
import struct
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

from imagededup.errors import ImageDedupError

__all__ = ["Line", "LineLostError", "line_ends", "linked", "portable_error", "portable_record"]

_LOOK_SECONDS = 1.0
_LENGTH = struct.Struct("<Q")
_FIRST_DESCRIPTOR = 3  # those below are of the standard streams, also where these are closed
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)
_MOST_CAUSES = 8


class LineLostError(Exception):
    """The other process has ended, or this one has closed the line."""


class Line:
    """One end of a line; who waits here holds up no other thread.

    Args:
        end: A socket.
        is_lost: Asked each second that nothing comes, for a copy of the other end may be open in a
            process that was forked meanwhile.
    """

    def __init__(self, end: socket.socket, is_lost: Callable[[], bool]) -> None:
        self._end = end
        self._is_lost = is_lost
        end.settimeout(_LOOK_SECONDS)

    def send(self, message: object) -> None:
        """Send what can be pickled; nothing of it is sent where that fails."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        left = memoryview(_LENGTH.pack(len(data)) + data)
        while left:
            left = left[self._patiently(lambda rest: self._end.send(rest, _NO_SIGNAL), left) :]

    def receive(self) -> Any:  # noqa: ANN401
        """The next message."""
        (length,) = _LENGTH.unpack(self._bytes(_LENGTH.size))
        return pickle.loads(self._bytes(length))

    def has_message(self, seconds: float) -> bool:
        """Whether something has come, or the line is lost; waits for it."""
        self._end.settimeout(seconds)
        try:
            self._end.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, TimeoutError):
            return False
        except OSError as error:
            raise LineLostError from error
        finally:
            with suppress(OSError):
                self._end.settimeout(_LOOK_SECONDS)
        return True

    def close(self) -> None:
        """Close the line for both; no thread of this process may wait at it."""
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)  # whatever forked process has a copy of it
        self._end.close()

    def _bytes(self, length: int) -> bytearray:
        data = bytearray(length)
        left = memoryview(data)
        while left:
            received = self._patiently(self._end.recv_into, left)
            if not received:
                raise LineLostError
            left = left[received:]
        return data

    def _patiently(self, step: Callable[[memoryview], int], part: memoryview) -> int:
        while True:
            try:
                return step(part)
            except TimeoutError:
                if self._is_lost():
                    raise LineLostError from None
            except OSError as error:
                raise LineLostError from error


def line_ends() -> tuple[socket.socket, socket.socket]:
    """Two ends of a line, which no other program inherits."""
    first, second = socket.socketpair()
    with first, second:
        return _moved_up(first), _moved_up(second)


def _moved_up(end: socket.socket) -> socket.socket:
    from fcntl import F_DUPFD_CLOEXEC, fcntl  # not on Windows, where no line is made

    return socket.socket(fileno=fcntl(end.fileno(), F_DUPFD_CLOEXEC, _FIRST_DESCRIPTOR))


def portable_error(error: BaseException) -> list[BaseException]:
    """An exception and its causes, as `linked` takes them in another process."""
    if not isinstance(error, ImageDedupError):
        error.add_note("".join(traceback.format_exception(error)).rstrip())
    return [_pickled(one) for one, _ in zip(_causes(error), range(_MOST_CAUSES), strict=False)]


def linked(errors: list[BaseException]) -> BaseException:
    """The exception with its causes."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def portable_record(record: logging.LogRecord) -> logging.LogRecord:
    """A log record of which all parts can be pickled."""
    record.msg, record.args = record.getMessage(), None
    if record.exc_info:
        record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
    return record


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _pickled(error: BaseException) -> BaseException:
    """The exception, or one that says the same where it cannot be pickled."""
    try:
        again = pickle.loads(pickle.dumps(error))
        if type(again) is type(error) and str(again) == str(error):
            return error
    except Exception:  # whatever its class raises
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")
