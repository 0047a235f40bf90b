"""`imagededup distributed`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from imagededup.commands.forms import MOST_PAIRS, Format, write_result
from imagededup.commands.options import (
    Candidates,
    Method,
    MethodOption,
    Places,
    Recursive,
    Relations,
    Threshold,
    Verify,
    output_path,
    verification,
    whole_bits,
)
from imagededup.commands.reading import Reading, reads_images
from imagededup.utils.text import counted

if TYPE_CHECKING:
    from imagededup.distributed.result import DistributedResult

__all__ = ["distributed"]

_ENDINGS = (".json", ".jsonl", ".csv", ".html")


def distributed(
    source: Places,
    work_dir: Annotated[
        str,
        typer.Option(
            "--work_dir",
            metavar="URL",
            show_default=False,
            help="Where results are kept: a folder that all machines have at the same path, or a "
            "URL such as s3://bucket/job. A job that was interrupted goes on there.",
        ),
    ],
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            show_default=False,
            help="Of the Ray cluster; auto for the one that this machine belongs to. Without it, "
            "Ray is started on this machine.",
        ),
    ] = None,
    method: MethodOption = Method.CNN,
    threshold: Threshold = None,
    recursive: Recursive = False,
    verify: Verify = False,
    candidates: Candidates = None,
    relations: Relations = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Write the pairs to this .json, .jsonl or .csv file as well, or show them on this "
            ".html page; they have to fit the memory of this machine.",
        ),
    ] = None,
    shard_size: Annotated[
        int, typer.Option(metavar="N", help="Images of a shard, which one task encodes.")
    ] = 1000,
    task_size: Annotated[
        str, typer.Option(metavar="SIZE", help="About how much a task holds of what it joins.")
    ] = "256M",
    cells_probed: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="In how many cells a descriptor is searched; more find more pairs and take "
            "longer. Hashes find all.",
        ),
    ] = 8,
    *,
    reading: Reading,
) -> None:
    """Find the duplicates of a large collection on a Ray cluster.

    Results are shards of Parquet in the work folder: pairs, groups and components.

    \b
    Examples:
      imagededup distributed photos --work_dir work --method phash
      imagededup distributed s3://photos --work_dir s3://results/job --address auto
    """
    from imagededup.distributed import run

    path = None if output is None else output_path(output, _ENDINGS)
    result = run(
        reading.sources(source),
        work_dir,
        method=method.value,
        address=address,
        threshold=whole_bits(threshold, method is not Method.CNN),
        recursive=recursive,
        shard_size=shard_size,
        task_size=task_size,
        cells_probed=cells_probed,
        **verification(verify, candidates, relations),
    )
    typer.echo("\n".join([*_rates(result), _summary(result)]))
    if path is None:
        return
    if result.pair_count > MOST_PAIRS:
        raise typer.BadParameter(f"--output is for up to {MOST_PAIRS:,} pairs")
    found = result.duplicates()
    if path.suffix == ".html":
        found.to_html(path)
    else:
        write_result(path, found, Format.PAIRS, True)
    typer.echo(f"Written to {path}")


def _rates(result: "DistributedResult") -> Iterator[str]:
    """What each step has taken."""
    for one in result.rates:
        did = f"{one.step}: {one.items:,} {one.unit}, {one.core_seconds:,.1f} core seconds"
        yield f"{did}, {one.per_core:,.1f} a second and core"


def _summary(result: "DistributedResult") -> str:
    images, pairs = counted(result.image_count, "image"), counted(result.pair_count, "pair")
    members, groups = result.grouped_counts
    kind = "verified" if result.settings.verify else "of different codes"
    found = f"{images}, {members:,} of them in {counted(groups, 'group')} of duplicates"
    failed = f"; {result.failure_count:,} could not be read" if result.failure_count else ""
    return f"{found} ({pairs} {kind}){failed}"


distributed = reads_images(distributed, without=["cache"])
