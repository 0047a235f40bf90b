"""HEIC needs a further package, and every reason says so."""

import os
import subprocess
import sys

import pytest
from PIL import features

from imagededup.errors import UnreadableImageError
from imagededup.images import heif
from imagededup.images.decode import image_size, load_image
from imagededup.methods import PHash
from tests.conftest import photograph

INSTALL = "HEIC image, which needs a further package (pip install 'imagededup[heif]')"
PLUGIN = '''
from PIL import Image, ImageFile

class HeifImage(ImageFile.ImageFile):
    """As pillow-heif does, this takes the place of a decoder for files of the brand."""

    format = "HEIF"

    def _open(self):
        self._size, self._mode = (4, 2), "L"
        self.tile = [ImageFile._Tile("raw", (0, 0, 4, 2), 64, "L")]

def register_heif_opener():
    Image.register_open("HEIF", HeifImage, lambda prefix: prefix[4:12] == b"ftypheic")
'''


def box(*brands):
    content = brands[0] + bytes(4) + b"".join(brands[1:])
    return (len(content) + 8).to_bytes(4, "big") + b"ftyp" + content + bytes(100)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "photo.jpg"


@pytest.fixture
def without_package(monkeypatch):
    monkeypatch.setattr(heif, "find_spec", lambda _: None)


@pytest.mark.usefixtures("without_package")
class TestWithoutThePackage:
    @pytest.mark.parametrize(
        "brands",
        [
            (b"heic", b"mif1", b"heic"),
            (b"mif1", b"heic"),
            (b"heix",),
            (b"msf1", b"hevc"),
            (b"mif1",),
        ],
        ids=str,
    )
    def test_the_reason_says_what_to_install(self, file, brands):
        file.write_bytes(box(*brands))
        for read in (load_image, image_size):
            with pytest.raises(UnreadableImageError) as caught:
                read(file)
            assert str(caught.value) == INSTALL

    @pytest.mark.parametrize(
        "content",
        [
            box(b"isom", b"mp41"),
            box(b"qt  "),
            b"heic",
            b"\0\0\0\x18ftyp",
            box(b"isom") + b"heic",
            b"\0\0\0\x10ftypisomheic",  # the version of the brand, and no brand
        ],
    )
    def test_other_files_have_another_reason(self, file, content):
        file.write_bytes(content)
        with pytest.raises(UnreadableImageError, match="not an image, or of an unknown format"):
            load_image(file)

    def test_a_folder_of_them(self, tmp_path, caplog):
        for name in ("a.heic", "b.heic"):
            (tmp_path / name).write_bytes(box(b"heic", b"mif1"))
        assert PHash(verbose=False).encode_images(tmp_path) == {}
        assert caplog.records[-1].getMessage() == (
            f"2 files could not be read and left out:\n  a.heic: {INSTALL}\n  b.heic: {INSTALL}"
        )


def test_avif_is_not_taken_for_heic(file):
    file.write_bytes(box(b"avif", b"mif1"))
    with pytest.raises(UnreadableImageError) as caught:
        load_image(file)
    assert str(caught.value) == (
        "damaged AVIF image"
        if features.check("avif")
        else "AVIF image, which this Pillow cannot decode (pip install --upgrade pillow)"
    )


def test_with_the_package_it_is_decoded(tmp_path, file):
    """A package of that name that decodes a format of our own stands for the real one."""
    (tmp_path / "pillow_heif.py").write_text(PLUGIN)
    file.write_bytes(box(b"heic", b"mif1")[:64].ljust(64, b"\0") + bytes(range(8)))
    code = (
        "import sys\n"
        "from imagededup.images.decode import load_image\n"
        "print('pillow_heif' in sys.modules)\n"
        "print(load_image(sys.argv[1]).ravel().tolist())\n"
        "print('pillow_heif' in sys.modules)\n"
    )
    search_path = os.pathsep.join([str(tmp_path), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        env={**os.environ, "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == ["False", "[0, 1, 2, 3, 4, 5, 6, 7]", "True"]


def test_the_real_package(file):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    photograph(0).save(file, format="HEIF", quality=95)
    assert load_image(file).shape == (240, 320, 3)
