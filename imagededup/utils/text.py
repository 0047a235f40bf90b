"""Names and counts in messages."""

__all__ = ["counted", "shown"]


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 image`, `2,000 images`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shown(name: str) -> str:
    """A name on one line, whatever characters it has."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()
