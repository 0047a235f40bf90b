"""Acting on duplicates: what goes, what stays, and what is never lost."""

from pathlib import Path

import pytest
from PIL import Image

from imagededup.cli import run
from imagededup.methods import PHash
from tests.conftest import photograph


@pytest.fixture
def command(capsys):
    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def files(folder):
    return sorted(path.name for path in folder.iterdir())


class TestCommand:
    def test_dry_run_changes_nothing(self, command, photos):
        before = files(photos)
        code, out, err = command("remove", photos)
        assert code == 0
        assert "would remove beach_copy.png (duplicate of beach.png, distance 0)\n" in out
        assert out.endswith("3 of 6 images would be removed; nothing was changed\n")
        assert "--move-to DIR or --delete --yes" in err
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

    def test_a_file_that_cannot_be_moved_is_reported(self, command, photos, tmp_path, monkeypatch):
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

    def test_duplicates_may_not_be_moved_into_the_folder_itself(self, command, photos):
        for options in (["--move-to", photos], ["-r", "--move-to", photos / "duplicates"]):
            code, _, err = command("remove", photos, *options)
            assert code == 2
            assert "--move-to must lie outside" in err
