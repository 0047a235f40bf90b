"""Every public call works in a child process, however it was started and whatever came before."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
WAIT = 120  # seconds; reached only where a child hangs


def run_and_kill(arguments, timeout=WAIT):
    """The output of a Python program; it and its children are killed after a while."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, cwd=CHECKOUT, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        output, _ = process.communicate()
        pytest.fail(f"it hangs; the last that it said:\n{output[-2000:]}")
    assert process.returncode == 0, output[-4000:]
    return output


@pytest.mark.parametrize("start_method", multiprocessing.get_all_start_methods())
def test_every_call_in_a_child(start_method, photos):
    output = run_and_kill(["-m", "tests.every_call", start_method, str(photos)])
    last = output.splitlines()[-1]
    assert last.startswith("equal in both processes: ")
    assert int(last.split()[-2]) > 25


def test_a_forked_child_searches_after_its_parent(photos):
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("there is no fork on this system")
    code = (
        "import multiprocessing, sys\n"
        "from imagededup.methods import PHash\n"
        "encoder, folder = PHash(verbose=False), sys.argv[1]\n"
        "here = encoder.find_duplicates(folder)\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    assert pool.map(encoder.find_duplicates, [folder]) == [here]\n"
    )
    run_and_kill(["-c", code, str(photos)])
