"""A folder full of broken files is encoded without an exception, a hang or an omission."""

import builtins
import io
import logging
import os
import re
import stat
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.images.pillow_warnings import pillow_warnings_ignored
from imagededup.methods import PHash
from imagededup.methods.encoding import encode_files
from imagededup.sources.listing import list_images
from imagededup.sources.readable import _open_regular
from tests.broken_files import IS_ROOT, make_broken_files, make_good_files, make_special_files
from tests.conftest import photograph

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs the files of POSIX")


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """The folder, the names of its readable files, and those of its broken files."""
    folder = tmp_path_factory.mktemp("broken") / "images"
    good = make_good_files(folder)
    broken = make_broken_files(folder)
    make_special_files(folder)
    return folder, good, broken


@pytest.mark.parametrize("workers", [1, 4])
def test_exactly_the_good_images_are_encoded(collection, workers):
    folder, good, _ = collection
    encoded = PHash(verbose=False).encode_images(folder, num_enc_workers=workers)
    assert list(encoded) == good
    assert all(re.fullmatch("[0-9a-f]{16}", code) for code in encoded.values())


def test_one_warning_counts_and_lists_every_broken_file_with_a_reason(collection, caplog):
    folder, _, broken = collection
    PHash(verbose=False).encode_images(folder)
    records = [record for record in caplog.records if record.name == "imagededup"]
    assert [record.levelno for record in records] == [logging.WARNING]
    message = records[0].getMessage()
    assert message.startswith(f"{len(broken)} files could not be read and left out:\n")
    unprintable = [name for name in broken if not name.isprintable()]
    for name in set(broken) - set(unprintable):
        assert re.search(rf"^  {re.escape(name)}: \S", message, re.MULTILINE), name


def test_every_broken_file_has_a_reason(collection):
    folder, _, broken = collection
    found = PHash(verbose=False).search(folder)
    assert [failure.name for failure in found.failures] == broken
    for failure in found.failures:
        assert failure.reason == " ".join(failure.reason.split()) != ""


def test_there_are_at_least_a_hundred_kinds(collection):
    assert len(collection[2]) >= 100


def test_without_warnings_as_errors_the_result_is_the_same_and_silent(collection):
    folder, good, broken = collection
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        found = PHash(verbose=False).search(folder)
    assert found.names == good
    assert [failure.name for failure in found.failures] == broken
    assert shown == []


def test_only_regular_files_are_opened(collection, monkeypatch):
    folder, good, broken = collection
    opened = set()

    def watch(module, name):
        original = getattr(module, name)

        def watched(file, *arguments, **options):
            if isinstance(file, str | os.PathLike) and Path(file).parent == folder:
                assert stat.S_ISREG(Path(file).stat().st_mode), file
                opened.add(Path(file).name)
            return original(file, *arguments, **options)

        monkeypatch.setattr(module, name, watched)

    watch(io, "open")
    watch(builtins, "open")
    watch(os, "open")
    PHash(verbose=False).encode_images(folder, num_enc_workers=1)
    assert set(good) <= opened <= {*good, *broken}


@pytest.mark.parametrize("name", ["pipe.jpg", "socket.jpg", "link_to_pipe.jpg", "device.jpg"])
def test_pipes_sockets_and_devices_are_refused(collection, name):
    if not (collection[0] / name).exists():
        pytest.skip("the system cannot make one here")
    with pytest.raises(UnreadableImageError, match=r"^not a regular file$"):
        load_image(collection[0] / name)


def test_a_folder_of_broken_files_alone(tmp_path, caplog):
    broken = make_broken_files(tmp_path / "images")
    assert PHash(verbose=False).encode_images(tmp_path / "images") == {}
    assert caplog.records[-1].getMessage().startswith(f"{len(broken)} files could not be read")


def test_an_image_between_pillows_limits_is_encoded_and_one_above_is_not(
    tmp_path, monkeypatch, caplog
):
    photograph(0, (100, 90)).save(tmp_path / "small.png")
    photograph(0, (150, 100)).save(tmp_path / "warned.png")
    photograph(0, (210, 100)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    assert list(PHash(verbose=False).encode_images(tmp_path)) == ["small.png", "warned.png"]
    assert "1 file could not be read and left out:\n  bomb.png: Image size (21000 pixels) " in (
        caplog.records[-1].getMessage()
    )


@pytest.mark.skipif(IS_ROOT, reason="everything is permitted to root")
def test_a_file_without_permission(tmp_path):
    photograph(0).save(tmp_path / "forbidden.png")
    (tmp_path / "forbidden.png").chmod(0)
    with pytest.raises(UnreadableImageError, match=r"^permission denied$"):
        load_image(tmp_path / "forbidden.png")


def test_a_file_that_is_removed_or_replaced_after_it_was_listed(tmp_path):
    for number, name in enumerate(["pipe.png", "removed.png", "stays.png"]):
        photograph(number).save(tmp_path / name)
    folder = list_images(tmp_path)
    (tmp_path / "removed.png").unlink()
    (tmp_path / "pipe.png").unlink()
    os.mkfifo(tmp_path / "pipe.png")
    (found,) = encode_files([PHash()], folder, workers=2)
    assert found.names == ["stays.png"]
    assert [(failure.name, failure.reason) for failure in found.failures] == [
        ("pipe.png", "not a regular file"),
        ("removed.png", "no such file"),
    ]


def test_a_pipe_that_takes_the_place_of_a_file_at_the_last_moment_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableImageError, match=r"^not a regular file$"):
        _open_regular(tmp_path / "pipe.png")


TERMINAL = """
import sys
from imagededup.methods import PHash

PHash(verbose=False).encode_images(sys.argv[1], num_enc_workers=int(sys.argv[2]))
"""


@pytest.mark.parametrize("workers", [1, 4])
def test_nothing_but_our_own_lines_is_written_to_the_terminal(tmp_path, workers):
    """libtiff writes to the standard error from C, and Pillow logs, each for some broken files."""
    broken = [name for name in make_broken_files(tmp_path) if name.isprintable()]
    for path in set(tmp_path.iterdir()) - {tmp_path / name for name in broken}:
        path.unlink()
    with Image.open(BytesIO(broken_lzw_tiff())) as image, pytest.raises(OSError):
        image.load()
    (tmp_path / "zzz.tif").write_bytes(broken_lzw_tiff())
    run = subprocess.run(
        [sys.executable, "-c", TERMINAL, str(tmp_path), str(workers)],
        capture_output=True,
        check=True,
    )
    assert run.stdout == b""
    first, *lines = run.stderr.decode(errors="surrogateescape").splitlines()
    assert first == f"{len(broken) + 1} files could not be read and left out:"
    assert len(lines) == len(broken) + 1
    for name, line in zip([*sorted(broken), "zzz.tif"], lines, strict=True):
        assert line.startswith(f"  {name}: "), line


def broken_lzw_tiff():
    data = BytesIO()
    photograph(0).save(data, format="TIFF", compression="tiff_lzw")
    damaged = bytearray(data.getvalue())
    damaged[3000:4000] = b"\xff" * 1000
    return bytes(damaged)


class TestLibtiff:
    @pytest.fixture
    def path(self, tmp_path):
        (tmp_path / "x.tif").write_bytes(broken_lzw_tiff())
        return tmp_path / "x.tif"

    def load_by_pillow(self, path):
        with Image.open(path) as image, pytest.raises(OSError):
            image.load()

    def test_silent_while_we_decode(self, path, capfd):
        with pytest.raises(UnreadableImageError):
            load_image(path)
        assert capfd.readouterr() == ("", "")

    def test_its_handler_is_given_back(self, path, capfd):
        self.load_by_pillow(path)
        before = capfd.readouterr().err
        with pytest.raises(UnreadableImageError), ThreadPoolExecutor(4) as executor:
            list(executor.map(load_image, [path] * 50))
        assert capfd.readouterr().err == ""
        self.load_by_pillow(path)
        assert capfd.readouterr().err == before

    def test_the_loggers_of_other_threads_stay(self, caplog):
        logger = logging.getLogger("PIL.TiffImagePlugin")
        with pillow_warnings_ignored():
            logger.error("here")
            with ThreadPoolExecutor(1) as executor:
                executor.submit(logger.error, "there").result()
        logger.error("after")
        assert [record.getMessage() for record in caplog.records] == ["there", "after"]
