"""What the plot functions take beside lists: results of `search`, dictionaries, single curves."""

import numpy as np
import pytest
from PIL import Image

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation import precision_recall_curve
from imagededup.methods import CNN, PHash
from imagededup.methods.results import Cluster, clusters_of
from imagededup.plots import (
    plot_clusters,
    plot_duplicates,
    plot_precision_recall,
    plot_similarity_histogram,
)
from imagededup.plots.found import duplicate_counts, duplicates_of, score_counts
from tests.conftest import photograph


def phash():
    return PHash(verbose=False)


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def is_grey(axes):
    """Whether the image that is drawn has no colours."""
    return np.ptp(np.asarray(axes.images[0].get_array(), int), axis=2).max() < 10


@pytest.fixture
def old(photos):
    """A reference collection beside the photographs: grey copies, one with a name of theirs."""
    folder = photos.parent / "old"
    folder.mkdir()
    for number, name in enumerate(("beach.png", "old_city.png")):
        photograph(number).convert("L").save(folder / name)
    photograph(0).convert("L").resize((200, 150)).save(folder / "old_beach.png")
    return folder


class TestDuplicatesOfOne:
    @pytest.fixture(params=[None, "old"])
    def found(self, request):
        """Random codes with many equals, of one collection or two."""
        generator = np.random.default_rng(3)
        names = [f"{number:03}" for number in range(120)]
        codes = [f"{int(code):016x}" for code in generator.integers(0, 30, 240)]
        hashes = dict(zip(names, codes[:120], strict=True))
        against = dict(zip(names[:90], codes[120:210], strict=True)) if request.param else None
        return phash().search(encoding_map=hashes, against=against, max_distance_threshold=2)

    def test_as_in_the_dictionary(self, found):
        expected = found.to_dict(scores=True)
        assert {
            name: duplicates_of(found, image) for image, name in enumerate(found.names)
        } == expected
        assert duplicate_counts(found).tolist() == [len(entries) for entries in expected.values()]

    def test_scores_are_those_of_all_pairs(self, found):
        scores, counts = score_counts(found)
        every = [score for *_, score in found.rows()]
        summed = {value: int(counts[scores == value].sum()) for value in set(scores.tolist())}
        assert summed == {value: every.count(value) for value in set(every)}

    @pytest.mark.parametrize("against", [None, {"z": "f" * 16}])
    def test_no_pairs(self, against):
        found = phash().search(encoding_map={"a": "0" * 16}, against=against)
        assert duplicates_of(found, 0) == []
        assert duplicate_counts(found).tolist() == [0]
        assert [part.tolist() for part in score_counts(found)] == [[], []]

    def test_similarities(self, photos):
        found = CNN(verbose=False).search(photos, min_similarity_threshold=0.5)
        assert duplicates_of(found, 0) == found.to_dict(scores=True)["beach.png"]


class TestDuplicates:
    def test_a_result_knows_its_folder(self, photos):
        found = phash().search(photos)
        figure = plot_duplicates(duplicate_map=found, filename="beach.png")
        assert titles(figure) == [
            "beach.png\n2 duplicates",
            "beach_copy.png\ndistance 0",
            "beach_small.jpg\ndistance 0",
        ]
        assert all(axes.images for axes in figure.axes)
        assert titles(plot_duplicates(photos, found, "beach.png")) == titles(figure)

    def test_a_result_of_similarities(self, photos):
        found = CNN(verbose=False).search(photos)
        figure = plot_duplicates(duplicate_map=found, filename="beach.png")
        assert titles(figure)[1] == "beach_copy.png\nsimilarity 1.000"

    def test_a_result_of_two_collections_knows_both_folders(self, photos, old):
        found = phash().search(photos, against=old)
        figure = plot_duplicates(duplicate_map=found, filename="beach.png")
        assert titles(figure)[:2] == ["beach.png\n2 duplicates", "beach.png\ndistance 0"]
        assert [is_grey(axes) for axes in figure.axes] == [False, True, True]

    def test_folders_that_are_given_count(self, photos, old):
        """The collections may have been moved since."""
        found = phash().search(photos, against=old)
        figure = plot_duplicates(old, found, "beach.png", against=photos)
        assert [is_grey(axes) for axes in figure.axes[:2]] == [True, False]

    def test_codes_need_folders(self, photos, old):
        hashes, references = (phash().encode_images(folder) for folder in (photos, old))
        found = phash().search(encoding_map=hashes, against=references)
        with pytest.raises(InvalidValueError, match="image_dir must be given: the result is of"):
            plot_duplicates(duplicate_map=found, filename="beach.png")
        with pytest.raises(InvalidValueError, match="against must be given: the result is of"):
            plot_duplicates(photos, found, "beach.png")
        figure = plot_duplicates(photos, found, "beach.png", against=old)
        assert [is_grey(axes) for axes in figure.axes] == [False, True, True]

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"filename": "x.png"}, InvalidValueError, "'x.png'; the keys begin with 'beach.png'"),
            ({"filename": "forest.png"}, InvalidValueError, "has none for 'forest.png'"),
            ({"filename": None}, InvalidTypeError, "filename must be a str"),
            ({"against": "."}, InvalidValueError, "against must be None: .* of one collection"),
            ({"duplicate_map": None}, InvalidTypeError, "image_dir must be a path, got NoneType"),
        ],
    )
    def test_wrong_arguments(self, photos, changes, error, message):
        arguments = {"duplicate_map": phash().search(photos), "filename": "beach.png"}
        with pytest.raises(error, match=message):
            plot_duplicates(**arguments | changes)


class TestClusters:
    ROWS = ("beach.png", "beach_copy.png", "beach_small.jpg", "city.png", "city_blurred.png")

    @pytest.mark.parametrize("scores", [False, True])
    @pytest.mark.parametrize("kind", [tuple, list])
    def test_the_dictionary(self, photos, scores, kind):
        found = phash().find_duplicates(photos, scores=scores)
        if scores:
            found = {name: [kind(entry) for entry in entries] for name, entries in found.items()}
        assert tuple(titles(plot_clusters(photos, found))) == self.ROWS

    def test_a_result_knows_its_folder(self, photos):
        figure = plot_clusters(clusters=phash().search(photos))
        assert tuple(titles(figure)) == self.ROWS
        assert all(axes.images for axes in figure.axes)

    def test_one_that_repeats_the_list_of_clusters(self, photos):
        found = phash().find_duplicates(photos)
        assert titles(plot_clusters(photos, clusters_of(found))) == list(self.ROWS)

    def test_two_collections(self, photos, old):
        """A row an image, the image with most duplicates first."""
        found = phash().search(photos, against=old)
        figure = plot_clusters(clusters=found, max_clusters=4, max_members=2)
        assert titles(figure)[:2] == ["beach.png", "beach.png"]
        assert [is_grey(axes) for axes in figure.axes] == [False, True] * 4
        notes = [text.get_text() for text in figure.texts]
        assert notes[:2] == ["3 images", "+1 more"]
        assert notes[-1] == "thick border: the representative; 1 more cluster not shown"
        listed = plot_clusters(photos, list(found), max_clusters=4, max_members=2, against=old)
        assert titles(listed) == titles(figure)
        assert [is_grey(axes) for axes in listed.axes] == [False, True] * 4

    def test_a_dictionary_of_two_collections(self, photos, old):
        found = phash().find_duplicates(photos, against=old, scores=True)
        figure = plot_clusters(photos, found, max_members=3, against=old)
        assert titles(figure)[:3] == ["beach.png", "beach.png", "old_beach.png"]
        assert [is_grey(axes) for axes in figure.axes[:3]] == [False, True, True]

    def test_many_of_one_kind_cost_no_pairs(self):
        """20,000 identical images are 200 million pairs."""
        hashes = dict.fromkeys((f"{number:05}" for number in range(20_000)), "9fee256239984d71")
        found = phash().search(encoding_map=hashes)
        figure = plot_clusters(".", found)
        assert figure.texts[0].get_text() == "20,000 images"
        figure = plot_similarity_histogram(found, 10)
        assert legend(figure)[0] == "within, 10 or less: 199,990,000 of 199,990,000 (100.0 %)"
        figure = plot_duplicates(".", found, "00007")
        assert titles(figure)[:2] == ["00007\n19,999 duplicates", "00000\ndistance 0"]

    @pytest.mark.parametrize("number", [np.int64(1), np.uint8(1)])
    def test_numbers_of_numpy(self, photos, number):
        figure = plot_clusters(photos, {"beach.png": ["city.png"]}, None, number, number)
        assert titles(figure) == ["beach.png"]

    def test_representatives_that_are_no_members(self, photos):
        figure = plot_clusters(photos, [Cluster("beach.png", ("city.png",))])
        assert titles(figure) == ["beach.png", "city.png"]

    def test_nothing_found(self, photos):
        found = phash().search(photos, max_distance_threshold=0)
        nothing = phash().search(encoding_map={"a": "0" * 16}, against={"b": "f" * 16})
        assert titles(plot_clusters(clusters=found))  # equal hashes
        with pytest.raises(InvalidValueError, match="at least one cluster, got none"):
            plot_clusters(photos, nothing, against=photos)


class TestPrecisionRecall:
    TRUTH = {"a": ["b"], "b": ["a"], "c": []}
    FOUND = {"a": [("b", 2), ("c", 7)], "b": [("a", 2)], "c": [("a", 7)]}

    def test_one_curve(self):
        figure = plot_precision_recall(precision_recall_curve(self.TRUTH, self.FOUND))
        assert legend(figure) == ["best F1 1.000 at threshold 2"]
        assert figure.axes[0].lines[0].get_xydata().tolist() == [[1, 1], [1, 0.5]]

    @pytest.mark.parametrize("kind", [tuple, list])
    def test_one_curve_of_arrays(self, kind):
        figure = plot_precision_recall(kind(([1.0, 0.9], np.array([0.5, 0.8]), [2, 10])))
        assert legend(figure) == ["best F1 0.847 at threshold 10"]


class TestHistogram:
    def test_a_dictionary_counts_every_pair_once(self):
        found = {"a": [("b", 3), ("c", 12)], "b": [("a", 3)], "c": [("a", 12)], "d": []}
        figure = plot_similarity_histogram(found, 10)
        assert legend(figure)[0] == "within, 10 or less: 1 of 2 (50.0 %)"
        assert figure.axes[0].get_xlabel() == "distance"

    def test_similarities(self, photos):
        encoder = CNN(verbose=False)
        found = encoder.search(photos, min_similarity_threshold=0.0)
        expected = legend(plot_similarity_histogram([row[2] for row in found.rows()], 0.9))
        for scores in (found, found.to_dict(scores=True)):
            figure = plot_similarity_histogram(scores, 0.9)
            assert legend(figure) == expected
            assert figure.axes[0].get_xlabel() == "similarity"

    def test_two_collections(self, photos, old):
        """With the same names in both, no two pairs are the two directions of one."""
        found = phash().search(photos, against=old)
        count = len(list(found.rows()))
        assert count > len(found.names) - 1
        for scores in (found, found.to_dict(scores=True)):
            expected = f"within, 10 or less: {count} of {count} (100.0 %)"
            assert legend(plot_similarity_histogram(scores, 10))[0] == expected
        crossing = {"a": [("a", 1), ("b", 2)], "b": [("a", 3)]}
        assert " of 3 " in legend(plot_similarity_histogram(crossing, 10))[0]

    def test_what_scores_are_can_be_said(self):
        found = {"a": [("b", 1)], "b": [("a", 1)]}
        figure = plot_similarity_histogram(found, 0.5, score_name="similarity")
        assert legend(figure)[0] == "within, 0.5 or more: 1 of 1 (100.0 %)"

    def test_a_result_that_is_contradicted(self, photos):
        with pytest.raises(InvalidValueError, match="must be 'distance' for this result"):
            plot_similarity_histogram(phash().search(photos), 1, score_name="similarity")

    @pytest.mark.parametrize("threshold", [1e-300, 1e99, np.float16(0.5), np.int64(1)])
    def test_any_finite_size(self, threshold):
        scores = [-1e99, 5e-324, 1e99]
        figure = plot_similarity_histogram(scores, threshold)
        assert f"of {len(scores)} " in legend(figure)[0]


def test_images_of_one_colour_are_drawn(tmp_path):
    for number in range(2):
        Image.new("RGB", (40, 30), (9, 9, 9)).save(tmp_path / f"{number}.png")
    figure = plot_clusters(clusters=phash().search(tmp_path))
    assert titles(figure) == ["0.png", "1.png"]
