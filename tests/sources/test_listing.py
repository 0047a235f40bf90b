"""One listing for all: several places, lists of paths, patterns, shards."""

import os
from pathlib import Path

import numpy as np
import pytest

from imagededup import Sources, fastdup
from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import PHash
from imagededup.removal import carry_out, delete, move_into
from imagededup.sources.file_states import FileState
from imagededup.sources.listing import list_images
from imagededup.sources.patterns import name_filter
from tests.sources.test_archives import encoded, write_archive


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes pictures by name, in the current folder."""
    monkeypatch.chdir(tmp_path)

    def make_pictures(*names):
        for number, name in enumerate(names):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(encoded(number))
        return tmp_path

    return make_pictures


class TestSeveralPlaces:
    def test_names_are_whole_and_sorted(self, make):
        make("b/1.png", "a/2.png", "a/deep/3.png", "c.png")
        write_archive(Path("a.zip"), [("4.png", encoded(4))])
        assert list_images(["b", "a.zip", "c.png", "a"]).names == [
            *("a.zip/4.png", "a/2.png", "b/1.png", "c.png")
        ]
        assert "a/deep/3.png" in list_images(["b", "a"], recursive=True).names

    def test_a_place_that_is_given_twice_counts_once(self, make):
        make("a/1.png", "a/2.png")
        assert list_images(["a", "a/", "a/2.png"]).names == ["a/1.png", "a/2.png"]

    def test_duplicates_across_places(self, make):
        make("a/1.png", "b/2.png")
        Path("b/3.png").write_bytes(encoded(0))
        assert PHash(verbose=False).find_duplicates(["b", "a"]) == {
            "a/1.png": ["b/3.png"],
            "b/2.png": [],
            "b/3.png": ["a/1.png"],
        }

    def test_one_place_that_is_missing_is_an_error(self, make):
        make("a/1.png")
        with pytest.raises(InvalidValueError, match="'none' does not exist"):
            list_images(["a", "none"])

    def test_a_file_that_is_missing_is_listed_as_unreadable(self, make):
        make("a/1.png")
        found = PHash(verbose=False).search(["a", "gone.png"])
        assert [(one.name, one.reason) for one in found.failures] == [("gone.png", "no such file")]
        with pytest.raises(InvalidValueError, match="'gone.zip' does not exist"):
            list_images(["a", "gone.zip"])

    def test_states_are_those_of_the_files(self, make):
        make("a/1.png", "b/2.png")
        Path("b/3.png").symlink_to("2.png")
        write_archive(Path("a/c.tar"), [("x.png", encoded(1)), ("y.png", encoded(2))])
        listed = list_images(["b", "a"])
        for name in listed.names:
            file = Path("a/c.tar") if "c.tar" in name else Path(name)
            expected = FileState.of(file.lstat()), FileState.of(file.stat())
            assert listed.state(name) == expected
            assert listed.is_file(name) is ("c.tar" not in name)
            assert listed.file(name) == file

    @pytest.mark.parametrize(
        ("places", "message"),
        [([], "at least one place, got none"), (["a", 3], "must be a path, got int")],
    )
    def test_wrong_places(self, places, message):
        with pytest.raises((InvalidValueError, InvalidTypeError), match=message):
            PHash(verbose=False).encode_images(places)


class TestListsOfPaths:
    def names(self, text, name="list.txt", **options):
        Path(name).write_text(text, encoding="utf-8", newline="")
        return list_images(name, **options).names

    def test_files_folders_and_archives_in_rows(self, make):
        make("a/1.png", "a/deep/2.png", "b.png")
        write_archive(Path("c.tar"), [("3.png", encoded(3))])
        expected = ["a/1.png", "b.png", "c.tar/3.png", "none.png"]
        rows = 'none.png\r\n"b.png"\n\na\nc.tar\nb.png\n'
        assert self.names(rows) == expected
        assert self.names(rows, recursive=True) == sorted([*expected, "a/deep/2.png"])

    @pytest.mark.parametrize("header", ["filename", '"Path",label', "url,width", "FILE"])
    def test_a_table(self, make, header):
        make("a, b.png")
        assert self.names(f'{header}\n"a, b.png",7\n\nc.png\n', "table.csv") == [
            "a, b.png",
            "c.png",
        ]

    def test_a_table_of_something_else(self, make):
        make("a.png")
        with pytest.raises(InvalidValueError, match="whose first column is called filename"):
            self.names("image,phash\na.png,0123456789abcdef\n", "table.csv")

    def test_an_empty_list(self, make):
        make("a.png")
        with pytest.raises(InvalidValueError, match="found none in 'list.txt'"):
            self.names("\n\n")

    def test_a_row_that_leads_nowhere_is_listed_as_unreadable(self, make):
        make("a.png")
        Path("list.txt").write_text("a.png\nnone.png\n")
        found = PHash(verbose=False).search("list.txt")
        assert found.names == ["a.png"]
        assert [(one.name, one.reason) for one in found.failures] == [("none.png", "no such file")]

    def test_a_row_that_cannot_be_looked_into_ends_no_run(self, make):
        make("a.png")
        Path("empty").mkdir()
        Path("broken.zip").write_bytes(b"PK\x03\x04")
        Path("list.txt").write_text("a.png\nempty\nbroken.zip\n")
        found = PHash(verbose=False).search("list.txt")
        assert found.names == ["a.png"]
        assert [one.name for one in found.failures] == ["broken.zip", "empty"]
        assert "found none in empty" in found.failures[1].reason
        assert "damaged archive" in found.failures[0].reason

    def test_the_list_is_one_of_several_places(self, make):
        make("a/1.png", "b.png")
        Path("list.txt").write_text("b.png\n")
        assert list_images(["a", "list.txt"]).names == ["a/1.png", "b.png"]


class TestPatterns:
    @pytest.mark.parametrize(
        ("include", "exclude", "expected"),
        [
            ((), (), ["a/1.png", "a/thumbs/2.JPG", "b.jpg", "b/3.jpg"]),
            ("*.jpg", (), ["a/thumbs/2.JPG", "b.jpg", "b/3.jpg"]),
            ("*.jpg", "thumbs", ["b.jpg", "b/3.jpg"]),
            (["a/*", "b.jpg"], (), ["a/1.png", "a/thumbs/2.JPG", "b.jpg"]),
            ((), ["a", "B.JPG"], ["b/3.jpg"]),
            ((), "thumbs/", ["a/1.png", "b.jpg", "b/3.jpg"]),
            ((), "/b/*", ["a/1.png", "a/thumbs/2.JPG", "b.jpg"]),
            ("[12]*", (), ["a/1.png", "a/thumbs/2.JPG"]),
        ],
    )
    def test_of_a_folder(self, make, include, exclude, expected):
        root = make("a/1.png", "a/thumbs/2.JPG", "b.jpg", "b/3.jpg")
        sources = Sources(root, include=include, exclude=exclude)
        assert list_images(sources, recursive=True).names == expected

    def test_of_members_and_rows(self, make):
        make("a/1.png", "a/2.jpg")
        write_archive(Path("c.tar"), [("3.png", encoded(3)), ("x/4.jpg", encoded(4))])
        Path("list.txt").write_text("a\nc.tar\na/2.jpg\n")
        assert list_images(Sources("list.txt", include="*.png")).names == ["a/1.png", "c.tar/3.png"]
        others = list_images(Sources(".", exclude=["c.tar", "list.txt"]), recursive=True)
        assert others.names == ["a/1.png", "a/2.jpg"]
        assert list_images(Sources("c.tar", include="x/*")).names == ["x/4.jpg"]

    def test_an_archive_that_is_left_out_is_not_opened(self, make, monkeypatch):
        make("a.png")
        Path("c.tar").write_bytes(bytes(100))
        listed = list_images(Sources(".", exclude="*.tar"))
        assert (listed.names, listed.failures) == (["a.png"], [])

    def test_nothing_matches(self, make):
        make("a/1.png")
        with pytest.raises(InvalidValueError, match="of the names that are included, found none"):
            list_images(Sources("a", include="*.gif"))

    def test_a_name_with_signs_of_patterns_is_compared_as_it_is(self):
        taken = name_filter(["[[]1].png"], [])
        assert taken("[1].png")
        assert not taken("1.png")

    @pytest.mark.parametrize("wrong", [3, [3], b"*"])
    def test_wrong_patterns(self, wrong):
        with pytest.raises(InvalidTypeError, match="include must"):
            Sources("a", include=wrong)


@pytest.mark.parametrize(
    ("rate", "error"), [(0, ValueError), (-1, ValueError), (1001, ValueError), ("1", TypeError)]
)
def test_wrong_rates(rate, error):
    with pytest.raises(error, match="frames_per_second must be"):
        Sources("a", frames_per_second=rate)


class TestShards:
    def test_a_range_of_numbers(self, make):
        make("s-008.png", "s-009.png", "s-010.png", "s-11.png")
        assert list_images(Sources("s-{008..010}.png", include="*.png")).names == [
            *("s-008.png", "s-009.png", "s-010.png")
        ]

    def test_archives_and_two_ranges(self, make):
        root = make("a.png")
        for name in ("t-0-0.tar", "t-0-1.tar", "t-1-0.tar", "t-1-1.tar"):
            write_archive(root / name, [("1.png", encoded(1))])
        assert len(list_images("t-{0..1}-{0..1}.tar").names) == 4

    def test_a_shard_that_is_missing(self, make):
        make("s-0.png")
        with pytest.raises(InvalidValueError, match=r"'s-2.tar' does not exist"):
            list_images("s-{2..3}.tar")

    def test_a_folder_that_is_called_so(self, make):
        make("{1..3}/1.png")
        assert list_images("{1..3}").names == ["1.png"]

    def test_too_many(self):
        with pytest.raises(InvalidValueError, match="at most a million shards"):
            list_images("{0..1000000000}.tar")


class TestLookInside:
    def test_archives_are_files_like_others_if_nobody_looks(self, make):
        make("a.png")
        write_archive(Path("c.tar"), [("3.png", encoded(3))])
        assert list_images(Sources(".", look_inside=False)).names == ["a.png", "c.tar"]

    def test_removal_looks_at_files_only(self, make, command):
        make("b/x.png")
        write_archive(Path("b/a.tar"), [("x.png", encoded(0))])
        _, out, err = command("remove", "b")
        assert "0 of 1 image would be removed" in out
        assert "a.tar" in err


class TestTheCommand:
    def test_several_places_and_patterns(self, make, command):
        make("a/1.png", "a/2.gif", "b/3.png")
        Path("b/4.png").write_bytes(encoded(0))
        code, out, _ = command("find", "a", "b", "--include", "*.png", "--exclude", "3.*")
        assert code == 0
        assert "a/1.png\n  b/4.png" in out
        assert "2 images, 1 group" in out

    def test_against_several(self, make, command):
        make("new/1.png", "a/2.png", "b/3.png")
        Path("b/4.png").write_bytes(encoded(0))
        out = command("find", "new", "--against", "a", "--against", "b")[1]
        assert out.startswith("1.png\n  b/4.png\n")

    def test_encode_and_report_take_the_same(self, make, command):
        make("a/1.png", "b/2.png", "b/3.jpg")
        command("encode", "a", "b", "--exclude", "*.jpg", "-o", "codes.csv")
        rows = Path("codes.csv").read_text().splitlines()
        assert [row.partition(",")[0] for row in rows] == ["image", "a/1.png", "b/2.png"]
        _, out, _ = command("report", "a", "b", "--include", "1.*", "-m", "phash", "-o", "r.html")
        assert "1 image," in out

    def test_the_runner_takes_patterns(self, make, command):
        make("a/1.png", "a/2.gif", "a/3.png")
        assert command("fastdup", "a", "--work_dir", "w", "--exclude", "2*")[0] == 0
        assert fastdup.load_binary_features(str(Path("w/features.dat")))[0] == [
            os.path.abspath(f"a/{name}")  # noqa: PTH100
            for name in ("1.png", "3.png")
        ]


def test_sources_for_the_runner_in_python(make):
    make("a/1.png", "a/2.png", "b/3.png")
    sources = Sources(["b", "a"], exclude="2*")
    assert fastdup.run(sources, "w", verbose=False) == 0
    names = fastdup.load_binary_features("w/features.dat")[0]
    assert [Path(name).name for name in names] == ["3.png", "1.png"]


def test_images_without_those_of_another_listing(make):
    make("a/1.png", "a/2.png")
    os.link("a/2.png", "b.png")
    write_archive(Path("c.tar"), [("x.png", encoded(1)), ("y.png", encoded(2))])
    listed = list_images([".", "a"])
    left = listed.without(list_images(["a/2.png", Sources("c.tar").places[0]]))
    assert left.names == ["a/1.png"]
    some = listed.take(np.array([0, len(listed.names) - 1]))
    assert some.names == [listed.names[0], listed.names[-1]]


class TestRemoval:
    @pytest.fixture
    def found(self, make):
        """A file and the same picture in an archive."""
        make("a/1.png")
        write_archive(Path("a/c.tar"), [("1.png", encoded(0))])
        return PHash(verbose=False).search("a")

    def outcomes(self, found, removals):
        return [outcome.reason for outcome in carry_out(found, removals, delete)]

    def test_what_lies_in_an_archive_cannot_go(self, found):
        assert self.outcomes(found, found.removals()) == ["it is no file of its own"]

    def test_a_file_goes_for_what_lies_in_an_archive(self, found):
        found = PHash(verbose=False).search(["a/1.png"], against="a/c.tar")
        assert self.outcomes(found, found.removals()) == [None]
        assert not Path("a/1.png").exists()

    def test_not_if_the_archive_was_changed(self, found):
        found = PHash(verbose=False).search(["a/1.png"], against="a/c.tar")
        write_archive(Path("a/c.tar"), [("1.png", encoded(1)), ("2.png", encoded(2))])
        (reason,) = self.outcomes(found, found.removals())
        assert reason.startswith("its duplicate 'a/c.tar' was ")
        assert Path("a/1.png").exists()

    def test_whole_paths_are_moved_below_the_folder(self, make, tmp_path):
        make("a/1.png", "b/2.png")
        for name in ("a/3.png", "b/4.png"):
            Path(name).write_bytes(encoded(0))
        found = PHash(verbose=False).search([tmp_path / "a", "b/../b"])
        moved = list(carry_out(found, found.removals(), move_into("moved")))
        assert [outcome.place for outcome in moved] == [
            Path("moved", *(tmp_path / "a/3.png").parts[1:]),
            Path("moved/b/b/4.png"),
        ]
