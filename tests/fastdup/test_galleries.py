"""Galleries: pages of what is in the tables of a work folder."""

import csv
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from imagededup import fastdup
from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.fastdup.galleries import tables
from imagededup.fastdup.galleries.page import page_pictures
from imagededup.fastdup.galleries.tables import best_pairs, best_per_image, nearest_of
from imagededup.sources.addresses import remote_address
from tests.conftest import photograph
from tests.test_pages import content

NAMES = ("a.png", "b.png", "c, d.png", "<script>alert(1)</script>.png")


@pytest.fixture
def images(tmp_path):
    """Four pictures; the name of one would be a script."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        photograph(number, (64, 48)).save(folder / name.replace("/", "_"), format="PNG")
    return folder


@pytest.fixture
def paths(images):
    return [str(images / name.replace("/", "_")) for name in NAMES]


def write(path, header, rows):
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def write_pairs(path, *rows):
    return write(path, ("from", "to", "distance"), rows)


@pytest.fixture
def work(tmp_path, paths):
    """A work folder with the tables of a run."""
    a, b, c, d = paths
    once = [(a, b, 0.99), (a, c, 0.95), (c, d, 0.9)]
    both = [row for one, other, score in once for row in ((one, other, score), (other, one, score))]
    folder = write_pairs(tmp_path / "work" / "similarity.csv", *both).parent
    write_pairs(folder / "outliers.csv", (d, c, 0.2), (b, a, 0.5))
    return folder


def items(written, section=0):
    """The items of a section, with names in the place of numbers."""
    page = content(written.path)
    found = page["sections"][section]
    return found, [row[0] for row in page["pictures"]]


def pairs_of(written):
    found, names = items(written)
    return [(names[left], names[right], score) for left, right, score, *_ in found["items"]]


class TestDuplicates:
    def test_most_similar_first_and_each_pair_once(self, work, tmp_path):
        written = fastdup.create_duplicates_gallery(work / "similarity.csv", tmp_path / "new" / "g")
        assert written.path == tmp_path / "new" / "g" / "duplicates.html"
        hostile = "<script>alert(1)<_script>.png"
        assert pairs_of(written) == [
            ("a.png", "b.png", 0.99),
            ("a.png", "c, d.png", 0.95),
            ("c, d.png", hostile, 0.9),
        ]
        assert "<script>alert" not in written.path.read_text(encoding="utf-8")

    def test_least_similar_first_and_a_number_of_pairs(self, work, tmp_path):
        written = fastdup.create_duplicates_gallery(
            str(work / "similarity.csv"), str(tmp_path), num_images=2, descending=False
        )
        assert [score for *_, score in pairs_of(written)] == [0.9, 0.95]

    def test_the_other_spelling_a_folder_and_a_file_for_the_page(self, work, tmp_path):
        page = tmp_path / "my.html"
        written = fastdup.generate_duplicates_gallery(work, save_path=page)
        assert (written.path, len(pairs_of(written))) == (page, 3)
        assert "<iframe" in written._repr_html_()

    def test_the_call_of_the_documents_for_outliers(self, work, tmp_path):
        written = fastdup.create_duplicates_gallery(str(work / "outliers.csv"), save_path=tmp_path)
        assert [score for *_, score in pairs_of(written)] == [0.2, 0.5]
        assert not items(written)[0]["canMark"]

    def test_what_verification_says(self, work, tmp_path, paths):
        a, b, c, _ = paths
        header = ("from", "to", "distance", "relation", "score", "from_covered", "to_covered")
        rows = [
            (a, b, 0.9, "copy", 0.98, 1, 1),
            (a, c, 0.8, "part", 0.9, 0.3, 1),
            (b, c, 0.7, "undecided", "", "", ""),
        ]
        table = write(work / "verified.csv", header, rows)
        found, _ = items(fastdup.create_duplicates_gallery(table, tmp_path))
        assert [pair[3:6] for pair in found["items"]] == [
            ["copy", "score 0.980 after verification", "either"],
            ["part", "score 0.900 after verification", "right"],
            ["undecided", "", "neither"],
        ]

    def test_missing_and_broken_pictures_are_shown_as_such(self, tmp_path, paths):
        (tmp_path / "broken.png").write_bytes(b"broken")
        table = write_pairs(
            tmp_path / "similarity.csv",
            (paths[0], tmp_path / "gone.png", 1),
            (paths[0], tmp_path / "broken.png", 1),
        )
        written = fastdup.create_duplicates_gallery(table, tmp_path)
        assert (written.pictures, written.unreadable) == (3, 2)
        text = written.path.read_text(encoding="utf-8")
        assert "no such file" in text
        assert "not an image, or of an unknown format" in text

    def test_relative_names_start_from_the_current_folder(self, images, tmp_path, monkeypatch):
        monkeypatch.chdir(images)
        table = write_pairs(tmp_path / "similarity.csv", ("a.png", "b.png", 0.9))
        assert fastdup.create_duplicates_gallery(table, tmp_path).unreadable == 0

    def test_urls(self, tmp_path):
        names = ["s3://bucket/a/b.jpg", "s3://bucket/c.mp4/000001.0s.jpg"]
        pictures = page_pictures(names)
        assert [picture.name for picture in pictures.values()] == ["a/b.jpg", "c.mp4/000001.0s.jpg"]
        mixed = page_pictures([*names, str(tmp_path / "d.jpg")])
        for found in (pictures, mixed):
            assert [remote_address(found[name].path) for name in names] == names
        assert mixed[str(tmp_path / "d.jpg")].path == tmp_path / "d.jpg"

    def test_pictures_on_several_drives(self, paths, monkeypatch):
        def fail(_):
            raise ValueError("Paths don't have the same drive")

        monkeypatch.setattr(os.path, "commonpath", fail)
        assert page_pictures(paths)[paths[0]].path == Path(paths[0])

    @pytest.mark.skipif(os.name == "nt", reason="names are text there")
    def test_a_name_that_is_no_text(self, images, tmp_path):
        name = os.fsdecode(os.fsencode(images) + b"/\xff.png")
        photograph(7, (64, 48)).save(name)
        table = write_pairs(tmp_path / "similarity.csv", (name, images / "a.png", 0.9))
        assert fastdup.create_duplicates_gallery(table, tmp_path).unreadable == 0

    def test_no_pairs(self, tmp_path):
        table = write_pairs(tmp_path / "similarity.csv")
        written = fastdup.create_duplicates_gallery(table, tmp_path)
        assert written.pictures == 0
        assert f"{table} has no rows" in written.path.read_text(encoding="utf-8")

    def test_rows_without_a_number_are_left_out(self, tmp_path, paths):
        rows = (paths[0], paths[1], ""), (paths[0], paths[2], 0.5)
        table = write_pairs(tmp_path / "similarity.csv", *rows)
        assert len(pairs_of(fastdup.create_duplicates_gallery(table, tmp_path))) == 1


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "filename,error\na,b\n",
                "must have the columns from,to,.* from,to,distance is missing",
            ),
            ("from,to,distance\na,b\n", "line 2: a row must have 3 cells, got 2"),
            ("from,to,distance\na,b,0.5\na,b,near\n", "line 3: distance.* must be numbers.*'near'"),
            ("", "must have the columns"),
            ('from,to,distance\na,"b,0.5\n', "line 2: "),
        ],
    )
    def test_another_file(self, text, message, tmp_path):
        (tmp_path / "similarity.csv").write_text(text)
        with pytest.raises(InvalidValueError, match=message):
            fastdup.create_duplicates_gallery(tmp_path / "similarity.csv", tmp_path)
        assert not (tmp_path / "duplicates.html").exists()

    @pytest.mark.parametrize(
        ("gallery", "argument", "table"),
        [
            (fastdup.create_duplicates_gallery, "similarity_file", "similarity.csv"),
            (fastdup.create_similarity_gallery, "similarity_file", "similarity.csv"),
            (fastdup.create_outliers_gallery, "outliers_file", "outliers.csv"),
            (fastdup.create_stats_gallery, "stats_file", "stats.csv"),
        ],
    )
    def test_a_table_that_is_not_there(self, gallery, argument, table, tmp_path):
        expected = f"{argument} must be a table such as {table}.*does not exist"
        for place in (tmp_path, tmp_path / "gone.csv"):
            with pytest.raises(InvalidValueError, match=expected):
                gallery(place, tmp_path)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"similarity_file": 3}, InvalidTypeError, "similarity_file must be a path, got int"),
            ({"save_path": None}, InvalidTypeError, "save_path must be a path, got NoneType"),
            ({"num_images": 0}, InvalidValueError, "num_images must be at least 1, got 0"),
            ({"num_images": "x"}, InvalidTypeError, "num_images must be an int, got 'x'"),
            ({"descending": 1}, InvalidTypeError, "descending must be a bool, got 1"),
        ],
    )
    def test_wrong_arguments(self, arguments, error, message, work, tmp_path):
        given = {"similarity_file": work, "save_path": tmp_path, **arguments}
        with pytest.raises(error, match=message):
            fastdup.create_duplicates_gallery(**given)

    def test_a_file_in_the_place_of_the_folder(self, work, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(FileOperationError, match="cannot make"):
            fastdup.create_duplicates_gallery(work, tmp_path / "file")


class TestOutliers:
    def test_most_unusual_first_with_the_nearest(self, work, tmp_path):
        written = fastdup.create_outliers_gallery(work, tmp_path, num_images=1)
        found, names = items(written)
        assert written.path == tmp_path / "outliers.html"
        assert [(names[place], *rest) for place, *rest in found["items"]] == [
            ("<script>alert(1)<_script>.png", "similarity 0.200 to the nearest, c, d.png", 0.2)
        ]


class TestSimilarity:
    def test_images_with_their_nearest(self, work, tmp_path):
        written = fastdup.create_similarity_gallery(work, tmp_path, num_images=2)
        found, names = items(written)
        assert [[names[place] for place in group[0]] for group in found["items"]] == [
            ["a.png", "b.png", "c, d.png"],
            ["b.png", "a.png"],
        ]
        assert [link[:3] for link in found["items"][0][1]] == [[0, 1, 0.99], [0, 2, 0.95]]

    def test_an_image_with_very_many_shows_the_nearest(self, tmp_path, paths):
        rows = [(paths[0], f"{number}.png", number / 1000) for number in range(500)]
        table = write_pairs(tmp_path / "similarity.csv", *rows)
        nearest = nearest_of(table, [paths[0]], 12)[paths[0]]
        assert [row.right for row in nearest] == [f"{499 - place}.png" for place in range(12)]


class TestComponents:
    @pytest.fixture
    def searched(self, tmp_path, paths):
        """Two components, of three images and of one, from features that are given."""
        features = np.array([[1, 0, 0], [1, 0.01, 0], [1, 0.02, 0], [0, 0, 1]])
        fastdup.save_binary_feature(tmp_path / "work", paths, features)
        options = {"nn_provider": "turi", "turi_param": "ccthreshold=0.9"}
        assert fastdup.run(work_dir=tmp_path / "work", run_mode=2, **options) == 0
        return tmp_path / "work"

    @pytest.mark.parametrize("table", ["", "connected_components.csv"])
    def test_the_largest_with_their_pairs(self, table, searched, tmp_path):
        written = fastdup.create_components_gallery(searched / table, tmp_path)
        found, names = items(written)
        (group,) = found["items"]
        assert [names[place] for place in group[0]] == ["a.png", "b.png", "c, d.png"]
        assert sorted(link[:2] for link in group[1]) == [[0, 1], [0, 2], [1, 2]]
        assert group[-3] == "Component 0"

    def test_more_images_than_are_shown(self, searched, tmp_path):
        found, _ = items(fastdup.create_components_gallery(searched, tmp_path, max_items=2))
        (group,) = found["items"]
        assert (len(group[0]), len(group[1]), group[-1]) == (2, 1, 1)

    def test_another_file(self, searched, tmp_path):
        with pytest.raises(InvalidValueError, match="must be a work folder or its connected_comp"):
            fastdup.create_components_gallery(searched / "similarity.csv", tmp_path)


class TestStats:
    HEADER = ("filename", "width", "height", "file_size", "mean", "stdv", "min", "max")
    REST = ("contrast", "blur", "unique")

    @pytest.fixture
    def table(self, tmp_path, paths):
        measured = [(100, 50, 9, 10), (60, 60, 8, 200), (40, 400, 7, 90), ("", "", 6, "")]
        rows = [
            (path, width, height, size, mean, 1, 2, 3, 0.5, mean, 5)
            for path, (width, height, size, mean) in zip(paths, measured, strict=True)
        ]
        return write(tmp_path / "stats.csv", (*self.HEADER, *self.REST), rows)

    def test_six_ends_in_one_reading(self, table, tmp_path):
        written = fastdup.create_stats_gallery(table, tmp_path)
        names = [row[0] for row in content(written.path)["pictures"]]
        shown = [
            [(names[place], caption) for place, caption, _ in section["items"]]
            for section in content(written.path)["sections"]
        ]
        darkest, brightest, blurriest, smallest, largest, most_stretched = shown
        assert darkest == [
            ("a.png", "mean 10"),
            ("c, d.png", "mean 90"),
            ("b.png", "mean 200"),
        ]
        assert brightest[0][0] == "b.png"
        assert blurriest[0] == ("a.png", "sharpness 10")
        assert smallest == [
            ("b.png", "0.0036 megapixels"),
            ("a.png", "0.005 megapixels"),
            ("c, d.png", "0.016 megapixels"),
        ]
        assert largest == smallest[::-1]
        assert most_stretched[0] == ("c, d.png", "10.0 to 1")

    def test_one_metric(self, table, tmp_path):
        written = fastdup.create_stats_gallery(
            table, tmp_path / "size.html", 1, metric="file_size", descending=True
        )
        found, names = items(written)
        ((place, caption, value),) = found["items"]
        assert (names[place], caption, value) == ("a.png", "9 bytes", 9)

    def test_wrong_metrics(self, table, tmp_path):
        with pytest.raises(InvalidValueError, match="metric must be one of width, .*got 'beauty'"):
            fastdup.create_stats_gallery(table, tmp_path, metric="beauty")
        with pytest.raises(InvalidTypeError, match="metric must be a str or None, got int"):
            fastdup.create_stats_gallery(table, tmp_path, metric=1)

    def test_nothing_was_measured(self, tmp_path):
        table = write(tmp_path / "stats.csv", (*self.HEADER, *self.REST), [])
        with pytest.raises(InvalidValueError, match="must have at least one measured image"):
            fastdup.create_stats_gallery(table, tmp_path)


def test_a_long_table_is_never_held(tmp_path, monkeypatch):
    """The first of 20,000 rows, in the memory of a part of them."""
    monkeypatch.setattr(tables, "_ROWS_AT_ONCE", 1000)
    path = tmp_path / "similarity.csv"
    with path.open("w") as file:
        file.write("from,to,distance\n")
        file.writelines(f"/x/{n}.png,/x/{n + 1}.png,{1 - n / 2**18}\n" for n in range(20_000))
    tracemalloc.start()
    try:
        rows = best_pairs(path, 3, descending=False)
        images = best_per_image(path, 3, descending=True)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert [row.left for row in rows] == [f"/x/{19_999 - n}.png" for n in range(3)]
    assert [row.left for row in images] == ["/x/0.png", "/x/1.png", "/x/2.png"]
