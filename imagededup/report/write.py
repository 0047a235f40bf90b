"""The page of a report: from what was found to its sections."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from imagededup.images.quality import flags
from imagededup.methods.results import Duplicates
from imagededup.pages import FactSection, PageSection, WrittenPage, write_page
from imagededup.report.bars import score_bars, size_bars
from imagededup.report.groups import duplicate_sections
from imagededup.report.look import MeasuredImages
from imagededup.report.singles import failure_section, flag_section, unusual_section
from imagededup.report.unusual import Unusual
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.utils.sizes import bytes_in_words

__all__ = ["Findings", "write_report"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a report is about.

    Attributes:
        folder: The images.
        found: Their duplicates.
        measured: Their numbers.
        unusual: Those that are unlike all others; None where they were not searched.
    """

    folder: ImageFolder
    found: Duplicates
    measured: MeasuredImages
    unusual: list[Unusual] | None

    @property
    def failures(self) -> list[Failure]:
        """Files that cannot be read, each once."""
        known = set(self.found.failures)
        more = [failure for failure in self.measured.failures if failure not in known]
        return self.found.failures + more

    @property
    def flagged(self) -> dict[str, NDArray[np.bool_]]:
        """Which of the measured images have each flag."""
        return flags(self.measured.columns)


def write_report(findings: Findings, path: str | PathLike[str], most: int) -> WrittenPage:
    """Write the page.

    Args:
        findings: What it shows.
        path: The page, `.html`.
        most: How many groups or images a section shows at most.

    Raises:
        InvalidValueError: The path does not end in `.html`.
        FileOperationError: The page cannot be written.
    """
    title = f"Images in {findings.folder}"
    return write_page(path, title, list(_sections(findings, most)), verbose=True)


def _sections(findings: Findings, most: int) -> Iterator[PageSection]:
    found, measured = findings.found, findings.measured
    yield FactSection("Summary", list(_facts(findings)))
    yield from duplicate_sections(found, most)
    if findings.unusual is not None:
        yield unusual_section(findings.folder, findings.unusual, most)
    for name, flagged in findings.flagged.items():
        if flagged.any():
            yield flag_section(findings.folder, measured, name, flagged, most)
    if findings.failures:
        yield failure_section(findings.failures, most)
    if found.pair_count:
        yield score_bars(found)
    yield from size_bars(measured.columns)


def _facts(findings: Findings) -> Iterator[tuple[str, str]]:
    found, measured = findings.found, findings.measured
    yield f"{len(measured.names):,}", "images"
    yield bytes_in_words(int(measured.columns["file_size"].sum())), "in all"
    if found.reference_names is None:
        yield f"{len(found):,}", "duplicate groups"
        yield f"{len(found.to_remove()):,}", "can be removed"
    else:
        yield f"{len(found.reference_names):,}", "images of the other collection"
        yield f"{len(found):,}", "images with a duplicate there"
    if findings.unusual is not None:
        yield f"{len(findings.unusual):,}", "outliers"
    flagged = [some for some in findings.flagged.values() if some.any()]
    yield f"{int(np.any(flagged, axis=0).sum()) if flagged else 0:,}", "flagged images"
    yield f"{len(findings.failures):,}", "unreadable files"
