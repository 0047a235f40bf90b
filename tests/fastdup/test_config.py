import logging

import numpy as np
import pytest

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.fastdup.config import BoundingBox, RunConfig, RunMode
from imagededup.fastdup.key_values import TuriParameters
from imagededup.models.session import Device
from imagededup.search.knn.options import Distance, NearestModel, Provider


def made(**parameters) -> RunConfig:
    return RunConfig(**{"input_dir": "photos", **parameters})


def test_defaults_are_those_of_fastdup():
    config = made()
    assert config.input_dir == "photos"
    assert str(config.work_dir) == "."
    assert config.device is Device.CPU
    assert config.version is False
    assert config.verbose is False
    assert (config.num_threads, config.num_images) == (-1, -1)
    assert config.workers >= 1
    assert config.distance is Distance.COSINE
    assert (config.threshold, config.lower_threshold) == (0.85, 0.3)
    assert config.model_path is None
    assert config.nearest_neighbors_k == 2
    assert config.run_mode is RunMode.ALL
    assert config.nn_provider is Provider.FAISS
    assert config.nnmodel is None
    assert config.nearest_model is NearestModel.BRUTE_FORCE
    assert config.turi_param == TuriParameters(None, 0.96, True, True, False)
    assert (config.min_offset, config.max_offset) == (-1, -1)
    assert config.faiss_mode == "HNSW32"
    assert config.faiss_param == {}
    assert config.bounding_box is None
    assert config.verify is False


def test_a_configuration_cannot_be_changed():
    with pytest.raises(AttributeError):
        made().threshold = 0.5
    with pytest.raises(TypeError):
        made(faiss_param="nprobe=3").faiss_param["nprobe"] = 4


@pytest.mark.parametrize(
    ("parameters", "field", "expected"),
    [
        ({"input_dir": ["a.jpg", "b.jpg"]}, "input_dir", ("a.jpg", "b.jpg")),
        ({"compute": "gpu"}, "device", Device.CUDA),
        ({"verbose": True}, "verbose", True),
        ({"num_threads": 3}, "workers", 3),
        ({"num_images": 10}, "num_images", 10),
        ({"distance": "euclidean"}, "distance", Distance.EUCLIDEAN),
        ({"distance": "squared_euclidean"}, "distance", Distance.SQUARED_EUCLIDEAN),
        ({"distance": "manhattan"}, "distance", Distance.MANHATTAN),
        ({"threshold": 1}, "threshold", 1.0),
        ({"lower_threshold": 0.05}, "lower_threshold", 0.05),
        ({"nearest_neighbors_k": 5}, "nearest_neighbors_k", 5),
        ({"run_mode": 4}, "run_mode", RunMode.SCORE_FEATURES),
        ({"nn_provider": "turi"}, "nn_provider", Provider.TURI),
        ({"min_offset": 0, "max_offset": 10}, "max_offset", 10),
        ({"min_offset": 7}, "min_offset", 7),
        ({"faiss_mode": "IVF64,Flat"}, "faiss_mode", "IVF64,Flat"),
        ({"faiss_mode": "HSNW32"}, "faiss_mode", "HNSW32"),
        ({"faiss_param": "efSearch=175"}, "faiss_param", {"efSearch": 175}),
        (
            {"faiss_param": " efSearch=175, nprobes=200,"},
            "faiss_param",
            {"efSearch": 175, "nprobe": 200},
        ),
        ({"turi_param": "ccthreshold=0.9"}, "turi_param", TuriParameters(ccthreshold=0.9)),
        ({"turi_param": "run_cc=0"}, "turi_param", TuriParameters(run_cc=False)),
        (
            {"turi_param": "run_pagerank=0,run_cc=1"},
            "turi_param",
            TuriParameters(run_pagerank=False),
        ),
        ({"turi_param": "run_degree=1"}, "turi_param", TuriParameters(run_degree=True)),
        (
            {"bounding_box": "rows=100,cols=90,width=250,height=310"},
            "bounding_box",
            BoundingBox(rows=100, cols=90, width=250, height=310),
        ),
        ({"verify": 1}, "verify", True),
        ({"verify": True}, "verify", True),
        ({"verify": np.int64(0)}, "verify", False),
    ],
)
def test_each_parameter_is_read(parameters, field, expected):
    assert getattr(made(**parameters), field) == expected


@pytest.mark.parametrize("given", ["ball_tree", "1", 1])
def test_nnmodel_is_a_number_or_a_name_in_either_place(given):
    turi = {"nn_provider": "turi"}
    assert made(nnmodel=given, **turi).nearest_model is NearestModel.BALL_TREE
    assert made(turi_param=f"nnmodel={given}", **turi).nearest_model is NearestModel.BALL_TREE
    both = made(nnmodel="ball_tree", turi_param=f"nnmodel={given}", **turi)
    assert both.nearest_model is NearestModel.BALL_TREE


def test_mode_2_needs_no_input():
    assert RunConfig(work_dir="work", run_mode=2).input_dir is None
    with pytest.raises(InvalidValueError, match="input_dir must be given for run_mode=0"):
        RunConfig(work_dir="work")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"input_dir": []}, "input_dir must name at least one image"),
        ({"input_dir": ""}, "input_dir must be a path"),
        ({"input_dir": "x" * 5000}, "input_dir must be a path, got 'xxx.*: File name too long"),
        ({"work_dir": "x" * 5000}, "work_dir must be a path, got 'xxx.*: File name too long"),
        ({"model_path": "x" * 5000}, "model_path must be a path, got 'xxx.*: File name too long"),
        ({"model_path": "."}, "model_path must be an ONNX file, '.' is a folder"),
        ({"work_dir": "a\0b"}, "work_dir must be a path"),
        ({"compute": "tpu"}, "compute must be one of 'cpu', 'gpu', got 'tpu'"),
        ({"num_threads": 0}, "num_threads must be -1 or at least 1, got 0"),
        ({"num_images": -2}, "num_images must be -1 or at least 1, got -2"),
        ({"turi_param": "k=1"}, "'nnmodel', 'ccthreshold', 'run_cc', 'run_pagerank', 'run_degree'"),
        ({"turi_param": "run_cc"}, "turi_param must be key=value"),
        ({"turi_param": "run_cc=1,run_cc=0"}, "turi_param must hold 'run_cc' once"),
        ({"turi_param": "run_cc=yes"}, "run_cc of turi_param must be 0 or 1, got 'yes'"),
        ({"turi_param": "ccthreshold=2"}, "ccthreshold must be a number from 0 to 1, got 2"),
        ({"turi_param": "ccthreshold=x"}, "ccthreshold must be a number, got 'x'"),
        ({"turi_param": "nnmodel=3"}, "0 or 'brute_force', 1 or 'ball_tree', 2 or 'lsh'"),
        ({"distance": "cos"}, "'cosine', 'euclidean', 'squared_euclidean', 'manhattan'"),
        ({"threshold": 1.1}, "threshold must be a number from 0 to 1, got 1.1"),
        ({"threshold": float("nan")}, "threshold must be a number from 0 to 1, got nan"),
        ({"lower_threshold": -0.1}, "lower_threshold must be a number from 0 to 1"),
        ({"model_path": "none.onnx"}, "model_path must be an ONNX file, 'none.onnx' does not"),
        ({"nearest_neighbors_k": 0}, "nearest_neighbors_k must be at least 1, got 0"),
        ({"run_mode": 5}, "run_mode must be 0, 1, 2, 3 or 4, got 5"),
        ({"run_mode": -1}, "run_mode must be at least 0, got -1"),
        ({"nn_provider": "annoy"}, "nn_provider must be one of 'turi', 'faiss'"),
        ({"nnmodel": "tree"}, "0 or 'brute_force', 1 or 'ball_tree', 2 or 'lsh', got 'tree'"),
        ({"nnmodel": 1, "turi_param": "nnmodel=2"}, "nnmodel must be the same in both places"),
        ({"min_offset": -2}, "min_offset must be -1 or at least 0, got -2"),
        ({"max_offset": 0}, "max_offset must be -1 or at least 1, got 0"),
        ({"min_offset": 5, "max_offset": 5}, "max_offset must be -1 or greater than min_offset"),
        ({"faiss_mode": " "}, "faiss_mode must be an index-factory string"),
        ({"faiss_mode": "HNSW1"}, "faiss_mode must have a number from 2 to 1024 in 'HNSW1', got 1"),
        ({"faiss_mode": "PQ7"}, "faiss_mode must have a divisor of 576, .* in 'PQ7', got 7"),
        ({"faiss_mode": "PQ8", "distance": "manhattan"}, "a faiss_mode that keeps it, .* 'PQ8'"),
        ({"faiss_param": "ef=3"}, "'efConstruction', 'efSearch', .* got 'ef=3'"),
        ({"faiss_param": "nprobe=many"}, "nprobe of faiss_param must be a number, got 'many'"),
        ({"faiss_param": "efsearch=5"}, "faiss_param must be key=value .* got 'efsearch=5'"),
        ({"faiss_param": "efSearch"}, "faiss_param must be key=value .* got 'efSearch'"),
        ({"faiss_param": "nprobe=-1"}, "nprobe of faiss_param must be positive, got -1"),
        ({"faiss_param": "efSearch=1.5"}, "efSearch of faiss_param must be a whole number"),
        ({"faiss_param": "efSearch=1e9"}, "efSearch of faiss_param must be a whole number"),
        ({"faiss_param": "efSearch=2e9"}, "efSearch of faiss_param must be a whole number"),
        ({"faiss_param": "nprobe=0"}, "nprobe of faiss_param must be positive, got 0"),
        ({"faiss_param": "nprobe=1,nprobes=2"}, "faiss_param must hold 'nprobe' once"),
        ({"bounding_box": "rows=1,cols=1,width=5"}, "height is missing"),
        ({"bounding_box": "top=1"}, "'rows', 'cols', 'width', 'height', got 'top=1'"),
        ({"bounding_box": "rows=-1,cols=0,width=5,height=5"}, "rows of bounding_box must be"),
        ({"bounding_box": "rows=0,cols=0,width=0,height=5"}, "width of bounding_box must be"),
        ({"verify": 2}, "verify must be 0 or 1, got 2"),
        ({"verify": -1}, "verify must be 0 or 1, got -1"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_is_allowed(parameters, message):
    with pytest.raises(InvalidValueError, match=message):
        made(**parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"input_dir": 3}, "input_dir must be a path, got int"),
        ({"input_dir": ["a.jpg", 3]}, "input_dir must be a path, got int"),
        ({"work_dir": b"work"}, "work_dir must be a path, got bytes"),
        ({"compute": 1}, "compute must be a str, got int"),
        ({"verbose": 1}, "verbose must be a bool, got 1"),
        ({"num_threads": 1.5}, "num_threads must be an int, got 1.5"),
        ({"num_images": "all"}, "num_images must be an int, got 'all'"),
        ({"turi_param": {"run_cc": 1}}, "turi_param must be a str, got dict"),
        ({"distance": None}, "distance must be a str, got NoneType"),
        ({"threshold": None}, "threshold must be a number, got NoneType"),
        ({"threshold": True}, "threshold must be a number, got bool"),
        ({"model_path": 3}, "model_path must be a path, got int"),
        ({"nearest_neighbors_k": True}, "nearest_neighbors_k must be an int, got True"),
        ({"run_mode": None}, "run_mode must be an int, got None"),
        ({"nnmodel": 1.0}, "nnmodel must be a str or an int, got float"),
        ({"faiss_mode": 3}, "faiss_mode must be a str, got int"),
        ({"faiss_param": 3}, "faiss_param must be a str, got int"),
        ({"bounding_box": (1, 2, 3, 4)}, "bounding_box must be a str, got tuple"),
        ({"verify": "yes"}, "verify must be 0 or 1, got 'yes'"),
        ({"verify": None}, "verify must be 0 or 1, got None"),
    ],
)
def test_a_wrong_type_is_an_error(parameters, message):
    with pytest.raises(InvalidTypeError, match=message):
        made(**parameters)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"nnmodel": "lsh"}, "nnmodel"),
        ({"nn_provider": "turi", "faiss_mode": "Flat"}, "faiss_mode"),
        ({"nn_provider": "turi", "faiss_param": "nprobe=3"}, "faiss_param"),
    ],
)
def test_a_parameter_of_the_other_provider_is_mentioned(parameters, name, caplog):
    with caplog.at_level(logging.WARNING):
        made(**parameters)
    assert f"{name} has no effect" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_threads", np.int64(2)),
        ("num_images", np.uint8(2)),
        ("nearest_neighbors_k", np.int32(2)),
        ("run_mode", np.int64(1)),
        ("min_offset", np.int64(2)),
        ("max_offset", np.int16(2)),
        ("nearest_neighbors_k", 2.0),
    ],
)
def test_whole_numbers_of_numpy_are_whole_numbers(name, value):
    checked = getattr(made(**{name: value}), name)
    assert checked == value
    assert isinstance(checked, int)


@pytest.mark.parametrize("input_dir", [None, "", [], 3, "\0", ["", 3], "x" * 5000])
def test_mode_2_ignores_the_input_whatever_it_is(input_dir):
    assert RunConfig(input_dir, run_mode=2).input_dir is None


@pytest.mark.parametrize("mode", [2, 4])
@pytest.mark.parametrize("name", ["num_images", "min_offset", "max_offset"])
def test_parts_of_a_listing_are_said_to_be_ignored_without_one(mode, name, caplog):
    made(run_mode=mode, **{name: 5})
    assert caplog.messages == [f"{name} has no effect with run_mode={mode}"]


def test_a_factory_string_is_checked_where_an_index_is_made():
    assert made(faiss_mode="PQ7", run_mode=1).faiss_mode == "PQ7"
    assert made(faiss_mode="PQ7", nn_provider="turi").faiss_mode == "PQ7"
    other = made(faiss_mode="PQ7", run_mode=2)  # of features of any length
    other.check_dimension(7)
    with pytest.raises(InvalidValueError, match="a divisor of 8"):
        other.check_dimension(8)


def test_a_factory_string_is_said_to_be_ignored_where_an_index_is_stored(caplog):
    made(run_mode=3, faiss_mode="Flat")
    assert caplog.messages == [
        "faiss_mode has no effect with run_mode=3: the stored index stays as it is"
    ]


def test_mode_1_finds_no_pairs_to_verify(caplog):
    made(run_mode=1, verify=1)
    assert caplog.messages == ["verify has no effect with run_mode=1"]


def test_a_configuration_can_be_written_as_json():
    content = made(bounding_box="rows=1,cols=2,width=3,height=4", nn_provider="turi").to_json()
    assert content["bounding_box"] == "rows=1,cols=2,width=3,height=4"
    assert (content["nn_provider"], content["run_mode"], content["faiss_param"]) == ("turi", 0, {})
    assert content["turi_param"] == "ccthreshold=0.96,run_cc=1,run_pagerank=1,run_degree=0"
    assert RunConfig(**{**content, "faiss_param": ""}).to_json() == content
