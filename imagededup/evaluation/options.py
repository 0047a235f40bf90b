"""The options that are given as words."""

from enum import StrEnum

from imagededup.utils.options import EmptyQueries, Metric, check_option

__all__ = ["EmptyQueries", "Metric", "ScoreName", "check_metric"]


class ScoreName(StrEnum):
    """What scores are; 'auto' decides by their type."""

    AUTO = "auto"
    DISTANCE = "distance"
    SIMILARITY = "similarity"


def check_metric(metric: object) -> Metric:
    """The metric that a word names, in upper or lower case.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: None of the metrics.

    Examples:
        >>> check_metric("MAP")
        <Metric.MAP: 'map'>
    """
    known = isinstance(metric, str) and metric.lower() in {option.value for option in Metric}
    return check_option("metric", str(metric).lower() if known else metric, Metric)
