"""Work for several processes, and a program that has it done until somebody ends one of them."""

import logging
import os
import signal
import sys
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from threading import Event

from imagededup.errors import ModelError
from imagededup.utils import child, children, processes


def several(threads=1, processes_=2):
    """Set thresholds so that this many processes of this many threads start at once."""
    return {
        (processes, "granted_cores"): lambda: threads * processes_,
        (processes, "_LEAST_WORKERS"): threads * processes_,
        (processes, "_MOST_THREADS"): threads,
        (children, "_LEAST_AMOUNT"): 0,
        (children, "_START_SECONDS"): 60.0,
    }


class OddError(Exception):
    """One that cannot be unpickled."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def in_parent_only():
    return nullcontext(sys.modules["tests.shared_work"].ENTERED.append(os.getpid()))


ENTERED = []


@dataclass
class Task:
    """Does what each item says, where that is done by no thread of the process of `origin`."""

    origin: int
    reason: str | None = None
    fails: bool = False

    def amount(self, item):
        return 1

    def obstacle(self):
        return self.reason

    def get_ready(self):
        if self.fails:
            raise OSError("no such model")

    def __call__(self, item):
        name, *arguments = item if isinstance(item, tuple) else ("pid", item)
        return getattr(self, name)(*arguments)

    def pid(self, item):
        return item, os.getpid() != self.origin

    def model_error(self):
        raise ModelError("a.jpg: the model fails") from ZeroDivisionError("by zero")

    def odd_error(self):
        raise OddError(1, 2)

    def end(self, number):
        os.kill(os.getpid(), number)
        Event().wait(60)  # it may reach another thread first

    def say(self, text):
        logging.getLogger("imagededup").info("info of %s", text)
        logging.getLogger("PIL.Image").info("unwanted")
        logging.getLogger("other").warning("warning of %s", text, exc_info=OSError("cause"))
        print(text, flush=True)

    def enter(self):
        with child.entered_in_parent(in_parent_only):
            return os.getpid() != self.origin

    def enter_refused(self):
        with child.entered_in_parent(partial(open, "/there/is/none")):
            raise AssertionError

    def wait(self, seconds):
        Event().wait(seconds)
        return os.getpid()


def main():
    """Print the ids of the children; then wait, in all of them, for the end."""
    from tests.shared_work import Task  # that of `__main__` is not found in a child

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started this
    for (module, name), value in several().items():
        setattr(module, name, value)
    items = [("wait", 0.05), ("wait", 0.05), ("wait", 600), ("wait", 600)]
    with closing(processes.shared_map(Task(os.getpid()), items, 2)) as results:
        print(next(results), next(results), flush=True)
        if "fork" in sys.argv and os.fork() == 0:  # its copies of the lines stay open
            signal.pause()
        next(results)


if __name__ == "__main__":
    main()
