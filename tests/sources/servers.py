"""Servers of their own processes, for tests of what is read over the network."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

_HERE = Path(__file__).parent
_direct = build_opener(ProxyHandler({}))


@contextmanager
def server(script, *arguments):
    """Run a server, which ends with the block; gives its address."""
    command = [sys.executable, str(_HERE / script), *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def request(method, url, data=None):
    """Send a request past all of our own code."""
    with _direct.open(Request(url, data, method=method)) as response:
        return response.read()


class Proxy:
    """Tells a proxy how to behave, and asks it what it has seen."""

    def __init__(self, url):
        self.url = url

    def follow(self, *faults, latency=0.0, gather=0):
        """Begin anew with these rules."""
        rules = json.dumps({"faults": faults, "latency": latency, "gather": gather}).encode()
        request("PUT", f"{self.url}/__rules", rules)

    def seen(self):
        """The requests, and how many there were at most at the same time."""
        return json.loads(request("GET", f"{self.url}/__rules"))
