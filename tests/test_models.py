"""Models as objects: copies, what goes to another process, and errors of the user's own code."""

import copy
import multiprocessing
import pickle
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from imagededup import fastdup
from imagededup.errors import InvalidTypeError, ModelError
from imagededup.methods import CNN, PHash
from imagededup.models import CustomModel, OnnxModel
from imagededup.models.per_process import PerProcess
from tests.conftest import photograph

IMAGE = np.asarray(photograph(0, (40, 30)))
WAIT = 60  # seconds; reached only where a test fails

FORK_WHILE_A_THREAD_MAKES = """
import os, sys, threading
from imagededup.models.per_process import PerProcess

parent, begun, release = os.getpid(), threading.Event(), threading.Event()

def make():
    if os.getpid() == parent:
        begun.set()
        release.wait()
    return os.getpid()

values = PerProcess(make)
thread = threading.Thread(target=values.get)
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    os._exit(0 if values.get() == os.getpid() else 1)
_, status = os.waitpid(child, 0)
release.set()
thread.join()
sys.exit(status or values.get() != parent)
"""


def thumbnail(image, size=(4, 4)):
    return np.asarray(image.resize(size), np.float32).transpose(2, 0, 1) / 255


def mean_colour(batch):
    return batch.mean(axis=(2, 3))


def onnx_of_mean_colour(path, factor=None):
    mean = helper.make_node("ReduceMean", ["images"], ["mean"], axes=(2, 3), keepdims=0)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])
    operators, output = [mean], helper.make_tensor_value_info("mean", TensorProto.FLOAT, None)
    if factor is not None:  # float64
        times = helper.make_tensor("factor", TensorProto.DOUBLE, (), [factor])
        operators += [
            helper.make_node("Cast", ["mean"], ["double"], to=TensorProto.DOUBLE),
            helper.make_node("Constant", [], ["factor"], value=times),
            helper.make_node("Mul", ["double", "factor"], ["large"]),
        ]
        output = helper.make_tensor_value_info("large", TensorProto.DOUBLE, None)
    graph = helper.make_graph(operators, "test", [images], [output])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return OnnxModel(path, input_size=8)


@pytest.fixture(params=["embedded", "shorter", "onnx", "custom", "hash"])
def encoder(request, tmp_path):
    return {
        "embedded": lambda: CNN(verbose=False),
        "shorter": lambda: CNN(verbose=False, dim=576, device="cpu"),
        "onnx": lambda: CNN(False, onnx_of_mean_colour(tmp_path / "mean.onnx")),
        "custom": lambda: CNN(False, CustomModel("mean", mean_colour, thumbnail)),
        "hash": lambda: PHash(verbose=False),
    }[request.param]()


class TestCopies:
    @pytest.mark.parametrize(
        "duplicate",
        [copy.copy, copy.deepcopy, lambda encoder: pickle.loads(pickle.dumps(encoder))],
        ids=["copy", "deepcopy", "pickle"],
    )
    def test_a_copy_describes_as_the_original_does(self, encoder, duplicate):
        other = duplicate(encoder)
        assert type(other) is type(encoder)
        assert other.verbose is False
        for _ in range(2):
            again = other.encode_image(image_array=IMAGE)
            assert np.array_equal(again, encoder.encode_image(image_array=IMAGE))

    def test_a_new_process_takes_an_encoder(self, encoder):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            task = pool.apply_async(partial(encoder.encode_image, image_array=IMAGE))
            assert np.array_equal(task.get(WAIT), encoder.encode_image(image_array=IMAGE))

    def test_what_is_pickled_is_small_and_loads_no_model_until_it_is_used(self):
        pickled = pickle.dumps(CNN(verbose=False))
        assert len(pickled) < 2000
        code = f"import pickle, sys; pickle.loads({pickled!r}); print(*sys.modules)"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "onnxruntime" not in run.stdout.split()
        assert "imagededup.methods.cnn" in run.stdout.split()

    def test_a_model_whose_file_is_gone(self, tmp_path):
        encoder = CNN(False, onnx_of_mean_colour(tmp_path / "mean.onnx"))
        (tmp_path / "mean.onnx").unlink()
        other = pickle.loads(pickle.dumps(encoder))
        with pytest.raises(ModelError, match=r"^the model must be a file, .* does not exist$"):
            other.encode_image(image_array=IMAGE)


class TestPerProcess:
    def test_threads_get_one_value(self):
        made = []
        together = threading.Barrier(4, timeout=WAIT)
        values = PerProcess(lambda: made.append(1) or object())
        found = []

        def take():
            together.wait()
            found.append(values.get())

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert len(made) == 1
        assert len(found) == 4
        assert len(set(map(id, found))) == 1

    @pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
    def test_a_forked_child_makes_its_own_while_a_thread_of_the_parent_makes_one(self):
        """In a process of its own: other tests may have left in this one what survives no fork."""
        command = [sys.executable, "-W", "ignore", "-c", FORK_WHILE_A_THREAD_MAKES]
        assert subprocess.run(command, timeout=WAIT, check=False).returncode == 0

    def test_a_copy_makes_its_own(self):
        values = PerProcess(list)
        first = values.get()
        first.append("opened")
        assert copy.deepcopy(values).get() == []
        assert pickle.loads(pickle.dumps(values)).get() == []
        assert values.get() is first


class TestCustomModel:
    def test_the_order_of_the_arguments_is_that_of_imagededup(self):
        by_position = CustomModel("mean", mean_colour, thumbnail)
        by_name = CustomModel(model=mean_colour, transform=thumbnail, name="mean")
        assert by_position == by_name
        assert CustomModel(model=mean_colour, transform=thumbnail).name == "custom"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((mean_colour, thumbnail), r"order is name, model, transform\), got function"),
            ((), "model must be callable, got NoneType"),
            (("mean", mean_colour), "transform must be callable, got NoneType"),
            (("mean", 3, thumbnail), "model must be callable, got int"),
        ],
    )
    def test_wrong_arguments(self, arguments, message):
        with pytest.raises(InvalidTypeError, match=message):
            CustomModel(*arguments)

    def test_a_transform_that_returns_a_batch_of_one(self):
        flat = CustomModel("mean", mean_colour, thumbnail)
        batched = CustomModel("mean", mean_colour, lambda image: thumbnail(image)[None])
        first, second = (
            CNN(False, config).encode_image(image_array=IMAGE) for config in (flat, batched)
        )
        assert np.array_equal(first, second)

    @pytest.mark.parametrize("shape", [(2, 3, 4, 4), (4, 4, 3), (3, 4), (1, 1, 3, 4, 4)])
    def test_a_transform_that_returns_another_shape(self, shape, photos):
        config = CustomModel("zeros", mean_colour, lambda _: np.zeros(shape))
        with pytest.raises(ModelError, match=r"^beach\.png: the transform must return shape \(3, "):
            CNN(False, config).encode_images(photos)

    def test_float64_beyond_float32_is_scaled(self, photos):
        config = CustomModel("large", lambda batch: mean_colour(batch).astype(float) * 1e300,
                             thumbnail)  # fmt: skip
        found = CNN(False, config).find_duplicates(photos, min_similarity_threshold=0.9999)
        assert found["beach.png"][0] == "beach_copy.png"


@pytest.mark.parametrize("factor", [1e-300, 1e300])
def test_a_run_scales_what_a_model_returns_beyond_float32(photos, tmp_path, factor):
    model = onnx_of_mean_colour(tmp_path / "mean.onnx", factor).path
    assert fastdup.run(photos, tmp_path / "work", model_path=model, threshold=0.9999) == 0
    _, features = fastdup.load_binary_feature(tmp_path / "work" / "features.dat", 3)
    assert len(features) == 6
    colours = np.asarray(photograph(0), float).mean(axis=(0, 1))
    assert features[0] / features[0][0] == pytest.approx(colours / colours[0], rel=1e-2)


class TestErrorsOfUsers:
    """Files are described in the order of their names: beach, beach_copy, beach_small, city..."""

    @staticmethod
    def encode(photos, model=mean_colour, transform=thumbnail, workers=2):
        config = CustomModel("user's", model, transform)
        return CNN(False, config).encode_images(photos, num_enc_workers=workers)

    def test_a_transform_that_raises(self, photos):
        def transform(image):
            if image.size == (160, 120):
                raise ZeroDivisionError("no room")
            return thumbnail(image)

        message = r"^beach_small\.jpg: the transform fails: ZeroDivisionError: no room$"
        with pytest.raises(ModelError, match=message) as raised:
            self.encode(photos, transform=transform)
        assert isinstance(raised.value.__cause__, ZeroDivisionError)

    @pytest.mark.parametrize("workers", [1, 3])
    def test_a_transform_of_mixed_sizes(self, photos, workers):
        def transform(image):
            return np.asarray(image, np.float32).transpose(2, 0, 1)

        message = (
            r"^beach_small\.jpg: the transform must return one shape for all images, "
            r"got \(3, 120, 160\) after \(3, 240, 320\)$"
        )
        with pytest.raises(ModelError, match=message):
            self.encode(photos, transform=transform, workers=workers)

    def test_a_model_that_raises(self, photos):
        def model(batch):
            raise KeyError("layer")

        message = (
            r"^beach\.png to forest\.png: the model fails on shape \(6, 3, 4, 4\): "
            r"KeyError: 'layer'$"
        )
        with pytest.raises(ModelError, match=message) as raised:
            self.encode(photos, model)
        assert isinstance(raised.value.__cause__, KeyError)

    def test_one_file(self, photos):
        config = CustomModel("nothing", lambda _: None, thumbnail)
        encoder = CNN(False, config)
        with pytest.raises(ModelError, match=r"city\.png: the model must return .* got \(\)$"):
            encoder.encode_image(photos / "city.png")
        with pytest.raises(ModelError, match=r"^the model must return shape \(1, d\)"):
            encoder.encode_image(image_array=IMAGE)

    @pytest.mark.parametrize("kind", [complex, bool, object, "U3"])
    def test_a_model_that_returns_no_real_numbers(self, photos, kind):
        with pytest.raises(ModelError, match=r"forest\.png: the model must return real numbers"):
            self.encode(photos, lambda batch: mean_colour(batch).astype(kind))

    def test_a_model_whose_descriptors_have_several_lengths(self, tmp_path):
        for number in range(65):  # one more than a batch
            photograph(number, (8, 8)).save(tmp_path / f"{number:02}.png")

        def model(batch):
            return np.ones((len(batch), 2 + (len(batch) == 1)))

        with pytest.raises(ModelError, match=r"one length, got 2 for 00\.png and 3 for 64\.png$"):
            self.encode(tmp_path, model)

    def test_memory_that_is_used_up_is_said_as_that(self, photos):
        def model(batch):
            raise MemoryError

        with pytest.raises(MemoryError):
            self.encode(photos, model)

    def test_an_onnx_model_names_the_files_too(self, photos, tmp_path):
        config = onnx_of_mean_colour(tmp_path / "mean.onnx")
        wrong = OnnxModel(config.path, input_size=9)
        message = r"^beach\.png to city\.png: the model fails on shape \(4, 3, 9, 9\)"
        with pytest.raises(ModelError, match=message):
            CNN(False, wrong).encode_images(photos, num_enc_workers=1)

    def test_a_run_names_the_files_too(self, photos, tmp_path, capsys):
        path = onnx_of_mean_colour(tmp_path / "mean.onnx").path
        model = onnx.load(path)
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1  # of the batch
        onnx.save(model, path)
        assert fastdup.run(photos, tmp_path / "work", model_path=path, num_threads=1) == 1
        message = capsys.readouterr().err
        assert f"{photos / 'beach.png'} to {photos / 'city.png'}: the model fails on" in message
