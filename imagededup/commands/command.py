"""A command of Typer with the looks of its help, and its way with the end of a file, mended."""

import inspect
import re
from typing import Any, TypeGuard

from typer.core import TyperArgument, TyperCommand

from imagededup.errors import FileOperationError

__all__ = ["Command"]

_DEFAULT = re.compile(r"\[default: [^]]*\]$")
_NO_BREAK = "\N{NO-BREAK SPACE}"


class Command(TyperCommand):
    """A command whose help writes `FOLDER` where Typer writes `{FOLDER}` and `FOLDER <path>`.

    Its first line stands whole in the list of commands.
    """

    def __init__(self, name: str | None, **settings: Any) -> None:  # noqa: ANN401
        settings["short_help"] = settings.get("short_help") or _first_line(settings)
        super().__init__(name, **settings)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the command.

        Raises:
            FileOperationError: A file ends too early. Typer would call that an interrupt.
        """
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise FileOperationError(f"unexpected end of a file: {error}") from error

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401
        """The whole help."""
        return super().get_help(ctx).replace(_NO_BREAK, " ")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - of Typer
        """The parts of the line `Usage:`."""
        return ["[OPTIONS]", *(_piece(item) for item in self.params if _is_argument(item))]

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the arguments and the options."""
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for item in self.get_params(ctx):
            row = item.get_help_record(ctx)
            if _is_argument(item):
                rows["Arguments"].append((_name(item), item.help or ""))
            elif row is not None:
                rows["Options"].append((row[0], _DEFAULT.sub(_joined, row[1])))
        for heading, listed in rows.items():
            if listed:
                with formatter.section(heading):
                    formatter.write_dl(listed)


def _joined(words: re.Match[str]) -> str:
    return words[0].replace(" ", _NO_BREAK)


def _first_line(settings: dict[str, Any]) -> str:
    return inspect.cleandoc(settings.get("help") or "").partition("\n")[0]


def _is_argument(item: object) -> TypeGuard[TyperArgument]:
    return isinstance(item, TyperArgument)


def _name(item: Any) -> str:  # noqa: ANN401
    return f"{item.metavar or item.name.upper()}{'' if item.nargs == 1 else '...'}"


def _piece(item: Any) -> str:  # noqa: ANN401
    return _name(item) if item.required else f"[{_name(item)}]"
