"""Which names are taken: patterns of the shell, as users of archivers and of git know them."""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate

__all__ = ["excluded", "name_filter"]


def name_filter(include: Sequence[str], exclude: Sequence[str]) -> Callable[[str], bool]:
    """Whether a name is taken: by one of `include`, if there are any, and by none of `exclude`.

    In a pattern `*` stands for anything, `?` for a character, `[ab]` for one of several; capitals
    make no difference. A pattern without a slash is compared with each part of a name, one with a
    slash with the whole: `thumbs` is every file and folder of that name, `2024/*.jpg` is what lies
    in one folder.

    Examples:
        >>> taken = name_filter(["*.jpg"], ["thumbs"])
        >>> taken("a/1.JPG"), taken("a/thumbs/1.jpg"), taken("a/1.png")
        (True, False, False)
    """
    included, left_out = _matcher(include), _matcher(exclude)

    def is_taken(name: str) -> bool:
        return (not include or included(name)) and not left_out(name)

    return is_taken


def excluded(exclude: Sequence[str]) -> Callable[[str], bool]:
    """Whether a name, with all that lies within it, is left out."""
    return _matcher(exclude)


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    stripped = [pattern.rstrip("/") for pattern in patterns]
    whole = _compiled([pattern.lstrip("/") for pattern in stripped if "/" in pattern])
    part = _compiled([pattern for pattern in stripped if "/" not in pattern])

    def matches(name: str) -> bool:
        if whole is not None and whole.match(name):
            return True
        return part is not None and any(map(part.match, name.split("/")))

    return matches


def _compiled(patterns: Sequence[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    return re.compile("|".join(map(translate, patterns)), re.IGNORECASE)
