"""The package and its tests import without what only POSIX has, and no test waits a fixed time."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

IMPORT_AS_ON_WINDOWS = """
import importlib, os, pkgutil, signal, socket, sys
import imagededup, tests

def names():
    for package in (imagededup, tests):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            left_out = found.name.startswith(("tests.faults.", "tests.hostile."))  # see conftest.py
            if found.name != "imagededup.__main__" and not left_out:
                yield found.name

every = list(names())
for name in every:  # with all that they need of other packages
    importlib.import_module(name)
for name in [name for name in sys.modules if name.split(".")[0] in ("imagededup", "tests")]:
    del sys.modules[name]
for name in "fcntl grp posix pty pwd readline resource syslog termios tty".split():
    sys.modules[name] = None
sys.platform = "win32"
for module, names in {
    os: "chown fork forkpty getegid geteuid getgid getgroups getpgid getuid killpg lchown mkfifo "
    "mknod openpty posix_fadvise pread pwrite sched_getaffinity setsid statvfs sysconf uname "
    "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK WNOHANG",
    signal: "SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGUSR1 SIGUSR2 SIGWINCH "
    "SIGXFSZ alarm pthread_sigmask setitimer",
    socket: "AF_UNIX",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
for name in every:
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(f"{name}: {error!r}")
print(len(every))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there the import itself is the test")
def test_modules_import_without_what_windows_lacks():
    command = [sys.executable, "-W", "ignore", "-c", IMPORT_AS_ON_WINDOWS]
    done = subprocess.run(
        command, cwd=TESTS.parent, capture_output=True, text=True, check=False, timeout=300
    )
    *problems, count = done.stdout.splitlines() or [done.stderr]
    assert problems == []
    assert int(count) > 100


MAY_SLEEP = {
    TESTS / "conftest.py",  # wait_until, which has a deadline
    TESTS / "faults" / "server.py",  # a signal comes at a moment
    TESTS / "sources" / "slow_proxy.py",  # a server that takes its time
}


def test_no_test_sleeps():
    """What a test waits for is an event, the end of a process, or a condition with a deadline."""
    calls = [
        f"{path.relative_to(TESTS)}:{node.lineno}"
        for path in sorted(TESTS.rglob("*.py"))
        if path not in MAY_SLEEP
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("time.sleep", "sleep", "asyncio.sleep")
    ]
    assert calls == []
