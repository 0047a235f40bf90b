"""Write the page of all options, `docs/options.md`, from the commands themselves.

`python tools/make_options_page.py` writes it, with `--check` it only says whether it is current.
"""

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import click
from typer.core import TyperArgument
from typer.main import get_command

from imagededup.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
HEAD = """# All options

Of every command, as `imagededup COMMAND --help` prints them. [The command](command.md) tells which
command does what, its exit codes, and what else they share. This page is made by
`tools/make_options_page.py`.
"""


_SETTINGS: dict[str, Any] = get_command(app).context_settings


def main() -> None:
    """Write the page, or compare it."""
    text = options_page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/options.md is not current: run python tools/make_options_page.py")


def options_page() -> str:
    """The whole page."""
    return HEAD + "".join(_command_section(*found) for found in _commands(get_command(app), ()))


def _commands(command: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """All commands that have no commands below them, with their names."""
    if not hasattr(command, "commands"):
        yield " ".join(names), command
        return
    for name, below in command.commands.items():
        yield from _commands(below, (*names, name))


def _command_section(name: str, command: Any) -> str:  # noqa: ANN401
    """A heading, what the command does, its examples, arguments and options."""
    context = click.Context(command, info_name=f"imagededup {name}", **_SETTINGS)
    usage = command.get_usage(context).removeprefix("Usage: ")
    what, _, examples = _help_of(command).partition("Examples:\n")
    parts = [f"## {name}", " ".join(what.split()), f"```\n{usage}\n```"]
    parts += [_table("argument", _arguments(command)), _table("option", _options(command, context))]
    shown = "\n".join(line.strip() for line in examples.strip().splitlines())
    parts.append(f"```\n{shown}\n```" if shown else "")
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _help_of(command: Any) -> str:  # noqa: ANN401
    return (command.help or "").replace("\b", "").replace("\N{NO-BREAK SPACE}", " ")


def _arguments(command: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    for item in command.params:
        if isinstance(item, TyperArgument):
            yield f"{item.metavar}{'' if item.nargs == 1 else '...'}", item.help or ""


def _options(command: Any, context: click.Context) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    for item in command.get_params(context):
        row = item.get_help_record(context)
        if row is not None and not isinstance(item, TyperArgument):
            yield row


def _table(kind: str, rows: Iterator[tuple[str, str]]) -> str:
    """A table in Markdown, or nothing."""
    lines = [f"| <code>{_cell(name)}</code> | {_cell(text)} |" for name, text in rows]
    return "\n".join([f"| {kind} | |", "| --- | --- |", *lines]) if lines else ""


def _cell(text: str) -> str:
    """Words of a help as they stand in a cell of a table."""
    plain = escape(" ".join(text.split()), quote=False)
    return plain.replace("|", "&#124;").replace("*", "&#42;").replace("_", "&#95;")


if __name__ == "__main__":
    main()
