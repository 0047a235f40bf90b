"""`imagededup report`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.commands.options import (
    Against,
    Candidates,
    FullDecode,
    Method,
    MethodOption,
    Places,
    Recursive,
    Threshold,
    encoder_of,
    output_path,
    threshold_argument,
    verification,
)
from imagededup.commands.reading import Reading, reads_images
from imagededup.commands.summary import summary_lines
from imagededup.errors import InvalidValueError
from imagededup.utils.text import counted

if TYPE_CHECKING:
    from imagededup.methods.cnn import CNN
    from imagededup.methods.hashing import Hashing
    from imagededup.report.write import Findings
    from imagededup.sources.places import Sources

__all__ = ["report"]

_ENDINGS = (".html", ".htm")


@reads_images
def report(
    folder: Places,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The page, an .html file.", show_default=False
        ),
    ],
    method: MethodOption = Method.CNN,
    threshold: Threshold = None,
    recursive: Recursive = False,
    against: Against = None,
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify",
            show_default=False,
            help="Look at both images of each candidate pair, and say how they are related. The "
            "default with cnn.",
        ),
    ] = None,
    candidates: Candidates = None,
    full_decode: FullDecode = False,
    most: Annotated[
        int,
        typer.Option(
            "--most", metavar="NUMBER", help="How many groups or images of each kind to show."
        ),
    ] = 1000,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the page if there is one already.")
    ] = False,
    *,
    reading: Reading,
) -> None:
    """Write a page that shows what is in a folder: duplicates, outliers, flawed and broken images.

    Nothing is changed but the page. Outliers are found with cnn only.

    \b
    Examples:
      imagededup report photos -o report.html
      imagededup report photos -r --method phash -o report.html
      imagededup report test --against train -o leakage.html
    """
    from imagededup.report.write import write_report

    path = _check_output(output, force)
    if most < 1:
        raise InvalidValueError(f"--most must be 1 or more, got {most}")
    verifying = verification(method is Method.CNN if verify is None else verify, candidates, None)
    others = reading.sources(against) if against else None
    encoder = encoder_of(method, full_decode, reading.cache_dir)
    options = {**threshold_argument(encoder, threshold), **verifying}
    findings = _findings(encoder, reading.sources(folder), path, others, recursive, options)
    written = write_report(findings, path, most)
    for line in [*summary_lines(findings.found), *_quality_lines(findings)]:
        typer.echo(line)
    typer.echo(f"Written to {written}")


def _check_output(output: str, force: bool) -> Path:
    """The page, which is not there yet unless it may be replaced."""
    path = output_path(output, _ENDINGS)
    if not force and os.path.lexists(path):
        raise InvalidValueError(f"--output {output!r} exists already; --force replaces it")
    return path


def _findings(
    encoder: "Hashing | CNN",
    folder: "Sources",
    page: Path,
    against: "Sources | None",
    recursive: bool,
    options: dict[str, Any],
) -> "Findings":
    from imagededup.methods.encoding import encode_files
    from imagededup.report.look import encode_and_measure, without_page
    from imagededup.report.unusual import unusual_images
    from imagededup.report.write import Findings
    from imagededup.sources.listing import list_images
    from imagededup.utils.parallel import check_workers

    workers = check_workers("workers", None)
    encoder._check_options(**options)
    listed = without_page(list_images(folder, recursive), page)
    others = None
    if against is not None:
        others = list_images(against, recursive, name="against").without(listed)
    encoded, measured = encode_and_measure(encoder, listed, workers)
    references = None if others is None else encode_files([encoder], others, workers)[0]
    images: dict[str, Any] = {"encoding_map": encoded, "against": references}
    found = encoder.search(**images, **options)
    unusual = unusual_images(encoded, workers) if encoder.score_name == "similarity" else None
    return Findings(listed, found, measured, unusual)


def _quality_lines(findings: "Findings") -> Iterator[str]:
    if findings.unusual is not None:
        yield counted(len(findings.unusual), "outlier")
    flagged = {name: int(some.sum()) for name, some in findings.flagged.items()}
    found = [f"{count:,} {name}" for name, count in flagged.items() if count]
    if found:
        yield f"flagged: {', '.join(found)}"
