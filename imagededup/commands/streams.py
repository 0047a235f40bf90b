"""Standard output and error that never raise: full, closed, or left by their reader.

A command does its work to the end whatever becomes of what it prints, and its exit code says
afterwards whether the output was lost. `... | head -1` is no loss: its reader had enough. Only
`remove` asks before it acts whether what it says still arrives.
"""

import io
import os
import sys
from contextlib import suppress
from typing import Any

__all__ = ["PatientStream", "open_standard_streams"]

_STANDARD_OUTPUT = 1
_STANDARD_ERROR = 2


class PatientStream(io.RawIOBase):
    """The bytes below a standard stream; what cannot be written is dropped and remembered.

    Args:
        raw: Where the bytes go; None if the stream was closed before the process began.
        descriptor: Its number.
    """

    def __init__(self, raw: Any, descriptor: int) -> None:  # noqa: ANN401 - any kind of raw file
        self._raw = raw
        self._descriptor = descriptor
        self.failure: OSError | None = None
        """The first failure of a write."""

    def write(self, data: Any, /) -> int | None:  # noqa: ANN401 - anything that has bytes
        """Write bytes, or drop them after a failure."""
        if self.failure is None:
            try:
                if self._raw is None:
                    raise OSError("it is closed")
                written: int | None = self._raw.write(data)
                return written
            except OSError as error:
                self.failure = error
        return len(memoryview(data).cast("B"))

    def end(self) -> str | None:
        """Why nothing that is written from now on arrives; None as long as it does."""
        if self._raw is None:
            return "it is closed"
        return None if self.failure is None else self.failure.strerror or str(self.failure)

    def loss(self) -> str | None:
        """Why output was lost; None if it was not, or if a reader left early."""
        if self.failure is None or isinstance(self.failure, BrokenPipeError):
            return None
        return self.failure.strerror or str(self.failure)

    def writable(self) -> bool:
        """Yes."""
        return True

    def isatty(self) -> bool:
        """Whether this is a terminal."""
        return self._raw is not None and bool(self._raw.isatty())

    def fileno(self) -> int:
        """The number of the stream, where subprocesses and libraries write."""
        return self._descriptor


def open_standard_streams() -> PatientStream:
    """Replace `sys.stdout` and `sys.stderr`.

    Returns:
        Standard output, to ask for its loss in the end.
    """
    _occupy_closed_descriptors()
    sys.stdout, output = _patient(sys.stdout, _STANDARD_OUTPUT)
    sys.stderr, _ = _patient(sys.stderr, _STANDARD_ERROR)
    return output


def _occupy_closed_descriptors() -> None:
    """Keep files that are opened later from becoming standard output."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)


def _patient(stream: Any, descriptor: int) -> tuple[io.TextIOWrapper, PatientStream]:  # noqa: ANN401
    encoding = "utf-8" if stream is None else stream.encoding
    raw = None
    if stream is not None:
        raw = getattr(stream.buffer, "raw", stream.buffer)  # without a buffer under python -u
    patient = PatientStream(raw, descriptor)
    buffer = io.BufferedWriter(patient)
    by_line = descriptor == _STANDARD_ERROR or patient.isatty()
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=by_line), patient
