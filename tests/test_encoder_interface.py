"""What all encoders share: names and order of parameters, exact copies, results as objects."""

import copy
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imagededup
from imagededup.errors import InvalidTypeError, MissingPackageError
from imagededup.methods import CNN, AHash, DHash, PHash, WHash
from imagededup.methods.results import Cluster
from tests.conftest import photograph

HASHES = [PHash, DHash, AHash, WHash]
ENCODERS = [*HASHES, CNN]
CODES = {
    "a.jpg": "00000000000000ff",
    "b.jpg": "00000000000000fe",
    "c.jpg": "ffffffffffffffff",
    "d.jpg": "00000000000000fc",
}
DIRECTIONS = {"a.jpg": np.array([0.0, 1.0]), "b.jpg": np.array([0.1, 1.0])}


@pytest.fixture(params=ENCODERS, ids=lambda encoder: encoder.__name__)
def encoder(request):
    return request.param(verbose=False)


class TestParameters:
    """The order is that of imagededup, whose callers give some without a name."""

    def test_of_hashes(self):
        assert list(inspect.signature(PHash.find_duplicates).parameters) == [
            "self", "image_dir", "encoding_map", "max_distance_threshold", "scores", "outfile",
            "search_method", "recursive", "num_enc_workers", "num_dist_workers", "against",
            "verify", "candidates", "relations",
        ]  # fmt: skip
        assert list(inspect.signature(WHash().find_duplicates_to_remove).parameters) == [
            "image_dir", "encoding_map", "max_distance_threshold", "outfile", "search_method",
            "recursive", "num_enc_workers", "num_dist_workers", "against", "keep",
            "verify", "candidates", "relations",
        ]  # fmt: skip

    def test_of_the_cnn(self):
        assert list(inspect.signature(CNN.find_duplicates).parameters) == [
            "self", "image_dir", "encoding_map", "min_similarity_threshold", "scores", "outfile",
            "recursive", "num_enc_workers", "num_dist_workers", "search_method", "against",
            "verify", "candidates", "relations",
        ]  # fmt: skip

    def test_defaults(self):
        hashes = inspect.signature(PHash.search).parameters
        assert hashes["max_distance_threshold"].default == 10
        assert hashes["search_method"].default == "auto"
        assert inspect.signature(CNN.search).parameters["min_similarity_threshold"].default == 0.9

    def test_docstrings_name_the_parameters_of_the_encoder(self):
        assert "max_distance_threshold: Largest Hamming distance" in PHash.find_duplicates.__doc__
        assert "min_similarity_threshold: Smallest cosine" in CNN.find_duplicates.__doc__
        assert "multi_index" not in CNN.find_duplicates.__doc__
        for encoder in (PHash, CNN):
            for method in (encoder.find_duplicates, encoder.find_duplicates_to_remove):
                names = list(inspect.signature(method).parameters)[1:]
                described = [f"\n            {name}: " in method.__doc__ for name in names]
                assert all(described), (method, names)

    def test_given_without_a_name(self, photos):
        (photos / "inner").mkdir()
        photograph(3).save(photos / "inner" / "deep.png")
        found = PHash(False).find_duplicates(photos, None, 64, True, None, "bktree", True, 1, 1)
        assert "inner/deep.png" in found
        assert found["city.png"][0][0] == "city_blurred.png"
        removed = PHash(False).find_duplicates_to_remove(photos, None, 64, None, "faiss", True, 0)
        assert "inner/deep.png" in removed

    @pytest.mark.parametrize("name", ["threshold", "max_distance_threshold"])
    def test_the_threshold_of_any_encoder(self, name):
        found = PHash().find_duplicates(encoding_map=CODES, **{name: 1})
        assert found == {"a.jpg": ["b.jpg"], "b.jpg": ["a.jpg", "d.jpg"], "c.jpg": [],
                         "d.jpg": ["b.jpg"]}  # fmt: skip

    def test_the_threshold_twice(self):
        with pytest.raises(InvalidTypeError, match="threshold is another name of max_distance"):
            PHash().search(encoding_map=CODES, threshold=1, max_distance_threshold=1)

    def test_unknown_parameter(self, encoder):
        with pytest.raises(TypeError, match="unexpected keyword argument 'max_distance'"):
            encoder.search(encoding_map=CODES, max_distance=3)

    def test_num_sim_workers_is_num_dist_workers(self):
        cnn = CNN(verbose=False)
        assert cnn.find_duplicates(encoding_map=DIRECTIONS, num_sim_workers=2) == {
            "a.jpg": ["b.jpg"],
            "b.jpg": ["a.jpg"],
        }
        with pytest.raises(InvalidTypeError, match="num_dist_workers must be"):
            cnn.find_duplicates(encoding_map=DIRECTIONS, num_sim_workers="two")
        with pytest.raises(InvalidTypeError, match="num_sim_workers is another name of"):
            cnn.search(encoding_map=DIRECTIONS, num_sim_workers=2, num_dist_workers=2)

    def test_outfile_false_writes_nothing(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert len(PHash().find_duplicates(encoding_map=CODES, outfile=False)) == 4
        assert PHash().find_duplicates_to_remove(encoding_map=CODES, outfile=False) == [
            "b.jpg",
            "d.jpg",
        ]
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("number", [np.int64(2), np.uint8(2)])
    def test_numbers_of_numpy(self, photos, number):
        expected = PHash(False).find_duplicates(photos, max_distance_threshold=2)
        found = PHash(False).find_duplicates(
            photos, max_distance_threshold=number, num_enc_workers=number, num_dist_workers=number
        )
        assert found == expected

    def test_more_workers_than_any_machine_has(self, photos):
        found = PHash(False).find_duplicates(
            photos, num_enc_workers=10**400, num_dist_workers=2**40
        )
        assert found == PHash(False).find_duplicates(photos)

    @pytest.mark.parametrize("method", ["brute_force", "brute_force_cython"])
    def test_search_methods_of_imagededup(self, method):
        with pytest.warns(DeprecationWarning, match="'auto'"):
            found = PHash().find_duplicates(encoding_map=CODES, search_method=method)
        assert found == PHash().find_duplicates(encoding_map=CODES)


class TestFullDecode:
    @pytest.fixture
    def large(self, tmp_path):
        picture = photograph(3).resize((2000, 1600), Image.Resampling.BICUBIC)
        noise = np.random.default_rng(0).integers(-40, 40, (1600, 2000, 3))
        noisy = np.clip(np.asarray(picture, np.int16) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(tmp_path / "large.jpg", quality=60)
        return tmp_path / "large.jpg"

    @pytest.mark.parametrize("method", HASHES)
    def test_file_and_array_agree_to_the_bit(self, method, large):
        with Image.open(large) as image:
            pixels = np.asarray(image)
        encoder = method(verbose=False, full_decode=True)
        expected = encoder.encode_image(image_array=pixels)
        assert encoder.encode_image(large) == expected
        assert encoder.encode_images(large.parent) == {"large.jpg": expected}
        assert method.hamming_distance(method().encode_image(large), expected) <= 3

    def test_it_decodes_another_way(self, large):
        """With the noise of this picture the luma of a reduced decode differs."""
        hashes = {method(full_decode=full).encode_image(large)
                  for method in HASHES for full in (False, True)}  # fmt: skip
        assert len(hashes) > len(HASHES)

    def test_wrong_type(self):
        with pytest.raises(InvalidTypeError, match="full_decode must be a bool, got 'yes'"):
            PHash(full_decode="yes")


def icon(number, size=(64, 64)):
    """A black drawing that is in the alpha channel only."""
    pixels = np.zeros((*size, 4), np.uint8)
    pixels[..., 3] = np.asarray(photograph(number, size[::-1]).convert("L")) // 128 * 255
    return Image.fromarray(pixels)


class TestImagesWithoutStructure:
    def test_icons_that_are_in_their_alpha_channel_only(self, encoder, tmp_path):
        for number in range(20):
            icon(number).save(tmp_path / f"{number:02}.png")
        icon(7).save(tmp_path / "same.webp", lossless=True, exact=True)
        assert encoder.find_duplicates_to_remove(tmp_path) == ["same.webp"]
        found = encoder.find_duplicates(tmp_path, scores=True)
        identical = 1.0 if isinstance(encoder, CNN) else 0
        assert found["07.png"] == [("same.webp", identical)]
        assert found["08.png"] == []

    def test_one_colour(self, encoder, tmp_path):
        for name, colour in (("black", 0), ("white", 255), ("white_again", 255)):
            Image.new("L", (50, 40), colour).save(tmp_path / f"{name}.png")
        Image.new("RGB", (50, 40), "white").save(tmp_path / "white_rgb.bmp")
        Image.new("L", (40, 50), 255).save(tmp_path / "white_upright.png")
        Image.new("RGB", (50, 40), "red").save(tmp_path / "red.png")
        photograph(0).save(tmp_path / "photograph.png")
        photograph(0).save(tmp_path / "photograph_again.png")
        assert encoder.find_duplicates_to_remove(tmp_path) == [
            "photograph_again.png",
            "white_again.png",
            "white_rgb.bmp",
        ]
        assert [group.members for group in encoder.search(tmp_path)] == [
            ("photograph.png", "photograph_again.png"),
            ("white.png", "white_again.png", "white_rgb.bmp"),
        ]

    def test_only_such_images(self, encoder, tmp_path):
        Image.new("L", (50, 40), 0).save(tmp_path / "black.png")
        Image.new("L", (50, 40), 9).save(tmp_path / "grey.png")
        assert encoder.find_duplicates(tmp_path) == {"black.png": [], "grey.png": []}
        Image.new("L", (50, 40), 9).save(tmp_path / "grey_again.png")
        assert encoder.find_duplicates_to_remove(tmp_path) == ["grey_again.png"]

    def test_two_collections(self, encoder, tmp_path):
        for folder, names in (("new", ("icon1", "icon2", "photo")), ("old", ("icon2", "photo"))):
            (tmp_path / folder).mkdir()
            for name in names:
                picture = photograph(0) if name == "photo" else icon(int(name[-1]))
                picture.save(tmp_path / folder / f"{folder}_{name}.png")
        found = encoder.find_duplicates(tmp_path / "new", against=tmp_path / "old")
        assert found == {
            "new_icon1.png": [],
            "new_icon2.png": ["old_icon2.png"],
            "new_photo.png": ["old_photo.png"],
        }

    def test_a_faint_picture_has_structure(self, tmp_path):
        """Structure is what differs by more than rounding does."""
        faint = np.asarray(photograph(1).convert("L")) // 16 + 100
        Image.fromarray(faint).save(tmp_path / "faint.png")
        Image.fromarray(faint).resize((90, 70)).save(tmp_path / "faint_small.png")
        assert PHash(False).find_duplicates_to_remove(tmp_path) == ["faint_small.png"]


class TestEncodingMaps:
    @pytest.mark.parametrize("kind", [list, tuple, np.float64, np.float16, "flat"])
    def test_descriptors_of_other_types(self, kind):
        def of(vector):
            if kind == "flat":
                return vector[0]
            return (
                vector.tolist()
                if kind is list
                else (tuple(vector[0].tolist()) if kind is tuple else vector.astype(kind))
            )

        vectors = {"a": np.array([[0.0, 1.0]]), "b": np.array([[0.125, 1.0]])}
        found = CNN(False).find_duplicates(
            encoding_map={name: of(vector) for name, vector in vectors.items()}, scores=True
        )
        assert found["a"][0][0] == "b"
        assert found["a"][0][1] == pytest.approx(1 / np.hypot(1, 0.125), abs=1e-6)

    def test_tensors(self):
        class Tensor:
            """What torch's tensors have."""

            def __init__(self, values):
                self.values = np.array(values, np.float32)

            def detach(self):
                return self

            def cpu(self):
                return self

            def numpy(self):
                return self.values

        vectors = {"a": Tensor([[0.0, 1.0]]), "b": Tensor([[0.0, 2.0]])}
        assert CNN(False).find_duplicates(encoding_map=vectors) == {"a": ["b"], "b": ["a"]}

    @pytest.mark.parametrize("value", [["x"], [], [[1.0], [2.0]], {"a": 1}, "text", None])
    def test_what_is_no_descriptor(self, value):
        with pytest.raises((InvalidTypeError, ValueError), match="for 'a'"):
            CNN(False).search(encoding_map={"a": value})


class TestResults:
    @pytest.fixture
    def found(self):
        return PHash().search(encoding_map=CODES, max_distance_threshold=1)

    def test_length_and_groups(self, found):
        group = Cluster("a.jpg", ("a.jpg", "b.jpg", "d.jpg"))
        assert len(found) == 1
        assert list(found) == found.clusters() == [group]
        assert len(PHash().search(encoding_map=CODES, max_distance_threshold=0)) == 0

    def test_two_collections(self):
        found = PHash().search(
            encoding_map={"x": CODES["b.jpg"], "y": "0f0f0f0f0f0f0f0f"}, against=CODES
        )
        assert len(found) == 1
        assert list(found) == [Cluster("x", ("b.jpg", "a.jpg", "d.jpg"))]
        assert repr(found) == "Duplicates(2 images, 1 among 4 others, by distance)"

    def test_repr(self, found):
        assert repr(found) == "Duplicates(4 images, 1 group, by distance)"
        assert repr(PHash()) == "PHash()"
        assert repr(DHash(verbose=False, full_decode=True)) == (
            "DHash(verbose=False, full_decode=True)"
        )
        assert repr(CNN(dim=576, device="cpu")) == "CNN(dim=576, device='cpu')"

    def test_equality(self, found):
        same = PHash().search(encoding_map=CODES, max_distance_threshold=1, search_method="bktree")
        assert found == same
        assert found != PHash().search(encoding_map=CODES, max_distance_threshold=2)
        assert found != PHash().search(encoding_map=CODES, max_distance_threshold=1, against=CODES)
        assert found != {}
        renamed = {name.upper(): code for name, code in CODES.items()}
        assert found != PHash().search(encoding_map=renamed, max_distance_threshold=1)

    def test_copies(self, found):
        assert pickle.loads(pickle.dumps(found)) == found
        assert copy.deepcopy(found) == found

    def test_table(self, found):
        pandas = pytest.importorskip("pandas")
        expected = pandas.DataFrame(
            {"image": ["a.jpg", "b.jpg"], "duplicate": ["b.jpg", "d.jpg"], "distance": [1, 1]}
        )
        pandas.testing.assert_frame_equal(found.to_pandas(), expected)
        nothing = PHash().search(encoding_map=CODES, max_distance_threshold=0).to_pandas()
        assert list(nothing.columns) == ["image", "duplicate", "distance"]
        assert len(nothing) == 0

    def test_table_of_no_images(self, tmp_path):
        pytest.importorskip("pandas")
        (tmp_path / "empty.jpg").touch()
        assert PHash(False).search(tmp_path).to_pandas().shape == (0, 3)

    def test_table_without_pandas(self, found, monkeypatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(MissingPackageError, match="pip install pandas"):
            found.to_pandas()

    def test_in_a_notebook(self, photos):
        page = PHash(False).search(photos)._repr_html_()
        assert "data:image/jpeg;base64," in page
        assert "beach_small.jpg" in page


@pytest.mark.parametrize("name", ["PHash", "DHash", "AHash", "WHash", "CNN", "Duplicates"])
def test_names_of_the_package(name):
    from imagededup import methods

    assert getattr(imagededup, name) is getattr(methods, name)
    assert name in dir(imagededup)


def test_the_runner_of_the_package():
    code = "import imagededup; print(imagededup.fastdup.run.__name__); from imagededup import CNN"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert printed.stdout == b"run\n"


def test_types_that_a_checker_sees(tmp_path):
    api = pytest.importorskip("mypy.api")
    (tmp_path / "use.py").write_text(
        "from typing import Any\n"
        "from typing_extensions import assert_type\n"
        "from imagededup.methods import CNN, PHash\n"
        "assert_type(PHash().find_duplicates('d'), dict[str, list[str]])\n"
        "assert_type(PHash().find_duplicates('d', scores=True), dict[str, list[tuple[str, Any]]])\n"
        "CNN().find_duplicates('d', min_similarity_threshold=0.8, num_sim_workers=2)\n"
        "CNN().find_duplicates_to_remove('d', recursive=True, keep='oldest')\n"
        "PHash().search('d', max_distance_threshold=4, against='other')\n"
        "PHash().search('d', max_distance=4)  # type: ignore[call-arg]\n"
    )
    cache = Path(__file__).parents[1] / ".mypy_cache"
    report, errors, code = api.run(
        ["--strict", "--cache-dir", str(cache), str(tmp_path / "use.py")]
    )
    assert (code, errors) == (0, ""), report
