"""S3 for tests: a server in a process of its own, with a proxy in front of it.

A module says with its fixture `folder` what is in the bucket. Nothing leaves the machine.
"""

import os

import pytest
from fsspec import asyn

from imagededup.sources import retries
from imagededup.sources.limits import limits, set_limits
from imagededup.sources.stores import close_stores
from tests.sources.servers import Proxy, server


@pytest.fixture(scope="module")
def s3_url(folder):
    with server("s3_server.py", f"bucket={folder}") as url:
        yield url


@pytest.fixture(scope="module")
def proxy_url(s3_url):
    with server("slow_proxy.py", s3_url.rpartition(":")[2]) as url:
        yield url
        close_stores()
        if asyn.loop[0] is not None:
            stop_loop()


def stop_loop():
    """End the thread of fsspec, as other tests fork."""
    loop, thread = asyn.loop[0], asyn.iothread[0]
    asyn.reset_lock()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """Nothing of the user's settings counts, and no test waits long."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MC_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.001)
    before = limits()
    yield
    set_limits(before)


@pytest.fixture
def credentials(monkeypatch, alone):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def proxy(monkeypatch, credentials, proxy_url):
    """S3 is behind the proxy."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy_url)
    proxy = Proxy(proxy_url)
    proxy.follow()
    return proxy


@pytest.fixture
def s3_client(s3_url, credentials):
    """Another program that writes to the bucket."""
    import boto3

    return boto3.client("s3", endpoint_url=s3_url, region_name="us-east-1")
