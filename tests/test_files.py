"""Results are complete or not there; files are moved without overwriting any."""

import csv
import errno
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.utils.files import (
    check_output,
    json_lines,
    open_atomically,
    write_csv,
    write_json,
)
from tests.broken_files import IS_ROOT

NOT_UTF8 = os.fsdecode(b"latin-1 \xe9.jpg")
ODD_NAMES = [NOT_UTF8, 'quote".jpg', "com,ma.jpg", "new\nline.jpg", "画像🖼.jpg", " ", "\\", "'"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def result(tmp_path):
    return tmp_path / "result.txt"


class TestOpenAtomically:
    def test_the_content(self, result):
        with open_atomically(result) as file:
            file.write("one\ntwo é\n")
        assert result.read_bytes() == "one\ntwo é\n".encode()
        assert names(result.parent) == ["result.txt"]

    def test_the_name_is_there_only_at_the_end(self, result):
        with open_atomically(str(result)) as file:
            file.write("half")
            file.flush()
            assert not result.exists()
        assert result.read_text() == "half"

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
    def test_the_content_and_then_the_name_are_on_the_disk(self, result, monkeypatch):
        synced = []

        def record(descriptor):
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            synced.append((path.is_dir(), path.stat().st_size > 0, result.exists()))

        monkeypatch.setattr(os, "fsync", record)
        with open_atomically(result) as file:
            file.write("new")
        assert synced == [(False, True, False), (True, True, True)]

    def test_a_disk_that_fails_at_last_leaves_the_old_file(self, result, monkeypatch):
        def fail(_):
            raise OSError(errno.EIO, "Input/output error")

        result.write_text("old")
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(FileOperationError, match="Input/output error"):
            write_json(result, {})
        assert result.read_text() == "old"
        assert names(result.parent) == ["result.txt"]

    @pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES])
    def test_a_folder_that_cannot_be_synced_is_no_error(self, result, monkeypatch, number):
        def refuse_folders(descriptor):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refuse_folders)
        write_json(result, {})
        assert result.read_text() == "{\n}\n"

    def test_what_was_there_is_replaced(self, result):
        result.write_text("a longer text than the new one")
        with open_atomically(result) as file:
            file.write("new")
            assert result.read_text() == "a longer text than the new one"
        assert result.read_text() == "new"

    @pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
    def test_a_failure_leaves_the_old_file_and_nothing_else(self, result, kind):
        result.write_text("old")

        def entries():
            yield "new"
            raise kind

        with pytest.raises(kind), open_atomically(result) as file:
            file.writelines(entries())
        assert result.read_text() == "old"
        assert names(result.parent) == ["result.txt"]

    def test_a_full_disk(self, result):
        result.write_text("old")

        def rows():
            yield ("new",)
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(FileOperationError) as caught:
            write_csv(result, ["name"], rows())
        assert str(caught.value) == f"cannot write {str(result)!r}: No space left on device"
        assert isinstance(caught.value.__cause__, OSError)
        assert result.read_text() == "old"
        assert names(result.parent) == ["result.txt"]

    def test_no_such_folder(self, tmp_path):
        target = tmp_path / "absent" / "result.txt"
        with (
            pytest.raises(FileOperationError, match=r"cannot write .*: No such file or directory$"),
            open_atomically(target),
        ):
            pass

    def test_a_folder_is_in_the_way(self, tmp_path):
        with pytest.raises(FileOperationError, match="Is a directory"), open_atomically(tmp_path):
            pass
        assert names(tmp_path) == []

    @pytest.mark.skipif(IS_ROOT, reason="everything is permitted to root")
    def test_a_folder_without_permission(self, result):
        result.parent.chmod(0o500)
        try:
            with pytest.raises(FileOperationError, match="Permission denied"):
                write_json(result, {})
        finally:
            result.parent.chmod(0o700)

    @posix
    @pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
    def test_permissions_are_those_of_any_new_file(self, result, mask, mode):
        before = os.umask(mask)
        try:
            write_json(result, {})
        finally:
            os.umask(before)
        assert stat.S_IMODE(result.stat().st_mode) == mode

    def test_a_link_stays_a_link(self, tmp_path, result):
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "real.txt").write_text("old")
        result.symlink_to("sub/real.txt")
        with open_atomically(result) as file:
            file.write("new")
        assert result.is_symlink()
        assert (tmp_path / "sub" / "real.txt").read_text() == "new"
        assert names(tmp_path / "sub") == ["real.txt"]

    @pytest.mark.parametrize("letter", ["n", "é", "🖼"])
    def test_the_longest_names(self, tmp_path, letter):
        name = letter * (255 // len(os.fsencode(letter)))
        with open_atomically(tmp_path / name) as file:
            file.write("new")
        assert names(tmp_path) == [name]

    @posix
    def test_a_pipe_is_written_to(self, tmp_path):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        read = []
        reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
        reader.start()
        with open_atomically(pipe) as file:
            file.write("new")
        reader.join(10)
        assert read == ["new"]
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert names(tmp_path) == ["pipe"]

    def test_many_threads_that_write_one_file(self, result):
        def write(number):
            write_json(result, [number] * 1000)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        content = json.loads(result.read_text())
        assert content == [content[0]] * 1000
        assert names(result.parent) == ["result.txt"]


class TestJson:
    def test_one_entry_a_line(self, result):
        write_json(result, {"b.jpg": ["a.jpg"], "a.jpg": []})
        assert result.read_text() == '{\n"b.jpg": ["a.jpg"],\n"a.jpg": []\n}\n'

    def test_a_list(self):
        assert "".join(json_lines(["a", ["b", 1, 0.5]])) == '[\n"a",\n["b", 1, 0.5]\n]\n'

    def test_nothing(self):
        assert json.loads("".join(json_lines({}))) == {}
        assert json.loads("".join(json_lines([]))) == []

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_round_trip(self, result, name):
        mapping = {name: [(name, 1)]}
        write_json(result, mapping)
        assert json.loads(result.read_text(encoding="ascii")) == {name: [[name, 1]]}

    def test_what_json_cannot_hold_leaves_the_old_file(self, result):
        result.write_text("old")
        with pytest.raises(TypeError):
            write_json(result, {"a": 1, "b": {1, 2}})
        assert result.read_text() == "old"
        assert names(result.parent) == ["result.txt"]


class TestCsv:
    def test_the_content(self, result):
        write_csv(result, ["name", "distance"], [("a.jpg", 3), ("b.jpg", 0.5)])
        assert result.read_bytes() == b"name,distance\na.jpg,3\nb.jpg,0.5\n"

    def test_quoting(self, result):
        write_csv(result, ["name"], [("com,ma",), ('quo"te',), ("new\nline",), ("plain name",)])
        assert result.read_bytes() == (b'name\n"com,ma"\n"quo""te"\n"new\nline"\nplain name\n')

    def test_round_trip(self, result):
        write_csv(result, ["name", "other"], [(name, name) for name in ODD_NAMES])
        with result.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            assert list(csv.reader(file)) == [["name", "other"], *([n, n] for n in ODD_NAMES)]

    def test_names_that_are_not_utf8_are_written_as_their_bytes(self, result):
        write_csv(result, ["name"], [(NOT_UTF8,)])
        assert result.read_bytes() == b"name\nlatin-1 \xe9.jpg\n"

    def test_no_rows(self, result):
        write_csv(result, ["from", "to"], [])
        assert result.read_text() == "from,to\n"

    def test_rows_that_fail_leave_no_file(self, result):
        def rows():
            yield ("a",)
            raise RuntimeError

        with pytest.raises(RuntimeError):
            write_csv(result, ["name"], rows())
        assert names(result.parent) == []


class TestCheckOutput:
    def test_a_file_in_a_folder_that_exists(self, result):
        assert check_output(result) == result
        assert check_output(str(result)) == result
        result.touch()
        assert check_output(result) == result
        assert check_output("result.txt") == Path("result.txt")

    def test_a_folder(self, tmp_path):
        with pytest.raises(InvalidValueError) as caught:
            check_output(tmp_path)
        assert str(caught.value) == f"outfile must be a file, {str(tmp_path)!r} is a folder"

    @pytest.mark.parametrize("path", ["absent/result.txt", "n" * 300 + "/x", "a\0b/x"])
    def test_no_such_folder(self, tmp_path, path):
        target = tmp_path / path
        with pytest.raises(InvalidValueError) as caught:
            check_output(target)
        assert str(caught.value) == (
            f"outfile must lie in a folder that exists, got {str(target)!r}"
        )

    def test_below_a_file(self, result):
        result.touch()
        with pytest.raises(InvalidValueError, match="must lie in a folder that exists"):
            check_output(result / "x.json")

    @pytest.mark.parametrize(("wrong", "kind"), [(3, "int"), (b"x", "bytes"), (True, "bool")])
    def test_not_a_path(self, wrong, kind):
        with pytest.raises(InvalidTypeError, match=f"^outfile must be a path, got {kind}$"):
            check_output(wrong)
