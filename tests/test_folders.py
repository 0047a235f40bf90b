"""The files of a folder: which are listed, in what order, and what is reported instead."""

import os
from pathlib import Path

import numpy as np
import pytest

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.sources.file_states import FileState, FileStates
from imagededup.sources.folders import Failure
from imagededup.sources.listing import list_images
from tests.broken_files import IS_ROOT, make_special_files


@pytest.fixture
def make(tmp_path):
    """A function that makes files by name, with the folders that they lie in."""

    def make_files(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"content")
        return tmp_path

    return make_files


class TestNames:
    def test_are_sorted(self, make):
        root = make("b.jpg", "a10.jpg", "a9.jpg", "B.jpg", "é.jpg", "a b.jpg")
        expected = ["B.jpg", "a b.jpg", "a10.jpg", "a9.jpg", "b.jpg", "é.jpg"]
        assert list_images(root).names == expected

    def test_are_sorted_as_names_not_folder_by_folder(self, make):
        root = make("a/z.jpg", "a.jpg", "a/b/c.jpg", "a-b.jpg", "b.jpg")
        expected = ["a-b.jpg", "a.jpg", "a/b/c.jpg", "a/z.jpg", "b.jpg"]
        assert list_images(root, recursive=True).names == expected

    def test_are_relative_with_forward_slashes(self, make):
        root = make("one/two/three.jpg")
        assert list_images(root, recursive=True).names == ["one/two/three.jpg"]

    def test_without_recursion_end_at_the_folder(self, make):
        assert list_images(make("a.jpg", "sub/b.jpg")).names == ["a.jpg"]

    def test_of_all_files_whatever_their_ending(self, make):
        root = make("a", "b.txt", "c.JPG", "d.jpg.bak")
        assert list_images(root).names == ["a", "b.txt", "c.JPG", "d.jpg.bak"]

    def test_that_begin_with_a_dot_are_passed_over(self, make):
        root = make("a.jpg", ".hidden.jpg", "._a.jpg", ".thumbnails/b.jpg", "sub/.c.jpg", "sub/d")
        assert list_images(root, recursive=True).names == ["a.jpg", "sub/d"]

    def test_the_folder_itself_may_begin_with_a_dot(self, make):
        assert list_images(make(".hidden/a.jpg") / ".hidden").names == ["a.jpg"]

    def test_odd_characters(self, make):
        names = sorted(["new\nline", "quote\"'", "com,ma", " ", "画像", "back\\slash", "%s{}"])
        root = make(*names)
        assert list_images(root).names == names

    def test_not_valid_utf8(self, make):
        name = os.fsdecode(b"latin-1 \xe9.jpg")
        try:
            root = make(name)
        except OSError:
            pytest.skip("the file system takes no such name")
        folder = list_images(root)
        assert folder.names == [name]
        assert folder.path(name).read_bytes() == b"content"

    def test_lead_to_the_files(self, make):
        folder = list_images(make("sub/a.jpg"), recursive=True)
        assert folder.path("sub/a.jpg") == folder.root / "sub" / "a.jpg"

    @pytest.mark.parametrize("as_type", [str, Path])
    def test_the_folder_is_a_string_or_a_path(self, make, as_type):
        root = make("a.jpg")
        folder = list_images(as_type(root))
        assert (folder.root, folder.names, folder.failures) == (root, ["a.jpg"], [])

    def test_a_relative_folder(self, make, monkeypatch):
        monkeypatch.chdir(make("sub/a.jpg"))
        assert list_images("sub").names == ["a.jpg"]
        assert list_images(".", recursive=True).names == ["sub/a.jpg"]


class TestLinks:
    def test_to_files_are_listed(self, make):
        root = make("a.jpg")
        (root / "link.jpg").symlink_to("a.jpg")
        assert list_images(root).names == ["a.jpg", "link.jpg"]

    def test_that_lead_nowhere_are_listed_to_be_reported(self, make):
        root = make("a.jpg")
        (root / "broken.jpg").symlink_to("absent.jpg")
        (root / "loop.jpg").symlink_to("loop.jpg")
        assert list_images(root, recursive=True).names == ["a.jpg", "broken.jpg", "loop.jpg"]

    def test_to_folders_are_followed(self, make):
        root = make("images/a.jpg", "elsewhere/b.jpg")
        (root / "images" / "link").symlink_to("../elsewhere")
        assert list_images(root / "images", recursive=True).names == ["a.jpg", "link/b.jpg"]
        assert list_images(root / "images").names == ["a.jpg"]

    def test_two_to_one_folder_are_followed_once(self, make):
        root = make("images/a.jpg", "elsewhere/b.jpg")
        (root / "images" / "second").symlink_to("../elsewhere")
        (root / "images" / "first").symlink_to("../elsewhere")
        assert list_images(root / "images", recursive=True).names == ["a.jpg", "first/b.jpg"]

    @pytest.mark.parametrize("link", ["aaa", "zzz"])
    def test_the_real_folder_wins_over_a_link_to_it(self, make, link):
        root = make("deep/er/real/a.jpg")
        (root / link).symlink_to("deep/er/real")
        assert list_images(root, recursive=True).names == ["deep/er/real/a.jpg"]

    @pytest.mark.parametrize("target", [".", "..", "sub", "../sub"])
    def test_loops_end(self, make, target):
        root = make("a.jpg", "sub/b.jpg")
        (root / "sub" / "loop").symlink_to(target)
        folder = list_images(root, recursive=True)
        assert [name for name in folder.names if name != "sub/loop"] == ["a.jpg", "sub/b.jpg"]

    def test_the_folder_itself_may_be_a_link(self, make):
        root = make("real/a.jpg", "real/sub/b.jpg")
        (root / "link").symlink_to("real")
        folder = list_images(root / "link", recursive=True)
        assert folder.root == root / "link"
        assert folder.names == ["a.jpg", "sub/b.jpg"]

    def test_a_folder_that_is_named_like_an_image_is_no_file(self, make):
        root = make("a.jpg", "folder.jpg/b.jpg")
        assert list_images(root).names == ["a.jpg"]
        assert list_images(root, recursive=True).names == ["a.jpg", "folder.jpg/b.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs the files of POSIX")
@pytest.mark.parametrize("recursive", [False, True])
def test_pipes_sockets_and_devices_are_not_listed(make, recursive):
    root = make("a.jpg")
    make_special_files(root)
    folder = list_images(root, recursive)
    assert folder.names == ["a.jpg"]
    assert folder.failures == []


class TestFailures:
    @pytest.fixture
    def forbid(self, monkeypatch):
        """A function that makes the folders of some names unreadable."""

        def forbid_folders(*names):
            scandir = os.scandir

            def scandir_or_fail(path):
                if Path(path).name in names:
                    raise PermissionError(13, "Permission denied")
                return scandir(path)

            monkeypatch.setattr(os, "scandir", scandir_or_fail)

        return forbid_folders

    def test_an_unreadable_folder_is_recorded(self, make, forbid):
        root = make("a.jpg", "sub/forbidden/b.jpg", "sub/c.jpg")
        forbid("forbidden")
        folder = list_images(root, recursive=True)
        assert folder.names == ["a.jpg", "sub/c.jpg"]
        assert folder.failures == [
            Failure("sub/forbidden", "folder cannot be read: Permission denied")
        ]

    def test_unreadable_folders_alone_are_no_error(self, make, forbid):
        root = make("forbidden/b.jpg")
        forbid("forbidden")
        folder = list_images(root, recursive=True)
        assert folder.names == []
        assert [failure.name for failure in folder.failures] == ["forbidden"]

    def test_an_unreadable_folder_is_not_looked_at_without_recursion(self, make, forbid):
        root = make("a.jpg", "forbidden/b.jpg")
        forbid("forbidden")
        assert list_images(root).failures == []

    @pytest.mark.skipif(IS_ROOT, reason="everything is permitted to root")
    def test_by_permissions(self, make):
        root = make("a.jpg", "forbidden/b.jpg")
        (root / "forbidden").chmod(0)
        try:
            folder = list_images(root, recursive=True)
        finally:
            (root / "forbidden").chmod(0o700)
        assert folder.names == ["a.jpg"]
        assert folder.failures == [Failure("forbidden", "folder cannot be read: Permission denied")]


class TestWithout:
    def test_the_files_that_are_not_in_the_other_folder(self, make):
        root = make("a.jpg", "new/b.jpg", "new/c.jpg")
        left = list_images(root, recursive=True).without(list_images(root / "new"))
        assert left.root == root
        assert left.names == ["a.jpg"]

    def test_equal_names_of_other_files_stay(self, make):
        root = make("one/a.jpg", "two/a.jpg")
        assert list_images(root / "one").without(list_images(root / "two")).names == ["a.jpg"]

    def test_files_are_the_same_by_whatever_link(self, make):
        root = make("real/a.jpg", "real/b.jpg", "other/c.jpg")
        (root / "linked").symlink_to("real")
        (root / "other" / "link_to_a.jpg").symlink_to("../real/a.jpg")
        assert list_images(root / "other").without(list_images(root / "linked")).names == ["c.jpg"]
        assert list_images(root / "linked").without(list_images(root / "other")).names == ["b.jpg"]

    def test_hard_links_are_the_same_file(self, make):
        root = make("one/a.jpg", "one/b.jpg", "two/c.jpg")
        os.link(root / "one" / "a.jpg", root / "two" / "d.jpg")
        assert list_images(root / "two").without(list_images(root / "one")).names == ["c.jpg"]
        assert list_images(root / "one").without(list_images(root / "two")).names == ["b.jpg"]

    def test_links_that_lead_nowhere_are_not_the_same_file(self, make):
        root = make("one/a.jpg", "two/a.jpg")
        (root / "one" / "z.jpg").symlink_to("absent")
        (root / "two" / "z.jpg").symlink_to("absent")
        left = list_images(root / "one").without(list_images(root / "two"))
        assert left.names == ["a.jpg", "z.jpg"]

    def test_what_is_left_keeps_its_states(self, make):
        root = make("one/a.jpg", "one/b.jpg", "one/c.jpg", "two/x.jpg")
        (root / "one" / "d.jpg").symlink_to("c.jpg")
        (root / "two" / "y.jpg").symlink_to("../one/a.jpg")
        (root / "one" / "aa.jpg").symlink_to("../two/x.jpg")
        folder = list_images(root / "one")
        left = folder.without(list_images(root / "two"))
        assert left.names == ["b.jpg", "c.jpg", "d.jpg"]
        assert [left.state(name) for name in left.names] == [
            folder.state(name) for name in left.names
        ]

    def test_failures_stay(self, make):
        folder = list_images(make("one/a.jpg", "two/a.jpg") / "one")
        folder.failures.append(Failure("sub", "reason"))
        left = folder.without(list_images(folder.root.parent / "two"))
        assert left.failures == [Failure("sub", "reason")]

    def test_nothing_left(self, make):
        root = make("sub/a.jpg")
        with pytest.raises(InvalidValueError) as caught:
            list_images(root / "sub").without(list_images(root, recursive=True))
        assert str(caught.value) == f"all files of {root / 'sub'} are also among those of {root}"


class TestStates:
    """What tells later whether a file is still the one that was listed."""

    def test_of_a_file(self, make):
        root = make("sub/a.jpg", "b.jpg")
        os.utime(root / "b.jpg", ns=(0, 1_700_000_000_123_456_789))
        status = (root / "b.jpg").stat()
        expected = FileState(status.st_dev, status.st_ino, 7, 1_700_000_000_123_456_789)
        folder = list_images(root, recursive=True)
        assert folder.state("b.jpg") == (expected, expected)
        assert folder.state("sub/a.jpg")[0].inode == (root / "sub" / "a.jpg").stat().st_ino

    def test_of_links_and_what_they_lead_to(self, make):
        root = make("a.jpg", "c.jpg")
        (root / "b.jpg").symlink_to("c.jpg")
        (root / "d.jpg").symlink_to("absent")
        folder = list_images(root)
        own, file = folder.state("b.jpg")
        assert own == FileState.of((root / "b.jpg").lstat())
        assert file == folder.state("c.jpg")[1] == FileState.of((root / "c.jpg").stat())
        own, file = folder.state("d.jpg")
        assert own == FileState.of((root / "d.jpg").lstat())
        assert file == (0, 0, 0, 0)

    def test_times_before_1970(self, make):
        root = make("a.jpg")
        os.utime(root / "a.jpg", ns=(0, -1_500_000_000))
        own, _ = list_images(root).state("a.jpg")
        assert own.modified == 2**64 + (root / "a.jpg").stat().st_mtime_ns
        assert own == FileState.of((root / "a.jpg").lstat())

    def test_of_a_file_that_was_not_listed(self, make):
        folder = list_images(make("a.jpg"))
        with pytest.raises(InvalidValueError, match=r"^'b.jpg' is not among the files listed in "):
            folder.state("b.jpg")

    def test_take_32_bytes_a_file(self, make):
        states = list_images(make(*(f"{number:03}" for number in range(100)))).states
        assert (states.files.nbytes, states.links.nbytes, states.link_states.nbytes) == (3200, 0, 0)

    def test_of_devices_that_share_inode_numbers(self):
        def states(*rows):
            nothing = np.zeros(0, np.int64)
            row = [(name, np.uint64) for name in ("device", "inode", "size", "modified")]
            return FileStates(np.array(list(rows), row), nothing, np.zeros(0, row))

        ours = states((1, 7, 0, 0), (2, 7, 0, 0), (2, 8, 5, 5), (3, 9, 0, 0), (0, 0, 0, 0))
        theirs = states((2, 8, 0, 0), (1, 7, 9, 9), (3, 7, 0, 0), (0, 0, 0, 0))
        assert ours.among(theirs).tolist() == [True, False, True, False, False]


class TestErrors:
    def message(self, error, *arguments, **options):
        with pytest.raises(error) as caught:
            list_images(*arguments, **options)
        return str(caught.value)

    def test_absent(self, tmp_path):
        absent = tmp_path / "absent"
        expected = f"image_dir must be a folder, {str(absent)!r} does not exist"
        assert self.message(InvalidValueError, absent) == expected
        assert self.message(InvalidValueError, str(absent)) == expected

    def test_a_file(self, make):
        file = make("a.dat") / "a.dat"
        file.write_bytes(b"a\0b")
        assert self.message(InvalidValueError, file) == (
            "image_dir must be a folder, an image, an archive, a video, a URL or a text file with "
            f"paths, {str(file)!r} is none of them"
        )

    def test_below_a_file(self, make):
        path = make("a.jpg") / "a.jpg" / "sub"
        assert self.message(InvalidValueError, path) == (
            f"image_dir must be a folder, {str(path)!r} cannot be reached: Not a directory"
        )

    def test_a_link_loop(self, tmp_path):
        (tmp_path / "loop").symlink_to("loop")
        assert "cannot be reached: Too many levels" in (
            self.message(InvalidValueError, tmp_path / "loop")
        )

    @pytest.mark.parametrize("impossible", ["n" * 300, "a\0b"])
    def test_an_impossible_name(self, impossible):
        message = self.message(InvalidValueError, impossible)
        assert message.startswith("image_dir must be a folder, ")

    @pytest.mark.parametrize(
        ("wrong", "kind"), [(None, "NoneType"), (3, "int"), (b"photos", "bytes")]
    )
    def test_not_a_path(self, wrong, kind):
        expected = f"image_dir must be a path or several, got {kind}"
        assert self.message(InvalidTypeError, wrong) == expected
        assert self.message(InvalidTypeError, ["a", 3]) == "image_dir must be a path, got int"

    def test_no_file(self, make):
        root = make("sub/a.jpg", ".hidden.jpg")
        advice = "; its subfolders are searched with recursive=True"
        expected = f"image_dir must hold at least one file, found none in {root}"
        assert self.message(InvalidValueError, root) == expected + advice
        (root / "sub" / "a.jpg").unlink()
        assert self.message(InvalidValueError, root, recursive=True) == expected

    def test_the_name_of_the_argument(self, tmp_path):
        message = self.message(InvalidValueError, tmp_path / "absent", name="against")
        assert message.startswith("against must be a folder, ")
        assert self.message(InvalidTypeError, 1, name="against").startswith("against must be a ")

    def test_no_permission(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "access", lambda *_: False)
        assert self.message(InvalidValueError, tmp_path) == (
            f"image_dir must be readable, permission denied for {str(tmp_path)!r}"
        )

    @pytest.mark.skipif(IS_ROOT, reason="everything is permitted to root")
    def test_below_a_folder_without_permission(self, make):
        root = make("forbidden/sub/a.jpg")
        (root / "forbidden").chmod(0)
        try:
            message = self.message(InvalidValueError, root / "forbidden" / "sub")
        finally:
            (root / "forbidden").chmod(0o700)
        assert message.endswith("cannot be reached: Permission denied")
