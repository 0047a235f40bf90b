"""Images within archives: the same as beside them, whatever the archive does."""

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from imagededup import fastdup
from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.methods import CNN, PHash
from imagededup.sources import archives
from imagededup.sources.archives import open_archive
from imagededup.sources.blobs import BytesBlob
from imagededup.sources.listing import list_images
from imagededup.utils.sizes import bytes_in_words
from tests.conftest import photograph
from tests.test_pages import content

ENDINGS = ("tar", "tar.gz", "tgz", "zip")


def encoded(seed):
    """A small picture as bytes, another for every seed."""
    file = io.BytesIO()
    photograph(seed, (48, 40)).save(file, "PNG")
    return file.getvalue()


def add(tar, name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data))


def write_archive(path, members):
    """An archive of (name, bytes) pairs in this order; its kind is told by its ending."""
    if path.name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w" if path.name.endswith("tar") else "w:gz") as tar:
        for name, data in members:
            add(tar, name, data)
    return path


@pytest.fixture(scope="module")
def pictures():
    return {f"{seed:02}.png": encoded(seed) for seed in range(12)}


@pytest.fixture
def folder(tmp_path, pictures):
    folder = tmp_path / "plain"
    folder.mkdir()
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    return folder


class TestTheSameAsInAFolder:
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_an_archive_itself(self, tmp_path, folder, pictures, ending):
        members = list(pictures.items())
        random.Random(1).shuffle(members)
        path = write_archive(tmp_path / f"a.{ending}", members)
        found = PHash(verbose=False).encode_images(path)
        assert list(found) == sorted(pictures)
        assert found == PHash(verbose=False).encode_images(folder)

    @pytest.mark.parametrize("workers", [0, 4])
    def test_archives_of_a_folder_and_a_picture_beside_them(self, tmp_path, pictures, workers):
        album = tmp_path / "album"
        album.mkdir()
        for ending in ENDINGS:
            write_archive(album / f"a.{ending}", pictures.items())
        (album / "a.png").write_bytes(pictures["03.png"])
        found = PHash(verbose=False).find_duplicates(album, num_enc_workers=workers)
        assert found["a.png"] == sorted(f"a.{ending}/03.png" for ending in ENDINGS)
        assert len(found) == 4 * len(pictures) + 1

    def test_verified(self, tmp_path, pictures):
        path = write_archive(tmp_path / "a.tgz", [*pictures.items(), ("b.png", pictures["05.png"])])
        found = CNN(verbose=False).search(path, verify=True)
        assert found.verdict("05.png", "b.png").relation == "identical"

    def test_against_the_folder_from_which_it_was_made(self, tmp_path, folder, pictures):
        path = write_archive(tmp_path / "a.zip", pictures.items())
        found = PHash(verbose=False).find_duplicates(folder, against=path)
        assert found == {name: [name] for name in pictures}

    def test_an_archive_against_itself_is_left_out(self, tmp_path, pictures):
        album = tmp_path / "album"
        album.mkdir()
        path = write_archive(album / "a.zip", pictures.items())
        (album / "b.png").write_bytes(pictures["05.png"])
        found = PHash(verbose=False).search(path, against=album)
        assert found.reference_names == ["b.png"]

    def test_the_runner(self, tmp_path, folder, pictures, capsys):
        write_archive(folder / "z.tar.gz", [("again.png", pictures["07.png"])])
        assert fastdup.run(folder, tmp_path / "work", threshold=0.99, verbose=False) == 0
        rows = (tmp_path / "work" / "similarity.csv").read_text().splitlines()
        assert rows[1] == f"{folder}/07.png,{folder}/z.tar.gz/again.png,1.0" or rows[1].startswith(
            f"{folder}/07.png,{folder}/z.tar.gz/again.png,"
        )


class TestNames:
    def members(self, tmp_path, ending, names):
        path = write_archive(tmp_path / f"a.{ending}", [(name, encoded(1)) for name in names])
        folder = list_images(path)
        return folder.names, {name: self.reason(folder.path(name)) for name in folder.names}

    def reason(self, path):
        try:
            load_image(path)
        except UnreadableImageError as error:
            return str(error)
        return None

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_a_name_that_leads_out_is_listed_and_never_followed(self, tmp_path, ending):
        (tmp_path / "secret.png").write_bytes(encoded(2))
        names, reasons = self.members(tmp_path, ending, ["../secret.png", "a/../../x.png", "b.png"])
        assert names == ["../secret.png", "a/../../x.png", "b.png"]
        assert reasons == {
            "../secret.png": "a name that leads out of the archive",
            "a/../../x.png": "a name that leads out of the archive",
            "b.png": None,
        }

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_names_are_made_plain(self, tmp_path, ending):
        names, reasons = self.members(tmp_path, ending, ["./a.png", "/etc/b.png", "c//d/./e.png"])
        assert names == ["a.png", "c/d/e.png", "etc/b.png"]
        assert set(reasons.values()) == {None}

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_hidden_names_and_what_lies_beside_images_are_passed_over(self, tmp_path, ending):
        written = ["a.png", ".b.png", "__MACOSX/._a.png", "a.json", "a.cls", "a.TXT", ".git/c.png"]
        assert self.members(tmp_path, ending, written)[0] == ["a.png"]

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_of_two_members_of_one_name_the_last_counts(self, tmp_path, ending):
        path = write_archive(tmp_path / f"a.{ending}", [("a.png", b"x"), ("a.png", encoded(3))])
        folder = list_images(path)
        assert folder.names == ["a.png"]
        assert load_image(folder.path("a.png")).shape == (40, 48, 3)


class TestTar:
    def test_links_within_and_links_that_lead_out(self, tmp_path):
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            add(tar, "deep/a.png", encoded(1))
            add(tar, "hard.png", type=tarfile.LNKTYPE, linkname="deep/a.png")
            add(tar, "deep/soft.png", type=tarfile.SYMTYPE, linkname="a.png")
            add(tar, "out.png", type=tarfile.SYMTYPE, linkname="/etc/passwd")
            add(tar, "folder", type=tarfile.DIRTYPE)
            add(tar, "pipe.png", type=tarfile.FIFOTYPE)
        found = PHash(verbose=False).search(tmp_path / "a.tar")
        assert found.names == ["deep/a.png", "deep/soft.png", "hard.png"]
        assert [(one.name, one.reason) for one in found.failures] == [
            ("out.png", "a link to what does not lie before it")
        ]

    @pytest.mark.parametrize("ending", ["tar", "tar.gz"])
    def test_an_archive_that_is_cut_off_gives_what_comes_before(self, tmp_path, pictures, ending):
        path = write_archive(tmp_path / f"a.{ending}", pictures.items())
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        found = PHash(verbose=False).search(tmp_path)
        assert 0 < len(found.names) < len(pictures)
        named = {one.name: one.reason for one in found.failures}
        assert "damaged archive" in named[f"a.{ending}"]

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_what_is_no_archive_is_a_file_like_others(self, tmp_path, ending):
        (tmp_path / f"a.{ending}").write_bytes(encoded(1))
        (tmp_path / f"b.{ending}").write_bytes(b"nothing")
        found = PHash(verbose=False).search(tmp_path)
        assert found.names == [f"a.{ending}"]
        assert [one.name for one in found.failures] == [f"b.{ending}"]


class TestGzip:
    @pytest.fixture
    def whole(self):
        return random.Random(2).randbytes(400_000) + bytes(2_000_000)

    @pytest.fixture(params=["one", "several"])
    def blob(self, request, whole, monkeypatch):
        """A gzip file with checkpoints close together, and several put together."""
        monkeypatch.setattr(archives, "_CHECKPOINT_BYTES", 50_000)
        monkeypatch.setattr(archives, "_COMPRESSED_CHUNK", 4_096)
        monkeypatch.setattr(archives, "_READ_AHEAD", 20_000)
        step = len(whole) if request.param == "one" else 300_001
        parts = [whole[begin : begin + step] for begin in range(0, len(whole), step)]
        return archives._GzipBlob(BytesBlob(b"".join(map(gzip.compress, parts)) + bytes(512)))

    def test_any_place_in_any_order(self, blob, whole):
        choose = random.Random(3)
        for _ in range(60):
            begin = choose.randrange(len(whole) + 10)
            end = begin + choose.choice([0, 1, 100, 70_000])
            assert blob.read(begin, end) == whole[begin:end]
        assert blob.read(0, len(whole) + 1) == whole
        assert blob.size == len(whole)

    def test_a_read_that_goes_back_begins_at_a_checkpoint(self, blob, whole, monkeypatch):
        blob.read(len(whole) - 1, len(whole))
        advanced = []
        original = archives._GzipState.advance
        monkeypatch.setattr(
            archives._GzipState,
            "advance",
            lambda state, compressed: advanced.append(1) or original(state, compressed),
        )
        assert blob.read(1_000_000, 1_000_010) == whole[1_000_000:1_000_010]
        assert len(advanced) < 10


class TestZip:
    def test_an_encrypted_member(self, tmp_path):
        path = write_archive(tmp_path / "a.zip", [("a.png", encoded(1)), ("b.png", encoded(2))])
        data = bytearray(path.read_bytes())
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # of the first member
            data[data.index(mark) + place] |= 1
        path.write_bytes(data)
        found = PHash(verbose=False).search(path)
        assert found.names == ["b.png"]
        assert [one.reason for one in found.failures] == ["encrypted in its archive"]

    def test_a_bomb_is_not_unpacked(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.png", encoded(1)[:-20] + bytes(300 * 2**20))
        member = open_archive(BytesBlob((tmp_path / "a.zip").read_bytes()), "a.zip")
        with member.open("a.png") as file:
            assert file.read(100) == encoded(1)[:100]
        blob = file._blob
        assert len(blob._data) < 2**20

    def test_a_member_whose_bytes_were_changed(self, tmp_path):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.png", encoded(1))
        data = bytearray(path.read_bytes())
        data[data.index(b"IDAT") + 30] ^= 255
        path.write_bytes(data)
        assert PHash(verbose=False).search(path).failures[0].name == "a.png"


def test_an_archive_that_is_replaced_is_opened_anew(tmp_path):
    path = write_archive(tmp_path / "a.tar", [("a.png", encoded(1))])
    before = PHash(verbose=False).encode_images(path)
    other = write_archive(tmp_path / "b.tar", [("0.png", encoded(2)), ("a.png", encoded(2))])
    other.replace(path)
    after = PHash(verbose=False).encode_images(path)
    assert list(after) == ["0.png", "a.png"]
    assert after["a.png"] != before["a.png"]


def test_more_archives_than_stay_open(tmp_path):
    for number in range(40):
        write_archive(tmp_path / f"{number:02}.tar", [("a.png", encoded(number % 5))])
    found = PHash(verbose=False).find_duplicates(tmp_path)
    assert found["00.tar/a.png"] == [f"{number:02}.tar/a.png" for number in range(5, 40, 5)]


def test_pages_of_archives_and_several_places(tmp_path, pictures, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_archive(Path("a.tar"), pictures.items())
    Path("b").mkdir()
    Path("b/1.png").write_bytes(pictures["03.png"])
    found = PHash(verbose=False).search(["a.tar", "b"])
    found.to_html("page.html")
    assert "<title>Duplicates in a.tar, b</title>" in Path("page.html").read_text()
    rows = {row[0]: row for row in content(Path("page.html"))["pictures"]}
    assert rows["a.tar/03.png"][3] == ""  # no link, and nothing that could be marked
    assert rows["b/1.png"][3] == "./b/1.png"
    assert (rows["a.tar/03.png"][-1], rows["b/1.png"][-1]) == (1, 0)


def test_the_report_counts_bytes_of_files_only(tmp_path, pictures, command):
    write_archive(tmp_path / "a.tar", pictures.items())
    (tmp_path / "1.png").write_bytes(pictures["03.png"])
    command("report", tmp_path, "-m", "phash", "-o", tmp_path / "r.html")
    size = bytes_in_words(len(pictures["03.png"]))
    page = (tmp_path / "r.html").read_text()
    assert f"<dt>in all</dt><dd>{size}</dd>" in page


class TestTheRunnerGoesOn:
    def run(self, folder, capsys):
        assert fastdup.run(folder, folder.parent / "work", run_mode=1, verbose=False) == 0
        return fastdup.load_binary_features(str(folder.parent / "work" / "features.dat"))

    def test_a_changed_archive_is_described_again(self, tmp_path, pictures, capsys):
        folder = tmp_path / "folder"
        folder.mkdir()
        write_archive(folder / "a.zip", [("x.png", pictures["00.png"])])
        before = self.run(folder, capsys)[1]
        write_archive(folder / "a.zip", [("x.png", pictures["01.png"] + bytes(7))])
        after = self.run(folder, capsys)[1]
        assert not np.array_equal(before, after)
