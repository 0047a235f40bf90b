"""What docs/security.md says of the code, and of the network."""

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.commands import Commands
from tests.faults.jobs import JOBS, Stage, contents, make_inputs

PACKAGE = Path(__file__).resolve().parents[1] / "imagededup"
NEVER_IMPORTED = {
    "cloudpickle", "code", "dill", "joblib", "marshal", "pickle", "pty", "runpy", "shelve",
    "subprocess", "yaml",
}  # fmt: skip
NEVER_CALLED = {
    "__import__", "compile", "eval", "exec", "execv", "execve", "execvp", "fork", "popen",
    "posix_spawn", "spawnv", "system", "startfile",
}  # fmt: skip
LOADING = {"load", "save", "savez", "savez_compressed"}
WITHOUT_ROUTE = ["unshare", "-n"]


def trees():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE), ast.parse(path.read_text(encoding="utf-8"))


def test_nothing_is_imported_that_reads_pickles_or_runs_programs():
    """But for processes of this package's own, and what they send each other."""
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [
                (path.as_posix(), name) for name in names if name.split(".")[0] in NEVER_IMPORTED
            ]
    assert found == [
        ("utils/child.py", "pickle"),
        ("utils/children.py", "pickle"),
        ("utils/children.py", "subprocess"),
        ("utils/lines.py", "pickle"),
    ]


def test_nothing_is_called_that_runs_what_it_is_given():
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = getattr(called, "id", None) or getattr(called, "attr", None)
            owner = getattr(getattr(called, "value", None), "id", None)
            is_method_of_a_model = name == "eval" and isinstance(called, ast.Attribute)
            if name in NEVER_CALLED and owner != "re" and not is_method_of_a_model:
                found.append((str(path), node.lineno, name))
    assert found == []


def test_arrays_are_never_loaded_or_stored_with_pickle():
    """Every call of numpy's says so, whatever its default is."""
    calls = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and getattr(node.func.value, "id", None) == "np"
                and node.func.attr in LOADING
            ):
                given = {word.arg: word.value for word in node.keywords}.get("allow_pickle")
                calls.append((str(path), getattr(given, "value", None)))
    assert calls
    assert {allowed for _, allowed in calls} == {False}


def test_a_pickle_in_place_of_stored_codes_is_not_read(command, tmp_path):
    import pickle

    (tmp_path / "codes.npz").write_bytes(pickle.dumps({"a": 1}))
    code, out, err = command("find", tmp_path / "codes.npz")
    assert (code, out) == (2, "")
    assert "is no file that encode wrote" in err


def test_names_are_written_as_they_are_to_csv(command, tmp_path):
    """A spreadsheet may take them for formulas, which docs/security.md tells."""
    from tests.conftest import photograph

    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("=1+1.png", "@a.png"):
        photograph(0).save(folder / name)
    assert command("find", folder, "-o", tmp_path / "found.csv")[0] == 0
    lines = (tmp_path / "found.csv").read_text().splitlines()
    assert lines == ["image,duplicate,distance", "=1+1.png,@a.png,0"]


def why_no_namespace():
    """Why this process cannot leave the network; None if it can."""
    if shutil.which("unshare") is None:
        return "needs unshare"
    trial = subprocess.run([*WITHOUT_ROUTE, "true"], capture_output=True, check=False)
    return None if trial.returncode == 0 else "needs the right to leave the network"


@pytest.mark.long
def test_main_jobs_give_the_same_without_a_network(tmp_path):
    if why_no_namespace():
        pytest.skip(why_no_namespace())
    names = (
        "find, JSON", "find, CSV, verified", "encode, npz", "report", "fastdup", "remove --move-to",
    )  # fmt: skip
    results = []
    with Commands() as outside, Commands(prefix=WITHOUT_ROUTE) as inside:
        make_inputs(tmp_path / "inputs", outside)
        for folder in ("own", "out"):
            (tmp_path / folder).mkdir()
        stage = Stage(tmp_path / "inputs", tmp_path / "own", tmp_path / "out", tmp_path / "out")
        assert json.loads(inside.shell("cat /proc/net/route | wc -l")) <= 1  # the heading
        for commands in (outside, inside):
            found = {}
            for job in (job for job in JOBS if job.name in names):
                job.lay_out(stage)
                ended = commands.run(*job.request(stage)[0])
                assert ended.code == 0, ended
                files = contents(stage.seen)
                for name in ("journal", "work/.lock"):  # say when, and which process
                    files.pop(name, None)
                found[job.name] = ended.out, files, contents(stage.own)
            results.append(found)
    assert results[0] == results[1]
    assert len(results[0]) == len(names)
    print(f"\nmain jobs without a network: {len(names)}, all as with one")
