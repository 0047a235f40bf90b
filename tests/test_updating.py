"""Adding to stored codes: only what is new is encoded."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.methods import (
    CNN,
    AHash,
    DHash,
    PHash,
    load_encodings,
    save_encodings,
    update_encodings,
)
from imagededup.methods.stored.compare import compare
from imagededup.methods.stored.update import EncodingsUpdate
from imagededup.models import CustomModel
from imagededup.sources.file_states import FileState
from imagededup.sources.folders import Failure
from imagededup.sources.listing import list_images
from imagededup.sources.places import Sources
from imagededup.utils.locks import locked_while_written
from tests.broken_files import IS_ROOT
from tests.conftest import photograph, wait_until

ENCODER = PHash(verbose=False)


class Counting(PHash):
    """Counts what it encodes."""

    def __init__(self):
        super().__init__(verbose=False)
        self.encoded = 0

    @property
    def _method(self):
        return "phash"

    def _prepare(self, pixels):
        self.encoded += 1
        return super()._prepare(pixels)


@pytest.fixture
def album(tmp_path):
    """Three photographs, one of them in a folder within."""
    folder = tmp_path / "album"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("a.png", "c.png", "deep/b.png")):
        photograph(number, (80, 60)).save(folder / name)
    return folder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "codes.npz"


def update(path, folder, encoder=ENCODER, **options):
    return update_encodings(path, encoder, folder, **{"recursive": True, **options})


def codes_of(folder, encoder=ENCODER):
    return encoder.encode_images(folder, recursive=True)


class TestWhatIsEncoded:
    def test_a_file_that_is_not_there_is_made(self, album, path):
        assert update(path, album) == EncodingsUpdate(3, 0, 0, 0, 0, 3)
        assert load_encodings(path) == codes_of(album)

    def test_only_what_is_new_or_has_changed(self, album, path):
        update(path, album)
        photograph(9, (80, 60)).save(album / "b.png")
        photograph(8, (80, 60)).save(album / "c.png")
        encoder = Counting()
        assert update(path, album, encoder) == EncodingsUpdate(1, 1, 0, 0, 0, 4)
        assert encoder.encoded == 2
        assert load_encodings(path) == codes_of(album)

    def test_nothing_new_writes_nothing(self, album, path):
        update(path, album)
        before = FileState.of(path.stat())
        encoder = Counting()
        assert update(path, album, encoder) == EncodingsUpdate(0, 0, 0, 0, 0, 3)
        assert encoder.encoded == 0
        assert FileState.of(path.stat()) == before
        assert sorted(path.parent.iterdir()) == [album, path]

    def test_a_change_of_the_time_alone_counts(self, album, path):
        update(path, album)
        os.utime(album / "a.png", ns=(10**18, 10**18))
        assert update(path, album) == EncodingsUpdate(0, 1, 0, 0, 0, 3)
        assert update(path, album) == EncodingsUpdate(0, 0, 0, 0, 0, 3)

    @pytest.mark.parametrize(
        "encoder", [DHash(False), AHash(False, full_decode=True), CNN(False, dim=576)], ids=str
    )
    def test_the_result_is_that_of_encoding_all_anew(self, album, tmp_path, encoder):
        update(tmp_path / "grown.npz", album, encoder)
        for number, name in enumerate(("0.png", "b.png", "z.png")):
            photograph(number + 20, (80, 60)).save(album / name)
        Image.new("RGB", (80, 60), "red").save(album / "plain.png")
        (album / "a.png").unlink()
        update(tmp_path / "grown.npz", album, encoder, prune=True)
        update(tmp_path / "anew.npz", album, encoder)
        assert (tmp_path / "grown.npz").read_bytes() == (tmp_path / "anew.npz").read_bytes()

    def test_the_result_does_not_depend_on_the_number_of_threads(self, album, tmp_path):
        for workers in (1, 3):
            update(tmp_path / f"{workers}.npz", album, num_enc_workers=workers)
        assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "3.npz").read_bytes()

    def test_codes_that_were_saved_without_their_files_are_made_again(self, album, path):
        save_encodings(path, codes_of(album) | {"other.png": "0" * 16}, ENCODER)
        assert update(path, album) == EncodingsUpdate(0, 3, 0, 0, 0, 4)
        assert update(path, album, prune=True) == EncodingsUpdate(0, 0, 0, 0, 0, 4)
        assert load_encodings(path) == codes_of(album) | {"other.png": "0" * 16}

    def test_the_file_of_codes_in_the_folder_is_no_image(self, album, caplog):
        path = album / "codes.npz"
        for _ in range(2):
            with caplog.at_level(logging.WARNING, "imagededup"):
                assert update(path, album).total == 3
        assert caplog.text == ""
        for name in load_encodings(path):
            (album / name).unlink()
        with pytest.raises(InvalidValueError, match="at least one image, found .*npz' only"):
            update(path, album, prune=True)

    def test_names_that_are_not_utf8(self, album, path):
        name = os.fsdecode(b"\xff\xfe.png")
        try:
            photograph(5, (80, 60)).save(album / name)
        except OSError:
            pytest.skip("the file system takes UTF-8 only")
        update(path, album)
        assert update(path, album).total == 4
        assert load_encodings(path) == codes_of(album)
        assert name in load_encodings(path)


class TestWhatIsGone:
    def test_it_stays_unless_it_is_pruned(self, album, path):
        update(path, album)
        (album / "a.png").unlink()
        assert update(path, album) == EncodingsUpdate(0, 0, 0, 1, 0, 3)
        assert update(path, album, prune=True) == EncodingsUpdate(0, 0, 0, 1, 1, 2)
        assert list(load_encodings(path)) == ["c.png", "deep/b.png"]

    def test_what_a_listing_does_not_look_at_is_not_gone(self, album, path):
        update(path, album)
        found = update(path, album, recursive=False, prune=True)
        assert found == EncodingsUpdate(0, 0, 0, 0, 0, 3)

    def test_an_empty_folder_prunes_nothing(self, album, path):
        update(path, album)
        shutil.rmtree(album)
        album.mkdir()
        with pytest.raises(InvalidValueError, match="found none in"):
            update(path, album, prune=True)
        assert len(load_encodings(path)) == 3

    @pytest.mark.skipif(os.name == "nt" or IS_ROOT, reason="everything is permitted")
    def test_a_folder_that_cannot_be_read_prunes_nothing(self, album, path):
        update(path, album)
        (album / "deep").chmod(0)
        try:
            assert update(path, album, prune=True).gone == 0
        finally:
            (album / "deep").chmod(0o700)

    def test_what_lies_where_a_listing_failed_is_not_gone(self, album, path):
        update(path, album)
        shutil.rmtree(album / "deep")
        (album / "a.png").unlink()
        for name, gone in (("deep", [0]), ("dee", [0, 2]), ("", [])):
            listed = replace(list_images(album), failures=[Failure(name, "cannot be read")])
            assert compare(load_encodings(path), listed).gone.tolist() == gone

    def test_an_image_that_became_unreadable(self, album, path, caplog):
        update(path, album)
        (album / "a.png").write_bytes(b"no image any more")
        with caplog.at_level(logging.WARNING, "imagededup"):
            assert update(path, album) == EncodingsUpdate(0, 0, 1, 0, 0, 2)
        assert "a.png" in caplog.text
        assert "a.png" not in load_encodings(path)
        assert update(path, album) == EncodingsUpdate(0, 0, 0, 0, 0, 2)  # it is tried again

    def test_everything_became_unreadable(self, album, path):
        update(path, album)
        for name in codes_of(album):
            (album / name).write_bytes(b"no image any more")
        assert update(path, album) == EncodingsUpdate(0, 0, 3, 0, 0, 0)
        assert len(load_encodings(path)) == 0
        with pytest.raises(InvalidValueError, match="must hold at least one image"):
            ENCODER.search(encoding_map=load_encodings(path))
        photograph(0).save(album / "a.png")
        assert update(path, album).total == 1


class TestSeveralFolders:
    def test_another_folder_is_added(self, album, path, tmp_path):
        update(path, album)
        (tmp_path / "new").mkdir()
        photograph(7).save(tmp_path / "new/n.png")
        assert update(path, tmp_path / "new") == EncodingsUpdate(1, 0, 0, 0, 0, 4)
        assert load_encodings(path) == codes_of(album) | codes_of(tmp_path / "new")
        (tmp_path / "new/n.png").rename(tmp_path / "new/m.png")
        found = update(path, tmp_path / "new", prune=True)  # only of this folder
        assert found == EncodingsUpdate(1, 0, 0, 1, 1, 4)
        records = load_encodings(path).records
        assert records.folders == (str(album.resolve()), str((tmp_path / "new").resolve()))
        assert records.folder.tolist() == [0, 0, 0, 1]

    def test_one_name_in_two_folders_is_an_error(self, album, path, tmp_path):
        update(path, album)
        before = path.read_bytes()
        (tmp_path / "new").mkdir()
        photograph(7).save(tmp_path / "new/a.png")
        with pytest.raises(InvalidValueError, match="'a.png' is in .* as an image of .*album'"):
            update(path, tmp_path / "new")
        assert path.read_bytes() == before

    def test_a_folder_by_another_path_is_the_same(self, album, path, tmp_path, monkeypatch):
        update(path, album)
        (tmp_path / "link").symlink_to(album)
        photograph(8).save(album / "a.png")
        monkeypatch.chdir(tmp_path)
        for place in ("link", "album/../album"):
            assert update(path, place).total == 3
        assert len(load_encodings(path).records.folders) == 1

    def test_a_folder_that_was_moved(self, album, path, tmp_path):
        update(path, album)
        album.rename(tmp_path / "moved")
        photograph(8).save(tmp_path / "moved/a.png")
        (tmp_path / "moved/c.png").unlink()
        encoder = Counting()
        assert update(path, tmp_path / "moved", encoder) == EncodingsUpdate(0, 1, 0, 0, 0, 3)
        assert encoder.encoded == 1
        assert load_encodings(path).records.folder.tolist() == [1, 0, 1]

    def test_two_archives_with_images_of_one_name(self, album, path, tmp_path):
        for archive, name in (("x.tar", "a.png"), ("y.tar", "c.png")):
            with tarfile.open(tmp_path / archive, "w") as file:
                file.add(album / name, "0.png")
        assert update(path, tmp_path / "x.tar").total == 1
        assert update(path, tmp_path / "x.tar").new == 0
        with pytest.raises(InvalidValueError, match="'0.png' is in .* as an image of .*x.tar'"):
            update(path, tmp_path / "y.tar")
        (tmp_path / "x.tar").rename(tmp_path / "z.tar")
        assert update(path, tmp_path / "z.tar").total == 1

    def test_what_an_archive_lacks_is_gone(self, album, path, tmp_path):
        (tmp_path / "shards").mkdir()
        for names in (["a.png", "c.png"], ["c.png"]):
            with tarfile.open(tmp_path / "shards/s.tar", "w") as file:
                for name in names:
                    file.add(album / name, name)
            found = update(path, tmp_path / "shards")
        assert (found.changed, found.gone, found.total) == (1, 1, 2)
        shutil.copy(album / "a.png", tmp_path / "shards/a.jpg")
        only = Sources(tmp_path / "shards", include="a.jpg")
        assert update(path, only, prune=True).total == 3  # what was not asked for is not gone
        assert update(path, tmp_path / "shards", prune=True).total == 2

    def test_lists_of_paths_are_added_to(self, album, path, tmp_path, monkeypatch):
        every = [str(one) for one in sorted(album.rglob("*.png"))]
        for rows in (every[:2], every[1:]):
            (tmp_path / "list.txt").write_text("\n".join(rows))
            found = update(path, tmp_path / "list.txt", prune=True)
        assert found == EncodingsUpdate(1, 0, 0, 0, 0, 3)
        monkeypatch.chdir(tmp_path)
        photograph(8, (80, 60)).save(album / "c.png")
        assert update(path, tmp_path / "list.txt").changed == 1
        (album / "a.png").unlink()
        assert update(path, tmp_path / "list.txt", prune=True).pruned == 1
        assert list(load_encodings(path)) == every[1:]


class TestMixing:
    @pytest.mark.parametrize(
        ("encoder", "message"),
        [
            (DHash(), "codes.npz' has 'phash full_decode=False version=1', these are 'dhash full"),
            (PHash(full_decode=True), "these are 'phash full_decode=True version=1'"),
            (CNN(), "these are 'cnn model=.* dim=1024 version=1'"),
        ],
    )
    def test_codes_that_are_made_otherwise(self, album, path, encoder, message):
        update(path, album)
        before = path.read_bytes()
        with pytest.raises(InvalidValueError, match=message):
            update(path, album, encoder)
        assert path.read_bytes() == before

    def test_a_file_that_does_not_say_how_it_was_made(self, album, path):
        np.savez(path, names=np.array(["a"]), descriptors=np.ones((1, 1024)))
        with pytest.raises(InvalidValueError, match="codes that do not say how they were made"):
            update(path, album, CNN())

    def test_a_callable_has_no_identity(self, album, path):
        model = CustomModel("mine", lambda batch: batch.mean(axis=(2, 3)), lambda image: image)
        with pytest.raises(InvalidValueError, match="codes of a CustomModel cannot be told"):
            update(path, album, CNN(False, model))

    def test_wrong_arguments(self, album, path):
        with pytest.raises(InvalidValueError, match=r"only a \.npz file keeps the sizes and times"):
            update(path.with_suffix(".json"), album)
        with pytest.raises(InvalidTypeError, match="encoder must be an encoder, got str"):
            update(path, album, "phash")
        with pytest.raises(InvalidTypeError, match="prune"):
            update(path, album, prune="yes")
        path.write_bytes(b"PK")
        with pytest.raises(InvalidValueError, match="is no file that encode wrote"):
            update(path, album)


WAITING = """
import sys
from imagededup.methods import PHash, update_encodings

class Waiting(PHash):
    _method = "phash"

    def _prepare(self, pixels):
        print("decoding", flush=True)
        sys.stdin.read()
        return super()._prepare(pixels)

update_encodings(sys.argv[1], Waiting(), sys.argv[2], num_enc_workers=1)
"""


@pytest.fixture
def waiting(album, path):
    """Another process that is about to add an image to the file."""
    update(path, album)
    photograph(9).save(album / "new.png")
    arguments = [sys.executable, "-c", WAITING, str(path), str(album)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, **streams) as process:
        assert process.stdout.readline() == "decoding\n"
        yield process
        process.kill()


class TestTwoAtOnce:
    def test_the_second_is_told(self, waiting, album, path):
        message = rf"codes.npz' is being written by another process \(process {waiting.pid} on "
        with pytest.raises(FileOperationError, match=message):
            update(path, album)
        assert len(load_encodings(path)) == 3  # reading goes on meanwhile
        waiting.communicate("")
        assert (waiting.returncode, len(load_encodings(path))) == (0, 4)
        assert update(path, album) == EncodingsUpdate(0, 0, 0, 0, 0, 4)
        assert sorted(path.parent.iterdir()) == [album, path]

    @pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
    def test_one_that_was_killed_keeps_nobody_out(self, waiting, album, path):
        before = path.read_bytes()
        os.kill(waiting.pid, signal.SIGKILL)
        wait_until(lambda: waiting.poll() is not None)
        assert path.read_bytes() == before
        assert update(path, album) == EncodingsUpdate(1, 0, 0, 0, 0, 4)
        assert sorted(path.parent.iterdir()) == [album, path]


def test_a_lock_is_free_again_afterwards(path):
    for _ in range(2):
        with locked_while_written(path), pytest.raises(FileOperationError, match="being written"):
            locked_while_written(path).__enter__()
    assert list(path.parent.iterdir()) == []


def test_what_a_killed_process_was_writing_is_removed(path):
    left = path.with_name(f".{path.name}.{'0' * 16}")
    others = [path.with_name(name) for name in (f".{path.name}.new", f".x{path.name}.{'0' * 16}")]
    for one in (left, *others):
        one.write_bytes(b"a part")
    with locked_while_written(path):
        assert not left.exists()
    assert sorted(path.parent.iterdir()) == sorted(others)


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
def test_a_full_disk_leaves_the_file_as_it_was(album, path):
    update(path, album)
    before = path.read_bytes()
    for number in range(30):
        shutil.copy(album / "a.png", album / f"{number:0100}.png")
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); "
    code += "from imagededup.cli import run; sys.exit(run(sys.argv[1:]))"
    arguments = ["encode", str(album), "-r", "-o", str(path), "--append", "--no-cache"]
    run = [sys.executable, "-B", "-c", code, *arguments]
    found = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (1, "")
    message = f"imagededup: cannot write {str(path)!r}: File too large"
    assert found.stderr.splitlines()[-1] == message  # the cache has no room either
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [album, path]


def test_a_folder_that_cannot_be_written_to(path):
    with pytest.raises(FileOperationError, match="cannot lock"):
        locked_while_written(path / "no" / "codes.npz").__enter__()
