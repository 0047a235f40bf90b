"""Names in figures: only characters that a font can draw, never wider than their place."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, cast

__all__ = ["DOTS_PER_INCH", "drawable", "fitting", "text_style", "wrapped"]

DOTS_PER_INCH = 120
"""Resolution of the figures, at which texts are measured."""

_OTHER_FAMILIES = (
    "Noto Sans",
    "Arial Unicode MS",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans JP",
    "Noto Sans SC",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Nirmala UI",
    "Leelawadee UI",
    "Segoe UI",
    "Segoe UI Symbol",
)
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_LONGEST_ENDING = 8


def text_style(size: float, **more: object) -> dict[str, Any]:
    """Properties of a text in which `$`, `_` and the like are plain characters.

    Args:
        size: Of the font, in points.
        **more: Further properties of matplotlib's Text.
    """
    plain = {"parse_math": False, "usetex": False}
    return {"family": list(_families()), "fontsize": size, **plain, **more}


def drawable(text: str) -> str:
    r"""The text with an escape, such as \u6771, for each character that no font has."""
    return "".join(_units(text))


def fitting(text: str, width: float, size: float) -> str:
    """The text, shortened in the middle until it is not wider than some width.

    The ending of a file name stays.

    Args:
        text: Any string.
        width: In inches.
        size: Of the font, in points.

    Returns:
        The text as it can be drawn.
    """
    units = _units(text)
    if _width("".join(units), size) <= width:
        return "".join(units)
    suffix = PurePosixPath(text).suffix
    ending = len(suffix) if len(suffix) <= _LONGEST_ENDING else 0
    fewest, most = 0, len(units) - 1
    while fewest < most:  # the largest number of units that fits
        middle = (fewest + most + 1) // 2
        if _width(_shortened(units, middle, ending), size) <= width:
            fewest = middle
        else:
            most = middle - 1
    return _shortened(units, fewest, ending)


def wrapped(text: str, width: float, size: float, lines: int) -> str:
    """The text on several lines, the last of them shortened if it takes more.

    Args:
        text: Any string.
        width: Of a line, in inches.
        size: Of the font, in points.
        lines: Their largest number.
    """
    words = drawable(text).split()
    done = [""]
    while words:
        longer = f"{done[-1]} {words[0]}".strip()
        if not done[-1] or _width(longer, size) <= width:
            done[-1] = longer
        elif len(done) == lines:
            done[-1] = " ".join([done[-1], *words])
            break
        else:
            done.append(words[0])
        words.pop(0)
    return "\n".join(fitting(line, width, size) for line in done)


def _shortened(units: list[str], count: int, ending: int) -> str:
    """So many of the units around an ellipsis, half of them, and at least the ending, after it."""
    after = min(count, max(count // 2, ending))
    dots = _ELLIPSIS if drawable(_ELLIPSIS) == _ELLIPSIS else "..."
    return "".join([*units[: count - after], dots, *units[len(units) - after :]])


def _width(text: str, size: float) -> float:
    """The width of a line in inches."""
    from matplotlib.backends import backend_agg
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=list(_families()), size=size)
    renderer: Any = cast(Any, backend_agg).RendererAgg(1, 1, DOTS_PER_INCH)
    width = renderer.get_text_width_height_descent(text, font, ismath=False)[0]
    return float(width) / DOTS_PER_INCH


def _units(text: str) -> list[str]:
    """Each character, or its escape."""
    families = _families()
    return [c if _has_glyph(families, c) else c.encode("unicode_escape").decode() for c in text]


def _has_glyph(families: Iterable[str], character: str) -> bool:
    return character.isprintable() and any(
        ord(character) in _code_points(_font_file(family)) for family in families
    )


def _families() -> tuple[str, ...]:
    """The user's font families, then what is installed for other scripts."""
    import matplotlib

    family = matplotlib.rcParams["font.family"]
    own = (family,) if isinstance(family, str) else tuple(family)
    return tuple(dict.fromkeys((*own, *_installed_others())))


@lru_cache(maxsize=1)
def _installed_others() -> tuple[str, ...]:
    from matplotlib.font_manager import get_font_names

    names = set(get_font_names())
    return tuple(family for family in _OTHER_FAMILIES if family in names)


def _font_file(family: str) -> str:
    from matplotlib.font_manager import FontProperties, findfont

    return findfont(FontProperties(family=[family]))


@lru_cache(maxsize=64)
def _code_points(font_file: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(get_font(font_file).get_charmap())
