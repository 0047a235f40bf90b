"""`python -m benchmarks` measures, survives its peers, and writes tables, pictures and a page."""

import importlib
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch):
    """A module of `benchmarks/comparison/` by its name, or `__main__`."""
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    monkeypatch.syspath_prepend(str(CHECKOUT))
    return lambda name: importlib.import_module(
        f"benchmarks.{name}" if name == "__main__" else f"comparison.{name}"
    )


@pytest.fixture
def quadratic(benchmark):
    """Cells of a peer whose seconds are a millionth of the square of the size, and ours."""
    cells, processes = benchmark("cells"), benchmark("processes")

    def cell(package, size, seconds):
        run = processes.Run(seconds, 2 * seconds, 100, seconds + 1, 2 * seconds + 1)
        return cells.Cell("hamming", "pairs", size, "hashes", package, runs=[run])

    peer = [cell("imagededup", size, size**2 / 1e6) for size in (1000, 2000, 4000)]
    return [*peer, *(cell("ours", size, 0.5) for size in (1000, 2000, 4000))]


def rows_of(table):
    """The cells of the lines of a Markdown table."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def test_a_quick_run_writes_a_page_though_a_peer_fails(benchmark, tmp_path, capsys):
    page, stored = tmp_path / "page.md", tmp_path / "figures.json"
    options = ["--quick", "--only", "hamming", "--imagededup-python", sys.executable]
    benchmark("__main__").main([*options, "--page", str(page), "--output", str(stored)])
    printed = capsys.readouterr()
    written = page.read_text(encoding="utf-8")
    table = next(part for part in written.split("\n\n") if part.startswith("| what | package"))
    heads, _, *rows = rows_of(table)
    assert {len(row) for row in rows} == {len(heads)}
    assert [row[1] for row in rows] == ["this package", "imagededup 0.3.3.post2"] * 2
    assert [row[0] for row in rows[::2]] == [
        "pairs within 10 bits, 300 hashes",
        "pairs within 10 bits, 600 hashes",
    ]
    ours, peer = rows[:2]
    assert ours[2].endswith(" s")
    assert float(ours[6].removesuffix(" MiB")) > 20
    assert peer[2].startswith("failed: imagededup must be 0.3.3.post2, got")
    assert "imagededup, pairs within 10 bits: imagededup must be" in printed.err
    assert "python -m benchmarks --quick --page" in written
    assert (tmp_path / "images" / "comparison_growth.svg").exists()

    again = tmp_path / "again.md"
    benchmark("__main__").main(["--from", str(stored), "--page", str(again)])
    assert again.read_text(encoding="utf-8") == written


def test_growth_is_the_exponent(benchmark, quadratic):
    growth = benchmark("cells").growth
    assert growth(quadratic[:3]) == pytest.approx(2)
    assert growth(quadratic[3:]) == pytest.approx(0)
    assert growth(quadratic[:1]) is None


def test_what_would_take_too_long_is_extrapolated_and_marked(benchmark, quadratic):
    cells, reports = benchmark("cells"), benchmark("report")
    requests = {"imagededup": {}}
    work = benchmark("measurements").Measurement(
        "hamming", "pairs", 1_000_000, "hashes", "pairs", requests
    )
    limits = benchmark("processes").Limits(120, 1)
    turns = cells.Turns({"imagededup": "/nonexistent"}, limits, 1, 1)
    (cell,) = cells.measure(work, turns, quadratic)
    assert (cell.runs, cell.failed) == ([], "")
    assert cell.extrapolated == pytest.approx(1_000_000)
    report = reports.Report({}, "", [1_000_000], [*quadratic, cell])
    assert "| *about 278 h* |" in benchmark("tables").markdown(report)


def test_what_passed_the_limit_is_not_tried_with_more(benchmark, quadratic):
    cells = benchmark("cells")
    first = replace(quadratic[0], runs=[], failed="over 40 s")
    work = benchmark("measurements").Measurement(
        "hamming", "pairs", 2000, "hashes", "pairs", {"imagededup": {}}
    )
    turns = cells.Turns({"imagededup": "/nonexistent"}, benchmark("processes").Limits(40, 1), 1, 1)
    (cell,) = cells.measure(work, turns, [first])
    assert (cell.runs, cell.failed) == ([], "over 40 s")


def test_a_target_stands_beside_its_figure(benchmark, quadratic):
    report = benchmark("report").Report({}, "", [1000, 4000], quadratic)
    quadratic[2].runs = [replace(quadratic[2].runs[0], found=7)]
    assert [row[-2:] for row in rows_of(benchmark("tables").markdown(report)) if len(row) == 9] == [
        ["times as fast", "target"],
        ["---", "---"],
        ["2.0", "at least 3x: **missed**; same result"],
        ["32.0", "at least 3x: met; **another result**"],
        ["", ""],
        ["", ""],
    ]


def test_the_least_run_counts(benchmark, quadratic):
    processes = benchmark("processes")
    slow = processes.Run(3.0, 1.0, 300, 5.0, 1.5)
    quadratic[0].runs.append(slow)
    cell = quadratic[0]
    assert (cell.seconds, cell.median, cell.processor, cell.mebibytes) == (1.0, 2.0, 1.0, 300)


@pytest.mark.parametrize(
    ("code", "seconds", "reason"),
    [
        ("import time; time.sleep(60)", 0.3, "over 0.3 s"),
        ("import time; kept = bytearray(2**28); time.sleep(60)", 60, "over 0.125 GiB"),
    ],
)
def test_a_process_ends_at_its_limits(benchmark, tmp_path, code, seconds, reason):
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\n{code}\n", encoding="utf-8")
    script.chmod(0o755)
    processes = benchmark("processes")
    begin = time.perf_counter()
    with pytest.raises(processes.StoppedError, match=reason) as stopped:
        processes.call(script, "imagededup", "pairs", {}, processes.Limits(seconds, 0.125))
    assert stopped.value.limited
    assert time.perf_counter() - begin < 30


def test_a_peer_cannot_import_this_checkout(benchmark, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    script = tmp_path / "python"
    script.write_text(
        f"#!{sys.executable}\nimport json, os\n"
        "print(json.dumps(dict(seconds=1, processor=1, mebibytes=1,"
        " found=int('PYTHONPATH' in os.environ))))\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    processes = benchmark("processes")
    limits = processes.Limits(60, 4)
    assert processes.call(script, "fastdup", "encode", {}, limits).found == 0
    assert processes.call(script, "ours", "encode", {}, limits).found == 1


def test_of_the_same_work_the_last_run_counts(benchmark, quadratic):
    reports = benchmark("report")
    again = replace(quadratic[0], runs=[replace(quadratic[0].runs[0], seconds=9.0)])
    first = reports.Report({"load": "7.5"}, "a", [1], quadratic)
    merged = reports.merge([first, reports.Report({"load": "0.1"}, "b", [1], [again])])
    assert (merged.command, merged.machine) == ("b", {"load": "7.5"})
    assert [cell.seconds for cell in merged.cells] == [9.0, 4.0, 16.0, 0.5, 0.5, 0.5]


def test_a_readme_gets_its_rows(benchmark, quadratic, tmp_path):
    for cell in quadratic:
        cell.what, cell.size = "pairs within 10 bits", 10 * cell.size
    report = benchmark("report").Report({}, "", [], quadratic)
    readme = tmp_path / "README.md"
    others = ["# Heading", "| what | ours |", "| hashes of 1,000 photographs | 1.1 s | 1.5 s | |"]
    readme.write_text("\n".join([*others, "after", ""]), encoding="utf-8")
    row = "| duplicates among 10,000 hashes | 0.50 s | 1.0 s |  |"
    for _ in range(2):
        benchmark("readme").write_readme(report, readme)
        assert readme.read_text(encoding="utf-8").splitlines() == [*others, row, "after"]


def test_a_page_keeps_what_stands_around_the_marks(benchmark, quadratic, tmp_path):
    page = benchmark("page")
    machine = dict.fromkeys(("cores", "processor", "memory", "python", "load"), "1")
    report = benchmark("report").Report(machine, "python", [1000], quadratic[:1])
    path = tmp_path / "benchmarks.md"
    path.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n", encoding="utf-8")
    page.write_page(report, path)
    written = path.read_text(encoding="utf-8")
    assert written.startswith(f"before\n{page.BEGIN}\n")
    assert written.endswith(f"{page.END}\nafter\n")
    assert "old" not in written
    path.write_text("no marks", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"must have the lines"):
        page.write_page(report, path)
