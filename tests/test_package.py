"""What the package exports, and what importing it loads."""

import importlib
import subprocess
import sys

import pytest

import imagededup

EXPORTS = {
    "imagededup": [
        "AHash",
        "CNN",
        "DHash",
        "Duplicates",
        "Limits",
        "PHash",
        "Sources",
        "WHash",
        "__version__",
        "fastdup",
        "limits",
        "set_limits",
    ],
    "imagededup.distributed": ["DistributedResult", "run"],
    "imagededup.evaluation": [
        "ClusterMetrics",
        "InvalidMapError",
        "OperatingPoint",
        "PrecisionRecallCurve",
        "ThresholdSweep",
        "best_threshold",
        "cluster_metrics",
        "evaluate",
        "load_ground_truth",
        "load_retrieved_map",
        "micro_average_precision",
        "precision_recall_curve",
        "recall_at_precision",
    ],
    "imagededup.fastdup": [
        "__version__",
        "create_components_gallery",
        "create_duplicates_gallery",
        "create_outliers_gallery",
        "create_similarity_gallery",
        "create_stats_gallery",
        "find_top_components",
        "generate_duplicates_gallery",
        "load_binary",
        "load_binary_feature",
        "load_binary_features",
        "run",
        "save_binary_feature",
    ],
    "imagededup.methods": [
        "AHash",
        "CNN",
        "DHash",
        "Duplicates",
        "PHash",
        "WHash",
        "load_encodings",
        "save_encodings",
        "update_encodings",
    ],
    "imagededup.pages": [
        "BarSection",
        "FactSection",
        "GroupSection",
        "MayGo",
        "NamedPicture",
        "PagePicture",
        "PageSection",
        "PairSection",
        "PictureGroup",
        "PictureLink",
        "PicturePair",
        "PictureSection",
        "TableSection",
        "WrittenPage",
        "write_page",
    ],
    "imagededup.plots": [
        "gallery",
        "plot_clusters",
        "plot_duplicates",
        "plot_precision_recall",
        "plot_similarity_histogram",
    ],
    "imagededup.removal": [
        "MarkedFile",
        "Outcome",
        "Restoration",
        "RestoreResult",
        "carry_out",
        "carry_out_marked",
        "delete",
        "move_into",
        "only_check",
        "read_marked",
        "restore",
        "trash",
    ],
    "imagededup.utils": [
        "CustomModel",
        "plot_clusters",
        "plot_duplicates",
        "plot_precision_recall",
        "plot_similarity_histogram",
    ],
    "imagededup.models": ["CustomModel", "OnnxModel"],
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exported_names(name):
    module = importlib.import_module(name)
    assert sorted(module.__all__) == EXPORTS[name]
    assert all(hasattr(module, exported) for exported in module.__all__)


def test_version():
    assert imagededup.__version__.count(".") == 2


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import imagededup", ["numpy", "PIL", "typer"]),
        (
            "from imagededup.methods import CNN, PHash; PHash()",
            [
                "cv2",
                "onnxruntime",
                "faiss",
                "matplotlib",
                "numba",
                "pywt",
                "scipy",
                "simplejpeg",
                "sklearn",
                "sqlite3",
                "torch",
            ],
        ),
        (
            "from imagededup import PHash; PHash().search(encoding_map={'a': '0' * 16})",
            ["cv2", "onnxruntime"],
        ),
        (
            "import imagededup; imagededup.PHash().encode_images(imagededup.__path__[0])",
            ["aiohttp", "asyncio", "fsspec", "s3fs"],
        ),
        (
            "from imagededup.verification import Relation, Verdict, verify",
            ["cv2", "numba", "scipy"],
        ),
        (
            "import imagededup.cli",
            [
                *("cv2", "faiss", "jinja2", "matplotlib", "numba", "numpy", "scipy", "sklearn"),
                "sqlite3",
            ],
        ),
    ],
)
def test_heavy_packages_are_loaded_only_where_they_are_used(statement, absent):
    code = f"{statement}; import sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(absent) & set(loaded)
