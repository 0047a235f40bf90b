"""The tables of docs/scaling.md, in Markdown."""

from collections.abc import Sequence

from markdown_tables import core_time, count_of, duration, gibibytes, money, table
from scaling_cluster import Cluster
from scaling_inputs import Inputs
from scaling_model import (
    GIB,
    HASHES,
    Assumptions,
    Machine,
    Rates,
    Stage,
    one_machine,
    rate_of_workers,
    total,
)

__all__ = ["tables"]

_SIZES = (10**6, 10**7, 10**8, 10**9)
_HEADS = ("1e6", "1e7", "1e8", "1e9")
_RUNNER = "runner"
_ROOM = 0.8
"""Of the memory of a machine, what a search may take."""

_KINDS = {"photograph": "photographs", "large": "12 megapixels"}
_NAMES = {HASHES: "`find`, PHash", _RUNNER: "`fastdup`, 576 numbers"}
_JOBS = {(HASHES, 10): "PHash, 10 bits", (HASHES, 4): "PHash, 4 bits", ("cnn", 0): "CNN"}


def tables(inputs: Inputs) -> dict[str, str]:
    """All tables, by the name of their markers."""
    photograph = inputs.rates["photograph bytes"]
    return {
        "machines": _machines(inputs),
        "rates": _rates(inputs),
        "assumed": _assumed(inputs),
        "fastdup": _beside_fastdup(inputs),
        "one machine": _one_machine(inputs, photograph),
        "one machine, large": _one_machine(inputs, inputs.large_bytes),
        "cluster": _cluster(inputs, photograph),
        "stages": _stages(inputs, photograph),
        "bottlenecks": _bottlenecks(inputs, photograph),
        "bytes": _bytes(inputs, photograph),
        "memory": _memory(inputs, photograph),
        "verification": _verification(inputs),
        "growth": _growth(inputs),
        "threads": _threads(inputs),
    }


def _machines(inputs: Inputs) -> str:
    rows = [
        (
            name,
            one.threads,
            one.cores,
            f"{one.memory:g}",
            f"{one.disk:g}",
            f"{one.network:g}",
            f"{one.dollars:.4g}",
            f"{inputs.assumed.capacity(one):g}",
        )
        for name, one in inputs.machines.items()
    ]
    head = ("machine", "threads (vCPU)", "cores", "memory, GiB", "disk, Gbit/s")
    return table(
        (*head, "network, Gbit/s", f"dollars an hour, {inputs.prices_as_of}", "taken as cores"),
        rows,
    )


def _rates(inputs: Inputs) -> str:
    runs: dict[tuple[str, str, str], list[str]] = {}
    for name, row in inputs.stored.items():
        runs.setdefault((row["command"], row["date"], row["cpu"]), []).append(name)
    parts = []
    for (command, date, cpu), names in runs.items():
        rows = [
            (name, f"{inputs.stored[name]['value']:.4g}", inputs.stored[name]["what"])
            for name in names
        ]
        parts.append(
            f"`{command}`, {date}, {cpu}:\n\n" + table(("rate", "value", "what it is"), rows)
        )
    return "\n\n".join(parts)


def _assumed(inputs: Inputs) -> str:
    one = inputs.assumed
    get, put = (money(dollars * 1e6) for dollars in (one.dollars_per_get, one.dollars_per_put))
    lock = f"{one.lock:.0%}"
    false = "one in a million ([measured](which_method.md#measured) on photographs)"
    rows = [
        ("a core's second thread adds", f"{one.second_thread:.0%}"),
        ("speed of a core", "that of the machine that measured the rates"),
        ("a request to an object store", f"{one.latency * 1e3:g} ms"),
        ("images under way of a process that reads", one.read_ahead),
        ("requests to read a part of a shard", f"{one.requests_per_read:g}"),
        ("dollars of a million reads, of a million writes", f"{get}, {put}"),
        ("bytes of the name of an image", one.name_bytes),
        ("images that have a near copy", f"{one.near_copies:.0%}"),
        ("pairs of different pictures within 10 bits of PHash", false),
        ("rounds of labelling", one.rounds),
        ("share of an image's time that holds Python's lock, unless a rate says it", lock),
        ("a photograph of 12 megapixels", f"{inputs.large_bytes / 1e6:g} MB"),
    ]
    return table(("what", "taken as"), rows)


def _beside_fastdup(inputs: Inputs) -> str:
    machine = inputs.machines[inputs.peer_machine]
    rows = []
    for name, one in inputs.collections.items():
        stages = one_machine(
            one.images, one.image_bytes, _RUNNER, inputs.rates, inputs.assumed, False
        )
        seconds, dollars = total(stages, machine, 1, inputs.assumed)
        rows.append(
            (
                name,
                f"{one.images:,}",
                f"{one.seconds:,}",
                f"{one.dollars:.2f}",
                f"{one.spot_dollars:.2f}",
                f"{one.identical_pairs:,}",
                f"{one.gigabytes:g}",
                f"{seconds:,.0f}",
                money(dollars),
                f"{one.seconds / seconds:.1f}",
                _first(stages, machine, 1, inputs.assumed),
            )
        )
    theirs = ("fastdup: s", "dollars", "dollars, spot", "identical pairs")
    ours = ("GB", "modelled: s", "dollars", "times as fast", "most of it")
    return table(("collection", "images", *theirs, *ours), rows)


def _one_machine(inputs: Inputs, size: float) -> str:
    rows = []
    for method, shown in _NAMES.items():
        for name, machine in inputs.machines.items():
            cells = []
            for count in _SIZES:
                needed = count * inputs.memory(method) / GIB
                if needed > _ROOM * machine.memory:
                    cells.append(f"memory: {gibibytes(needed)}")
                    continue
                gpu = machine.has_gpu
                stages = one_machine(count, size, method, inputs.rates, inputs.assumed, gpu)
                seconds, dollars = total(stages, machine, 1, inputs.assumed)
                cells.append(f"{duration(seconds)}, ${money(dollars)}")
            rows.append((shown, name, *cells))
            shown = ""
    return table(("what", "machine", *_HEADS), rows)


def _cluster(inputs: Inputs, photograph: float) -> str:
    machine = inputs.machines[inputs.cluster_machine]
    rows = []
    for count, nodes in inputs.clusters.items():
        cells = []
        for method, threshold in _JOBS:
            for size in (photograph, inputs.large_bytes):
                stages = inputs.job(count, method, threshold, size).stages()
                seconds, dollars = total(stages, machine, nodes, inputs.assumed)
                cells.append(f"{duration(seconds)}, ${money(dollars)}")
        rows.append((f"{count:,}", nodes, *cells))
    heads = [
        f"{name}, {size}" for name in _JOBS.values() for size in ("photographs", "12 megapixels")
    ]
    return table(("images", "machines", *heads), rows)


def _stages(inputs: Inputs, photograph: float) -> str:
    machine = inputs.machines[inputs.cluster_machine]
    rows = []
    for count, nodes in inputs.clusters.items():
        for (method, threshold), shown in _JOBS.items():
            if threshold == 10 and count > 10**7:
                continue
            stages = inputs.job(count, method, threshold, photograph).stages()
            seconds = {
                stage.name: stage.seconds(machine, nodes, inputs.assumed) for stage in stages
            }
            names = ("listing", "encoding", "groups", "cells", "join", "components")
            cells = [duration(seconds[name]) if name in seconds else "" for name in names]
            requests = sum(stage.gets + stage.puts for stage in stages)
            rows.append((f"{count:,}", shown, *cells, f"{requests:.1e}"))
    heads = ("listing", "encoding", "groups", "training of cells", "join", "components", "requests")
    return table(("images", "job", *heads), rows)


def _bottlenecks(inputs: Inputs, photograph: float) -> str:
    rows = []
    machine = inputs.machines[inputs.cluster_machine]
    for count, nodes in inputs.clusters.items():
        alone = {
            method: _limit_of_one(inputs, count, method, photograph, machine) for method in _NAMES
        }
        jobs = []
        for method, threshold in ((HASHES, 4), ("cnn", 0)):
            job = inputs.job(count, method, threshold, photograph)
            jobs.append(_limit_of_job(job, machine, nodes, inputs.assumed))
        rows.append((f"{count:,}", *alone.values(), *jobs))
    heads = (
        f"one {inputs.cluster_machine}: PHash",
        "the runner",
        "the cluster: PHash, 4 bits",
        "CNN",
    )
    return table(("images", *heads), rows)


def _limit_of_one(inputs: Inputs, count: int, method: str, size: float, machine: Machine) -> str:
    needed = count * inputs.memory(method) / GIB
    if needed > _ROOM * machine.memory:
        return f"memory: {gibibytes(needed)}"
    stages = one_machine(count, size, method, inputs.rates, inputs.assumed)
    return _first(stages, machine, 1, inputs.assumed)


def _limit_of_job(job: Cluster, machine: Machine, nodes: int, assumed: Assumptions) -> str:
    first = _first(job.stages(), machine, nodes, assumed)
    task = max(
        ("the listing", job.listing_memory()), ("the training", job.training_memory()),
        key=lambda one: one[1],
    )  # fmt: skip
    if task[1] > _ROOM * machine.memory * GIB:
        return f"memory of {task[0]}: {gibibytes(task[1] / GIB)}; then {first}"
    return first


def _bytes(inputs: Inputs, photograph: float) -> str:
    rates, assumed = inputs.rates, inputs.assumed
    copies = rates["descriptor copies"]
    near = assumed.near_copies
    descriptor, hashed = rates["descriptor encoded row"], rates["hash encoded row"]
    scattered = rates["hash scattered row"]
    rows = [
        ("the images themselves", photograph, photograph),
        ("listing, in the memory of one task", *2 * (rates.listing_memory(assumed.name_bytes),)),
        ("listing, Parquet; numbered names", *2 * (rates["listing row"],)),
        ("codes in memory: 8 bytes, 1,024 numbers", 8, 4096),
        ("encoded: Parquet", hashed, descriptor),
        ("codes by key, different codes", 2 * hashed, 2 * descriptor),
        ("candidates: by chunk (4), by cell", 4 * scattered, copies * descriptor),
        ("nearest", 0, copies * rates["nearest row"]),
        ("pairs", near * rates["hash pair row"], near * rates["hash pair row"]),
        ("components, all rounds", *2 * (near * rates["component row"] * (assumed.rounds + 1),)),
        ("components, the result", *2 * (2 * near * rates["component member"],)),
        ("the runner: `features.dat` (576 numbers)", 0, rates["features.dat row"]),
        ("the runner: `faiss.index`", 0, rates["faiss.index row"]),
        ("the runner: names, pairs, components as CSV", 0, _tables_of_the_runner(rates, near)),
        ("one machine: memory of the search", *map(inputs.memory, (HASHES, _RUNNER))),
    ]  # fmt: skip
    shown = [(name, count_of(hashes), count_of(descriptors)) for name, hashes, descriptors in rows]
    return table(("bytes an image", "hashes", "descriptors"), shown)


def _tables_of_the_runner(rates: Rates, near: float) -> float:
    names, components = rates["features.dat.csv row"], rates["connected_components.csv row"]
    return names + components + 2 * near * rates["similarity.csv row"]


def _memory(inputs: Inputs, photograph: float) -> str:
    rows = []
    for count in inputs.clusters:
        for method in (HASHES, "cnn"):
            job = inputs.job(count, method, 4, photograph)
            plan, rates = job.plan, inputs.rates
            row = rates["hash encoded row" if method == HASHES else "descriptor encoded row"]
            files = plan.maps * plan.partitions
            if method != HASHES:
                files += plan.partitions * plan.cell_partitions
            rows.append(
                (
                    f"{count:,}",
                    "PHash" if method == HASHES else "CNN",
                    f"{plan.shard_size:,}",
                    f"{plan.task_size / 2**20:.0f}M",
                    gibibytes(4 * plan.task_size / GIB),
                    gibibytes(rates[f"{method} memory"] / GIB),
                    gibibytes(job.listing_memory() / GIB),
                    gibibytes(job.training_memory() / GIB),
                    f"{plan.encoded + plan.partitions:,}",
                    gibibytes(job.names_under_way() / GIB),
                    f"{files:,}",
                    gibibytes(count * row * (3 if method == HASHES else 6.3) / GIB),
                )
            )
    heads = ("images", "job", "`--shard-size`", "`--task-size`", "a task that joins")
    more = ("a task that encodes", "the task that lists", "the task that trains")
    last = ("names of shards", "names under way", "parts of shards that are read", "work folder")
    return table((*heads, *more, *last), rows)


def _verification(inputs: Inputs) -> str:
    """Of the near copies with their originals; the copies are distinct pictures' only ones."""
    rates, machine = inputs.rates, inputs.machines[inputs.cluster_machine]
    near = inputs.assumed.near_copies
    rows = []
    for others in (0, 4, 9):
        pictures = 2 * near * rates["verified picture"]
        pairs = near * (rates["verified pair"] + 2 * others * rates["verified others"])
        cells = []
        for count, nodes in inputs.clusters.items():
            stage = Stage("verification", "verification", count * (pictures + pairs))
            seconds, dollars = total([stage], machine, nodes, inputs.assumed)
            cells.append(f"{duration(seconds)}, ${money(dollars)}")
        rows.append((others, *cells))
    heads = [f"{count:,}, machines: {nodes}" for count, nodes in inputs.clusters.items()]
    return table(("other candidates of each", *heads), rows)


def _growth(inputs: Inputs) -> str:
    """Exponents between the numbers that were measured, and what is reckoned above."""
    rates = inputs.rates
    rows = []
    for threshold in (10, 4):
        seconds = [rates.hash_join(count, threshold) for count in _SIZES]
        measured = rates.growth(f"hash join {threshold}", 10**5, 10**6)
        name = f"hashes within {threshold} bits"
        rows.append((name, "1e5 to 1e6", f"{measured:.2f}", *map(core_time, seconds)))
    few, many = 25_000, 100_000
    seconds = [sum(rates.neighbours(count)) for count in _SIZES]
    measured = rates.growth("neighbours", few, many)
    times = *map(core_time, seconds[:2]), "not one machine's", "not one machine's"
    rows.append(("the runner's neighbours", "25,000 to 1e5", f"{measured:.2f}", *times))
    return table(("join", "measured from", "exponent", *_HEADS), rows)


def _threads(inputs: Inputs) -> str:
    counts = (2, 4, 8, 16, 32, 64)
    rows = []
    for method, shown in _NAMES.items():
        for kind in ("photograph", "large"):
            size = inputs.rates[f"{kind} bytes"]
            share = inputs.rates.lock(method, size, inputs.assumed)
            rates = (f"{rate_of_workers(count, share):.1f}" for count in counts)
            rows.append((shown, _KINDS[kind], f"{share:.1%}", *rates))
    heads = [f"{count} cores" for count in counts]
    return table(("what", "images", "share of the lock", *heads), rows)


def _first(stages: Sequence[Stage], machine: Machine, nodes: int, assumed: Assumptions) -> str:
    """What takes most of the time, with its share."""
    seconds, limit = max(
        (part, _shown(stage, what, stage.waits_for_lock(machine, assumed)))
        for stage in stages
        for what, part in stage.parts(machine, nodes, assumed).items()
    )
    whole = sum(stage.seconds(machine, nodes, assumed) for stage in stages)
    return f"{limit} ({min(seconds / whole, 1):.0%})"


def _shown(stage: Stage, what: str, waits: bool) -> str:
    """What takes the time of a stage."""
    if waits and what == stage.limit:
        return f"{what}, and Python's lock"
    if stage.name == "encoding":
        return {"reading and writing": "reading the images", "one core": "the driver"}.get(
            what, what
        )
    return stage.name if what in (stage.limit, stage.name) else f"{stage.name}, {what}"
