import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.evaluation import OperatingPoint, precision_recall_curve
from imagededup.methods import PHash
from imagededup.methods.results import Cluster
from imagededup.plots.figure import PlotFigure, finished
from imagededup.plots.labels import drawable, fitting, wrapped
from imagededup.utils import (
    plot_clusters,
    plot_duplicates,
    plot_precision_recall,
    plot_similarity_histogram,
)
from tests.conftest import photograph

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 30), (30, 30, 220), (255, 255, 255)


ROOT = str(Path(__file__).parent.parent)
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")]),
}


@pytest.fixture(autouse=True)
def pyplot_untouched():
    """Plots leave pyplot's figures, backend and parameters as they were."""
    current = matplotlib.pyplot.figure()
    before = dict(matplotlib.rcParams), matplotlib.get_backend()
    yield
    assert matplotlib.pyplot.get_fignums() == [current.number]
    assert matplotlib.pyplot.gcf() is current
    assert (dict(matplotlib.rcParams), matplotlib.get_backend()) == before
    matplotlib.pyplot.close(current)


@pytest.fixture
def colours(tmp_path):
    """A red, a green and a blue image, of different proportions."""
    folder = tmp_path / "colours"
    folder.mkdir()
    Image.new("RGB", (300, 200), RED).save(folder / "red.png")
    Image.new("RGB", (200, 300), GREEN).save(folder / "green.png")
    Image.new("RGB", (300, 300), BLUE).save(folder / "blue.png")
    return folder


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def notes(figure):
    return [text.get_text() for text in figure.texts]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def centre(figure, axes, saved):
    """The saved pixel in the middle of an image."""
    axes.apply_aspect()
    box, (height, width, _) = axes.get_position(), saved.shape
    return saved[int(height * (1 - (box.y0 + box.y1) / 2)), int(width * (box.x0 + box.x1) / 2)]


def overlaps(figure):
    """Pairs of titles or texts of which one is drawn upon the other."""
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    boxes = [axes.title.get_window_extent(renderer) for axes in figure.axes]
    boxes += [text.get_window_extent(renderer) for text in figure.texts]
    inside = figure.bbox.padded(1)
    assert all(inside.contains(*corner) for box in boxes for corner in (box.min, box.max))
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


class TestDuplicates:
    def test_original_first_then_duplicates_in_the_order_of_the_map(self, colours):
        figure = plot_duplicates(colours, {"red.png": ["green.png", "blue.png"]}, "red.png")
        assert isinstance(figure, Figure)
        assert titles(figure) == ["red.png\n2 duplicates", "green.png", "blue.png"]
        top, left, right = (axes.get_position() for axes in figure.axes)
        assert top.y0 > max(left.y1, right.y1)
        assert left.x1 < right.x0

    @pytest.mark.parametrize(
        ("score", "text"),
        [
            (7, "distance 7"),
            (np.int64(7), "distance 7"),
            (0.93456, "similarity 0.935"),
            (np.float32(1), "similarity 1.000"),
        ],
    )
    @pytest.mark.parametrize("kind", [tuple, list])
    def test_scores(self, colours, score, text, kind):
        figure = plot_duplicates(colours, {"red.png": [kind(("blue.png", score))]}, "red.png")
        assert titles(figure) == ["red.png\n1 duplicate", f"blue.png\n{text}"]

    def test_map_of_an_encoder(self, photos):
        found = PHash(verbose=False).find_duplicates(photos, scores=True)
        figure = plot_duplicates(photos, found, "beach.png")
        assert titles(figure)[:2] == ["beach.png\n2 duplicates", "beach_copy.png\ndistance 0"]

    def test_saved_pixels(self, colours, tmp_path):
        outfile = tmp_path / "plot.png"
        figure = plot_duplicates(
            colours, {"red.png": ["green.png", "blue.png"]}, "red.png", outfile
        )
        saved = pixels(outfile)
        for axes, colour in zip(figure.axes, (RED, GREEN, BLUE), strict=True):
            assert tuple(centre(figure, axes, saved)) == colour
        assert tuple(saved[3, 3]) == WHITE

    @pytest.mark.parametrize("ending", ["png", "PNG", "jpg", "pdf", "svg"])
    def test_formats(self, colours, tmp_path, ending):
        outfile = tmp_path / f"plot.{ending}"
        plot_duplicates(colours, {"red.png": ["blue.png"]}, "red.png", str(outfile))
        starts = {"jpg": b"\xff\xd8", "pdf": b"%PDF", "svg": b"<?xml"}
        assert outfile.read_bytes().startswith(starts.get(ending, b"\x89PNG"))
        assert [path.name for path in tmp_path.glob("*plot*")] == [outfile.name]

    def test_exif_orientation(self, tmp_path):
        sides = Image.new("RGB", (400, 200), RED)
        sides.paste(BLUE, (200, 0, 400, 200))
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees clockwise
        sides.save(tmp_path / "turned.jpg", exif=exif, quality=95)
        figure = plot_duplicates(tmp_path, {"turned.jpg": ["turned.jpg"]}, "turned.jpg")
        (image,) = figure.axes[0].images
        shown = np.asarray(image.get_array())
        assert shown.shape[0] == 2 * shown.shape[1]
        middle = shown.shape[1] // 2
        assert np.abs(shown[5, middle].astype(int) - RED).max() < 10
        assert np.abs(shown[-5, middle].astype(int) - BLUE).max() < 10

    def test_large_images_are_kept_as_small_copies(self, tmp_path):
        photograph(1, (3000, 2000)).save(tmp_path / "large.jpg")
        figure = plot_duplicates(tmp_path, {"large.jpg": ["large.jpg"]}, "large.jpg")
        assert [axes.images[0].get_size() for axes in figure.axes] == [(341, 512)] * 2

    def test_grey_images(self, tmp_path):
        Image.new("L", (50, 50), 77).save(tmp_path / "grey.png")
        figure = plot_duplicates(tmp_path, {"grey.png": ["grey.png"]}, "grey.png")
        assert np.asarray(figure.axes[0].images[0].get_array())[5, 5].tolist() == [77, 77, 77]

    def test_unreadable_images_are_boxes_with_the_reason(self, colours):
        (colours / "broken.png").write_text("no image")
        found = {"missing.png": ["red.png", "broken.png", "empty.png", "bad\0name.png"]}
        (colours / "empty.png").touch()
        figure = plot_duplicates(colours, found, "missing.png")
        reasons = ["".join(text.get_text() for text in axes.texts) for axes in figure.axes]
        assert [len(axes.images) for axes in figure.axes] == [0, 1, 0, 0, 0]
        assert reasons[0] == "no such file"
        assert reasons[2].replace("\n", " ") == "not an image, or of an unknown format"
        assert reasons[3] == "empty file"
        assert reasons[4]

    @pytest.mark.parametrize(
        ("count", "note"),
        [
            (1, []),
            (20, []),
            (21, ["1 more duplicate not shown"]),
            (1500, ["1,480 more duplicates not shown"]),
        ],
    )
    def test_a_page_of_images_at_most(self, colours, count, note):
        figure = plot_duplicates(colours, {"red.png": ["blue.png"] * count}, "red.png")
        assert len(figure.axes) == 1 + min(count, 20)
        assert notes(figure) == note
        assert titles(figure)[0] == f"red.png\n{count:,} duplicate{'s' * (count > 1)}"

    @pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 12, 13, 20, 40])
    def test_layout(self, colours, count):
        names = ["blue.png", "green.png", "x" * 150 + ".png", "W" * 60, "red.png"] * 8
        found = {"a" * 300 + ".jpg": [(name, 3) for name in names[:count]]}
        figure = plot_duplicates(colours, found, next(iter(found)))
        assert overlaps(figure) == []
        sizes = {
            axes.get_position(original=True).size.round(9).tobytes() for axes in figure.axes[1:]
        }
        assert len(sizes) == 1

    def test_strips_leave_no_empty_page(self, tmp_path):
        Image.new("RGB", (1000, 20), RED).save(tmp_path / "wide.png")
        figure = plot_duplicates(tmp_path, {"wide.png": ["wide.png"]}, "wide.png")
        assert figure.get_size_inches()[1] < 2.5

    @pytest.mark.parametrize(
        "name",
        [
            "$a_b$ ^{2}.png",
            "_x.png",
            "東京.png",
            "Москва.png",
            "שלום.png",
            "😀.png",
            "\udcff.png",
            "a\nb",
        ],
    )
    @pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
    def test_any_name_can_be_drawn(self, colours, tmp_path, name, ending):
        outfile = tmp_path / f"plot.{ending}"
        figure = plot_duplicates(colours, {name: [(name, 1)]}, name, outfile)
        assert titles(figure) == [f"{drawable(name)}\n1 duplicate", f"{drawable(name)}\ndistance 1"]
        assert not any(axes.title.get_parse_math() for axes in figure.axes)
        assert outfile.stat().st_size > 0

    def test_duplicates_of_another_folder(self, colours, tmp_path):
        other = tmp_path / "other"
        other.mkdir()
        Image.new("RGB", (300, 200), GREEN).save(other / "red.png")
        figure = plot_duplicates(colours, {"red.png": ["red.png"]}, "red.png", against=other)
        shown = [tuple(axes.images[0].get_array()[0, 0].tolist()) for axes in figure.axes]
        assert shown == [RED, GREEN]

    def test_styles_of_the_user_do_not_spoil_it(self, colours, tmp_path):
        odd = {
            "image.origin": "lower",
            "figure.constrained_layout.use": True,
            "axes.grid": True,
            "text.usetex": True,
            "axes.titlelocation": "left",
            "font.family": ["monospace"],
        }
        outfile = tmp_path / "plot.png"
        with matplotlib.rc_context(odd):
            figure = plot_duplicates(colours, {"red.png": ["blue.png"]}, "red.png", outfile)
            assert overlaps(figure) == []
        assert tuple(centre(figure, figure.axes[1], pixels(outfile))) == BLUE
        assert titles(figure) == ["red.png\n1 duplicate", "blue.png"]

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"image_dir": 3}, InvalidTypeError, "image_dir must be a path, got int"),
            ({"image_dir": "none"}, InvalidValueError, "image_dir must be a folder that exists"),
            ({"image_dir": "bad\0"}, InvalidValueError, "image_dir must be a folder that exists"),
            ({"against": "none"}, InvalidValueError, "against must be a folder that exists"),
            ({"filename": 3}, InvalidTypeError, "filename must be a str, got int"),
            (
                {"filename": "x"},
                InvalidValueError,
                "'x'; the keys begin with 'red.png', 'alone.png'",
            ),
            ({"filename": "alone.png"}, InvalidValueError, "has none for 'alone.png'"),
            ({"duplicate_map": {}}, InvalidValueError, "the keys begin with none"),
            ({"duplicate_map": ["red.png"]}, InvalidTypeError, "a result of search, got list"),
            ({"duplicate_map": {"red.png": "x.png"}}, InvalidTypeError, "must hold lists, got str"),
            (
                {"duplicate_map": {"red.png": {"x": 1}}},
                InvalidTypeError,
                "must hold lists, got dict",
            ),
            (
                {"duplicate_map": {"red.png": [3]}},
                InvalidTypeError,
                "tuples of name and score, got 3",
            ),
            ({"duplicate_map": {"red.png": [("x", "y")]}}, InvalidTypeError, "name and score"),
            ({"duplicate_map": {"red.png": [("x", True)]}}, InvalidTypeError, "name and score"),
            ({"duplicate_map": {"red.png": [("x", 1, 2)]}}, InvalidTypeError, "name and score"),
            ({"outfile": 3}, InvalidTypeError, "outfile must be a path, got int"),
            ({"outfile": "none/plot.png"}, InvalidValueError, "a folder that exists"),
            ({"outfile": "plot.docx"}, InvalidValueError, "outfile must end in one of .*.png"),
            ({"outfile": "plot"}, InvalidValueError, "outfile must end in one of .*.png"),
            ({"outfile": "plot.pgf"}, InvalidValueError, "outfile must end in one of .*.png"),
        ],
    )
    def test_wrong_arguments(self, colours, changes, error, message):
        arguments = {
            "image_dir": colours,
            "duplicate_map": {"red.png": ["blue.png"], "alone.png": []},
            "filename": "red.png",
        }
        with pytest.raises(error, match=message):
            plot_duplicates(**arguments | changes)

    def test_failed_writing_leaves_no_file(self, colours, tmp_path):
        before = sorted(tmp_path.iterdir())
        with pytest.raises(FileOperationError, match="cannot write .*: File name too long"):
            plot_duplicates(
                colours, {"red.png": ["blue.png"]}, "red.png", tmp_path / f"{'x' * 300}.png"
            )
        with pytest.raises(FileOperationError, match="cannot write .*plot.webp"):
            finished(PlotFigure(0.1, 140), tmp_path / "plot.webp")  # higher than the format allows
        assert sorted(tmp_path.iterdir()) == before


class TestClusters:
    CLUSTER = Cluster("green.png", ("blue.png", "green.png", "red.png"))

    def test_largest_first_with_the_representative_first(self, colours):
        figure = plot_clusters(colours, [["red.png", "blue.png"], self.CLUSTER])
        assert titles(figure) == ["green.png", "blue.png", "red.png", "red.png", "blue.png"]
        assert notes(figure) == ["3 images", "2 images", "thick border: the representative"]
        borders = [axes.spines["left"].get_linewidth() for axes in figure.axes]
        assert [border > 2 for border in borders] == [True, False, False, True, False]
        assert overlaps(figure) == []

    def test_left_out(self, colours):
        figure = plot_clusters(
            colours, [["blue.png", "red.png"]] * 3 + [self.CLUSTER], max_clusters=2, max_members=2
        )
        assert titles(figure) == ["green.png", "blue.png", "blue.png", "red.png"]
        assert "+1 more" in notes(figure)
        assert notes(figure)[-1] == "thick border: the representative; 2 more clusters not shown"

    def test_clusters_of_a_search(self, photos, tmp_path):
        clusters = PHash(verbose=False).search(photos).clusters()
        figure = plot_clusters(photos, clusters, tmp_path / "sheet.png")
        assert titles(figure)[:2] == ["beach.png", "beach_copy.png"]
        assert overlaps(figure) == []
        assert pixels(tmp_path / "sheet.png").std() > 10

    def test_one_member(self, colours):
        figure = plot_clusters(colours, [self.CLUSTER], max_members=1)
        assert titles(figure) == ["green.png"]
        assert "+2 more" in notes(figure)

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"clusters": {"a", "b"}}, InvalidTypeError, "a result of search, got set"),
            ({"clusters": {}}, InvalidValueError, "at least one cluster, got none"),
            ({"clusters": {"a": [], "b": []}}, InvalidValueError, "at least one cluster, got none"),
            ({"clusters": {"a": "b"}}, InvalidTypeError, "the values of clusters must be of type"),
            ({"clusters": {"a": [1]}}, InvalidTypeError, "clusters must hold either names or"),
            ({"clusters": [Cluster(3, ("a",))]}, InvalidTypeError, "lists of names"),
            ({"clusters": []}, InvalidValueError, "at least one cluster, got none"),
            ({"clusters": ["red.png"]}, InvalidTypeError, "lists of names, got 'red.png'"),
            ({"clusters": [[1]]}, InvalidTypeError, "lists of names"),
            ({"clusters": [[]]}, InvalidValueError, "got an empty one"),
            ({"max_clusters": 0}, InvalidValueError, "max_clusters must be an int from 1 to 100"),
            ({"max_members": 31}, InvalidValueError, "max_members must be an int from 1 to 30"),
            ({"max_members": np.zeros(2)}, InvalidTypeError, "must be an int, got ndarray"),
            ({"max_members": 10**400}, InvalidValueError, "an int from 1 to 30, got 1000"),
            ({"max_members": 2.0}, InvalidTypeError, "max_members must be an int, got float"),
            ({"image_dir": "none"}, InvalidValueError, "image_dir must be a folder"),
            ({"outfile": "plot"}, InvalidValueError, "outfile must end in one of"),
        ],
    )
    def test_wrong_arguments(self, colours, changes, error, message):
        with pytest.raises(error, match=message):
            plot_clusters(**{"image_dir": colours, "clusters": [["red.png"]]} | changes)


class TestPrecisionRecall:
    def test_curves(self, tmp_path):
        curves = {
            "_a $x$": (np.array([1, 0.9, 0.5]), np.array([0.2, 0.6, 0.9]), np.array([1, 5, 9])),
            "plain": ([0.5, 1.0], [1.0, 0.5]),
            "nothing": ([], [], []),
            "zero": ([0.0], [0.0]),
        }
        figure = plot_precision_recall(curves, tmp_path / "curves.png")
        assert legend(figure) == [
            "_a $x$: best F1 0.720 at threshold 5",
            "plain: best F1 0.667",
            "nothing: nothing retrieved",
            "zero: best F1 0.000",
        ]
        (axes,) = figure.axes
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("recall", "precision")
        assert axes.lines[0].get_xydata().tolist() == [[0.2, 1], [0.6, 0.9], [0.9, 0.5]]
        assert axes.lines[1].get_xydata().tolist() == [[0.6, 0.9]]
        assert axes.lines[2].get_xdata().tolist() == [0.5, 1.0]

    def test_thresholds_one_shorter(self):
        """As scikit-learn returns them: the last point has none."""
        figure = plot_precision_recall({"a": ([0.5, 0.8, 1.0], [1.0, 0.7, 0.0], [0.1, 0.6])})
        assert legend(figure) == ["a: best F1 0.747 at threshold 0.6"]

    def test_curve_of_an_evaluation(self):
        truth = {"a": ["b"], "b": ["a"], "c": []}
        retrieved = {"a": [("b", 2), ("c", 7)], "b": [("a", 2)], "c": [("a", 7)]}
        figure = plot_precision_recall({"mine": precision_recall_curve(truth, retrieved)})
        assert legend(figure) == ["mine: best F1 1.000 at threshold 2"]

    def test_many_curves_make_a_higher_figure(self, tmp_path):
        curves = {f"{number} {'long ' * 30}": ([1, 0.5], [0.1, 1]) for number in range(14)}
        figure = plot_precision_recall(curves, tmp_path / "curves.png")
        assert figure.get_size_inches()[1] > 7
        assert figure.axes[0].get_position().height * figure.get_size_inches()[1] > 3
        box = figure.legends[0].get_window_extent()
        assert box.x1 <= figure.bbox.x1
        styles = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines[::2]}
        assert len(styles) == 14

    @pytest.mark.parametrize(
        ("curves", "error", "message"),
        [
            ([], InvalidTypeError, "curves must be a curve or a dict of curves, got list"),
            (([1],), InvalidTypeError, "curves must be a curve or a dict of curves, got tuple"),
            (([1], [1, 1]), InvalidValueError, "one length, got 1, 2 for the curve"),
            (([2], [1]), InvalidValueError, "from 0 to 1, the curve has others"),
            (OperatingPoint(1, 1.0, 1.0, 1.0, 1, 1), InvalidTypeError, "got OperatingPoint"),
            ({}, InvalidValueError, "at least one curve"),
            ({1: ([1], [1])}, InvalidTypeError, "labels of type str, got 1"),
            ({"a": 3}, InvalidTypeError, "got int for 'a'"),
            ({"a": ([1],)}, InvalidTypeError, "got tuple for 'a'"),
            ({"a": ([1], [1, 1])}, InvalidValueError, "one length, got 1, 2 for curves\\['a'\\]"),
            ({"a": ([1, 1, 1], [1, 1, 1], [1])}, InvalidValueError, "one length, got 3, 3, 1"),
            ({"a": ([1.2], [1])}, InvalidValueError, "from 0 to 1, curves\\['a'\\] has others"),
            ({"a": ([np.nan], [1])}, InvalidValueError, "values from 0 to 1"),
            ({"a": (["x"], [1])}, InvalidTypeError, "array of numbers, got dtype"),
            ({"a": ([[1], [1, 2]], [1])}, InvalidTypeError, "array of numbers"),
            ({"a": ([[1]], [[1]])}, InvalidValueError, "got shape"),
        ],
    )
    def test_wrong_arguments(self, curves, error, message):
        with pytest.raises(error, match=message):
            plot_precision_recall(curves)


class TestSimilarityHistogram:
    @staticmethod
    def counts(figure):
        """Number within and outside, and where the bars begin and end."""
        bars = figure.axes[0].containers
        return [
            (
                sum(bar.get_height() for bar in side),
                min(bar.get_x() for bar in side),
                max(bar.get_x() + bar.get_width() for bar in side),
            )
            for side in bars
        ]

    def test_similarities(self):
        scores = np.array([0.0, 0.3, 0.9, 0.95, 1.0], np.float32)
        figure = plot_similarity_histogram(scores.astype(np.float64), 0.5)
        within, outside = self.counts(figure)
        assert within == (3, 0.5, 1.0)
        assert outside == (2, 0.0, 0.5)
        assert legend(figure) == [
            "within, 0.5 or more: 3 of 5 (60.0 %)",
            "outside, less than 0.5: 2 of 5 (40.0 %)",
        ]
        assert figure.axes[0].lines[0].get_xdata() == [0.5, 0.5]
        assert figure.axes[0].get_xlabel() == "similarity"

    def test_whole_distances_have_a_bar_each(self):
        figure = plot_similarity_histogram([0, 2, 10, 11, 30], 10, score_name="distance")
        within, outside = self.counts(figure)
        assert within == (3, -0.5, 10.5)
        assert outside == (2, 10.5, 30.5)
        assert figure.axes[0].lines[0].get_xdata() == [10.5, 10.5]
        assert legend(figure)[0] == "within, 10 or less: 3 of 5 (60.0 %)"

    @pytest.mark.parametrize("name", ["similarity", "distance"])
    @pytest.mark.parametrize("threshold", [-5, 0.0, 0.25, 0.5, 1, 3])
    @pytest.mark.parametrize("scores", [[0.25, 0.5, 0.5, 1.0], [0.5], [0, 1, 1], [-1, 500.5]])
    def test_every_score_is_in_a_bar_on_its_side(self, scores, threshold, name):
        figure = plot_similarity_histogram(scores, threshold, score_name=name)
        values = np.array(scores)
        within = (values <= threshold if name == "distance" else values >= threshold).sum()
        assert [count for count, *_ in self.counts(figure)] == [within, len(values) - within]

    def test_a_small_side_can_be_seen(self, tmp_path):
        scores = np.concatenate([np.linspace(0.0, 0.01, 10_000), [0.95]])
        figure = plot_similarity_histogram(scores, 0.9, tmp_path / "scores.png")
        assert figure.axes[0].get_yscale() == "log"
        assert plot_similarity_histogram([0.1, 0.95], 0.9).axes[0].get_yscale() == "linear"

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"scores": []}, InvalidValueError, "at least one score"),
            ({"scores": [np.nan]}, InvalidValueError, "scores must be finite"),
            ({"scores": [[1.0]]}, InvalidValueError, "shape"),
            ({"scores": ["a"]}, InvalidTypeError, "array of numbers"),
            ({"threshold": "a"}, InvalidTypeError, "threshold must be a number, got str"),
            ({"threshold": np.inf}, InvalidValueError, "threshold must be finite"),
            ({"score_name": "x"}, InvalidValueError, "'distance', 'similarity', got 'x'"),
            ({"score_name": 3}, InvalidTypeError, "score_name must be a str, got int"),
            ({"scores": [1e200]}, InvalidValueError, "scores must be finite and at most 1e"),
            ({"scores": {}}, InvalidValueError, "scores must hold at least one image"),
            ({"scores": {"a": []}}, InvalidValueError, "scores must hold at least one score"),
            ({"scores": {"a": ["b"]}}, InvalidValueError, "got names only; .* with scores=True"),
            (
                {"scores": {"a": [("b", "c")]}},
                InvalidTypeError,
                "scores of the map must be numbers",
            ),
            ({"threshold": 10**400}, InvalidValueError, "threshold must be finite"),
            ({"threshold": True}, InvalidTypeError, "threshold must be a number, got bool"),
        ],
    )
    def test_wrong_arguments(self, changes, error, message):
        with pytest.raises(error, match=message):
            plot_similarity_histogram(**{"scores": [0.5], "threshold": 0.5} | changes)


class TestTexts:
    @pytest.mark.parametrize("width", [0.6, 1.0, 2.0, 5.0])
    def test_long_names_keep_their_beginning_and_ending(self, width):
        short = fitting("holiday_" * 30 + "end.jpeg", width, 8)
        assert short.startswith("h")
        assert short.endswith(".jpeg")
        assert "…" in short
        assert len(fitting("holiday_" * 30 + "end.jpeg", 2 * width, 8)) > len(short)

    def test_short_names_stay(self):
        assert fitting("a.jpg", 1, 8) == "a.jpg"

    def test_even_without_room(self):
        assert fitting("a.jpg", 0, 8) == "…"

    def test_escapes_are_kept_whole(self):
        short = fitting("\0" * 50 + ".jpg", 1, 8)
        assert short.removesuffix("….jpg").removeprefix("\\x00") == "\\x00" * (
            short.count("\\x00") - 1
        )

    def test_wrapped(self):
        assert wrapped("one two three", 10, 8, 3) == "one two three"
        lines = wrapped("one two three four five six seven", 0.5, 8, 3).split("\n")
        assert lines[0] == "one two"
        assert len(lines) == 3
        assert "…" in lines[2]
        assert wrapped("", 1, 8, 3) == ""


@pytest.fixture
def notebook(monkeypatch, notebook_shell):
    """Stands in for a notebook; records what is displayed."""
    displayed = []
    display = SimpleNamespace(display=displayed.append)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return SimpleNamespace(shell=notebook_shell, displayed=displayed)


class TestShowing:
    @pytest.fixture
    def found(self, colours):
        return {
            "image_dir": colours,
            "duplicate_map": {"red.png": ["blue.png"]},
            "filename": "red.png",
        }

    def test_in_a_notebook_once(self, notebook, found):
        figure = plot_duplicates(**found)
        assert notebook.displayed == [figure]
        assert figure._repr_png_().startswith(b"\x89PNG")
        figure._ipython_display_()  # as the value of the same cell: nothing more
        notebook.shell.execution_count = 2
        with pytest.raises(NotImplementedError):  # later: as IPython likes
            figure._ipython_display_()

    def test_not_with_outfile(self, notebook, found, tmp_path):
        plot_duplicates(**found, outfile=tmp_path / "plot.png")._ipython_display_()
        assert notebook.displayed == []

    def test_not_in_ipython_without_notebook(self, notebook, found):
        notebook.shell.kernel = None
        plot_duplicates(**found)
        assert notebook.displayed == []

    @pytest.mark.parametrize(
        ("interactive", "outfile", "windows"),
        [(True, None, 1), (False, None, 0), (True, "p.png", 0)],
    )
    def test_windows_only_in_interactive_sessions(
        self, colours, tmp_path, interactive, outfile, windows
    ):
        (tmp_path / "windows.py").write_text(WINDOWS)
        code = SESSION.format(folder=str(colours), interactive=interactive, outfile=outfile)
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-c", code],
            cwd=tmp_path,
            env={**ENVIRONMENT, "MPLBACKEND": "module://windows"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["shown"] * windows + ["[1]", "module://windows"]

    def test_matplotlib_is_loaded_only_to_plot(self):
        code = (
            "import sys, imagededup.utils as u; u.plot_duplicates; u.plot_precision_recall; "
            "print('matplotlib' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "False"

    def test_pyplot_is_not_needed(self, colours, tmp_path):
        code = (
            "import sys; from imagededup.utils import plot_duplicates; "
            f"plot_duplicates({str(colours)!r}, {{'red.png': ['blue.png']}}, 'red.png', 'p.png'); "
            "print('matplotlib.pyplot' in sys.modules)"
        )
        command = [sys.executable, "-W", "error::UserWarning", "-c", code]
        done = subprocess.run(
            command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "False"


def test_unknown_names_of_the_package():
    import imagededup.utils

    assert "plot_duplicates" in dir(imagededup.utils)
    with pytest.raises(AttributeError, match="no attribute 'plot_nothing'"):
        _ = imagededup.utils.plot_nothing


WINDOWS = """
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

class FigureManager(FigureManagerBase):
    def show(self):
        print("shown")

class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager
"""

SESSION = """
import matplotlib, matplotlib.pyplot as pyplot
from imagededup.utils import plot_duplicates
pyplot.figure()
matplotlib.interactive({interactive})
plot_duplicates({folder!r}, {{"red.png": ["blue.png"]}}, "red.png", outfile={outfile!r})
print(pyplot.get_fignums(), matplotlib.get_backend())
"""
