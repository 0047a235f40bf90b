"""Names, counts and messages on a terminal."""

__all__ = ["counted", "one_line", "shown"]

_LONGEST_WORD = 400
_ENDS = 100


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 image`, `2,000 images`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shown(name: str) -> str:
    r"""A name on one line, whatever characters it has.

    Control characters, line ends, marks of writing direction and bytes that are no text are written
    as escapes; then backslashes are doubled, so that no two names look the same.

    Examples:
        >>> print(shown("Größe.png"), shown("a\nb.png"))
        Größe.png a\nb.png
    """
    return name if name.isprintable() else _escaped(name.replace("\\", "\\\\"))


def one_line(message: object) -> str:
    r"""A message on one line, without characters that a terminal would obey.

    The middle of words of several hundred characters, such as long paths, is left out.

    Examples:
        >>> print(one_line("cannot read\n  '\x1b[2Ja.png'"))
        cannot read '\x1b[2Ja.png'
    """
    words = (_shortened(word) for word in str(message).split())
    return _escaped(" ".join(words))


def _shortened(word: str) -> str:
    return word if len(word) <= _LONGEST_WORD else f"{word[:_ENDS]}...{word[-_ENDS:]}"


def _escaped(text: str) -> str:
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
