"""Which failures are tried again, and after how long."""

import asyncio

import pytest

from imagededup.sources import retries
from imagededup.sources.retries import RemoteError, status_of, tried


class Answer(Exception):  # noqa: N818
    """What aiohttp raises."""

    def __init__(self, status, **headers):
        super().__init__(f"status {status}")
        self.status = status
        self.headers = headers


class ClientError(Exception):
    """What botocore raises."""

    def __init__(self, status, code):
        super().__init__(code)
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}}
        self.response = {"ResponseMetadata": metadata, "Error": {"Code": code}}


class IncompleteRead(Exception):  # noqa: N818
    """What several libraries raise."""


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.fixture
def waits(monkeypatch):
    """The seconds that would be waited."""
    found = []

    async def sleep(seconds):
        found.append(seconds)

    monkeypatch.setattr(retries.asyncio, "sleep", sleep)
    monkeypatch.setattr(retries.random, "uniform", lambda low, high: (low + high) / 2)
    return found


def outcome(*errors):
    """What becomes of reads that raise these errors and then give their data."""
    left = list(errors)

    async def attempt():
        if left:
            raise left.pop(0)
        return "data"

    try:
        return asyncio.run(tried(attempt))
    except RemoteError as error:
        return str(error)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_servers_are_asked_four_times(waits, status):
    assert outcome(*[Answer(status)] * 3) == "data"
    assert waits == [0.2, 0.4, 0.8]
    assert outcome(*[Answer(status)] * 4) == f"the server answers {status}, in 4 tries"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Answer(403), "access denied (403)"),
        (ClientError(403, "InvalidAccessKeyId"), "access denied (403 InvalidAccessKeyId)"),
        (caused(PermissionError(), ClientError(403, "403")), "access denied (403)"),
        (caused(FileNotFoundError(), ClientError(404, "NoSuchBucket")), "no such bucket"),
        (caused(FileNotFoundError(), ClientError(404, "NoSuchKey")), "no such file"),
        (FileNotFoundError(2, "x"), "no such file"),
        (PermissionError(), "access denied"),
        (Answer(410), "no such file"),
        (Answer(302), "the server answers 302"),
        (ValueError("odd\nsettings"), "odd settings"),
        (ValueError("x" * 1000), "x" * 100 + "..." + "x" * 97),
        (ValueError(), "ValueError"),
    ],
    ids=repr,
)
def test_what_stays_is_not_tried_again(waits, error, reason):
    assert outcome(error) == reason
    assert waits == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(), "the server cannot be reached"),
        (ConnectionResetError(), "the server cut the connection"),
        (TimeoutError(), "the server does not answer"),
        (IncompleteRead(), "the server cut the connection"),
        (caused(IncompleteRead(), Answer(400)), "the server cut the connection"),
        (
            caused(OSError(16, "busy"), ClientError(503, "SlowDown")),
            "the server answers 503 SlowDown",
        ),
        (ClientError(400, "RequestTimeout"), "the server answers 400 RequestTimeout"),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again(waits, error, reason):
    assert outcome(error) == "data"
    assert len(waits) == 1
    assert outcome(*[error] * 4) == f"{reason}, in 4 tries"


def test_servers_say_how_long_to_wait_up_to_a_bound(waits):
    answers = [Answer(503, **{"retry-after": text}) for text in ("3", "100000", "Sat, 1 Jan 2000")]
    assert outcome(*answers) == "data"
    assert waits == [3.0, 10.0, 0.8]


def test_status():
    assert status_of(caused(OSError(), ClientError(412, "PreconditionFailed"))) == 412
    assert status_of(ValueError()) == 0
