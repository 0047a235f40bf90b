"""The CNN encoder: its embedded model, its contract, and models of the user's own."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image, ImageEnhance

import imagededup
from imagededup.errors import InvalidTypeError, InvalidValueError, ModelError
from imagededup.methods import CNN
from imagededup.models import CustomModel, OnnxModel
from tests.conftest import photograph, textured

EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"
MODELS = Path(imagededup.__file__).parent / "models"
FIRST_NUMBERS = {
    "flower.jpg": [0.0091, -0.0110, -0.0031, -0.0111, 0.0003, -0.0135],
    "portrait.jpg": [0.0489, 0.0252, 0.0242, -0.0222, -0.0084, 0.0032],
    "temple.jpg": [-0.0051, -0.0073, -0.0049, -0.0059, 0.0050, 0.0222],
}


@pytest.fixture(scope="module")
def encoder():
    return CNN(verbose=False)


@pytest.fixture(scope="module")
def descriptors(encoder):
    return encoder.encode_images(EXAMPLES)


class TestEmbeddedModel:
    def test_the_file_is_the_one_of_the_card(self):
        digest = re.search(r"`([0-9a-f]{64})`", (MODELS / "MODEL_CARD.md").read_text()).group(1)
        content = (MODELS / "efficientnet_lite0_160.onnx").read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert len(content) < 10_000_000

    def test_first_numbers_of_known_pictures(self, descriptors):
        for name, numbers in FIRST_NUMBERS.items():
            assert descriptors[name][0, :6] == pytest.approx(numbers, abs=1e-2)

    def test_descriptors_are_float32_of_unit_length(self, descriptors):
        assert len(descriptors) == 27
        for descriptor in descriptors.values():
            assert (descriptor.shape, descriptor.dtype) == ((1, 1024), np.float32)
            assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-6)

    def test_the_constant_of_the_card_is_in_every_descriptor(self, descriptors):
        constant, rest = 1.1, 0.88
        length = np.sqrt((1 + constant**2) * (1 + rest**2))
        for descriptor in descriptors.values():
            assert descriptor[0, 575] == pytest.approx(constant / length, abs=1e-6)
            assert descriptor[0, 1023] == pytest.approx(rest * constant / length, abs=1e-6)

    def test_the_shorter_descriptor_is_the_beginning_of_the_longer(self, descriptors):
        shorter = CNN(verbose=False, dim=np.int64(576)).encode_images(EXAMPLES)
        for name, descriptor in shorter.items():
            beginning = descriptors[name][:, :576]
            assert descriptor.shape == (1, 576)
            assert descriptor == pytest.approx(beginning / np.linalg.norm(beginning), abs=1e-6)

    @pytest.mark.parametrize("workers", [0, 1, 2, 3])
    def test_the_result_does_not_depend_on_the_number_of_workers(
        self, encoder, descriptors, workers
    ):
        again = encoder.encode_images(EXAMPLES, num_enc_workers=workers)
        assert list(again) == list(descriptors)
        assert all(np.array_equal(again[name], descriptors[name]) for name in again)

    def test_one_image_alone_has_the_same_descriptor(self, encoder, descriptors):
        alone = encoder.encode_image(EXAMPLES / "temple.jpg")
        assert np.array_equal(alone, descriptors["temple.jpg"])

    def test_array_and_file_agree(self, encoder, photos):
        with Image.open(photos / "city.png") as image:
            from_array = encoder.encode_image(image_array=np.asarray(image))
        assert np.array_equal(from_array, encoder.encode_image(photos / "city.png"))

    def test_grey_image_equals_its_rgb_form(self, encoder):
        grey = np.asarray(photograph(3).convert("L"))
        rgb = np.repeat(grey[:, :, None], 3, axis=2)
        left, right = encoder.encode_image(image_array=grey), encoder.encode_image(image_array=rgb)
        assert np.array_equal(left, right)

    @pytest.mark.parametrize("value", [0, 128, 255])
    def test_a_plain_image_has_a_finite_descriptor(self, encoder, value):
        descriptor = encoder.encode_image(image_array=np.full((50, 50), value, np.uint8))
        assert np.isfinite(descriptor).all()

    def test_one_threshold_tells_brightened_copies_from_other_pictures(self, encoder):
        pictures = [textured(seed, (240, 180)) for seed in range(30)]
        copies = [ImageEnhance.Brightness(picture).enhance(1.5) for picture in pictures]
        rows = [
            [encoder.encode_image(image_array=np.asarray(image))[0] for image in images]
            for images in (pictures, copies)
        ]
        cosines = np.array(rows[0]) @ np.array(rows[1]).T
        pairs = np.eye(30, dtype=bool)
        assert cosines[pairs].min() > cosines[~pairs].max()

    def test_unreadable_file(self, encoder, photos, caplog):
        assert encoder.encode_image(photos / "notes.txt") is None
        assert "notes.txt could not be read" in caplog.text


class TestFindDuplicates:
    def test_all_edited_copies_of_the_examples_are_found(self, encoder):
        found = encoder.find_duplicates(EXAMPLES, min_similarity_threshold=0.85)
        for name, duplicates in found.items():
            subject = name.removesuffix(".jpg").split("_")[0]
            same = [other for other in found if other.startswith(subject) and other != name]
            assert sorted(duplicates) == same
        assert len(found) == 27

    def test_scores_are_plain_floats_best_first(self, encoder, descriptors):
        found = encoder.find_duplicates(encoding_map=descriptors, scores=True)
        scores = [score for _, score in found["temple.jpg"]]
        assert {type(score) for score in scores} == {float}
        assert scores == sorted(scores, reverse=True)
        assert found["temple.jpg"][0] == ("temple_copy.jpg", pytest.approx(1, abs=1e-6))
        first, second = descriptors["temple.jpg"], descriptors["temple_grey.jpg"]
        assert dict(found["temple.jpg"])["temple_grey.jpg"] == pytest.approx(
            float(first[0] @ second[0]), abs=1e-6
        )

    def test_threshold_one_finds_all_exact_copies(self, encoder, descriptors):
        found = encoder.find_duplicates(encoding_map=descriptors, min_similarity_threshold=1.0)
        for subject in ("flower", "portrait", "temple"):
            assert found[f"{subject}.jpg"] == [f"{subject}_copy.jpg"]
            assert found[f"{subject}_copy.jpg"] == [f"{subject}.jpg"]
        assert sum(map(len, found.values())) == 6

    def test_rows_may_be_flat_and_of_any_length(self, encoder):
        rows = {"a": np.array([1, 0, 0]), "b": np.array([[10.0, 1.0, 0.0]]), "c": np.ones(3) * -1}
        assert encoder.find_duplicates(encoding_map=rows) == {"a": ["b"], "b": ["a"], "c": []}

    @pytest.mark.parametrize(
        "numbers",
        [
            np.array([3e-30, 4e-30], np.float32),
            np.array([3e30, 4e30], np.float32),
            np.array([3e300, 4e300]),
            np.array([3e-300, 4e-300]),
            np.array([3 << 60, 4 << 60], np.uint64),
            np.array([30000, 40000], np.float16),
            [0.3, 0.4],
        ],
    )
    def test_numbers_may_be_of_any_type_and_size(self, encoder, numbers):
        rows = {"a": numbers, "b": np.array([3.0, 4.0]), "c": np.array([-3, 4])}
        found = encoder.find_duplicates(encoding_map=rows, scores=True)
        assert found["a"] == [("b", pytest.approx(1, abs=1e-6))]
        assert encoder.find_duplicates_to_remove(encoding_map=rows) == ["b"]

    def test_to_remove(self, encoder, tmp_path):
        removed = encoder.find_duplicates_to_remove(EXAMPLES, outfile=tmp_path / "remove.json")
        kept = {path.name for path in EXAMPLES.iterdir()} - set(removed)
        originals = {"flower.jpg", "portrait.jpg", "temple.jpg"}
        variants = {"flower_text.jpg", "portrait_text.jpg", "temple_text.jpg"}
        assert kept == originals | variants | {"temple_truncated.jpg"}
        assert json.loads((tmp_path / "remove.json").read_text()) == removed

    def test_two_collections(self, encoder, descriptors):
        originals = {name: descriptors[name] for name in FIRST_NUMBERS}
        copies = {name: descriptors[name] for name in descriptors if name not in originals}
        found = encoder.find_duplicates(encoding_map=copies, against=originals)
        assert found["temple_mirrored.jpg"] == ["temple.jpg"]
        assert encoder.find_duplicates_to_remove(encoding_map=copies, against=originals) == list(
            copies
        )

    def test_only_unreadable_files(self, encoder, tmp_path, descriptors):
        (tmp_path / "notes.txt").write_text("text")
        assert encoder.find_duplicates(tmp_path) == {}
        assert encoder.find_duplicates(tmp_path, against=descriptors) == {}
        found = encoder.find_duplicates(encoding_map=descriptors, against=tmp_path)
        assert set(map(tuple, found.values())) == {()}

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"min_similarity_threshold": 1.01}, InvalidValueError, "-1.0 to 1.0, got 1.01"),
            ({"min_similarity_threshold": "0.9"}, InvalidTypeError, "got str"),
            ({"min_similarity_threshold": float("nan")}, InvalidValueError, "got nan"),
            ({"search_method": "faiss"}, InvalidValueError, "'exact', 'hnsw', 'ivf', got 'faiss'"),
            ({"search_method": 3}, InvalidTypeError, "search_method must be a str, got int"),
            ({"encoding_map": {}}, InvalidValueError, "must hold at least one image"),
            (
                {"encoding_map": {"a": np.ones(3), "b": np.ones(4)}},
                InvalidValueError,
                "one length, got 3 for 'a' and 4 for 'b'",
            ),
            ({"encoding_map": {"a": np.zeros(3)}}, InvalidValueError, "that of 'a' has zeros only"),
            (
                {"encoding_map": {"a": np.array([1, np.nan])}},
                InvalidValueError,
                "that of 'a' has NaN",
            ),
            ({"encoding_map": {"a": "0" * 16}}, InvalidTypeError, "got str for 'a'"),
            ({"encoding_map": {"a": np.ones((2, 3))}}, InvalidValueError, r"got \(2, 3\) for 'a'"),
            (
                {"encoding_map": {"a": np.ones(3)}, "against": {"b": np.ones(4)}},
                InvalidValueError,
                "of both collections must have one length, got 3 and 4",
            ),
        ],
    )
    def test_wrong_arguments(self, encoder, arguments, error, message):
        arguments = {"encoding_map": {"a": np.ones(3)}, **arguments}
        for method in (encoder.find_duplicates, encoder.find_duplicates_to_remove):
            with pytest.raises(error, match=message):
                method(**arguments)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"dim": 100}, InvalidValueError, r"dim must be one of \(576, 1024\), got 100"),
            ({"dim": 576.0}, InvalidTypeError, "dim must be an int"),
            ({"device": "tpu"}, InvalidValueError, "'auto', 'cpu', 'cuda', got 'tpu'"),
            ({"device": 0}, InvalidTypeError, "device must be a str, got int"),
            ({"model_config": "model.onnx"}, InvalidTypeError, "an OnnxModel or a CustomModel"),
        ],
    )
    def test_wrong_construction(self, arguments, error, message):
        with pytest.raises(error, match=message):
            CNN(**arguments)

    def test_cuda_where_there_is_none(self):
        import onnxruntime

        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            pytest.skip("this onnxruntime has CUDA")
        with pytest.raises(
            InvalidValueError, match="device='cuda' needs the package onnxruntime-gpu"
        ):
            CNN(device="cuda")


def save_model(path, shape, operators, outputs=("mean",), dtype=TensorProto.FLOAT):
    """A model that is nothing but a few operators."""
    graph = helper.make_graph(
        operators,
        "test",
        [helper.make_tensor_value_info("images", dtype, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def mean_over(*axes):
    return helper.make_node("ReduceMean", ["images"], ["mean"], axes=axes, keepdims=0)


class TestOnnxModel:
    COLOURS = np.zeros((10, 20, 3), np.uint8) + np.array([255, 51, 0], np.uint8)

    def test_channels_first_with_normalisation(self, tmp_path):
        path = save_model(tmp_path / "m.onnx", ["n", 3, 8, 8], [mean_over(2, 3)])
        config = OnnxModel(path, input_size=8, mean=(0.5, 0.1, 0.0), std=(0.5, 0.1, 2.0))
        encoder = CNN(verbose=False, model_config=config)
        assert encoder.encode_image(image_array=self.COLOURS) == pytest.approx(
            np.array([[1, 1, 0]]), abs=1e-6
        )

    def test_channels_last(self, tmp_path):
        path = save_model(tmp_path / "m.onnx", ["n", 4, 6, 3], [mean_over(1, 2)])
        config = OnnxModel(str(path), input_size=(6, 4), layout="NHWC")
        descriptor = CNN(verbose=False, model_config=config).encode_image(image_array=self.COLOURS)
        assert descriptor == pytest.approx(np.array([[1, 0.2, 0]]), abs=1e-6)

    @pytest.mark.parametrize("size", [6, np.int64(6), (6, np.uint8(6)), [6, 6]])
    def test_sizes_that_are_allowed(self, size):
        assert OnnxModel("m.onnx", input_size=size).size == (6, 6)

    def test_bytes(self, tmp_path):
        cast = helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT)
        mean = helper.make_node("ReduceMean", ["floats"], ["mean"], axes=(1, 2), keepdims=0)
        path = save_model(
            tmp_path / "m.onnx", ["n", 8, 8, 3], [cast, mean], dtype=TensorProto.UINT8
        )
        config = OnnxModel(path, input_size=8, layout="NHWC")
        descriptor = CNN(verbose=False, model_config=config).encode_image(image_array=self.COLOURS)
        assert descriptor == pytest.approx(np.array([[255, 51, 0]]))
        with pytest.raises(ModelError, match="mean and std do not apply"):
            CNN(model_config=OnnxModel(path, 8, mean=(0.5, 0.5, 0.5), layout="NHWC"))

    def test_a_folder(self, tmp_path, photos):
        path = save_model(tmp_path / "m.onnx", ["n", 3, 8, 8], [mean_over(2, 3)])
        encoder = CNN(verbose=False, model_config=OnnxModel(path, input_size=8))
        found = encoder.find_duplicates(photos, min_similarity_threshold=0.9999)
        assert "beach_copy.png" in found["beach.png"]

    @pytest.mark.parametrize(
        ("shape", "operators", "outputs", "message"),
        [
            (["n", 3, 8, 8], [mean_over(1)], ("mean",), r"shape \(1, d\) .* got \(1, 8, 8\)"),
            (["n", 3, 9, 9], [mean_over(2, 3)], ("mean",), r"fails on shape \(1, 3, 8, 8\)"),
        ],
    )
    def test_wrong_shapes(self, tmp_path, shape, operators, outputs, message):
        path = save_model(tmp_path / "m.onnx", shape, operators, outputs)
        encoder = CNN(verbose=False, model_config=OnnxModel(path, input_size=8))
        with pytest.raises(ModelError, match=message):
            encoder.encode_image(image_array=self.COLOURS)

    def test_two_outputs(self, tmp_path):
        second = helper.make_node("Identity", ["mean"], ["copy"])
        path = save_model(
            tmp_path / "m.onnx", ["n", 3, 8, 8], [mean_over(2, 3), second], ("mean", "copy")
        )
        with pytest.raises(ModelError, match="must have one output, got 2: mean, copy"):
            CNN(model_config=OnnxModel(path, 8))

    def test_missing_file_and_a_file_that_is_no_model(self, tmp_path):
        with pytest.raises(ModelError, match="does not exist"):
            CNN(model_config=OnnxModel(tmp_path / "none.onnx"))
        (tmp_path / "text.onnx").write_text("text")
        with pytest.raises(ModelError, match="cannot be loaded as an ONNX model"):
            CNN(model_config=OnnxModel(tmp_path / "text.onnx"))

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"path": 3}, InvalidTypeError, "path must be a path, got int"),
            ({"input_size": 0}, InvalidValueError, "input_size must be positive, got 0"),
            ({"input_size": 2.5}, InvalidTypeError, "input_size must be int, got 2.5"),
            ({"input_size": (True, 8)}, InvalidTypeError, "input_size must be int, got True"),
            ({"input_size": (8, 8, 3)}, InvalidValueError, "must be width and height, got "),
            ({"layout": "CHW"}, InvalidValueError, "layout must be one of 'NCHW', 'NHWC'"),
            ({"resample": "box"}, InvalidValueError, "resample must be one of 'bilinear'"),
            ({"mean": (0.5,)}, InvalidValueError, "mean must hold three numbers"),
            ({"std": (1, 0, 1)}, InvalidValueError, "std must be positive"),
        ],
    )
    def test_wrong_specification(self, arguments, error, message):
        with pytest.raises(error, match=message):
            OnnxModel(**{"path": "m.onnx", **arguments})


class TestCustomModel:
    @staticmethod
    def transform(image):
        assert image.mode == "RGB"
        return np.asarray(image.resize((4, 4)), np.float32).transpose(2, 0, 1) / 255

    def test_any_callable(self, photos):
        config = CustomModel("mean colour", lambda batch: batch.mean(axis=(2, 3)), self.transform)
        encoder = CNN(verbose=False, model_config=config)
        encoded = encoder.encode_images(photos)
        assert next(iter(encoded)) == "beach.png"
        assert encoded["beach.png"].shape == (1, 3)
        expected = np.asarray(photograph(0).resize((4, 4)), np.float32).mean(axis=(0, 1)) / 255
        assert encoded["beach.png"][0] == pytest.approx(expected, abs=1e-6)

    def test_calls_of_the_model_do_not_overlap(self, photos):
        running = []

        def model(batch):
            assert not running
            running.append(1)
            result = batch.mean(axis=(2, 3))
            running.pop()
            return result

        encoder = CNN(verbose=False, model_config=CustomModel("model", model, self.transform))
        assert len(encoder.encode_images(photos, num_enc_workers=4)) == 6

    def test_a_torch_module(self, photos):
        torch = pytest.importorskip("torch")
        module = torch.nn.Sequential(
            torch.nn.Conv2d(3, 5, 3), torch.nn.Dropout(), torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
        )  # fmt: skip
        config = CustomModel(
            "module", module, lambda image: torch.from_numpy(self.transform(image))
        )
        encoder = CNN(verbose=False, model_config=config)
        first, second = encoder.encode_images(photos), encoder.encode_images(photos)
        assert first["beach.png"].shape == (1, 5)
        assert all(np.array_equal(first[name], second[name]) for name in first)

    def test_wrong_shapes(self):
        image = np.zeros((9, 9, 3), np.uint8)
        flat = CustomModel("wrong", lambda batch: batch.sum(), self.transform)
        with pytest.raises(ModelError, match=r"return shape \(1, d\) for 1 images, got \(\)"):
            CNN(model_config=flat).encode_image(image_array=image)
        grey = CustomModel("wrong", lambda batch: batch, lambda image: np.zeros((1, 4, 4)))
        with pytest.raises(ModelError, match=r"must return shape \(3, h, w\), got \(1, 4, 4\)"):
            CNN(model_config=grey).encode_image(image_array=image)

    def test_not_callable(self):
        with pytest.raises(InvalidTypeError, match="transform must be callable, got NoneType"):
            CustomModel("len", len, None)
