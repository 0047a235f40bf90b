"""The notebooks of `examples` from top to bottom, each in a kernel of its own."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))

PROMISES = {
    "1_first_steps": "[9, 9, 9]",
    "2_choose_threshold": "precision 1.000, recall 1.000",
    "3_clean_training_set": "0 of them with duplicates among 3 images",
    "4_fastdup_runner": "upload.png temple_mirrored.jpg",
}
"""What a reader of each notebook is told that it shows."""

WARNINGS = {
    "1_first_steps": "1 file could not be read and left out:\n"
    "  temple_truncated.jpg: image file is truncated (51 bytes not processed)"
}
"""What notebooks show on purpose."""

PROGRESS = re.compile(r"\r[^\r\n]*\|[^\r\n]*\[[^\r\n]*\]\n?")


def states(folder):
    """All files below a folder with their sizes and times."""
    files = (path for path in folder.rglob("*") if ".ipynb_checkpoints" not in path.parts)
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def warnings(notebook):
    """What was written to standard error, without progress bars."""
    streams = (one for one in outputs(notebook) if one.output_type == "stream")
    text = "".join(one.text for one in streams if one.name == "stderr")
    return PROGRESS.sub("", text).strip()


def shown(notebook):
    """All texts that a reader sees below the cells, and the kinds of what is displayed."""
    texts, kinds = [], set()
    for output in outputs(notebook):
        data = output.get("data", {})
        kinds.update(data)
        texts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    return "\n".join(texts), kinds


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Folders of this test for all that kernels and notebooks write; the one of the notebooks."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path / "TMPDIR"


def test_every_notebook_has_a_promise():
    assert [path.stem for path in NOTEBOOKS] == sorted(PROMISES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_without_outputs(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}
    for cell in code_cells(notebook):
        assert (cell.outputs, cell.execution_count, cell.metadata) == ([], None, {})
        assert len(cell.source.splitlines()) <= 16


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_from_top_to_bottom(path, environment):
    before = states(EXAMPLES)
    notebook = nbformat.read(path, 4)
    place = {"metadata": {"path": str(EXAMPLES)}}
    NotebookClient(notebook, timeout=120, resources=place).execute()  # an error of a cell raises
    assert warnings(notebook) == WARNINGS.get(path.stem, "")
    text, kinds = shown(notebook)
    assert PROMISES[path.stem] in text
    assert kinds & {"text/html", "image/png"}
    assert states(EXAMPLES) == before
    assert list(environment.iterdir()) == []
