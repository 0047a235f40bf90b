"""The map in CONTRIBUTING.md is the truth: folders, files, and which way imports point."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = CHECKOUT / "imagededup"
SOURCES = {path.relative_to(PACKAGE): path for path in sorted(PACKAGE.rglob("*.py"))}
CONTRIBUTING = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def code_block(first_line):
    """The lines of the code block of CONTRIBUTING.md that begins with a line."""
    start = CONTRIBUTING.index(f"```\n{first_line}\n") + len("```\n")
    return CONTRIBUTING[start : CONTRIBUTING.index("```", start)].splitlines()


def folders_and_files():
    """The files that the map names, by folder."""
    texts, path = {}, []
    for line in code_block("imagededup/")[1:]:
        if entry := re.match(r"(?P<indent> +)(?P<name>[\w.]+)/ +(?P<text>\S.*)", line):
            path = [*path[: len(entry["indent"]) // 2 - 1], entry["name"]]
            texts[Path(*path)] = entry["text"]
        else:
            texts[Path(*path)] += " " + line.strip()
    return {folder: sorted(text.rpartition(": ")[2].split(", ")) for folder, text in texts.items()}


LAYERS = [line.split(", ") for line in code_block("cli")]
DEPTH = {room: depth for depth, rooms in enumerate(LAYERS) for room in rooms}


POINTS_UP = {("methods/results.py", "plots")}
"""The thumbnails of a result, which only notebooks ask for."""


def imported_rooms(source):
    """The first part of every module of the package that a file imports, with the line.

    Imports for type checkers are left out.
    """
    tree = ast.parse(source)
    type_checking = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in type_checking:
            continue
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "imagededup" and not rest.startswith("__"):
                yield rest.partition(".")[0], node.lineno


def upward_imports(file, source):
    """The imports of a file that do not point down the layers."""
    room = file.partition("/")[0].removesuffix(".py")
    return [
        f"line {line}: {room} imports {imported}"
        for imported, line in imported_rooms(source)
        if imported != room and DEPTH[imported] <= DEPTH[room] and (file, imported) not in POINTS_UP
    ]


def test_the_map_names_every_folder_and_file():
    found = {}
    for path in SOURCES:
        found.setdefault(path.parent, [])
        if path.stem != "__init__":
            found[path.parent].append(path.stem)
    assert folders_and_files() == {folder: sorted(files) for folder, files in found.items()}


def test_every_room_has_a_layer():
    rooms = {path.parts[0].removesuffix(".py") for path in SOURCES}
    assert set(DEPTH) == {room for room in rooms if not room.startswith("__")}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_point_one_way(path):
    if not path.parts[0].startswith("__"):
        assert upward_imports(path.as_posix(), SOURCES[path].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source", "upward"),
    [
        ("search/matches.py", "from imagededup.methods.results import Duplicates", "methods"),
        ("utils/text.py", "import imagededup.images.decode", "images"),
        ("search/greedy.py", "def draw():\n    from imagededup import plots", "plots"),
        ("methods/cnn.py", "from imagededup.search.matches import Matches", None),
        ("images/decode.py", "from imagededup import __version__, errors", None),
        ("models/session.py", "if TYPE_CHECKING:\n    from imagededup.methods import CNN", None),
    ],
)
def test_an_upward_import_is_noticed(file, source, upward):
    found = upward_imports(file, source)
    assert [line.rpartition(" ")[2] for line in found] == ([upward] if upward else [])


SECTIONS = {"Args", "Attributes", "Examples", "Raises", "Returns", "Yields"}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_docstrings_have_the_sections_that_the_reference_knows(path):
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    tree = ast.parse(SOURCES[path].read_text(encoding="utf-8"))
    docstrings = [
        ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)
    ]
    titles = re.findall(r"^(\w+):\n +\S", "\n\n".join(docstrings), re.MULTILINE)
    assert set(titles) <= SECTIONS


def test_no_two_classes_share_a_name():
    names = Counter(
        node.name
        for path in SOURCES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []
