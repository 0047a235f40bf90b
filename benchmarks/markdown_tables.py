"""Tables in Markdown, and figures as they stand in them."""

from collections.abc import Iterable, Sequence

__all__ = ["core_time", "count_of", "duration", "gibibytes", "money", "table"]


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |".replace("|  |", "| |") for cells in lines)


def duration(seconds: float) -> str:
    """Seconds in the unit that suits."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1g} s"


def core_time(seconds: float) -> str:
    """Seconds of one core."""
    return f"{duration(seconds)} of a core"


def money(dollars: float) -> str:
    """Dollars, without the sign."""
    return f"{dollars:,.0f}" if dollars >= 100 else f"{dollars:.2f}"


def gibibytes(size: float) -> str:
    """GiB in the unit that suits; nothing for none."""
    if not size:
        return ""
    if size >= 1024:
        return f"{size / 1024:,.1f} TiB"
    if size < 1:
        return f"{size * 1024:.0f} MiB" if size * 1024 >= 1 else "under 1 MiB"
    return f"{size:.0f} GiB" if size >= 10 else f"{size:.1f} GiB"


def count_of(size: float) -> str:
    """Bytes; nothing for none."""
    return f"{size:,.0f}" if size >= 10 else f"{size:.1f}" if size else ""
