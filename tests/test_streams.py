"""Standard streams that are full or closed."""

import errno
import io
import subprocess
import sys

import pytest

from imagededup.commands.streams import PatientStream


class Failing(io.RawIOBase):
    """A stream whose writes fail."""

    def __init__(self, error):
        self.error = error

    def writable(self):
        return True

    def write(self, data):
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("the cable is cut"), "the cable is cut"),
    ],
)
def test_a_failed_write_drops_what_follows_and_keeps_the_reason(error, reason):
    stream = PatientStream(Failing(error), 1)
    assert (stream.end(), stream.loss()) == (None, None)
    assert stream.write(b"four") == 4
    assert stream.write(memoryview(b"five5")) == 5
    assert (stream.end(), stream.loss()) == (reason, reason)


def test_a_reader_that_leaves_early_is_an_end_but_no_loss():
    stream = PatientStream(Failing(BrokenPipeError(errno.EPIPE, "Broken pipe")), 1)
    stream.write(b"x")
    assert (stream.end(), stream.loss()) == ("Broken pipe", None)


def test_a_stream_that_takes_all():
    raw = io.BytesIO()
    stream = PatientStream(raw, 1)
    assert stream.write(b"four") == 4
    assert (stream.end(), stream.loss(), raw.getvalue()) == (None, None, b"four")
    assert stream.fileno() == 1


def test_a_closed_stream():
    stream = PatientStream(None, 2)
    assert stream.end() == "it is closed"
    assert stream.loss() is None
    stream.write(b"x")
    assert stream.loss() == "it is closed"
    assert not stream.isatty()


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path, closed):
    code = (
        "import os, sys\n"
        "from imagededup.commands.streams import open_standard_streams\n"
        f"for descriptor in {closed}: os.close(descriptor)\n"
        "open_standard_streams()\n"
        "with open(sys.argv[1], 'w') as file: file.write(str(file.fileno() > 2))\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "found"], check=False)
    assert (tmp_path / "found").read_text() == "True"
