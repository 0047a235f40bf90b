"""The command as a process: terminals, pipes, lost output, memory, and how its help looks."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from zipfile import ZipFile

import numpy as np
import pytest
from typer.main import get_command

from imagededup.cli import app, run
from imagededup.commands.command import Command
from imagededup.utils.progress import Progress
from imagededup.utils.text import one_line, shown
from tests.conftest import photograph

IMAGEDEDUP = [sys.executable, "-m", "imagededup"]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full, and closed descriptors")
WITH_TERMINALS = find_spec("pty") is not None and find_spec("termios") is not None
with_terminals = pytest.mark.skipif(not WITH_TERMINALS, reason="terminals as files")


def shell(line, *arguments):
    """Run a line of bash in which `$IMAGEDEDUP` is the command and `$1` the first argument."""
    command = f"{sys.executable} -m imagededup"
    return subprocess.run(
        ["bash", "-c", line, "bash", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"IMAGEDEDUP": command},
        timeout=100,
    )


@on_linux
class TestLostOutput:
    def test_a_full_disk_is_failure_in_one_line(self, photos):
        process = shell("$IMAGEDEDUP find $1 > /dev/full", photos)
        assert process.returncode == 1
        assert process.stderr.splitlines()[-1] == (
            "imagededup: cannot write to standard output: no space left on device"
        )
        assert "Traceback" not in process.stderr

    def test_closed_output_is_failure_and_the_work_is_done(self, photos, tmp_path):
        result = tmp_path / "found.json"
        process = shell("$IMAGEDEDUP find $1 -o $2 >&-", photos, result)
        assert process.returncode == 1
        assert process.stderr.endswith("cannot write to standard output: it is closed\n")
        assert '"beach.png"' in result.read_text()

    def test_nothing_that_is_opened_becomes_standard_output(self, photos, tmp_path):
        result = tmp_path / "found.csv"
        shell("$IMAGEDEDUP find $1 -o $2 >&- 2>&-", photos, result)
        assert result.read_text().startswith("image,duplicate,distance\nbeach.png,")
        assert "Written" not in result.read_text()

    @pytest.mark.parametrize("errors", ["2>&-", "2>/dev/full"])
    def test_lost_messages_change_no_exit_code(self, photos, errors):
        assert shell(f"$IMAGEDEDUP find $1 {errors}", photos).returncode == 0
        assert shell(f"$IMAGEDEDUP find $1/nothing {errors}", photos).returncode == 2
        assert shell(f"$IMAGEDEDUP find $1 --fail-if-found {errors}", photos).returncode == 3

    @pytest.mark.parametrize("option", ["--help", "--version", "find --help"])
    def test_help_and_version_too(self, option):
        process = shell(f"$IMAGEDEDUP {option} > /dev/full")
        assert process.returncode == 1
        assert process.stderr.count("\n") == 1
        process = shell(f"$IMAGEDEDUP {option} | true; exit ${{PIPESTATUS[0]}}")
        assert (process.returncode, process.stderr) == (0, "")

    def test_a_reader_that_leaves_is_success(self, tmp_path):
        hashes = ",".join(f'"{number:05}": "{number // 2:016x}"' for number in range(20_000))
        (tmp_path / "hashes.json").write_text(f"{{{hashes}}}")
        process = shell(
            "$IMAGEDEDUP find $1 -t 0 -o - | head -1; exit ${PIPESTATUS[0]}",
            tmp_path / "hashes.json",
        )
        assert (process.returncode, process.stdout) == (0, "{\n")
        assert "Traceback" not in process.stderr
        process = shell(
            "$IMAGEDEDUP find $1 -t 0 --fail-if-found | true; exit ${PIPESTATUS[0]}",
            tmp_path / "hashes.json",
        )
        assert process.returncode == 3

    def test_a_reader_of_the_file_that_leaves(self, photos, tmp_path):
        os.mkfifo(tmp_path / "pipe.json")
        names = (f'"{number:05}": "{number:016x}"' for number in range(20_000))
        (tmp_path / "hashes.json").write_text(f"{{{','.join(names)}}}")
        process = shell(
            "head -c 1 $2 > /dev/null & $IMAGEDEDUP find $1 -t 0 -o $2; code=$?; wait; exit $code",
            tmp_path / "hashes.json",
            tmp_path / "pipe.json",
        )
        assert (process.returncode, process.stderr) == (0, "")


@on_linux
def test_a_file_that_claims_petabytes(tmp_path):
    """It says that it holds four of descriptors."""
    path = tmp_path / "descriptors.npz"
    np.savez(path, names=["a"])
    with ZipFile(path, "a") as archive, archive.open("descriptors.npy", "w") as member:
        shape = {"descr": "<f4", "fortran_order": False, "shape": (1, 10**15)}
        np.lib.format.write_array_header_1_0(member, shape)
    process = subprocess.run(
        [*IMAGEDEDUP, "find", path], capture_output=True, text=True, check=False
    )
    assert process.returncode == 2
    assert "its arrays are not what they say" in process.stderr


def test_lack_of_memory_is_called_so(tmp_path):
    photograph(0).save(tmp_path / "a.png")
    limited = "import resource, sys; from imagededup.cli import run; import imagededup.methods;"
    limited += "resource.setrlimit(resource.RLIMIT_AS, (2**20, 2**20)); sys.exit(run(sys.argv[1:]))"
    process = subprocess.run(
        [sys.executable, "-c", limited, "find", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (1, "imagededup: out of memory\n")


def test_the_end_of_a_file_is_no_interrupt(monkeypatch, capsys):
    """Typer takes EOFError for the end of a dialogue."""

    def end():
        raise EOFError("marshal data too short")

    monkeypatch.setattr("imagededup.cli.app.registered_commands", [])
    app.command("end", cls=Command)(end)
    assert run(["end"]) == 1
    assert capsys.readouterr().err == (
        "imagededup: unexpected end of a file: marshal data too short\n"
    )


@with_terminals
class TestTerminal:
    @staticmethod
    def start(*arguments, width=80, **streams):
        """The command with standard error, and output unless given, on a terminal."""
        import pty
        import termios

        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, width))
        streams = {"stdout": theirs} | streams
        command = [*IMAGEDEDUP, *map(str, arguments)]
        environment = {name: os.environ[name] for name in os.environ if name != "COLUMNS"}
        process = subprocess.Popen(command, stderr=theirs, env=environment, **streams)
        os.close(theirs)
        return process, ours

    @staticmethod
    def read(ours, until=b""):
        """What the terminal shows, to the end or until some text has come."""
        shown = b""
        while not until or until not in shown:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so that the other side is closed
                break
            if not part:
                break
            shown += part
        return shown

    def test_progress_shows_images_a_second_and_percentages(self, photos):
        process, ours = self.start("find", photos, stdout=subprocess.DEVNULL)
        screen = self.read(ours).decode()
        os.close(ours)
        assert process.wait() == 0
        bars = [line.strip("\r").split("\r")[-1] for line in screen.split("\n")]
        encoding = next(bar for bar in bars if bar.startswith("Encoding: 100%"))
        assert re.search(r" 7/7 \[00:\d\d<00:00, +[\d.]+ images/s\]$", encoding)
        searching = next(bar for bar in bars if bar.startswith("Searching: 100%"))
        assert re.search(r"\| \[00:\d\d<00:00\]$", searching)
        assert "\N{PER MILLE SIGN}" not in screen

    def test_progress_only_on_a_terminal(self, photos):
        piped = subprocess.run([*IMAGEDEDUP, "find", photos], capture_output=True, check=True)
        assert b"Encoding" not in piped.stderr

    @pytest.mark.parametrize("width", [60, 80])
    def test_help_takes_the_width_of_the_terminal(self, width):
        process, ours = self.start("encode", "--help", width=width)
        lines = self.read(ours).decode().splitlines()
        os.close(ours)
        assert process.wait() == 0
        assert width - 12 < max(map(len, lines)) <= width

    def test_interrupt_ends_with_130_within_a_second(self, tmp_path):
        for number in range(3):
            photograph(number, (6000, 4000)).save(tmp_path / f"{number}.png", compress_level=1)
        for copy in range(40):
            (tmp_path / f"copy_{copy}.png").symlink_to(tmp_path / f"{copy % 3}.png")
        process, ours = self.start("find", tmp_path)
        try:
            self.read(ours, until=b"Encoding")
            process.send_signal(signal.SIGINT)
            sent = time.monotonic()
            screen = self.read(ours)
            assert process.wait(timeout=20) == 130
        finally:
            process.kill()
            os.close(ours)
        assert time.monotonic() - sent < 1
        assert screen.endswith(b"imagededup: interrupted\r\n")


class TestHelp:
    """Of every command, at two widths."""

    COMMANDS = (
        [],
        ["find"],
        ["remove"],
        ["encode"],
        ["evaluate"],
        ["sweep"],
        ["fastdup"],
        ["plot"],
        ["plot", "duplicates"],
        ["plot", "clusters"],
        ["plot", "precision-recall"],
        ["plot", "histogram"],
    )

    @pytest.fixture(params=[60, 80])
    def width(self, request, monkeypatch):
        monkeypatch.setenv("COLUMNS", str(request.param))
        return request.param

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_no_line_is_too_long_and_no_word_is_cut(self, capsys, width, command):
        if command == ["fastdup"] and width < 80:
            pytest.skip("values that are longer than half a line")
        assert run([*command, "--help"]) == 0
        text = capsys.readouterr().out
        written = text.partition("Examples:")
        assert all(len(line) <= width for line in written[0].splitlines())
        assert all(len(line) <= 80 for line in text.splitlines())
        assert not re.search(r"[a-z]\.\.\.", text)
        item = get_command(app)
        for name in command:
            item = item.commands[name]
        words = " ".join(text.split())
        for parameter in item.params:
            assert " ".join((parameter.help or "").split()) in words

    @pytest.mark.parametrize(
        ("command", "usage"),
        [
            (["find"], "find [OPTIONS] FOLDER..."),
            (["sweep"], "sweep [OPTIONS] FOLDER GROUND_TRUTH"),
            (["evaluate"], "evaluate [OPTIONS] GROUND_TRUTH RESULT"),
            (["plot", "duplicates"], "plot duplicates [OPTIONS] FOLDER RESULT NAME"),
            (
                ["plot", "precision-recall"],
                "plot precision-recall [OPTIONS] GROUND_TRUTH RESULT...",
            ),
        ],
    )
    def test_names_are_those_of_the_text(self, capsys, command, usage):
        run([*command, "--help"])
        text = capsys.readouterr().out
        assert text.startswith(f"Usage: imagededup {usage}\n")
        assert not re.search(r"[{<]\w+[}>]", text)

    def test_every_command_is_listed_with_its_whole_sentence(self, capsys):
        run(["--help"])
        text = " ".join(capsys.readouterr().out.split())
        for item in get_command(app).commands.values():
            assert item.get_short_help_str() in text
            assert item.get_short_help_str().endswith(".")


class TestCompletion:
    @staticmethod
    def complete(words):
        environment = os.environ | {
            "_IMAGEDEDUP_COMPLETE": "complete_bash",
            "COMP_WORDS": f"imagededup {words}",
            "COMP_CWORD": str(len(words.split(" "))),
        }
        return subprocess.run(
            IMAGEDEDUP, capture_output=True, text=True, check=False, env=environment
        ).stdout.split()

    def test_commands_options_and_words(self):
        assert self.complete("e") == ["encode", "evaluate"]
        assert self.complete("find --fo") == ["--format"]
        assert self.complete("find --f") == [
            *("--format", "--full-decode", "--fail-if-found", "--frames-per-second")
        ]
        assert self.complete("find --format ") == ["pairs", "groups"]

    @on_linux
    def test_the_script_can_be_shown(self):
        process = shell("$IMAGEDEDUP --show-completion bash; exit $?")  # bash stays its parent
        assert process.returncode == 0
        assert "_IMAGEDEDUP_COMPLETE" in process.stdout


def test_help_is_there_at_once():
    """Help loads neither numpy nor an encoder, which take several times as long."""
    check = (
        "import sys; from imagededup.cli import run; run(['find', '--help']);"
        "print({'numpy', 'PIL', 'imagededup.methods', 'imagededup.evaluation'} & {*sys.modules})"
    )
    process = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert process.stdout.endswith("set()\n")


class TestText:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("a b.png", "a b.png"),
            ("Größe \N{SNOWMAN}.png", "Größe \N{SNOWMAN}.png"),
            ("a\nb.png", r"a\nb.png"),
            ("\x1b[31mred.png", r"\x1b[31mred.png"),
            ("Größe\n", r"Größe\n"),
            ("gnp.\N{RIGHT-TO-LEFT OVERRIDE}exe", r"gnp.\u202eexe"),
            ("not\udcffutf8", r"not\udcffutf8"),
            ("\\n and \n", r"\\n and \n"),
            ("C:\\photos", "C:\\photos"),
        ],
    )
    def test_names_stay_on_one_line(self, name, expected):
        assert shown(name) == expected

    def test_a_message_is_one_line_without_controls(self):
        assert one_line("a\n  b\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}") == r"a b\x1b[2J\u202e"

    def test_the_middle_of_a_very_long_path_is_left_out(self):
        message = one_line(f"cannot read '{'a' * 5000}b'")
        assert len(message) < 250
        assert message.endswith("aab'")


class TestProgress:
    @pytest.mark.parametrize("unit", ["images", None])
    def test_a_slow_rate_is_still_one_of_images(self, monkeypatch, capsys, unit):
        monkeypatch.setattr("imagededup.utils.progress._on_terminal", lambda: True)
        clock = iter(range(0, 1000, 10))
        monkeypatch.setattr("time.time", lambda: next(clock))
        with Progress(2, "Encoding", unit) as bar:
            bar.advance(1)
            bar.advance(1)
        last = capsys.readouterr().err.split("\r")[-1]
        assert ("images/s" in last) == (unit is not None)
        assert "s/ images" not in last
        assert "2/2" in last or unit is None
