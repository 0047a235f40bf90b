"""The help of every subcommand, word for word, in a terminal of 80 columns.

After a change: `python -m tests.test_help > tests/golden_help.txt`, and read the difference;
and `python tools/make_options_page.py`, which writes docs/options.md.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from imagededup.cli import app

GOLDEN = Path(__file__).with_name("golden_help.txt")


def subcommands(command, names=()):
    """The names of all commands that have no subcommands."""
    if not hasattr(command, "commands"):
        return [" ".join(names)]
    below = command.commands.items()
    return [found for name, inner in below for found in subcommands(inner, (*names, name))]


def help_of(names):
    """What the command prints."""
    return subprocess.run(
        [sys.executable, "-m", "imagededup", *names.split(), "--help"],
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("names", subcommands(get_command(app)))
def test_help(names):
    title = f"$ imagededup {names} --help\n"
    golden = GOLDEN.read_text(encoding="utf-8")
    assert help_of(names) == golden.split(title)[1].partition("$ imagededup")[0]


def test_the_page_of_all_options_is_current():
    tool = GOLDEN.parents[1] / "tools" / "make_options_page.py"
    done = subprocess.run(
        [sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


if __name__ == "__main__":
    for names in subcommands(get_command(app)):
        print(f"$ imagededup {names} --help\n{help_of(names)}", end="")
