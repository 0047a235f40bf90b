"""A job: list, encode, group, join and label; each step skips what is complete."""

import logging
import os
import uuid
from collections.abc import Collection
from functools import partial
from os import PathLike
from typing import Any

from imagededup.distributed.cluster import connect
from imagededup.distributed.components import COMPONENTS, label_components
from imagededup.distributed.encode import ENCODED, dimensions_of, encode
from imagededup.distributed.groups import UNIQUE, find_groups
from imagededup.distributed.job import EncoderFactory, Job, Settings
from imagededup.distributed.join_descriptors import join_descriptors
from imagededup.distributed.join_hashes import PAIRS, join_hashes
from imagededup.distributed.listing import LISTING, image_count, write_listing
from imagededup.distributed.rates import Rates
from imagededup.distributed.result import DistributedResult
from imagededup.distributed.same_pixels import IDENTICAL, find_identical
from imagededup.distributed.store import Store
from imagededup.distributed.verify import VERIFIED, verify_candidates
from imagededup.distributed.workers import RayTasks, Workers
from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods.search_options import DEFAULT
from imagededup.methods.verifying import plan_verification
from imagededup.sources.addresses import is_remote
from imagededup.sources.limits import limits
from imagededup.sources.places import ImageDir, Sources
from imagededup.utils.options import check_bool, positive_number
from imagededup.utils.sizes import size_in_bytes
from imagededup.verification.relation import Relation

__all__ = ["prepare", "run", "work"]

logger = logging.getLogger("imagededup")

_METHODS = {"phash": "PHash", "dhash": "DHash", "ahash": "AHash", "whash": "WHash", "cnn": "CNN"}


def run(
    source: ImageDir,
    work_dir: str | PathLike[str],
    *,
    method: str | EncoderFactory = "cnn",
    address: str | None = None,
    threshold: float | None = None,
    recursive: bool = False,
    shard_size: int = 1000,
    task_size: int | str = "256M",
    cells_probed: int = 8,
    verify: bool = False,
    candidates: int = 10,
    relations: Collection[str] | None = None,
) -> DistributedResult:
    """Find the duplicates of a collection on a Ray cluster.

    A job that was interrupted, or lost its cluster, goes on where it was if it is asked for again
    with the same work folder.

    Args:
        source: Where the images are, as for a search; every node has to reach them.
        work_dir: Where results are kept: a folder that every node has at the same path, or a URL
            that fsspec knows, such as `s3://bucket/job`.
        method: 'phash', 'dhash', 'ahash', 'whash' or 'cnn'; or a function that makes an encoder. It
            is called once in each process, and has to pickle.
        address: Of the cluster, 'auto' for that of this machine; None starts Ray on this machine.
            Where the process has joined a cluster already, that is taken.
        threshold: Largest distance of duplicates, or least similarity; None is the default of the
            method. With `verify` the limit of what is looked at.
        recursive: Whether folders within folders are listed as well.
        shard_size: Images of a shard, which is encoded by one task.
        task_size: About how many bytes a task holds of what it joins, such as '256M'.
        cells_probed: In how many cells each descriptor is searched, its own included; more find
            more of the pairs and take longer. Hashes find all.
        verify: Whether to look at both pictures of every candidate pair and to decide how they are
            related, as a search on one machine does.
        candidates: How many images, at most, each image is verified with: those of best score.
        relations: Which relations of verified pairs count; None takes 'identical', 'copy', 'part'
            and 'variant'. 'identical' has to be among them.

    Returns:
        The result; nothing of it is read yet.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: An argument has a value that is not allowed, or the work folder is of a
            job that was asked for other things, or lies in the source.
        MissingPackageError: Ray or pyarrow is not installed.
        FileOperationError: The cluster or the work folder cannot be reached.
    """
    job = prepare(
        source,
        work_dir,
        method=method,
        threshold=threshold,
        recursive=recursive,
        shard_size=shard_size,
        task_size=task_size,
        cells_probed=cells_probed,
        verify=verify,
        candidates=candidates,
        relations=relations,
    )
    was_connected_here = connect(address)
    try:
        job.check()
        tasks = RayTasks()
        try:
            return work(job, tasks)
        finally:
            tasks.dismiss()
    finally:
        if was_connected_here:
            import ray

            ray.shutdown()


def prepare(
    source: ImageDir,
    work_dir: str | PathLike[str],
    *,
    method: str | EncoderFactory,
    threshold: float | None,
    recursive: bool,
    shard_size: int,
    task_size: int | str,
    cells_probed: int,
    verify: bool = False,
    candidates: int = 10,
    relations: Collection[str] | None = None,
) -> Job:
    """Check what is asked for; the arguments are those of `run`."""
    make_encoder = _factory(method)
    encoder = make_encoder()
    names = encoder._search_names
    default = names.floor if verify else names.default
    request = names.request(
        None,
        None,
        DEFAULT if threshold is None else threshold,
        {"verify": check_bool("verify", verify), "candidates": candidates, "relations": relations},
    )
    encoder._check_search(request)
    plan = plan_verification(request, False)
    if plan is not None and Relation.IDENTICAL not in plan.relations:
        raise InvalidValueError("relations of a cluster's job must have 'identical' among them")
    sources = source if isinstance(source, Sources) else Sources(source, name="source")
    settings = Settings(
        places=tuple(map(_whole, sources.places)),
        include=sources.include,
        exclude=sources.exclude,
        frames_per_second=sources.frames_per_second,
        recursive=bool(recursive),
        fingerprint=encoder._fingerprint() or "",
        score_name=encoder.score_name,
        threshold=default if threshold is None else threshold,
        shard_size=positive_number("shard_size", shard_size),
        task_size=positive_number(
            "task_size", size_in_bytes(task_size) if isinstance(task_size, str) else task_size
        ),
        cells_probed=positive_number("cells_probed", cells_probed),
        verify=plan is not None,
        candidates=0 if plan is None else plan.candidates,
        relations=() if plan is None else tuple(map(str, plan.relations)),
    )
    store = Store(_whole(os.fspath(work_dir)))
    _check_apart(settings.places, store.url)
    return Job(store, settings, make_encoder, uuid.uuid4().hex, os.getcwd(), limits())  # noqa: PTH109


def work(job: Job, workers: Workers) -> DistributedResult:
    """Do what is not done yet."""
    rates = Rates(job.store, workers)
    with rates.step("list", "images", LISTING):
        if image_count(job.store) is None:
            workers.run(write_listing, [(job,)])
    images = image_count(job.store) or 0
    logger.info("%d images are listed", images)
    with rates.step("encode", "images", ENCODED):
        encode(job, workers)
    dimensions = dimensions_of(job)
    with rates.step("group", "images", UNIQUE, ENCODED):
        find_groups(job, workers, images, dimensions)
    with rates.step("join", "different codes", PAIRS, UNIQUE):
        if job.settings.by_distance:
            join_hashes(job, workers)
        else:
            join_descriptors(job, workers, dimensions)
    if job.settings.verify:
        with rates.step("compare pixels", "images", IDENTICAL):
            find_identical(job, workers)
        with rates.step("verify", "pairs", VERIFIED):
            verify_candidates(job, workers, images)
    with rates.step("label", "images", COMPONENTS):
        label_components(job, workers)
    return DistributedResult(job.store, job.settings)


def _factory(method: object) -> EncoderFactory:
    if callable(method):
        return method
    if not isinstance(method, str):
        raise InvalidTypeError(
            f"method must be a str or a function that makes an encoder, got {type(method).__name__}"
        )
    if method not in _METHODS:
        words = ", ".join(map(repr, _METHODS))
        raise InvalidValueError(f"method must be one of {words}, got {method!r}")
    from imagededup import methods

    make: Any = getattr(methods, _METHODS[method])
    return partial(make, verbose=False)


def _check_apart(places: tuple[str, ...], work_dir: str) -> None:
    """Raise if the files of the work folder would be listed as images."""
    for place in places:
        if f"{work_dir}/".startswith(f"{place.rstrip('/')}/"):
            raise InvalidValueError(
                f"work_dir must not lie in the images, {work_dir!r} is in {place!r}"
            )


def _whole(place: str) -> str:
    """A path from the root on, for nodes with another current folder; URLs as they are."""
    return place if is_remote(place) or "://" in place else os.path.abspath(place)  # noqa: PTH100
