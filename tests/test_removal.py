"""Acting on duplicates: what goes, what stays, and what is never lost."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagededup.commands import removal_report
from imagededup.commands import remove as remove_command
from imagededup.errors import InvalidValueError
from imagededup.methods import CNN, PHash
from imagededup.models import CustomModel
from imagededup.removal import carry_out, delete, move_into, only_check
from imagededup.utils.keep import Keep
from tests.conftest import photograph

NOT_UTF8 = os.fsdecode(b"latin-1 \xe9.png")
posix = pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX")


@pytest.fixture
def pair(tmp_path):
    """A folder with two equal pictures, of which the second would go."""
    folder = tmp_path / "pair"
    folder.mkdir()
    for name in ("kept.png", "victim.png"):
        photograph(0).save(folder / name)
    return folder


def files(folder):
    """The names in a folder, of which a journal is no part."""
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if not name.startswith(".imagededup-removal-"))


def find(folder, **options):
    return PHash(verbose=False).search(folder, **options)


def process(*arguments, **options):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "imagededup", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **options,
    )


class TestCommand:
    def test_dry_run_changes_nothing(self, command, photos):
        before = files(photos)
        code, out, err = command("remove", photos)
        assert code == 0
        assert "would remove beach_copy.png (duplicate of beach.png, distance 0)\n" in out
        assert out.endswith("3 of 6 images would be removed; nothing was changed\n")
        assert "--move-to DIR, --trash or --delete --yes" in err
        assert files(photos) == before

    def test_delete(self, command, photos):
        code, out, _ = command("remove", photos, "--delete", "--yes")
        assert code == 0
        assert "deleted city_blurred.png (duplicate of city.png, distance" in out
        assert out.endswith("3 of 6 images deleted\n")
        assert files(photos) == ["beach.png", "city.png", "forest.png", "notes.txt"]

    def test_move_keeps_folders_and_overwrites_nothing(self, command, photos, tmp_path):
        (photos / "deep").mkdir()
        photograph(2).save(photos / "deep" / "wood.png")
        photograph(2).save(photos / "deep" / "forest.png")
        target = tmp_path / "duplicates"
        (target / "deep").mkdir(parents=True)
        (target / "beach_copy.png").write_text("mine")
        code, out, _ = command(
            "remove", photos, "-r", "--keep", "first", "--move-to", target, "-t", 0
        )
        assert code == 0
        assert f"moved beach_copy.png to {target / 'beach_copy_1.png'}" in out
        assert (target / "beach_copy.png").read_text() == "mine"
        with Image.open(target / "beach_copy_1.png") as moved:
            assert moved.size == (320, 240)
        assert (target / "deep" / "wood.png").exists()
        assert (photos / "deep" / "forest.png").exists()
        assert not (photos / "forest.png").exists()

    def test_every_group_keeps_an_image(self, command, photos):
        command("remove", photos, "--delete", "--yes", "--keep", "largest_file")
        assert PHash().find_duplicates_to_remove(photos) == []
        assert len(files(photos)) == 4

    def test_against_never_touches_the_other_folder(self, command, photos, tmp_path):
        new = tmp_path / "new"
        new.mkdir()
        photograph(0).save(new / "again.png")
        photograph(5).save(new / "other.png")
        before = files(photos)
        code, _, _ = command("remove", new, "--against", photos, "--delete", "--yes")
        assert code == 0
        assert files(new) == ["other.png"]
        assert files(photos) == before

    def test_a_file_that_cannot_be_removed_is_reported(self, command, photos, monkeypatch):
        def refuse(self):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(Path, "unlink", refuse)
        code, out, err = command("remove", photos, "--delete", "--yes")
        assert code == 1
        assert err.count("cannot delete") == 3
        assert out.endswith("0 of 6 images deleted\n")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--delete"], "--delete needs --yes"),
            (["--yes"], "--yes goes with --delete"),
            (["--delete", "--yes", "--move-to", "x"], "--move-to and --delete exclude each other"),
            (["--move-to", __file__], "is a file"),
            (["--keep", "best"], "Invalid value for '--keep'"),
        ],
    )
    def test_wrong_usage(self, command, photos, options, message):
        before = files(photos)
        code, out, err = command("remove", photos, *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err
        assert files(photos) == before

    def test_duplicates_may_not_be_moved_into_the_folder_itself(self, command, photos, tmp_path):
        (tmp_path / "link").symlink_to(photos)
        for options in (
            ["--move-to", photos],
            ["--move-to", tmp_path / "link"],
            ["-r", "--move-to", photos / "duplicates"],
            ["-r", "--move-to", tmp_path / "link" / "duplicates"],
        ):
            code, _, err = command("remove", photos, *options)
            assert code == 2
            assert "--move-to must lie outside" in err
        assert command("remove", photos, "--move-to", photos / "duplicates")[0] == 0
        assert len(files(photos / "duplicates")) == 3

    def test_names_stay_on_one_line(self, command, tmp_path):
        folder = tmp_path / "new\nline"
        folder.mkdir()
        names = ["a\nb.png", "a\x1b[2J.png", NOT_UTF8]
        for name in names:
            try:
                photograph(0).save(folder / name)
            except OSError:
                pytest.skip("the file system takes no such name")
        code, out, _ = command("remove", folder, "--move-to", tmp_path / "to\nhere")
        assert code == 0
        assert out.count("\n") == 3
        assert r"to\nhere/a\x1b[2J.png (duplicate of a\nb.png, distance 0)" in out
        assert r"to\nhere/latin-1 \udce9.png (duplicate" in out
        assert "\x1b" not in out
        assert files(tmp_path / "to\nhere") == sorted(names[1:])

    def test_reasons_stay_on_one_line(self, command, tmp_path):
        for name in ("a\nb.png", "c\nd.png"):
            photograph(0).save(tmp_path / name)
        (tmp_path / "to").mkdir()
        (tmp_path / "to" / "x").touch()
        options = ("--move-to", tmp_path / "to" / "x" / "y", "--journal", tmp_path / ".journal")
        code, _, err = command("remove", tmp_path, *options)
        assert (code, err.count("\n")) == (1, 1)
        assert r"kept c\nd.png: cannot move" in err


class TestOptions:
    """Each changes what the command does."""

    @pytest.fixture
    def four(self, tmp_path):
        """One picture in four files, each the best by one rule."""
        folder = tmp_path / "four"
        folder.mkdir()
        photograph(0, (320, 240)).save(folder / "a.png")
        photograph(0, (160, 120)).save(folder / "b.bmp")
        (folder / "b.bmp").write_bytes((folder / "b.bmp").read_bytes() + bytes(10**6))
        photograph(0, (640, 480)).save(folder / "c.jpg", quality=20)
        photograph(0, (320, 240)).save(folder / "d.png")
        for name, age in (("a.png", 1), ("b.bmp", 2), ("c.jpg", 3), ("d.png", 4)):
            os.utime(folder / name, (10**9 - age, 10**9 - age))
        return folder

    @pytest.mark.parametrize(
        ("rule", "kept"),
        [
            ("first", "a.png"),
            ("largest_file", "b.bmp"),
            ("largest_resolution", "c.jpg"),
            ("oldest", "d.png"),
        ],
    )
    def test_keep(self, command, four, rule, kept):
        assert command("remove", four, "--keep", rule, "--delete", "--yes")[0] == 0
        assert files(four) == [kept]

    @pytest.mark.parametrize("option", ["--recursive", "-r"])
    def test_recursive(self, command, pair, option):
        (pair / "victim.png").unlink()
        (pair / "deep").mkdir()
        photograph(0).save(pair / "deep" / "copy.png")
        command("remove", pair, "--delete", "--yes")
        assert (pair / "kept.png").exists()
        command("remove", pair, option, "--delete", "--yes")
        assert not (pair / "kept.png").exists()
        assert files(pair / "deep") == ["copy.png"]

    def test_threshold(self, command, photos):
        photograph(0).rotate(3).save(photos / "turned.png")
        distance = PHash.hamming_distance(
            PHash().encode_image(photos / "beach.png"), PHash().encode_image(photos / "turned.png")
        )
        assert 0 < distance < 64
        command("remove", photos, "--threshold", distance - 1, "--delete", "--yes")
        assert (photos / "turned.png").exists()
        command("remove", photos, "-t", distance, "--delete", "--yes")
        assert not (photos / "turned.png").exists()

    @pytest.mark.parametrize(
        ("method", "reason"),
        [
            ("phash", "duplicate of kept.png, distance 0"),
            ("dhash", "duplicate of kept.png, distance 0"),
            ("cnn", "identical to kept.png, score 1.000"),
        ],
    )
    def test_method(self, command, pair, method, reason):
        _, out, _ = command("remove", pair, "--method", method)
        assert f"would remove victim.png ({reason})\n" in out

    def test_methods_differ(self, command, pair):
        photograph(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(pair / "mirrored.png")
        assert "mirrored" not in command("remove", pair)[1]
        assert "mirrored" in command("remove", pair, "-m", "cnn", "-t", 0.7, "--no-verify")[1]

    def test_full_decode(self, command, tmp_path):
        """Photographs above 1536 pixels, whose hashes at reduced size and in full differ."""
        generator = np.random.default_rng(0)
        noise = generator.integers(0, 256, (1600, 1600, 3), dtype=np.uint8)
        image = Image.fromarray(noise)
        image.save(tmp_path / "a.jpg", quality=30)
        image.save(tmp_path / "b.png", compress_level=0)
        found = [
            PHash(full_decode=full).search(tmp_path, max_distance_threshold=64).removals()[0].score
            for full in (False, True)
        ]
        assert found[0] != found[1]
        for options, score in (([], found[0]), (["--full-decode"], found[1])):
            out = command("remove", tmp_path, "-t", 64, *options)[1]
            assert f"(duplicate of a.jpg, distance {score:g})" in out

    def test_against(self, command, pair, tmp_path):
        other = tmp_path / "other"
        other.mkdir()
        photograph(0).save(other / "archived.png")
        _, out, _ = command("remove", pair, "--against", other, "--delete", "--yes")
        assert out.count("(duplicate of archived.png, distance 0)") == 2
        assert (files(pair), files(other)) == ([], ["archived.png"])

    def test_move_to(self, command, pair, tmp_path):
        _, out, _ = command("remove", pair, "--move-to", tmp_path / "away")
        assert out == (
            f"moved victim.png to {tmp_path / 'away' / 'victim.png'} "
            "(duplicate of kept.png, distance 0)\n1 of 2 images moved\n"
        )
        assert (files(pair), files(tmp_path / "away")) == (["kept.png"], ["victim.png"])

    def test_delete_and_yes(self, command, pair):
        for options in (["--delete"], ["--yes"], []):
            command("remove", pair, *options)
            assert files(pair) == ["kept.png", "victim.png"]
        command("remove", pair, "--delete", "--yes")
        assert files(pair) == ["kept.png"]


def gone(path, _):
    path.unlink()


def emptied(path, _):
    path.write_bytes(b"")


def overwritten_in_place(path, _):
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def replaced(path, _):
    status = path.stat()
    photograph(9).save(path.with_name("new"), format="png")
    path.with_name("new").replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def a_folder(path, _):
    path.unlink()
    path.mkdir()


def a_link(path, other):
    path.unlink()
    path.symlink_to(other)


def a_hard_link(path, other):
    path.unlink()
    path.hardlink_to(other)


def a_broken_link(path, _):
    path.unlink()
    path.symlink_to("absent")


def a_pipe(path, _):
    path.unlink()
    os.mkfifo(path)


def exchanged(path, other):
    between = path.with_name("between")
    path.rename(between)
    other.rename(path)
    between.rename(other)


CHANGES = {
    gone: "is gone",
    emptied: "was changed after the scan",
    overwritten_in_place: "was changed after the scan",
    replaced: "was replaced after the scan",
    a_folder: "is no longer a file",
    a_link: "was replaced after the scan",
    a_hard_link: "was replaced after the scan",
    a_broken_link: "is gone",
    a_pipe: "is no longer a file",
    exchanged: "was replaced after the scan",
}


@posix
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("whose", ["kept", "victim"])
class TestChangesAfterTheScan:
    @staticmethod
    def change_of(whose, pair):
        ours, theirs = pair / f"{whose}.png", pair / "kept.png"
        return ours, theirs if whose == "victim" else pair / "victim.png"

    @staticmethod
    def subject(whose, change, pair):
        if whose == "kept" or change is exchanged:
            return f"its duplicate {str(pair / 'kept.png')!r}"
        return "it"

    @pytest.mark.parametrize("action", ["delete", "move", "check"])
    def test_keep_the_file(self, pair, tmp_path, whose, change, action):
        found = find(pair)
        removals = found.removals()
        change(*self.change_of(whose, pair))
        before = sorted((path, path.lstat().st_ino) for path in pair.iterdir())
        actions = {"delete": delete, "move": move_into(tmp_path / "away"), "check": only_check}
        outcome, *others = carry_out(found, removals, actions[action])
        assert outcome.reason == f"{self.subject(whose, change, pair)} {CHANGES[change]}"
        assert others == []
        assert sorted((path, path.lstat().st_ino) for path in pair.iterdir()) == before
        assert not (tmp_path / "away").exists()

    def test_are_said_by_the_command(self, command, pair, monkeypatch, whose, change):
        search = remove_command.search

        def search_and_change(*arguments, **options):
            found = search(*arguments, **options)
            change(*self.change_of(whose, pair))
            return found

        monkeypatch.setattr(remove_command, "search", search_and_change)
        code, out, err = command("remove", pair, "--delete", "--yes")
        assert (code, out) == (1, "0 of 2 images deleted\n")
        assert err.startswith("imagededup: kept ")
        assert err.endswith(f" {CHANGES[change]}\n")
        assert files(pair) in (["kept.png", "victim.png"], ["kept.png"], ["victim.png"])


class TestLinksAfterTheScan:
    """A link and the file that it leads to are both compared."""

    @pytest.fixture
    def links(self, pair):
        """A folder with links to the two pictures."""
        folder = pair.parent / "links"
        folder.mkdir()
        for name in files(pair):
            (folder / name).symlink_to(pair / name)
        return folder

    def act(self, found, links):
        outcome, *_ = carry_out(found, found.removals(), delete)
        assert files(links) == ["kept.png", "victim.png"]
        return outcome.reason

    def test_the_file_was_changed(self, links, pair):
        found = find(links)
        emptied(pair / "kept.png", None)
        expected = f"its duplicate {str(links / 'kept.png')!r} was changed after the scan"
        assert self.act(found, links) == expected

    @pytest.mark.parametrize("name", ["kept.png", "victim.png"])
    def test_the_link_was_replaced(self, links, pair, name):
        found = find(links)
        (links / "new").symlink_to(pair / name)
        (links / "new").replace(links / name)
        assert self.act(found, links).endswith(" was replaced after the scan")

    def test_nothing_was_changed(self, links, pair):
        found = find(links)
        assert [outcome.reason for outcome in carry_out(found, found.removals(), delete)] == [None]
        assert (files(links), files(pair)) == (["kept.png"], ["kept.png", "victim.png"])


@posix
@pytest.mark.parametrize("rule", list(Keep))
def test_rules_of_keep_do_not_wait_for_a_pipe(pair, rule):
    found = find(pair)
    a_pipe(pair / "kept.png", None)
    os.utime(pair / "kept.png", (0, 0))
    left = "kept.png" if rule is Keep.FIRST else "victim.png"
    assert [removal.duplicate_of for removal in found.removals(str(rule))] == [left]
    assert [outcome.reason for outcome in carry_out(found, found.removals(), delete)] == [
        f"its duplicate {str(pair / 'kept.png')!r} is no longer a file"
    ]


@pytest.mark.parametrize("whose", ["kept", "victim"])
def test_a_change_while_images_are_encoded(pair, whose):
    """It is noticed although the search saw the image as it was before, or as it is now."""

    def embed(batch):
        photograph(0).save(pair / f"{whose}.png", compress_level=1)
        return np.asarray(batch, np.float32).reshape(len(batch), -1)[:, :64] + 1

    model = CustomModel(name="test", model=embed, transform=lambda image: np.asarray(image).T)
    found = CNN(verbose=False, model_config=model).search(pair, num_enc_workers=0)
    outcome, *_ = carry_out(found, found.removals(), delete)
    assert outcome.removal.name == "victim.png"
    assert outcome.reason.endswith(" was changed after the scan")
    assert files(pair) == ["kept.png", "victim.png"]


class TestOneFile:
    """Files are the same by device and inode, and the only name of one never goes."""

    def test_references_that_are_linked(self, command, pair, tmp_path):
        for name in ("linked", "hard"):
            (tmp_path / name).mkdir()
        for name in files(pair):
            (tmp_path / "linked" / name).symlink_to(pair / name)
            os.link(pair / name, tmp_path / "hard" / name)
        (tmp_path / "folder").symlink_to(pair)
        for reference in ("linked", "hard", "folder"):
            code, _, err = command(
                "remove", pair, "--against", tmp_path / reference, "--delete", "--yes"
            )
            assert code == 2
            assert "are also among those of" in err
            assert files(pair) == ["kept.png", "victim.png"]

    def test_a_linked_reference_among_others(self, command, pair, tmp_path):
        other = tmp_path / "other"
        other.mkdir()
        os.link(pair / "kept.png", other / "hard.png")
        (other / "link.png").symlink_to(pair / "victim.png")
        photograph(5).save(other / "unrelated.png")
        code, out, _ = command("remove", pair, "--against", other, "--delete", "--yes")
        assert (code, out) == (0, "0 of 2 images deleted\n")
        assert files(pair) == ["kept.png", "victim.png"]

    def test_hard_links_within_a_collection_go_but_the_last(self, command, tmp_path):
        photograph(0).save(tmp_path / "a.png")
        for name in ("b.png", "c.png"):
            os.link(tmp_path / "a.png", tmp_path / name)
        assert command("remove", tmp_path, "--delete", "--yes")[0] == 0
        assert files(tmp_path) == ["a.png"]
        assert (tmp_path / "a.png").stat().st_nlink == 1

    def test_names_that_differ_in_capitals_may_be_one(self, command, tmp_path):
        """Two links of a file may be another name elsewhere, and this name in capitals."""
        photograph(0).save(tmp_path / "a.png")
        if (tmp_path / "A.png").exists():
            pytest.skip("the file system does not tell capitals apart")
        os.link(tmp_path / "a.png", tmp_path / "A.png")
        code, _, err = command("remove", tmp_path, "--delete", "--yes")
        assert (code, files(tmp_path)) == (1, ["A.png", "a.png"])
        assert err.startswith("imagededup: kept a.png: it is the same file as its duplicate")

    def test_two_files_whose_names_differ_in_capitals(self, command, tmp_path):
        for name in ("a.png", "A.png"):
            photograph(0).save(tmp_path / name)
        assert command("remove", tmp_path, "--delete", "--yes")[0] == 0
        assert len(files(tmp_path)) == 1

    def test_a_link_goes_rather_than_its_file(self, command, tmp_path):
        photograph(0).save(tmp_path / "z.png")
        (tmp_path / "a.png").symlink_to("z.png")
        (tmp_path / "b.png").symlink_to("a.png")
        code, _, _ = command("remove", tmp_path, "--delete", "--yes", "--keep", "oldest")
        assert (code, files(tmp_path)) == (0, ["z.png"])

    def test_a_link_goes_with_the_file_it_leads_to(self, command, tmp_path):
        for name in ("a.png", "b.png"):
            photograph(0).save(tmp_path / name)
        (tmp_path / "c.png").symlink_to("b.png")
        code, out, err = command("remove", tmp_path, "--delete", "--yes")
        assert (code, files(tmp_path)) == (0, ["a.png"])
        assert "kept" not in err
        assert out.index("deleted c.png") < out.index("deleted b.png")

    def test_a_folder_that_is_reached_twice(self, command, pair):
        (pair / "again").symlink_to(".")
        (pair / "link.png").symlink_to("again/kept.png")
        code, _, _ = command("remove", pair, "-r", "--delete", "--yes")
        assert code == 0
        assert [path.name for path in pair.iterdir() if path.is_file()] == ["kept.png"]

    def test_a_kept_link_that_leads_through_the_victim(self, pair):
        """With a second name elsewhere, so that the number of links tells nothing."""
        os.link(pair / "victim.png", pair.parent / "elsewhere.png")
        (pair / "kept.png").unlink()
        (pair / "kept.png").symlink_to("../pair/victim.png")
        found = find(pair)
        removal = found.removals()[0]
        assert (removal.name, removal.duplicate_of) == ("kept.png", "victim.png")
        turned = type(removal)("victim.png", "kept.png", 0)
        outcome, *_ = carry_out(found, [turned], delete)
        assert outcome.reason == f"it is the same file as its duplicate {str(pair / 'kept.png')!r}"
        assert files(pair) == ["kept.png", "victim.png"]

    def test_codes_without_files(self):
        found = PHash().search(encoding_map={"a": "0" * 16, "b": "0" * 16})
        with pytest.raises(InvalidValueError, match="codes without files"):
            list(carry_out(found, found.removals(), delete))

    def test_references_without_files(self, pair):
        codes = PHash().encode_images(pair)
        found = find(pair, against=codes)
        with pytest.raises(InvalidValueError, match="codes without files"):
            list(carry_out(found, found.removals(), delete))
        assert files(pair) == ["kept.png", "victim.png"]

    def test_a_target_that_leads_back(self, pair, tmp_path):
        (pair / "deep").mkdir()
        (pair / "victim.png").rename(pair / "deep" / "victim.png")
        (tmp_path / "away").mkdir()
        (tmp_path / "away" / "deep").symlink_to(pair / "deep")
        found = find(pair, recursive=True, max_distance_threshold=0)
        kept, victim = "deep/victim.png", "kept.png"
        assert [r.name for r in found.removals()] == [victim]
        turned = type(found.removals()[0])(kept, victim, 0)
        outcome, *_ = carry_out(found, [turned], move_into(tmp_path / "away"))
        assert outcome.reason == "the folder to move to is the one where it lies"
        assert files(pair / "deep") == ["victim.png"]

    def test_an_action_that_fails_does_not_end_the_work(self, pair):
        def refuse(path, name):
            raise PermissionError(1, "Operation not permitted")

        photograph(0).save(pair / "other.png")
        found = find(pair)
        reasons = [outcome.reason for outcome in carry_out(found, found.removals(), refuse)]
        assert reasons == ["Operation not permitted"] * 2

    def test_nothing_is_done_before_an_outcome_is_asked_for(self, pair):
        found = find(pair)
        outcomes = carry_out(found, found.removals(), delete)
        assert files(pair) == ["kept.png", "victim.png"]
        assert next(outcomes).reason is None
        assert files(pair) == ["kept.png"]


TWO_AT_ONCE = """
import os, sys
from imagededup.sources.listing import list_images
from imagededup.methods import PHash
from imagededup.methods.results import Removal
from imagededup.removal import carry_out, delete

folder = sys.argv[1]
names = [(f"{i:03}a", f"{i:03}b") for i in range(200)]
for pair in names:
    for name in pair:
        open(f"{folder}/{name}", "w").close()
codes = {name: "0" * 16 for name in ("x", "y")}
found = PHash().search(encoding_map=codes)
object.__setattr__(found, "folder", list_images(folder))
reader, writer = os.pipe()

def delete_slowly(path, name):
    for _ in range(10):
        os.listdir(folder)
    delete(path, name)

child = os.fork()
plan = [Removal(*(pair if child else pair[::-1]), 0) for pair in names]
if child:
    os.write(writer, b"go")
else:
    os.read(reader, 2)
for _ in carry_out(found, plan, delete_slowly):
    pass
if not child:
    os._exit(0)
os.waitpid(child, 0)
print(len({name[:3] for name in os.listdir(folder)}), len(os.listdir(folder)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs locks on folders")
def test_two_processes_that_keep_different_images_leave_one(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", TWO_AT_ONCE, tmp_path], capture_output=True, text=True, check=True
    )
    assert result.stdout == "200 200\n"


@pytest.mark.skipif(sys.platform != "linux", reason="needs locks on folders")
def test_both_folders_are_held_while_a_file_goes(pair):
    import fcntl

    (pair / "deep").mkdir()
    (pair / "victim.png").rename(pair / "deep" / "victim.png")

    def is_held(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    found = find(pair, recursive=True)
    held = []
    for _ in carry_out(
        found,
        found.removals(),
        lambda path, name: held.extend(map(is_held, (pair, pair / "deep", pair.parent))),
    ):
        assert not is_held(pair)
    assert held == [True, True, False]


@functools.cache
def why_no_mounts():
    """Why this process cannot mount; None if it can."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "needs unshare and mount"
    trial = "mount --bind /tmp /tmp && mount -t tmpfs none /tmp"
    result = subprocess.run(["unshare", "-m", "sh", "-c", trial], capture_output=True, check=False)
    return None if result.returncode == 0 else "needs the right to mount"


class TestMounts:
    @pytest.fixture(autouse=True)
    def _can_mount(self):
        if why_no_mounts():
            pytest.skip(why_no_mounts())

    @staticmethod
    def mounted(folder, mounts, *arguments):
        """Run `remove` in `folder` after mounts that end with it."""
        script = f'set -e\n{mounts}\n"$@"'
        command = [sys.executable, "-m", "imagededup", "remove", *arguments]
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.fixture
    def place(self, pair):
        for name in ("mnt", "upper", "work"):
            (pair.parent / name).mkdir()
        return pair.parent

    def test_a_bind_mount_as_reference(self, place):
        result = self.mounted(
            place, "mount --bind pair mnt", "pair", "--against", "mnt", "--delete", "--yes"
        )
        assert result.returncode == 2
        assert result.stderr == "imagededup: all files of mnt are also among those of pair\n"
        assert files(place / "pair") == ["kept.png", "victim.png"]

    def test_a_bind_mount_within_the_collection(self, place):
        (place / "pair" / "again").mkdir()
        (place / "pair" / "victim.png").unlink()
        result = self.mounted(
            place,
            "mkdir all && mount --bind pair all && mkdir all/in && mount --bind pair all/in",
            *("all", "-r", "--delete", "--yes"),
        )
        assert (result.returncode, result.stdout) == (0, "0 of 1 image deleted\n")
        assert "kept.png" in files(place / "pair")

    def test_a_mounted_file(self, place):
        """The name that sorts first is the mount of the other, the only real file."""
        (place / "pair" / "kept.png").write_bytes(b"")
        result = self.mounted(
            place, "mount --bind pair/victim.png pair/kept.png", "pair", "--delete", "--yes"
        )
        assert (result.returncode, result.stdout) == (1, "0 of 2 images deleted\n")
        assert result.stderr == (
            "imagededup: kept victim.png: it is the same file as its duplicate 'pair/kept.png'\n"
        )
        assert (place / "pair" / "victim.png").stat().st_size > 0

    def test_a_layer_with_a_device_of_its_own(self, place):
        overlay = "mount -t overlay none -o lowerdir=pair,upperdir=upper,workdir=work mnt"
        trial = subprocess.run(["unshare", "-m", "sh", "-c", overlay], cwd=place, check=False)
        if trial.returncode:
            pytest.skip("no overlay here")
        result = self.mounted(place, overlay, "pair", "--against", "mnt", "--delete", "--yes")
        assert result.returncode == 1
        assert "kept kept.png: it is the same file as its duplicate 'mnt/kept.png'" in result.stderr
        assert files(place / "pair") == ["kept.png"]

    def test_a_target_that_is_a_mount_of_the_folder(self, place):
        result = self.mounted(place, "mount --bind pair mnt", "pair", "--move-to", "mnt")
        assert result.returncode == 2
        assert "--move-to must lie outside" in result.stderr

    def test_a_full_disk(self, place):
        result = self.mounted(
            place,
            "mount -t tmpfs -o size=8k none mnt && trap 'ls -A mnt' EXIT",
            *("pair", "--move-to", "mnt/away"),
        )
        assert result.returncode == 1
        assert "cannot move 'pair/victim.png': No space left on device" in result.stderr
        assert result.stdout == "0 of 2 images moved\naway\n"
        assert files(place / "pair") == ["kept.png", "victim.png"]

    def test_a_folder_that_cannot_be_written(self, place):
        readonly = "mount --bind pair pair && mount -o remount,bind,ro pair"
        for action in (["--delete", "--yes"], ["--move-to", "mnt"]):
            result = self.mounted(place, readonly, "pair", *action)
            assert result.returncode == 1
            assert "pair/victim.png': Read-only file system" in result.stderr
        assert (files(place / "pair"), files(place / "mnt")) == (["kept.png", "victim.png"], [])


@posix
class TestOutput:
    """Where the work cannot be told it ends, and that is told."""

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_full(self, photos):
        with Path("/dev/full").open("w") as full:
            result = process("remove", photos, "--delete", "--yes", stdout=full)
        assert result.returncode == 1
        assert "imagededup: stopped, standard output: No space left on device: 1 of 6" in (
            result.stderr
        )
        assert "Traceback" not in result.stderr
        assert len(files(photos)) == 6

    def test_left_by_its_reader(self, photos):
        reader, writer = os.pipe()
        os.close(reader)
        result = process("remove", photos, "--delete", "--yes", stdout=writer)
        os.close(writer)
        assert result.returncode == 1
        assert "imagededup: stopped, standard output: Broken pipe: 1 of 6 images deleted" in (
            result.stderr
        )
        assert "Traceback" not in result.stderr
        assert len(files(photos)) == 6

    def test_closed(self, photos):
        arguments = [sys.executable, "-m", "imagededup", "remove", photos, "--delete", "--yes"]
        result = subprocess.run(
            ["sh", "-c", '"$@" >&-', "sh", *arguments], stderr=subprocess.PIPE, check=False
        )
        assert result.returncode == 1
        assert b"stopped, standard output: it is closed: 0 of 6 images deleted" in result.stderr
        assert len(files(photos)) == 7

    def test_standard_error_full(self, photos):
        arguments = [sys.executable, "-m", "imagededup", "remove", photos, "--delete", "--yes"]
        with Path("/dev/full").open("w") as full:
            result = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=full, check=False)
        assert result.stdout.endswith(b"3 of 6 images deleted\n")

    def test_an_interrupt_says_what_was_done(self, command, photos, monkeypatch):
        echo = removal_report._say

        def interrupt(line):
            echo(line)
            raise KeyboardInterrupt

        monkeypatch.setattr(removal_report, "_say", interrupt)
        with pytest.raises(KeyboardInterrupt):
            command("remove", photos, "--delete", "--yes")
        assert len(files(photos)) == 6
