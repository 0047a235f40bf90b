"""Undoing a removal: what comes back, what cannot, and that nothing is overwritten on the way."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.removal import (
    carry_out,
    carry_out_marked,
    delete,
    move_into,
    only_check,
    read_marked,
    restore,
    trash,
)
from imagededup.removal.journal_places import default_journal
from imagededup.removal.records import journal_line, line_content
from tests.conftest import photograph
from tests.test_marked import line
from tests.test_moving import elsewhere  # noqa: F401 - a fixture
from tests.test_removal import find, why_no_mounts

NOT_UTF8 = os.fsdecode(b"latin-1 \xe9.png")
posix = pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def picture(folder):
    """Everything below a folder: kind, permissions, time and content by name."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    }


@pytest.fixture
def folder(tmp_path):
    """Files of different bytes, one equal to the first, and links."""
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "sub/c.png")):
        (root / name).write_bytes(b"picture %d" % number)
        os.utime(root / name, ns=(10**18, 10**18 + number))
    (root / "same.png").write_bytes(b"picture 0")
    (root / "same.png").chmod(0o640)
    (root / "sub" / "link.png").symlink_to("../b.png")
    return root


GOING = ("b.png", "same.png", "sub/c.png", "sub/link.png")


@pytest.fixture
def marked(folder, tmp_path):
    """All but the first marked."""
    path = tmp_path / "marked.jsonl"
    path.write_text("".join(line(folder, name, "a.png") for name in GOING))
    return path


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal.jsonl"


def remove(marked, action, journal):
    outcomes = list(carry_out_marked(read_marked([marked]), action, journal))
    assert [outcome.reason for outcome in outcomes] == [None] * len(outcomes)
    return outcomes


def undo(journal, **options):
    """The results by name."""
    return {one.path.name: (one.result.value, one.reason) for one in restore(journal, **options)}


def all_of(result):
    return {Path(name).name: (result, None) for name in GOING}


class TestEverythingComesBack:
    @pytest.mark.parametrize("kind", ["move", "trash"])
    def test_once_and_only_once(self, folder, marked, journal, tmp_path, kind):
        before = picture(folder)
        action = move_into(tmp_path / "away") if kind == "move" else trash
        places = [outcome.place for outcome in remove(marked, action, journal)]
        assert list(picture(folder)) == ["a.png"]
        assert all(os.path.lexists(place) for place in places)
        assert undo(journal, dry_run=True) == all_of("restored")
        assert list(picture(folder)) == ["a.png"]
        assert undo(journal) == all_of("restored")
        assert picture(folder) == before
        assert not any(os.path.lexists(place) for place in places)
        assert undo(journal) == all_of("there")
        assert picture(folder) == before

    def test_from_another_file_system(self, folder, marked, journal, elsewhere):  # noqa: F811
        before = picture(folder)
        remove(marked, move_into(elsewhere), journal)
        assert undo(journal) == all_of("restored")
        assert picture(folder) == before
        assert list(picture(elsewhere)) == []

    def test_into_folders_that_are_gone(self, folder, marked, journal, tmp_path):
        before = picture(folder)
        remove(marked, move_into(tmp_path / "away"), journal)
        (folder / "sub").rmdir()
        assert undo(journal) == all_of("restored")
        assert picture(folder) == before

    def test_the_last_that_went_comes_first(self, folder, marked, journal, tmp_path):
        """So links, which went first, come back when their files are there."""
        remove(marked, move_into(tmp_path / "away"), journal)
        assert [one.path.name for one in restore(journal)][-1] == "link.png"

    def test_places_that_were_taken(self, folder, marked, journal, tmp_path):
        before = picture(folder)
        away = tmp_path / "away"
        away.mkdir()
        (away / "b.png").write_text("mine")
        remove(marked, move_into(away), journal)
        assert (away / "b_1.png").read_bytes() == b"picture 1"
        assert undo(journal) == all_of("restored")
        assert picture(folder) == before
        assert (away / "b.png").read_text() == "mine"

    @posix
    def test_names_of_any_bytes(self, folder, journal, tmp_path):
        names = [NOT_UTF8, "two\nlines.png", "<script>\u2028.png", "n" * 240 + ".png"]
        for name in names:
            try:
                (folder / name).write_bytes(os.fsencode(name))
            except OSError:
                pytest.skip("the file system takes no such name")
        marked = tmp_path / "marked.jsonl"
        marked.write_text("".join(line(folder, name, "a.png") for name in names))
        before = picture(folder)
        for number, action in enumerate((move_into(tmp_path / "away"), trash)):
            remove(marked, action, journal.with_suffix(f".{number}"))
            assert set(picture(folder)) == set(before) - set(names)
            undo(journal.with_suffix(f".{number}"))
            assert picture(folder) == before

    def test_after_a_search(self, photos, journal, tmp_path):
        before = picture(photos)
        found = find(photos)
        for action in (move_into(tmp_path / "away"), trash):
            list(carry_out(found, found.removals(), action, journal))
            assert len(picture(photos)) == len(before) - 3
            assert len(list(restore(journal))) == 3
            assert picture(photos) == before
            journal.unlink()


class TestDeleted:
    def test_what_has_the_bytes_of_what_stayed_comes_back(self, folder, marked, journal):
        before = picture(folder)
        remove(marked, delete, journal)
        gone = "it was deleted, and what stayed for it has other bytes"
        expected = {
            "link.png": ("restored", None),
            "same.png": ("copied", None),
            "b.png": ("failed", gone),
            "c.png": ("failed", gone),
        }
        assert undo(journal, dry_run=True) == expected
        assert list(picture(folder)) == ["a.png"]
        assert undo(journal) == expected
        assert picture(folder) == {
            name: before[name] for name in ("a.png", "same.png", "sub/link.png")
        }
        assert undo(journal)["same.png"] == ("there", None)

    @pytest.mark.parametrize("change", ["changed", "gone"])
    def test_not_where_what_stayed_is_another(self, folder, marked, journal, change):
        remove(marked, delete, journal)
        if change == "gone":
            (folder / "a.png").unlink()
        else:
            (folder / "a.png").write_bytes(b"PICTURE 0")
        result, reason = undo(journal)["same.png"]
        assert result == "failed"
        assert reason == (
            f"it was deleted, and {str(folder / 'a.png')!r}, which had the same bytes, is gone or "
            "was changed"
        )
        assert not (folder / "same.png").exists()

    def test_a_moved_file_that_is_gone_too(self, folder, marked, journal, tmp_path):
        remove(marked, move_into(tmp_path / "away"), journal)
        (tmp_path / "away" / "same.png").unlink()
        assert undo(journal)["same.png"] == ("copied", None)
        assert (folder / "same.png").read_bytes() == b"picture 0"
        assert os.name != "posix" or stat.S_IMODE((folder / "same.png").stat().st_mode) == 0o640


class TestNothingIsOverwritten:
    @pytest.fixture
    def moved(self, marked, journal, tmp_path):
        remove(marked, move_into(tmp_path / "away"), journal)
        return tmp_path / "away"

    @pytest.mark.parametrize("what", ["file", "folder", "broken link"])
    def test_something_else_is_there(self, folder, journal, moved, what):
        path = folder / "b.png"
        if what == "file":
            path.write_bytes(b"new")
        elif what == "folder":
            path.mkdir()
        else:
            path.symlink_to("absent")
        result, reason = undo(journal)["b.png"]
        assert result == "failed"
        assert reason == (
            "something else is there now, and stays; what was removed is at "
            f"{str(moved / 'b.png')!r}"
        )
        assert (moved / "b.png").read_bytes() == b"picture 1"
        assert what != "file" or path.read_bytes() == b"new"

    @pytest.mark.parametrize("size", ["same size", "another size"])
    def test_what_was_moved_has_changed(self, folder, journal, moved, size):
        (moved / "b.png").write_bytes(b"PICTURE 1" if size == "same size" else b"new")
        assert undo(journal)["b.png"] == (
            "failed",
            f"{str(moved / 'b.png')!r} was changed since, and what stayed for it has other bytes",
        )
        assert not (folder / "b.png").exists()

    def test_what_was_moved_is_gone(self, folder, journal, moved):
        (moved / "b.png").unlink()
        assert undo(journal)["b.png"] == (
            "failed",
            f"it is no longer at {str(moved / 'b.png')!r}, and what stayed for it has other bytes",
        )

    @posix
    def test_its_folder_leads_elsewhere_now(self, folder, journal, moved, tmp_path):
        (folder / "sub").rmdir()
        (tmp_path / "other").mkdir()
        (folder / "sub").symlink_to(tmp_path / "other")
        assert undo(journal)["c.png"] == (
            "failed",
            "its folder is a symbolic link now, which leads elsewhere",
        )
        assert list((tmp_path / "other").iterdir()) == []

    def test_what_came_back_by_hand_is_there(self, folder, journal, moved):
        (folder / "b.png").write_bytes((moved / "b.png").read_bytes())
        assert undo(journal)["b.png"] == ("there", None)


def entries(journal):
    return [line_content(text) for text in journal.read_bytes().splitlines(keepends=True)]


class TestJournal:
    def test_what_it_says(self, folder, marked, journal, tmp_path):
        remove(marked, move_into(tmp_path / "away"), journal)
        head, *rows = entries(journal)
        assert (head["format"], head["version"], head["action"]) == (
            "imagededup removal",
            1,
            "move",
        )
        intents = {row["name"]: row for row in rows if "intent" in row}
        assert set(intents) == set(GOING)
        said = intents["b.png"]
        assert said["path"] == str(folder / "b.png")
        assert said["place"] == str(tmp_path / "away" / "b.png")
        assert (said["relation"], said["score"], said["score_name"]) == ("copy", 0.9981, "score")
        assert said["kept"] == str(folder / "a.png")
        assert said["kept_state"][2] == said["state"][2] == len(b"picture 0")
        assert said["kept_digest"] == intents["same.png"]["digest"] != said["digest"]
        assert intents["sub/link.png"]["link"] == "../b.png"
        assert [row["outcome"] for row in rows if "outcome" in row] == ["done"] * 4
        assert stat.S_IMODE(journal.stat().st_mode) == 0o600

    def test_every_intent_is_on_the_disk_before_its_act(
        self, folder, marked, journal, tmp_path, monkeypatch
    ):
        on_disk = []
        fsync = os.fsync

        def record(descriptor):
            fsync(descriptor)
            rows = entries(journal)[1:] if journal.exists() else []
            on_disk[:] = [row["path"] for row in rows if "path" in row]

        class Watched(type(delete)):
            def act(self, path, place):
                assert str(path) in on_disk
                return super().act(path, place)

        monkeypatch.setattr(os, "fsync", record)
        assert len(remove(marked, Watched(), journal)) == 4

    def test_batches_grow(self, tmp_path, journal):
        """A disk that takes its time is waited for 7 times for 100 files, not 100 times."""
        folder = tmp_path / "many"
        folder.mkdir()
        for number in range(101):
            (folder / f"{number:03}.png").write_bytes(b"%d" % number)
        marked = tmp_path / "marked.jsonl"
        marked.write_text("".join(line(folder, f"{n:03}.png", "000.png") for n in range(1, 101)))
        remove(marked, delete, journal)
        kinds = "".join("i" if "intent" in row else "o" for row in entries(journal)[1:])
        assert [len(part) for part in kinds.split("o") if part] == [1, 2, 4, 8, 16, 32, 37]

    def test_what_is_kept_is_said(self, folder, marked, journal):
        outcomes = carry_out_marked(read_marked([marked]), delete, journal)
        assert next(outcomes).removal.name == "sub/link.png"
        for name in ("b.png", "same.png"):  # the second is changed in the middle of its batch
            (folder / name).write_bytes(b"new picture of " + name.encode())
        reasons = [outcome.reason for outcome in outcomes]
        assert reasons == ["it was changed after the scan"] * 2 + [None]
        assert set(undo(journal)) == {"c.png", "link.png"}

    def test_a_dry_run_writes_none(self, marked, journal):
        remove(marked, only_check, journal)
        assert not journal.exists()

    def test_nothing_to_do_writes_none(self, folder, marked, journal):
        for name in GOING:
            (folder / name).unlink()
        assert len(list(carry_out_marked(read_marked([marked]), delete, journal))) == 4
        assert not journal.exists()

    def test_one_that_is_there_is_refused(self, folder, marked, journal):
        journal.write_text("mine")
        with pytest.raises(InvalidValueError, match="journal must be a new file"):
            remove(marked, delete, journal)
        assert journal.read_text() == "mine"
        assert len(picture(folder)) == 5

    def test_actions_of_your_own_have_none(self, marked, journal):
        with pytest.raises(InvalidTypeError, match="journal is kept of delete, move_into"):
            remove(marked, lambda path, name: None, journal)
        with pytest.raises(InvalidTypeError, match="journal must be a path, got int"):
            remove(marked, delete, 5)

    def test_a_place_that_cannot_be_written(self, folder, marked, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(FileOperationError, match=r"cannot write the journal .* without it"):
            remove(marked, delete, tmp_path / "file" / "journal.jsonl")
        assert len(picture(folder)) == 5

    def test_a_file_that_cannot_be_read_stays(self, folder, marked, journal, monkeypatch):
        real_open = os.open

        def refuse(path, *arguments, **options):
            if str(path).endswith("b.png"):
                raise PermissionError(13, "Permission denied")
            return real_open(path, *arguments, **options)

        monkeypatch.setattr(os, "open", refuse)
        reasons = [
            outcome.reason for outcome in carry_out_marked(read_marked([marked]), delete, journal)
        ]
        assert reasons.count(f"cannot read {str(folder / 'b.png')!r}: Permission denied") == 1
        assert (folder / "b.png").exists()


class TestJournalsThatAreNotAsTheyWereWritten:
    @pytest.fixture
    def moved(self, marked, journal, tmp_path):
        remove(marked, move_into(tmp_path / "away"), journal)
        return journal.read_bytes().splitlines(keepends=True)

    def test_cut_off_anywhere(self, folder, journal, moved, tmp_path):
        """What is torn was not begun, or is seen from the files."""
        before = picture(folder)
        whole = b"".join(moved)
        second = len(b"".join(moved[:2]))
        for end in (second, second + 1, second + 100, len(whole) - 1, len(whole) - 30):
            journal.write_bytes(whole[:end])
            results = undo(journal)
            assert {result for result, _ in results.values()} <= {"restored", "there"}
        assert set(picture(folder)) > set(before)
        journal.write_bytes(whole)
        undo(journal)
        assert len(picture(folder)) == 5

    @pytest.mark.parametrize("end", [0, 1, 60])
    def test_cut_off_in_the_first_line(self, journal, moved, end):
        journal.write_bytes(moved[0][:end])
        with pytest.raises(InvalidValueError, match="is not a journal of a removal"):
            undo(journal)

    def test_edited_by_hand(self, folder, journal, moved, tmp_path):
        """A line that does not fit its checksum is not obeyed, the others are."""
        place = next(i for i, text in enumerate(moved) if b'"name": "b.png"' in text)
        moved[place] = moved[place].replace(b"photos/b.png", b"photos/../x.png")
        journal.write_bytes(b"".join(moved))
        results = list(restore(journal))
        assert results[0].path == journal
        assert results[0].reason == (
            f"line {place + 1} is not as it was written, what it says is not done"
        )
        assert sorted(one.result for one in results[1:]) == ["restored"] * 3
        assert sorted(picture(tmp_path / "away")) == ["b.png"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"path": "../../b.png"},
            {"path": "/tmp/x/../../etc/b.png"},
            {"path": "b.png"},
            {"path": 5},
            {"place": "away/b.png"},
            {"place": "/a\0b"},
            {"kept": "//../a.png"},
            {"state": [1, 2, 3]},
            {"state": None},
            {"entry": 10**15},
            {"entry": -1},
            {"entry": float("inf")},
            {"intent": "copy"},
            {"digest": 5},
            {"mode": "x"},
        ],
    )
    def test_forged_with_the_right_checksum(self, folder, journal, moved, changes):
        place = next(i for i, text in enumerate(moved) if b'"name": "b.png"' in text)
        content = line_content(moved[place])
        moved[place] = journal_line(content | changes)
        journal.write_bytes(b"".join(moved))
        results = undo(journal)
        assert results[journal.name][0] == "failed"
        assert sorted(name for name, (result, _) in results.items() if result == "restored") == [
            "c.png",
            "link.png",
            "same.png",
        ]

    def test_another_version(self, journal, moved):
        head = line_content(moved[0])
        journal.write_bytes(journal_line(head | {"version": 2, "by": "imagededup 9.0.0"}))
        with pytest.raises(InvalidValueError) as caught:
            undo(journal)
        assert str(caught.value) == (
            f"{str(journal)!r} must be a journal of version 1, got version 2, which "
            "'imagededup 9.0.0' wrote: take that or a newer one"
        )

    @pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"\xff\xd8\xff", b"[" * 100_000])
    def test_no_journal(self, journal, content):
        journal.write_bytes(content)
        with pytest.raises(InvalidValueError, match="is not a journal of a removal"):
            undo(journal)

    def test_not_there(self, journal):
        with pytest.raises(FileOperationError, match=r"cannot read .*No such file"):
            undo(journal)
        with pytest.raises(InvalidTypeError, match="journal must be a path, got NoneType"):
            undo(None)


def journal_named_in(err):
    """The path that the last line of standard error names."""
    said = err.splitlines()[-1]
    assert said.startswith("To undo")
    return Path(said.partition("imagededup restore ")[2].strip("'"))


class TestCommand:
    def test_move_to_and_restore(self, command, photos, tmp_path):
        before = picture(photos)
        _, _, err = command("remove", photos, "--move-to", tmp_path / "away")
        journal = journal_named_in(err)
        assert journal.parent == tmp_path / "away"
        assert journal.name.startswith(".imagededup-removal-")
        code, out, _ = command("restore", journal, "--dry-run")
        assert (code, out.splitlines()[-1]) == (0, "3 of 3 files would be restored")
        assert len(picture(photos)) == len(before) - 3
        code, out, _ = command("restore", journal)
        assert code == 0
        assert f"restored {photos / 'beach_copy.png'}\n" in out
        assert out.endswith("\n3 of 3 files restored\n")
        assert picture(photos) == before
        code, out, _ = command("restore", journal)
        assert f"already there: {photos / 'beach_copy.png'}\n" in out
        assert (code, out.splitlines()[-1]) == (0, "0 of 3 files restored, 3 already there")

    def test_trash_and_restore(self, command, photos):
        before = picture(photos)
        code, out, err = command("remove", photos, "--trash")
        assert code == 0
        assert out.endswith("3 of 6 images moved to the trash\n")
        assert len(picture(photos)) == len(before) - 3
        journal = journal_named_in(err)
        assert journal.parent == Path(os.environ["XDG_STATE_HOME"]) / "imagededup"
        assert command("restore", journal)[0] == 0
        assert picture(photos) == before

    def test_delete_and_restore(self, command, photos):
        """One of the three has the very bytes of what stays."""
        before = picture(photos)
        _, _, err = command("remove", photos, "--delete", "--yes")
        assert "To undo what can be undone: imagededup restore " in err
        code, out, err = command("restore", journal_named_in(err))
        assert (code, err.count("\n")) == (1, 2)
        copied = f"restored {photos / 'beach_copy.png'} (copied from {photos / 'beach.png'})\n"
        assert copied in out
        assert (
            f"imagededup: not restored: {photos / 'city_blurred.png'}: it was deleted, and" in err
        )
        assert out.endswith("\n1 of 3 files restored\n")
        gone = {"beach_small.jpg", "city_blurred.png"}
        assert picture(photos) == {name: before[name] for name in before.keys() - gone}

    def test_a_list_has_a_journal(self, command, folder, marked, tmp_path):
        before = picture(folder)
        journal = tmp_path / "undo.jsonl"
        options = ("--list", marked, "--journal", journal, "--trash")
        code, _, err = command("remove", *options)
        assert (code, journal_named_in(err)) == (0, journal)
        assert command("restore", journal)[0] == 0
        assert picture(folder) == before

    def test_relations_are_said(self, command, tmp_path, journal):
        for name in ("kept.png", "victim.png"):
            photograph(0).save(tmp_path / name)
        command("remove", tmp_path, "-m", "cnn", "--trash", "--journal", tmp_path / ".j")
        said = entries(tmp_path / ".j")[1]
        assert (said["relation"], said["score"], said["score_name"]) == ("identical", 1.0, "score")

    def test_a_dry_run_and_nothing_to_do_name_none(self, command, photos, tmp_path):
        assert "undo" not in command("remove", photos)[2]
        for name in ("beach_copy.png", "beach_small.jpg", "city_blurred.png"):
            (photos / name).unlink()
        _, _, err = command("remove", photos, "--move-to", tmp_path / "away")
        assert "undo" not in err
        assert not (tmp_path / "away").exists()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--trash", "--delete", "--yes"], "--trash and --delete exclude each other"),
            (["--trash", "--move-to", "x"], "--move-to and --trash exclude each other"),
            (["--trash", "--yes"], "--yes goes with --delete"),
            (["--journal", "x"], "--journal goes with --move-to, --trash or --delete"),
            (["--trash", "--journal", __file__], "--journal must be a new file"),
            (["--trash", "--journal", "photos/x"], "--journal must lie outside 'photos', or have"),
        ],
    )
    def test_wrong_usage(self, command, folder, monkeypatch, options, message):
        monkeypatch.chdir(folder.parent)
        before = picture(folder)
        code, out, err = command("remove", "photos", *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err
        assert picture(folder) == before

    def test_a_journal_that_cannot_be_written_ends_it(self, command, photos, tmp_path):
        (tmp_path / "file").touch()
        before = picture(photos)
        journal = tmp_path / "file" / "undo.jsonl"
        code, out, err = command("remove", photos, "--delete", "--yes", "--journal", journal)
        assert (code, out) == (1, "")
        *_, stopped, reason = err.splitlines()
        assert stopped == "imagededup: stopped: 0 of 6 images deleted"
        assert reason == (
            f"imagededup: cannot write the journal {str(journal)!r}: Not a directory; nothing goes "
            "without it, choose another place"
        )
        assert picture(photos) == before

    def test_not_a_journal(self, command, photos, journal):
        code, _, err = command("restore", photos / "notes.txt")
        assert (code, err) == (
            2,
            f"imagededup: {str(photos / 'notes.txt')!r} is not a journal of a removal\n",
        )
        code, out, err = command("restore", journal)
        assert (code, out, err.count("\n")) == (1, "", 1)

    def test_without_a_home_it_must_be_said_where(self, monkeypatch):
        def no_home():
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", no_home)
        with pytest.raises(FileOperationError, match="there is no home folder for the journal"):
            default_journal()

    @linux
    def test_a_relative_state_folder_counts_for_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_STATE_HOME", "state")
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        assert default_journal().parent == tmp_path / ".local" / "state" / "imagededup"

    def test_several_at_one_moment_have_journals_of_their_own(self, tmp_path):
        one = default_journal(tmp_path)
        one.touch()
        assert default_journal(tmp_path) != one


@linux
class TestFullDisks:
    @pytest.fixture(autouse=True)
    def _can_mount(self):
        if why_no_mounts():
            pytest.skip(why_no_mounts())

    def test_a_full_disk_ends_the_removal(self, folder, tmp_path):
        """The journal has room for some lines only; what it says is true, and can be undone."""
        many = tmp_path / "many"
        many.mkdir()
        for number in range(60):
            (many / f"{number:02}.png").write_bytes(b"%d" % number)
        marked = tmp_path / "marked.jsonl"
        marked.write_text("".join(line(many, f"{n:02}.png", "00.png") for n in range(1, 60)))
        before = picture(many)
        (tmp_path / "mnt").mkdir()
        run = [sys.executable, "-m", "imagededup"]
        script = (
            "mount -t tmpfs -o size=16k none mnt\n"
            '"$@" remove --list marked.jsonl --move-to away --journal mnt/j 2>err\n'
            'echo $? $(ls away | wc -l); "$@" restore mnt/j | tail -1'
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", *run],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        *_, counts, restored = done.stdout.splitlines()
        code, moved = map(int, counts.split())
        assert code == 1
        assert 0 < moved < 59
        assert "No space left on device; nothing goes without it" in (tmp_path / "err").read_text()
        assert f"stopped: {moved} of 59 marked files moved" in (tmp_path / "err").read_text()
        assert restored.startswith(f"{moved} of ")
        assert picture(many) == before

    def test_one_that_can_only_be_read(self, folder, marked, tmp_path):
        before = picture(folder)
        (tmp_path / "mnt").mkdir()
        script = (
            "mount -t tmpfs none mnt && mount -o remount,ro mnt\n"
            '"$@" remove --list marked.jsonl --delete --yes --journal mnt/sub/j'
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, "-m", "imagededup"],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "Read-only file system; nothing goes without it" in done.stderr
        assert picture(folder) == before


def test_the_journal_is_json_lines(folder, marked, journal):
    remove(marked, delete, journal)
    for text in journal.read_text(encoding="utf-8").splitlines():
        assert json.loads(text)["check"]
