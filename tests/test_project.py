"""What surrounds the package: its metadata, README.md and the documentation."""

import ast
import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from typer.main import get_command

from imagededup.cli import app

CHECKOUT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
LINKS = re.compile(r"\]\((?!https?:)([^)]+)\)")


def metadata(repository):
    """The metadata of the package with a public address of the repository."""
    configuration = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    configuration["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"] = repository
    return ProjectMetadata(str(CHECKOUT), PluginManager(), configuration).core


class TestPackageIndex:
    def test_without_a_public_address_no_link_leads_nowhere(self):
        core = metadata("")
        assert core.urls == {}
        assert LINKS.findall(core.readme) == []
        assert "The documentation has guides" in core.readme
        assert core.readme_content_type == "text/markdown"

    def test_with_one_every_link_is_absolute(self):
        core = metadata("https://example.org/owner/name/")
        assert (
            core.urls["Documentation"] == "https://example.org/owner/name/blob/HEAD/docs/index.md"
        )
        assert LINKS.findall(core.readme) == []
        found = re.findall(r"\]\((https://example.org/[^)]+)\)", core.readme)
        assert len(found) == len(LINKS.findall(README))
        assert "https://example.org/owner/name/raw/HEAD/docs/images/report.webp" in found

    def test_the_address_is_none_or_a_real_one(self):
        address = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
        assert address == "" or re.fullmatch(r"https://(?!example)\S+[^/]", address)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_to_files(page):
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    targets = [link.partition("#")[0] for link in LINKS.findall(text)]
    assert [target for target in targets if not (CHECKOUT / target).exists()] == []


def test_anchors_of_the_readme_are_headings():
    for link in LINKS.findall(README):
        page, _, anchor = link.partition("#")
        if anchor:
            lines = (CHECKOUT / page).read_text(encoding="utf-8").splitlines()
            headings = [line.lstrip("# ").lower() for line in lines if line.startswith("#")]
            assert anchor in [re.sub(r"[^\w -]", "", text).replace(" ", "-") for text in headings]


def test_a_release_of_a_tool_cannot_change_the_checks():
    tools = PYPROJECT["project"]["optional-dependencies"]["dev"]
    assert [tool for tool in tools if not re.search(r",<\d", tool)] == []


@pytest.mark.parametrize("recall", ["0.983", "0.811"])
def test_the_readme_quotes_what_was_measured(recall):
    measured = (CHECKOUT / "docs" / "which_method.md").read_text(encoding="utf-8")
    assert f"| {recall} |" in measured
    assert f"{float(recall):.1%}".replace("%", " %") in README


def test_the_seconds_of_the_readme_are_those_of_the_benchmarks():
    measured = (CHECKOUT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    seconds = re.findall(r"\| ([\d.]+ s) (?=\|)", README)
    assert len(seconds) >= 8
    assert [figure for figure in seconds if figure not in measured] == []


QUESTIONS = {
    "How do I remove near duplicates safely?": "removing.md",
    "Which threshold?": "which_method.md",
    "How do I keep test images out of training?": "two_collections.md",
    "How do I go on from fastdup or imagededup?": "coming_from.md",
    "What do I do with ten million images?": "large_collections.md",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_start_page_links_each_question_by_its_words(question):
    start = (CHECKOUT / "docs" / "index.md").read_text(encoding="utf-8")
    assert f"[{question}]({QUESTIONS[question]})" in start


def shell_commands():
    """The lines of README.md and the documentation that call the command, with their page."""
    for page in [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]:
        for block in re.findall(
            r"```[^\n]*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
        ):
            for line in block.replace("\\\n", " ").splitlines():
                if call := re.match(r"(?:\$ )?imagededup (.*)", line):
                    yield pytest.param(
                        shlex.split(call[1], comments=True), id=f"{page.name} {line}"
                    )


@pytest.mark.parametrize("words", list(shell_commands()))
def test_commands_of_the_documentation_exist(words):
    command = get_command(app)
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    known |= {name for parameter in command.params for name in parameter.secondary_opts}
    used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used - {"--help", "--version"} <= known


def imports_outside_the_package():
    """What scripts and the Python code of the documentation import from the package."""
    sources = {}
    for folder in ("tools", "benchmarks"):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            sources[path.name] = path.read_text(encoding="utf-8")
    for page in [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        lines = re.findall(
            r"^(?:>>> )?(from imagededup.*import [\w, ]+)$", "".join(blocks), re.MULTILINE
        )
        sources[page.name] = "\n".join(lines)
    for file, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imagededup"):
                for alias in node.names:
                    yield pytest.param(node.module, alias.name, id=f"{file} {alias.name}")


@pytest.mark.parametrize(("module", "name"), list(imports_outside_the_package()))
def test_scripts_and_documentation_import_what_exists(module, name):
    imported = importlib.import_module(module)
    assert hasattr(imported, name) or importlib.import_module(f"{module}.{name}")


def test_the_guide_shows_what_find_prints():
    guide = (CHECKOUT / "docs" / "finding.md").read_text(encoding="utf-8")
    shown = re.search(r"```\n\$ imagededup (find examples/photos.*)\n((?s:.*?))```", guide)
    found = subprocess.run(
        [sys.executable, "-m", "imagededup", *shlex.split(shown[1])],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        check=True,
    )
    printed = [line.strip() for line in found.stdout.splitlines()]
    assert [line for line in shown[2].splitlines() if line.strip() not in [*printed, "..."]] == []


def test_tests_that_are_named_exist():
    pages = [CHECKOUT / "CONTRIBUTING.md", *(CHECKOUT / "docs").glob("*.md")]
    named = set(re.findall(r"`(?:tests/[\w/]+/)?(test_\w+)", "".join(map(Path.read_text, pages))))
    files = list((CHECKOUT / "tests").rglob("test_*.py"))
    there = {path.stem for path in files}
    there |= set(re.findall(r"def (test_\w+)", "".join(map(Path.read_text, files))))
    assert named - there == set()
    assert len(named) > 20
