"""How good found duplicates are, compared with a ground truth."""

from imagededup.evaluation.clusters import ClusterMetrics, cluster_metrics
from imagededup.evaluation.curves import (
    micro_average_precision,
    precision_recall_curve,
    recall_at_precision,
)
from imagededup.evaluation.errors import InvalidMapError
from imagededup.evaluation.ground_truth import load_ground_truth, load_retrieved_map
from imagededup.evaluation.metrics import evaluate
from imagededup.evaluation.operating_points import OperatingPoint, PrecisionRecallCurve
from imagededup.evaluation.thresholds import ThresholdSweep, best_threshold

__all__ = [
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
]
