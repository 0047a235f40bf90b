"""stats.csv: size, brightness, contrast and sharpness of every described image."""

from collections.abc import Iterator

import numpy as np

from imagededup.fastdup.store.states import STATISTICS, KnownImages
from imagededup.fastdup.store.tables import number_cells

__all__ = ["STATS_HEADER", "statistics_rows"]

STATS_HEADER = ("filename", *STATISTICS[:2], "file_size", *STATISTICS[2:])
"""The columns of stats.csv."""

_PLACES = [STATISTICS.index(name) if name in STATISTICS else -1 for name in STATS_HEADER[1:]]
_ROWS_AT_ONCE = 65_536


def statistics_rows(images: KnownImages) -> Iterator[list[str]]:
    """The rows of stats.csv: the good images; what is not known is an empty cell."""
    good = np.flatnonzero(images.is_good)
    for begin in range(0, len(good), _ROWS_AT_ONCE):
        rows = good[begin : begin + _ROWS_AT_ONCE]
        size = np.where(images.size[rows] < 0, np.nan, images.size[rows])
        columns = [
            [f"{number:.0f}" if number == number else "" for number in size.tolist()]
            if place < 0
            else number_cells(images.statistics[rows, place])
            for place in _PLACES
        ]
        for row, *cells in zip(rows.tolist(), *columns, strict=True):
            yield [images.paths[row], *cells]
