"""Files are moved without overwriting any, and whatever happens, their bytes are somewhere."""

import ctypes
import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from imagededup.errors import FileOperationError
from imagededup.removal.move import delete_file, move_to, numbered
from imagededup.removal.rename import rename_without_overwriting

NOT_UTF8 = os.fsdecode(b"latin-1 \xe9.jpg")
posix = pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def move_without_overwriting(source, target):
    """Move a file to the first of the numbered names that is free, as the actions do."""
    return next(place for place in numbered(target) if move_to(source, place))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def elsewhere(tmp_path):
    """A folder on another file system."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm on a file system of its own")
    folder = Path(tempfile.mkdtemp(dir=memory))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"content")
    return path


@pytest.fixture(params=["same file system", "another file system"])
def away(request, tmp_path):
    """A folder to move to, which is not there yet."""
    if request.param == "same file system":
        return tmp_path / "away"
    return request.getfixturevalue("elsewhere") / "away"


@pytest.fixture(params=["at once", "by hard link", "by reserving the name"])
def system(request, monkeypatch):
    """Systems with more and less help for renaming."""
    if request.param != "at once":
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    if request.param == "by reserving the name":

        def no_link(*_):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(Path, "hardlink_to", no_link)


class TestMove:
    def test_to_a_free_name(self, source, away, system):
        target = away / "deep" / "a.jpg"
        assert move_without_overwriting(source, target) == target
        assert target.read_bytes() == b"content"
        assert not source.exists()
        assert names(target.parent) == ["a.jpg"]

    def test_never_overwrites(self, source, away, system):
        away.mkdir()
        (away / "a.jpg").write_bytes(b"first")
        (away / "a_1.jpg").write_bytes(b"second")
        assert move_without_overwriting(source, away / "a.jpg") == away / "a_2.jpg"
        contents = {path.name: path.read_bytes() for path in away.iterdir()}
        assert contents == {"a.jpg": b"first", "a_1.jpg": b"second", "a_2.jpg": b"content"}
        assert not source.exists()

    def test_a_broken_link_and_a_folder_count_as_there(self, source, away, system):
        (away / "a.jpg").mkdir(parents=True)
        (away / "a_1.jpg").symlink_to("absent")
        assert move_without_overwriting(source, away / "a.jpg") == away / "a_2.jpg"
        assert (away / "a_1.jpg").is_symlink()

    def test_to_itself_keeps_the_content(self, source, system):
        moved = move_without_overwriting(source, source)
        assert moved == source.with_name("a_1.jpg")
        assert moved.read_bytes() == b"content"

    def test_a_name_without_ending(self, source, tmp_path):
        (tmp_path / "b").touch()
        assert move_without_overwriting(source, tmp_path / "b") == tmp_path / "b_1"

    def test_time_and_permissions_are_kept(self, source, away):
        os.utime(source, (1_000_000_000, 1_000_000_000))
        source.chmod(0o640)
        moved = move_without_overwriting(source, away / "b.jpg").stat()
        assert moved.st_mtime == 1_000_000_000
        assert os.name != "posix" or stat.S_IMODE(moved.st_mode) == 0o640

    @pytest.mark.parametrize("name", [NOT_UTF8, "new\nline.jpg", "n" * 250 + ".jpg"])
    def test_odd_names(self, source, away, name):
        try:
            moved = move_without_overwriting(source, away / name)
        except FileOperationError:
            pytest.skip("the file system takes no such name")
        assert (moved.name, moved.read_bytes()) == (name, b"content")

    @pytest.mark.parametrize("absolute", [False, True])
    def test_a_link_keeps_pointing_to_its_target(self, source, tmp_path, away, absolute):
        (tmp_path / "sub").mkdir()
        link = tmp_path / "sub" / "link.jpg"
        link.symlink_to(source if absolute else "../a.jpg")
        moved = move_without_overwriting(link, away / "far" / "link.jpg")
        assert moved.is_symlink()
        assert moved.resolve() == source
        assert source.read_bytes() == b"content"
        assert names(tmp_path / "sub") == []

    def test_links_that_lead_nowhere(self, tmp_path):
        for name, target in (("broken", "absent"), ("loop", "loop")):
            link = tmp_path / name
            link.symlink_to(target)
            moved = move_without_overwriting(link, tmp_path / "away" / name)
            assert moved.readlink() == tmp_path / target
            assert not link.is_symlink()

    def test_an_absent_file_leaves_nothing(self, tmp_path, away):
        absent = tmp_path / "absent.jpg"
        with pytest.raises(FileOperationError) as caught:
            move_without_overwriting(absent, away / "a.jpg")
        assert str(caught.value) == f"cannot move {str(absent)!r}: No such file or directory"
        assert names(away) == []

    def test_a_file_where_a_folder_should_be(self, source, tmp_path):
        (tmp_path / "away").touch()
        with pytest.raises(FileOperationError, match=r"^cannot move "):
            move_without_overwriting(source, tmp_path / "away" / "a.jpg")
        assert source.read_bytes() == b"content"

    def test_two_names_of_one_file_are_not_taken_for_one_move(self, source, tmp_path, system):
        os.link(source, tmp_path / "b.jpg")
        assert move_without_overwriting(source, tmp_path / "b.jpg") == tmp_path / "b_1.jpg"
        assert names(tmp_path) == ["b.jpg", "b_1.jpg"]


@pytest.fixture
def forbid_unlink(monkeypatch):
    """A function that makes unlinking one file do something else."""

    def forbid(forbidden, act):
        unlink = Path.unlink

        def unlink_or_act(path, **options):
            if path == forbidden:
                act(path, unlink)
            unlink(path, **options)

        monkeypatch.setattr(Path, "unlink", unlink_or_act)

    return forbid


class TestToAnotherFileSystem:
    def test_a_source_that_cannot_be_removed_is_not_doubled(self, source, elsewhere, forbid_unlink):
        def refuse(*_):
            raise PermissionError(errno.EPERM, "Operation not permitted")

        forbid_unlink(source, refuse)
        with pytest.raises(FileOperationError, match=r"a\.jpg': Operation not permitted$"):
            move_without_overwriting(source, elsewhere / "a.jpg")
        assert source.read_bytes() == b"content"
        assert names(elsewhere) == []

    def test_a_source_that_goes_at_the_last_moment_leaves_its_copy(
        self, source, elsewhere, forbid_unlink
    ):
        forbid_unlink(source, lambda path, unlink: unlink(path))
        assert move_without_overwriting(source, elsewhere / "a.jpg").read_bytes() == b"content"

    def test_a_source_that_changes_meanwhile_stays(self, source, elsewhere, monkeypatch):
        copystat = shutil.copystat

        def write_then_copystat(*arguments, **options):
            copystat(*arguments, **options)
            source.write_bytes(b"new content")

        monkeypatch.setattr(shutil, "copystat", write_then_copystat)
        with pytest.raises(FileOperationError, match=r"it was changed in the meantime$"):
            move_without_overwriting(source, elsewhere / "a.jpg")
        assert source.read_bytes() == b"new content"
        assert names(elsewhere) == []

    @pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
    def test_a_copy_that_fails_leaves_the_source_and_nothing_else(
        self, source, elsewhere, monkeypatch, kind
    ):
        def fail(original, copy, _):
            copy.write(original.read(3))
            raise kind(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(shutil, "copyfileobj", fail)
        expected = FileOperationError if kind is OSError else kind
        with pytest.raises(expected, match="No space left on device"):
            move_without_overwriting(source, elsewhere / "a.jpg")
        assert source.read_bytes() == b"content"
        assert names(elsewhere) == []

    def test_one_that_keeps_no_permissions(self, source, elsewhere, monkeypatch):
        def fail(*_, **__):
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(shutil, "copystat", fail)
        moved = move_without_overwriting(source, elsewhere / "a.jpg")
        assert moved.read_bytes() == b"content"
        assert os.name != "posix" or stat.S_IMODE(moved.stat().st_mode) == 0o600

    @posix
    def test_a_pipe_is_not_waited_for(self, tmp_path, elsewhere):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(FileOperationError, match="it is no longer a file"):
            move_without_overwriting(tmp_path / "pipe", elsewhere / "pipe")
        assert names(elsewhere) == []

    def test_the_copy_and_its_folders_are_on_the_disk_before_the_source_goes(
        self, source, elsewhere, monkeypatch
    ):
        synced = []
        fsync = os.fsync

        def record(descriptor):
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            visible = [n for n in names(elsewhere / "deep") if not n.startswith(".")]
            synced.append((path.is_dir() and path.name, visible, source.exists()))
            fsync(descriptor)

        if not Path("/proc/self/fd").exists():
            pytest.skip("needs /proc")
        monkeypatch.setattr(os, "fsync", record)
        move_without_overwriting(source, elsewhere / "deep" / "a.jpg")
        assert synced == [
            (elsewhere.name, [], True),
            (False, [], True),
            ("deep", ["a.jpg"], True),
        ]


KILLED = """
import os, resource, signal, sys
from pathlib import Path
from imagededup.removal.move import move_to

source, target, kind = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
content = source.read_bytes()

def move_and_die_at(moment):
    def die(*_, seen=[0]):
        seen[0] += 1
        if seen[0] == moment + 1:
            os.kill(os.getpid(), kind)
    if kind == signal.SIGXFSZ:
        signal.signal(kind, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (moment, moment))
    else:
        sys.addaudithook(die)
    move_to(source, target / "a.jpg")
    os._exit(0)

deaths = left_by_a_copy = 0
for moment in range(200):
    child = os.fork()
    if not child:
        move_and_die_at(moment)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    final = [p for p in target.iterdir() if not p.name.startswith(".")]
    assert all(path.read_bytes() == content for path in final), (moment, final)
    if code == 0:
        assert final and not source.exists()
        break
    assert code == -kind, code
    deaths += 1
    left_by_a_copy += any(p.read_bytes() != content for p in target.iterdir())
    assert source.exists() or final, moment
    source.write_bytes(content)
    for path in target.iterdir():
        path.unlink()
print(deaths, left_by_a_copy)
"""


@linux
class TestKilled:
    """At every call that Python reports, and in the middle of writing."""

    @staticmethod
    def die_everywhere(source, target, kind):
        target.mkdir(exist_ok=True)
        process = subprocess.run(
            [sys.executable, "-c", KILLED, source, target, str(int(signal.Signals[kind]))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        return [int(number) for number in process.stdout.split()]

    @pytest.mark.parametrize("kind", ["SIGTERM", "SIGKILL"])
    def test_between_two_calls(self, source, away, kind):
        deaths, _ = self.die_everywhere(source, away, kind)
        assert deaths > 2

    def test_while_it_writes(self, source, elsewhere):
        source.write_bytes(bytes(range(100)))
        assert self.die_everywhere(source, elsewhere, "SIGXFSZ") == [100, 100]


class TestRename:
    def test_what_is_there_stays(self, source, tmp_path, system):
        (tmp_path / "b.jpg").write_bytes(b"there")
        with pytest.raises(FileExistsError):
            rename_without_overwriting(source, tmp_path / "b.jpg")
        assert (tmp_path / "b.jpg").read_bytes() == b"there"
        assert source.read_bytes() == b"content"

    def test_another_file_system_is_said(self, source, elsewhere):
        with pytest.raises(OSError) as caught:
            rename_without_overwriting(source, elsewhere / "a.jpg")
        assert caught.value.errno == errno.EXDEV
        assert names(elsewhere) == []

    def test_a_source_that_cannot_be_unlinked_is_not_doubled(
        self, source, tmp_path, monkeypatch, forbid_unlink
    ):
        def refuse(*_):
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
        forbid_unlink(source, refuse)
        with pytest.raises(PermissionError):
            rename_without_overwriting(source, tmp_path / "b.jpg")
        assert names(tmp_path) == ["a.jpg"]

    def test_a_reserved_name_is_given_back(self, tmp_path, monkeypatch):
        def no_link(*_):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
        monkeypatch.setattr(Path, "hardlink_to", no_link)
        with pytest.raises(FileNotFoundError):
            rename_without_overwriting(tmp_path / "absent", tmp_path / "b.jpg")
        assert names(tmp_path) == []


class TestDelete:
    @pytest.fixture
    def result(self, tmp_path):
        return tmp_path / "result.txt"

    def test_a_file(self, result):
        result.touch()
        delete_file(result)
        assert names(result.parent) == []

    def test_a_link_and_not_its_target(self, tmp_path, result):
        result.touch()
        (tmp_path / "link").symlink_to("result.txt")
        delete_file(tmp_path / "link")
        assert names(tmp_path) == ["result.txt"]

    def test_an_absent_file(self, result):
        with pytest.raises(FileOperationError) as caught:
            delete_file(result)
        assert str(caught.value) == f"cannot delete {str(result)!r}: No such file or directory"

    def test_a_folder(self, tmp_path):
        with pytest.raises(FileOperationError, match=r"^cannot delete "):
            delete_file(tmp_path)
        assert tmp_path.is_dir()
