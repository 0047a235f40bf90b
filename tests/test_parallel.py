"""Work on several threads: order, bounded memory, errors, and the number of threads."""

import errno
import os
import sys
import threading
from contextlib import nullcontext
from threading import Event
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.utils import progress
from imagededup.utils.parallel import beside, check_workers, ordered_map, task_size
from imagededup.utils.progress import Progress

WAIT = 10  # seconds; reached only where a test fails


@pytest.mark.parametrize("workers", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(ordered_map(lambda x: x * x, range(100), workers)) == [x * x for x in range(100)]


@pytest.mark.parametrize("workers", [1, 4])
def test_no_items(workers):
    assert list(ordered_map(str, [], workers)) == []


def test_a_slow_first_item_does_not_change_the_order():
    others_done = threading.Event()

    def wait_at_first(item):
        if item == 0:
            assert others_done.wait(WAIT)
        elif item == 3:
            others_done.set()
        return item

    assert list(ordered_map(wait_at_first, range(20), 2)) == list(range(20))


def test_as_many_items_as_workers_are_in_work_at_once():
    together = threading.Barrier(3, timeout=WAIT)
    assert sorted(ordered_map(lambda _: together.wait(), range(3), 3)) == [0, 1, 2]


@pytest.mark.parametrize(("workers", "most_ahead"), [(1, 1), (2, 5), (4, 9)])
def test_items_are_taken_as_results_are(workers, most_ahead):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield taken

    results = ordered_map(lambda x: x, endless(), workers)
    for count in range(1, 30):
        assert next(results) == count
        assert taken - count <= most_ahead - 1
    results.close()


@pytest.mark.parametrize("workers", [1, 3])
def test_an_exception_reaches_the_caller_at_its_place(workers):
    def fail_at_five(item):
        if item == 5:
            raise KeyError("five")
        return item

    results = ordered_map(fail_at_five, range(1000), workers)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(KeyError, match="five"):
        next(results)
    assert list(results) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_an_exception_of_the_items_reaches_the_caller(workers):
    def items():
        yield 1
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(ordered_map(str, items(), workers))


def test_after_an_exception_no_further_item_is_begun():
    begun = []
    first_may_fail = threading.Event()

    def work(item):
        begun.append(item)
        if item == 0:
            assert first_may_fail.wait(WAIT)
            raise ValueError("first")
        first_may_fail.set()

    with pytest.raises(ValueError, match="first"):
        list(ordered_map(work, range(1000), 2))
    assert len(begun) <= 4


def test_an_exception_does_not_wait_for_what_is_under_way():
    release = threading.Event()

    def work(item):
        if item == 0:
            raise ValueError("first")
        release.wait(WAIT)

    try:
        with pytest.raises(ValueError, match="first"):
            list(ordered_map(work, range(4), 2))
        assert not release.is_set()
    finally:
        release.set()


def test_no_thread_is_left_when_the_work_is_done():
    before = set(threading.enumerate())
    for _ in range(20):
        assert len(list(ordered_map(str, range(50), 8))) == 50
        assert set(threading.enumerate()) <= before


def test_number_of_workers():
    assert check_workers("workers", 0) == 1
    assert check_workers("workers", 1) == 1
    assert check_workers("workers", 64) == 64


@pytest.mark.parametrize("number", [np.int64(2), np.uint8(2), np.array(2)])
def test_a_number_of_workers_of_numpy(number):
    workers = check_workers("workers", number)
    assert type(workers) is int
    assert workers == 2


def test_none_means_all_cores_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5, 7}, raising=False)
    assert check_workers("workers", None) == 3


def test_none_means_all_cores_where_there_is_no_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert check_workers("workers", None) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert check_workers("workers", None) == 1


def test_a_negative_number_of_workers():
    with pytest.raises(InvalidValueError, match=r"^num_workers must be 0 or more, got -1$"):
        check_workers("num_workers", -1)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [(2.0, "float"), ("4", "str"), (True, "bool"), (np.True_, "bool"), (np.float64(2), "float64")],
)
def test_a_number_of_workers_that_is_not_an_int(wrong, kind):
    with pytest.raises(InvalidTypeError, match=f"^num must be an int or None, got {kind}$"):
        check_workers("num", wrong)


class TestProgress:
    @pytest.fixture
    def terminal(self, monkeypatch):
        monkeypatch.setattr(progress, "_on_terminal", lambda: True)

    @pytest.mark.usefixtures("terminal")
    def test_a_terminal_shows_description_count_and_unit(self, capsys):
        with Progress(3, "Encoding", "images") as bar:
            bar.advance(2)
            bar.advance(1)
        last = capsys.readouterr().err.split("\r")[-1]
        assert last.startswith("Encoding: 100%")
        assert "3/3" in last
        assert "images" in last

    @pytest.mark.usefixtures("terminal")
    def test_disabled_shows_nothing(self, capsys):
        with Progress(3, "Encoding", "images", enabled=False) as bar:
            bar.advance(3)
        assert capsys.readouterr() == ("", "")

    @pytest.mark.usefixtures("terminal")
    def test_no_work_shows_nothing(self, capsys):
        with Progress(0, "Verifying", "pairs"):
            pass
        assert capsys.readouterr() == ("", "")

    def test_a_file_or_pipe_gets_nothing(self, capsys):
        with Progress(3, "Encoding", "images") as bar:
            bar.advance(3)
        assert capsys.readouterr() == ("", "")

    def test_a_program_without_standard_error(self, monkeypatch):
        monkeypatch.setattr("sys.stderr", None)
        with Progress(3, "Encoding", "images") as bar:
            bar.advance(3)

    @pytest.mark.usefixtures("notebook_shell")
    def test_a_notebook_shows_a_bar(self, capsys):
        with Progress(2, "Searching", "pairs") as bar:
            bar.advance(2)
        assert "Searching" in capsys.readouterr().err

    def test_a_program_that_starts_kernels_shows_none(self, monkeypatch, capsys):
        monkeypatch.setitem(sys.modules, "ipykernel", progress)
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
        with Progress(2, "Searching", "pairs") as bar:
            bar.advance(2)
        assert capsys.readouterr().err == ""


def test_a_thread_that_dies_between_two_items_is_not_waited_for(monkeypatch):
    """As one does whose queue finds no memory; its item is lost."""
    monkeypatch.setattr("imagededup.utils.parallel._PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr("concurrent.futures._base.LOGGER.critical", lambda *_, **__: None)

    def die(_):
        raise MemoryError

    monkeypatch.setattr("concurrent.futures.thread._WorkItem.run", die)
    with pytest.raises(MemoryError, match="a thread has died"):
        list(ordered_map(str, range(10), 2))


@pytest.mark.parametrize(("room", "threads"), [(0, 1), (1, 1), (2, 2), (3, 3), (9, 4)])
def test_no_more_threads_than_memory_suffices_for(monkeypatch, room, threads):
    """A thread without memory for its first line would be waited for, for ever."""
    asked = []

    def give(_, size):
        asked.append(size)
        if len(asked) > room:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return nullcontext()

    monkeypatch.setattr("imagededup.utils.parallel.mmap", give)
    together = threading.Barrier(threads, timeout=WAIT)

    def work(_):
        together.wait()
        return threading.get_ident()

    assert len(set(ordered_map(work, range(12), 4))) == threads
    assert set(asked) == {12 << 20}


def test_no_more_threads_than_items():
    before = threading.active_count()
    results = ordered_map(lambda x: x, range(2), 8)
    next(results)
    assert threading.active_count() - before == 2
    assert list(results) == [1]


def test_a_task_is_done_before_the_body_where_memory_lacks(monkeypatch):
    monkeypatch.setattr("imagededup.utils.parallel.mmap", Mock(side_effect=OSError(errno.ENOMEM)))
    done = []
    with beside(lambda check: done.append(check()), 2):
        assert done == [None]


def test_a_task_is_done_before_the_body_of_one_worker():
    done = []
    with beside(lambda check: done.append(check()), 1):
        assert done == [None]


def test_a_task_goes_on_beside_the_body():
    begun, body = Event(), Event()

    def task(check):
        begun.set()
        assert body.wait(WAIT)
        check()

    with beside(task, 2):
        assert begun.wait(WAIT)
        body.set()


def test_an_error_of_a_task_is_raised_at_the_end_of_the_body():
    def task(check):
        raise ValueError("beside")

    done = []
    with pytest.raises(ValueError, match="beside"), beside(task, 2):
        done.append("body")
    assert done == ["body"]


def test_a_task_ends_when_the_body_fails():
    ended = Event()

    def task(check):
        try:
            while True:
                check()
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt), beside(task, 2):
        raise KeyboardInterrupt
    assert ended.is_set()


@pytest.mark.parametrize(
    ("count", "workers", "size"),
    [(0, 2, 4), (100, 2, 4), (128, 2, 8), (10**6, 2, 16), (1000, 64, 4), (10**6, 64, 16)],
)
def test_tasks_are_larger_where_each_worker_has_many(count, workers, size):
    assert task_size(count, 4, workers) == size
