"""Errors of the package in the words of the shell: options instead of Python's arguments."""

import re
from collections.abc import Sequence

import typer

__all__ = ["in_shell_words"]

_ARGUMENTS = {
    "against": "--against",
    "beta": "--beta",
    "clusters": "RESULT",
    "duplicate_map": "RESULT",
    "encoding_map": "FOLDER",
    "filename": "NAME",
    "ground_truth_map": "GROUND_TRUTH",
    "image_dir": "FOLDER",
    "max_clusters": "--most",
    "max_distance_threshold": "--threshold",
    "min_similarity_threshold": "--threshold",
    "outfile": "--output",
    "retrieved_map": "RESULT",
}
_SUBJECT = re.compile(r"^((?:the \w+ of )?)(\w+)(?= must )")
_ARGUMENT = re.compile(r"'[^']*'|(?<![\w./-])[a-z]+(?:_[a-z]+)+(?![\w./-])")
_ADVICE = "recursive=True"


def in_shell_words(message: str, app: typer.Typer, arguments: Sequence[str]) -> str:
    """What an error says to somebody who called the command, not the function.

    Args:
        message: The error, as a rule `argument must be ..., got ...`.
        app: The command.
        arguments: What the user wrote after its name.
    """
    words = _ARGUMENTS | _options(typer.main.get_command(app), arguments)
    worded = _SUBJECT.sub(lambda found: found[1] + words.get(found[2], found[2]), message)
    worded = _ARGUMENT.sub(lambda found: _ARGUMENTS.get(found[0], found[0]), worded)
    if worded.endswith(_ADVICE):
        return worded.removesuffix(_ADVICE) + "--recursive"
    return worded


def _options(command: object, arguments: Sequence[str]) -> dict[str, str]:
    """The options of the command that was called whose names are those of Python's arguments."""
    for word in arguments:
        command = getattr(command, "commands", {}).get(word, command)
    options = (option for item in getattr(command, "params", ()) for option in item.opts)
    return {option[2:]: option for option in options if option.startswith("--")}
