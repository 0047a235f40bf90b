"""The trash of freedesktop.org: where files go, what it notes of them, and what it refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote_to_bytes

import pytest

from imagededup.errors import FileOperationError, MissingPackageError
from imagededup.removal import trash, trashing
from imagededup.removal.trashing import _SystemTrash
from tests.test_moving import elsewhere  # noqa: F401 - a fixture
from tests.test_removal import why_no_mounts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The trash of the home folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "Trash"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a picture%ä.png"
    path.write_bytes(b"content")
    return path


def note(place):
    """What the trash notes of a file: its path and when it went."""
    text = (place.parent.parent / "info" / f"{place.name}.trashinfo").read_text()
    head, path, day = text.splitlines()
    assert head == "[Trash Info]"
    return os.fsdecode(unquote_to_bytes(path.removeprefix("Path="))), day


class TestHome:
    def test_a_file_and_its_note(self, home, source):
        place = trash(source, source.name)
        assert place == home / "files" / source.name
        assert place.read_bytes() == b"content"
        assert not source.exists()
        path, day = note(place)
        assert path == str(source)
        assert re.fullmatch(r"DeletionDate=2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d", day)
        assert home.stat().st_mode & 0o777 == 0o700

    def test_names_that_are_taken(self, home, source, tmp_path):
        """By a file, by a note alone, and by many."""
        names = []
        for number in range(14):
            path = tmp_path / str(number) / "x.png"
            path.parent.mkdir()
            path.write_bytes(b"%d" % number)
            names.append(trash(path, "x.png").name)
        assert names[:3] == ["x.png", "x_1.png", "x_2.png"]
        assert len(set(names)) == 14
        assert all(
            (home / "files" / name).read_bytes() == b"%d" % i for i, name in enumerate(names)
        )
        (home / "info" / f"{source.name}.trashinfo").touch()
        assert trash(source, source.name).name == f"{source.stem}_1.png"

    def test_a_long_name(self, home, tmp_path):
        path = tmp_path / ("ä" * 120 + ".png")
        path.write_bytes(b"content")
        place = trash(path, path.name)
        assert place.name == "ä" * 50 + ".png"
        assert note(place)[0] == str(path)

    def test_a_link_goes_as_it_is(self, home, source, tmp_path):
        link = tmp_path / "link.png"
        link.symlink_to("absent.png")
        assert trash(link, "link.png").readlink() == Path("absent.png")

    def test_a_file_that_is_not_there(self, home, tmp_path):
        with pytest.raises(OSError):
            trash(tmp_path / "absent", "absent")

    def test_what_fails_leaves_no_note(self, home, source, monkeypatch):
        def refuse(*_):
            raise FileOperationError("refused")

        monkeypatch.setattr(trashing, "move_to", refuse)
        with pytest.raises(FileOperationError):
            trash(source, source.name)
        assert source.exists()
        assert list((home / "info").iterdir()) == []

    @pytest.mark.parametrize("what", ["a link", "a file"])
    def test_a_trash_that_is_none(self, home, source, tmp_path, what):
        home.parent.mkdir()
        (tmp_path / "other").mkdir()
        if what == "a link":
            home.symlink_to(tmp_path / "other")
        else:
            home.touch()
        with pytest.raises(FileOperationError, match="to the trash: "):
            trash(source, source.name)
        assert source.exists()
        assert list((tmp_path / "other").iterdir()) == []


MOUNTED = """
import os, sys
from pathlib import Path
from imagededup.removal import trash, trashing

os.umask(0o022)
top = Path("mnt")
(top / "photos").mkdir()
file = top / "photos" / "a.png"

def thrown(kind):
    file.write_bytes(b"content")
    if kind == "shared":
        (top / ".Trash").mkdir()
        (top / ".Trash").chmod(0o1777)
    if kind == "without sticky bit":
        (top / ".Trash").chmod(0o777)
    if kind == "read only":
        os.system("mount -o remount,ro mnt")
    try:
        place = trash(file, "a.png")
    except OSError as error:
        return str(error).replace(os.getcwd(), "")
    note = (place.parent.parent / "info" / (place.name + ".trashinfo")).read_text()
    return str(place.relative_to(Path.cwd())) + " " + note.splitlines()[1]

for kind in ("own", "shared", "without sticky bit", "read only"):
    print(thrown(kind))
"""


class TestOtherFileSystems:
    def test_each_has_a_trash_of_its_own(self, tmp_path, home):
        if why_no_mounts():
            pytest.skip(why_no_mounts())
        (tmp_path / "mnt").mkdir()
        script = 'mount -t tmpfs none mnt && exec "$@"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, "-c", MOUNTED],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        user = os.getuid()
        assert done.stdout.splitlines() == [
            f"mnt/.Trash-{user}/files/a.png Path=photos/a.png",
            f"mnt/.Trash/{user}/files/a.png Path=photos/a.png",
            f"mnt/.Trash-{user}/files/a_1.png Path=photos/a.png",
            "cannot move 'mnt/photos/a.png' to the trash: Read-only file system",
        ]
        assert not home.exists()


class TestSystems:
    """macOS and Windows, by send2trash."""

    def test_it_is_asked(self, source, monkeypatch):
        asked = []
        monkeypatch.setitem(sys.modules, "send2trash", SimpleNamespace(send2trash=asked.append))
        assert _SystemTrash()(source, source.name) is None
        assert asked == [source]

    def test_its_errors_are_told(self, source, monkeypatch):
        def refuse(_):
            raise OSError(13, "Permission denied")

        monkeypatch.setitem(sys.modules, "send2trash", SimpleNamespace(send2trash=refuse))
        with pytest.raises(FileOperationError, match="to the trash: Permission denied"):
            _SystemTrash()(source, source.name)

    def test_without_the_package(self, source, monkeypatch):
        monkeypatch.setitem(sys.modules, "send2trash", None)
        with pytest.raises(MissingPackageError, match="pip install Send2Trash"):
            _SystemTrash()(source, source.name)
        assert source.exists()
