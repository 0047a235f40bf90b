"""HEIC needs a further package, and every reason says so."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, features

from imagededup.errors import UnreadableImageError
from imagededup.images import heif
from imagededup.images.decode import image_size, load_image
from imagededup.methods import PHash
from imagededup.sources.limits import set_limits
from imagededup.sources.listing import list_images
from tests.conftest import photograph
from tests.sources.films import film

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


LEVELS = (10, 80, 150, 220)


def as_heic_film(content):
    """A film with the brands and the handler of a sequence of HEIC images."""
    old = content[: int.from_bytes(content[:4], "big")]
    new = box(b"msf1", b"msf1", b"hevc", b"mif1")[:-100].ljust(len(old), b"\0")
    new = len(old).to_bytes(4, "big") + new[4:]
    return (new + content[len(old) :]).replace(b"vide", b"pict")


def burst(kind):
    """Four images of one grey level each, in one file."""
    images = [Image.new("RGB", (96, 64), (level, level, level)) for level in LEVELS]
    file = io.BytesIO()
    if kind == "film.heics":
        pictures = [np.asarray(image) for image in images]
        return as_heic_film(
            film(codec="libx265", pictures=pictures, **{"x265-params": "log-level=0"})
        )
    if kind.endswith("heics"):
        pytest.importorskip("pillow_heif").register_heif_opener()
        images[0].save(file, "HEIF", save_all=True, append_images=images[1:], quality=90)
    else:
        images[0].save(file, "AVIF", save_all=True, append_images=images[1:], duration=40)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["images.heics", "film.heics", "burst.avifs"])
class TestSequences:
    @pytest.fixture
    def sequence(self, tmp_path, kind):
        (tmp_path / kind).write_bytes(burst(kind))
        return tmp_path / kind

    def test_every_image_is_taken(self, sequence):
        names = list_images(sequence.parent).names
        assert names == [f"{sequence.name}/00000{number}.jpg" for number in range(4)]

    def test_in_any_order(self, sequence):
        for number in (2, 0, 3, 1, 3):
            pixels = load_image(sequence / f"00000{number}.jpg")
            assert pixels.shape == (64, 96, 3)
            assert np.abs(pixels.astype(int) - LEVELS[number]).max() < 6

    def test_other_names(self, sequence):
        for name in ("000004.jpg", "0.jpg", "000000.0s.jpg"):
            with pytest.raises(UnreadableImageError, match="no such image: there are 4"):
                load_image(sequence / name)

    def test_damaged(self, sequence):
        sequence.write_bytes(sequence.read_bytes()[:150])
        [failure] = list_images(sequence.parent).failures
        assert failure.name == sequence.name
        assert "\n" not in failure.reason

    def test_too_many_pixels(self, sequence):
        before = set_limits(pixels=1000)
        try:
            with pytest.raises(UnreadableImageError, match="6,144 pixels, more than the limit"):
                load_image(sequence / "000000.jpg")
        finally:
            set_limits(before)


def test_what_is_no_sequence(tmp_path):
    (tmp_path / "a.heics").write_bytes(bytes(100))
    [failure] = list_images(tmp_path).failures
    assert failure.reason == "damaged sequence of images, or none"


@pytest.mark.parametrize(
    ("package", "kind"), [("av", "film.heics"), ("pillow_heif", "images.heics")]
)
def test_without_the_packages_sequences_name_the_extra(tmp_path, monkeypatch, package, kind):
    (tmp_path / kind).write_bytes(burst(kind))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnreadableImageError, match=r"pip install 'imagededup\[heif\]'"):
        load_image(tmp_path / kind / "000000.jpg")


@pytest.mark.parametrize("kind", ["images.heics", "burst.avifs"])
def test_stills_with_several_images_are_one_image(tmp_path, kind):
    file = tmp_path / f"still.{'heic' if 'heic' in kind else 'avif'}"
    file.write_bytes(burst(kind))
    assert list_images(tmp_path).names == [file.name]
    assert np.abs(load_image(file).astype(int) - LEVELS[0]).max() < 6
