"""Work by threads of several processes: as by threads of one, and no process is left."""

import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from imagededup.errors import ImageDedupError, ModelError
from imagededup.utils import available, children, processes
from imagededup.utils.available import granted_cores, granted_memory
from imagededup.utils.processes import shared_map
from tests import shared_work
from tests.conftest import wait_until
from tests.shared_work import Task

pytestmark = pytest.mark.skipif(os.name != "posix", reason="threads do it on this system")

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture
def several(monkeypatch):
    """Have work done by so many processes of so many threads, from the first item on."""

    def start(threads=1, number=2):
        for (module, name), value in shared_work.several(threads, number).items():
            monkeypatch.setattr(module, name, value)

    return start


def lives(pid):
    """Whether a process is there and not merely waiting to be asked how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_results_come_in_order_from_children(several):
    several(threads=2, number=2)
    task = Task(os.getpid())
    items = [0, 1, ("wait", 0.2), ("wait", 0.2), ("wait", 0.2), ("wait", 0.2), 2, ("enter",), 3]
    results = list(shared_map(task, items, 4))
    assert [results[place] for place in (0, 1, 6, 8)] == [(n, True) for n in range(4)]
    pids = set(results[2:6])
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert results[7]
    assert len(shared_work.ENTERED) == 1
    assert not any(map(lives, pids))


def test_what_a_child_raises_and_logs_is_as_of_a_thread(several, caplog, capfd):
    several(number=1)
    task = partial(shared_map, Task(os.getpid()), workers=1)
    with caplog.at_level(logging.INFO, "imagededup"), caplog.at_level(logging.INFO, "PIL.Image"):
        results = task(items=[("say", "a\nb"), ("model_error",)])
        next(results)
        with pytest.raises(ModelError, match=r"^a.jpg: the model fails$") as raised:
            next(results)
    assert repr(raised.value.__cause__) == "ZeroDivisionError('by zero')"
    assert not hasattr(raised.value, "__notes__")
    records = [(one.name, one.getMessage(), one.process) for one in caplog.records]
    assert [one[:2] for one in records] == [
        ("imagededup", "info of a\nb"),
        ("other", "warning of a\nb"),
    ]
    assert records[0][2] != os.getpid()
    assert "OSError: cause" in caplog.text
    assert capfd.readouterr().out == "a\nb\n"
    with pytest.raises(RuntimeError, match="OddError: 1 and 2"):
        list(task(items=[("odd_error",)]))
    with pytest.raises(FileNotFoundError) as raised:
        list(task(items=[("enter_refused",)]))
    assert "in enter_refused" in raised.value.__notes__[0]


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_child_that_dies_is_named(several, name):
    several()
    number = signal.Signals[name]
    results = shared_map(Task(os.getpid()), [1, ("end", number), *range(100)], 2)
    with pytest.raises(ImageDedupError, match=rf"^at work on \('end', .*process \d+ was.*{name}"):
        list(results)


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (Task(1, reason="a model on a GPU is loaded once"), "a model on a GPU"),
        (Task(1, fails=True), "OSError: no such model"),
        (Task(lambda: None), "pickle"),
    ],
)
def test_threads_do_what_children_cannot(several, caplog, task, reason):
    several()
    caplog.set_level(logging.INFO, "imagededup")
    assert list(shared_map(task, [("wait", 0)] * 20, 2)) == [os.getpid()] * 20
    assert [one.levelname for one in caplog.records] == ["INFO"]
    assert reason in caplog.text


def test_threads_begin_and_do_little_work_alone(several, monkeypatch):
    several()
    monkeypatch.setattr(children, "_LEAST_AMOUNT", 5)
    task = Task(os.getpid())
    assert list(shared_map(task, range(5), 2)) == [(n, False) for n in range(5)]
    results = list(shared_map(task, range(50), 2))
    assert [item for item, _ in results] == list(range(50))
    assert not results[0][1]
    assert results[-1][1]


def test_nobody_waits_for_a_child_that_still_starts(several, monkeypatch):
    several()
    monkeypatch.setattr(children, "_START_SECONDS", 0.0)
    monkeypatch.setattr(children, "_PROGRAM", "import time; time.sleep(600) # {} {} {} {}")
    monkeypatch.setattr(children, "_END_SECONDS", 600)
    assert list(shared_map(Task(os.getpid()), range(9), 2)) == [(n, False) for n in range(9)]


@pytest.mark.parametrize(
    ("workers", "cores", "memory", "threads"),
    [
        (11, 64, 2**40, []),
        (64, 11.9, 2**40, []),
        (12, 64, 2**40, [6, 6]),
        (64, 12, 2**40, [32, 32]),
        (16, 16, 2**40, [6, 5, 5]),
        (64, 64, 2**40, [6] * 9 + [5] * 2),
        (64, 64, 2**32, [16] * 4),
        (64, 64, 2**31, [32, 32]),
        (64, 64, 2**31 - 1, []),
    ],
)
def test_how_many_processes(monkeypatch, workers, cores, memory, threads):
    monkeypatch.setattr(processes, "granted_cores", lambda: cores)
    monkeypatch.setattr(processes, "granted_memory", lambda: memory)
    assert processes._threads_of_each(workers) == threads


@pytest.mark.parametrize(
    ("name", "value"),
    [("executable", "/opt/blender"), ("executable", None), ("frozen", True)],
)
def test_no_process_of_another_program(monkeypatch, name, value):
    monkeypatch.setattr(sys, name, value, raising=False)
    assert not processes._can_start()


def test_what_a_container_grants(monkeypatch, tmp_path):
    group = tmp_path / "groups" / "a" / "b"
    group.mkdir(parents=True)
    own = tmp_path / "cgroup"
    own.write_text("1:cpu:/x\n0::/a/b\n")
    monkeypatch.setattr(available, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(available, "_OWN_GROUP", own)
    monkeypatch.setattr(available, "available_cores", lambda: 64)
    whole = granted_memory()
    assert granted_cores() == 64
    (group / "cpu.max").write_text("max 100000\n")
    (group / "memory.max").write_text("max\n")
    assert (granted_cores(), granted_memory()) == (64, whole)
    (group.parent / "cpu.max").write_text("150000 100000\n")
    (group.parent / "memory.max").write_text("4096\n")
    assert (granted_cores(), granted_memory()) == (1.5, 4096)
    own.unlink()
    assert (granted_cores(), granted_memory()) == (64, whole)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc")
@pytest.mark.parametrize(("name", "how"), [("SIGINT", ""), ("SIGKILL", ""), ("SIGKILL", "fork")])
def test_no_child_outlives_its_parent(name, how):
    number = signal.Signals[name]
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.shared_work", how], cwd=CHECKOUT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        pids = [int(one) for one in program.stdout.readline().split()]
        assert len(set(pids)) == 2
        assert all(map(lives, pids))
        (os.killpg if number == signal.SIGINT else os.kill)(program.pid, number)
        wait_until(lambda: program.poll() is not None)
        assert program.returncode == -number
        wait_until(lambda: not any(map(lives, pids)), 10)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


def test_a_script_from_standard_input_without_a_main_guard(tmp_path):
    code = (
        "import os\n"
        "from tests import shared_work\n"
        "for (module, name), value in shared_work.several().items():\n"
        "    setattr(module, name, value)\n"
        "class Own(shared_work.Task): pass\n"
        "for task in (shared_work.Task, Own):\n"
        "    found = shared_work.processes.shared_map(task(os.getpid()), range(9), 2)\n"
        "    print([other for _, other in found])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    for arguments in (["-"], ["-c", f"import os; os.close(0); os.close(2)\n{code}"]):
        done = subprocess.run(
            [sys.executable, *arguments], input=code, capture_output=True, text=True,
            cwd=tmp_path, env=environment, timeout=60,
        )  # fmt: skip
        assert done.stdout == f"{[True] * 9}\n{[False] * 9}\n", done.stderr
        assert not done.stderr


def test_a_caller_that_stops_in_the_middle_leaves_no_child(several):
    several()
    results = shared_map(Task(os.getpid()), [("wait", 0.05)] * 2 + [("wait", 600)] * 9, 2)
    pids = {next(results), next(results)}
    results.close()
    assert not any(map(lives, pids))
