"""`remove --list`: what was marked in a page goes, with the checks of every removal."""

import json
import os

import pytest

from imagededup.errors import InvalidValueError
from imagededup.pages.embed import state_text
from imagededup.removal import carry_out_marked, delete, move_into, only_check, read_marked
from imagededup.sources.listing import list_images
from tests.conftest import photograph

NOT_UTF8 = os.fsdecode(b"latin-1 \xe9.png")


@pytest.fixture
def folder(tmp_path):
    """Three files of one picture, and a folder with one more."""
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    for name in ("a", "b", "c", "sub/d"):
        photograph(0).save(root / f"{name}.png")
    return root


def line(root, gone, kept, **changes):
    """A line as a page saves it."""
    listed = list_images(root, recursive=True)
    row = {
        "remove": gone,
        "folder": str(root),
        "state": state_text(listed.state(gone)),
        "keep": kept,
        "keep_folder": str(root),
        "keep_state": state_text(listed.state(kept)),
        "relation": "copy",
        "score": 0.9981,
        "score_name": "score",
    }
    return json.dumps(row | changes) + "\n"


@pytest.fixture
def saved(tmp_path):
    """Write a list."""

    def write(*lines, name="marked.jsonl"):
        path = tmp_path / name
        path.write_text("".join(lines))
        return path

    return write


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


class TestCommand:
    def test_dry_run_by_default(self, command, folder, saved):
        path = saved(line(folder, "b.png", "a.png"), line(folder, "sub/d.png", "a.png", score=None))
        code, out, err = command("remove", "--list", path)
        assert code == 0
        assert out.splitlines() == [
            "would remove b.png (a.png stays, copy, score 0.998)",
            "would remove sub/d.png (a.png stays, copy)",
            "2 of 2 marked files would be removed; nothing was changed",
        ]
        assert "To act, add --move-to DIR, --trash or --delete --yes" in err
        assert names(folder) == ["a.png", "b.png", "c.png", "sub/d.png"]

    def test_delete_and_move_from_several_lists(self, command, folder, saved, tmp_path):
        one = saved(line(folder, "b.png", "a.png"))
        other = saved(line(folder, "sub/d.png", "a.png"), line(folder, "b.png", "c.png"), name="2")
        target = tmp_path / "gone"
        code, out, _ = command("remove", "--list", one, "--list", other, "--move-to", target)
        assert code == 0
        assert out.endswith("2 of 2 marked files moved\n")  # b.png is named twice
        assert names(target) == ["b.png", "sub/d.png"]
        code, out, _ = command(
            "remove", "--list", saved(line(folder, "c.png", "a.png")), "--delete", "--yes"
        )
        assert (code, names(folder)) == (0, ["a.png"])

    def test_what_changed_stays(self, command, folder, saved):
        path = saved(line(folder, "b.png", "a.png"), line(folder, "c.png", "a.png"))
        photograph(5).save(folder / "b.png")
        code, _, err = command("remove", "--list", path, "--delete", "--yes")
        assert code == 1
        assert "imagededup: kept b.png: it was changed after the scan" in err
        assert names(folder) == ["a.png", "b.png", "sub/d.png"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((), "FOLDER or --list is needed"),
            (("photos", "--list", "x"), "FOLDER does not go with --list"),
            (("--list", "x", "--method", "cnn"), "--method does not go with --list"),
            (("--list", "x", "-r"), "--recursive does not go with --list"),
            (("--list", "x", "--delete"), "--delete needs --yes"),
        ],
    )
    def test_options_that_do_not_go_together(self, command, arguments, message):
        code, _, err = command("remove", *arguments)
        assert (code, message in err) == (2, True)

    def test_the_folder_to_move_to_lies_outside(self, command, folder, saved):
        path = saved(line(folder, "b.png", "a.png"))
        code, _, err = command("remove", "--list", path, "--move-to", folder / "sub")
        assert (code, "--move-to must lie outside" in err) == (2, True)

    def test_a_missing_list(self, command, tmp_path):
        code, _, err = command("remove", "--list", tmp_path / "none.jsonl")
        assert (code, "cannot read" in err) == (1, True)


class TestLastCopy:
    def test_what_should_stay_is_marked_as_well(self, folder, saved):
        """Each of two for the other, and a chain whose middle goes."""
        path = saved(line(folder, "a.png", "b.png"), line(folder, "b.png", "a.png"))
        reasons = [outcome.reason for outcome in carry_out_marked(read_marked([path]), delete)]
        assert all("is marked as well" in reason for reason in reasons)
        chain = saved(line(folder, "a.png", "b.png"), line(folder, "b.png", "c.png"))
        kept = [outcome.reason for outcome in carry_out_marked(read_marked([chain]), delete)]
        assert [reason is None for reason in kept] == [False, True]
        assert names(folder) == ["a.png", "c.png", "sub/d.png"]

    def test_by_another_way_to_the_folder(self, folder, saved, tmp_path):
        (tmp_path / "way").symlink_to(folder)
        lines = line(folder, "a.png", "b.png"), line(tmp_path / "way", "b.png", "a.png")
        outcomes = list(carry_out_marked(read_marked([saved(*lines)]), delete))
        assert [outcome.reason is None for outcome in outcomes] == [False, False]
        assert len(names(folder)) == 4

    def test_a_file_and_itself(self, folder, saved):
        (outcome,) = carry_out_marked(read_marked([saved(line(folder, "a.png", "a.png"))]), delete)
        assert "is marked as well" in outcome.reason
        (folder / "e.png").symlink_to("a.png")
        path = saved(line(folder, "a.png", "e.png"))
        (outcome,) = carry_out_marked(read_marked([path]), delete)
        assert "it is the same file as its duplicate" in outcome.reason

    def test_links_go_before_their_files(self, folder, saved):
        (folder / "e.png").symlink_to("b.png")
        lines = line(folder, "b.png", "a.png"), line(folder, "e.png", "a.png")
        outcomes = list(carry_out_marked(read_marked([saved(*lines)]), delete))
        assert [outcome.removal.name for outcome in outcomes] == ["e.png", "b.png"]
        assert names(folder) == ["a.png", "c.png", "sub/d.png"]


class TestNames:
    @pytest.mark.skipif(os.name != "posix", reason="Windows refuses these names")
    @pytest.mark.parametrize("name", [NOT_UTF8, "two\nlines.png", "<script>.png"])
    def test_names_of_any_bytes(self, folder, saved, name):
        photograph(0).save(folder / "n.png")
        (folder / "n.png").rename(folder / name)
        marked = read_marked([saved(line(folder, name, "a.png"))])
        (outcome,) = carry_out_marked(marked, delete)
        assert outcome.reason is None
        assert not (folder / name).exists()

    def test_absolute_names_are_moved_into_the_folder(self, folder, saved, tmp_path):
        name = str(folder / "b.png")
        path = saved(line(folder, "b.png", "a.png", remove=name))
        (outcome,) = carry_out_marked(read_marked([path]), move_into(tmp_path / "gone"))
        assert outcome.reason is None
        assert outcome.place == tmp_path / "gone" / name.lstrip("/")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"remove": "../b.png"}, "without '..'"),
            ({"remove": ""}, "must have a text 'remove'"),
            ({"keep": 5}, "must have a text 'keep'"),
            ({"keep_state": None}, "must have a text 'keep_state'"),
            ({"state": "1:2:3"}, "states of four numbers"),
            ({"state": "1:2:3:" + "9" * 5000}, "states of four numbers"),
            ({"folder": "photos"}, "absolute folders"),
            ({"keep": "a\0b"}, "must have a text 'keep'"),
        ],
    )
    def test_wrong_lines(self, folder, saved, changes, message):
        path = saved("\n", line(folder, "b.png", "a.png", **changes))
        with pytest.raises(InvalidValueError, match="line 2 of") as caught:
            read_marked([path])
        assert message in str(caught.value)

    @pytest.mark.parametrize("text", ["", "\n", "a.jpg\n", "[]\n", "[" * 100_000])
    def test_files_that_are_no_lists(self, saved, text):
        with pytest.raises(InvalidValueError):
            read_marked([saved(text)])

    def test_bytes_that_are_no_text(self, tmp_path):
        (tmp_path / "image.jpg").write_bytes(b"\xff\xd8\xff")
        with pytest.raises(InvalidValueError, match="must be UTF-8 text"):
            read_marked([tmp_path / "image.jpg"])

    def test_nothing_happens_before_it_is_asked_for(self, folder, saved):
        outcomes = carry_out_marked(
            read_marked([saved(line(folder, "b.png", "a.png"))]), only_check
        )
        assert next(outcomes).reason is None
        assert len(names(folder)) == 4
