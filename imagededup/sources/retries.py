"""When a remote read is tried again, and what is said of one that fails for good."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from imagededup.utils.text import one_line

__all__ = ["RemoteError", "TimeUpError", "status_of", "tried"]

Result = TypeVar("Result")

TRIES = 4
FIRST_WAIT = 0.2
"""Seconds before the second try; each further wait is twice as long."""

_LONGEST_WAIT = 10.0
_BUSY = (429, 500, 502, 503, 504)
_NO_ANSWER = "the server cannot be reached"
_CUT = "the server cut the connection"
_SLOW = "the server does not answer"
_INSECURE = "no secure connection to the server"
_LONGEST_REASON = 200
_TRANSIENT = {
    "ClientPayloadError": _CUT,
    "IncompleteRead": _CUT,
    "IncompleteReadError": _CUT,
    "ServerDisconnectedError": _CUT,
    "ConnectionResetError": _CUT,
    "ConnectionClosedError": _CUT,
    "ResponseStreamingError": _CUT,
    "ServiceResponseError": _CUT,
    "ReadTimeoutError": _SLOW,
    "TimeoutError": _SLOW,
    "ClientConnectorDNSError": "there is no server of this name",
    "ClientConnectorSSLError": _INSECURE,
    "ClientConnectorCertificateError": _INSECURE,
    "SSLError": _INSECURE,
    "ConnectionError": _NO_ANSWER,
    "ClientConnectionError": _NO_ANSWER,
    "ServiceRequestError": _NO_ANSWER,
    "HTTPClientError": _NO_ANSWER,
    "ResponseParserError": "the server's answer is broken",
}
"""By the names of exceptions of aiohttp, botocore and the SDKs, so that none need be imported."""


class RemoteError(Exception):
    """Why something remote cannot be read.

    Attributes:
        again: Whether it may go better the next time.
        after: Seconds to wait before that, where the server said so.
    """

    def __init__(self, reason: str, again: bool = False, after: float = 0.0) -> None:
        super().__init__(reason)
        self.again = again
        self.after = after


class TimeUpError(RemoteError):
    """The time that a read may take is over."""


async def tried(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Run a read up to four times, with growing waits, while its failures may be passing ones.

    Raises:
        RemoteError: It failed for good.
    """
    for number in range(TRIES):
        try:
            return await attempt()
        except Exception as error:
            failure = _failure(error)
            if not failure.again:
                raise failure from error
            if number == TRIES - 1:
                raise RemoteError(f"{failure}, in {TRIES} tries") from error
            wait = FIRST_WAIT * 2**number * random.uniform(0.75, 1.25)
            await asyncio.sleep(max(wait, min(failure.after, _LONGEST_WAIT)))
    raise AssertionError("the last try returns or raises")


def _failure(error: Exception) -> RemoteError:
    """What an error of whatever library means; the first cause that says something counts."""
    if isinstance(error, RemoteError):
        return error
    for cause in _causes(error):
        names = [kind.__name__ for kind in type(cause).__mro__]
        reason = next((_TRANSIENT[name] for name in names if name in _TRANSIENT), None)
        if reason:
            return RemoteError(reason, again=True)
        status, code, after = _answer(cause)
        if status:
            return _of_status(status, code, after)
    if isinstance(error, FileNotFoundError):
        return RemoteError("no such file")
    if isinstance(error, PermissionError):
        return RemoteError("access denied")
    return RemoteError(one_line(error)[:_LONGEST_REASON] or type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def status_of(error: BaseException) -> int:
    """The HTTP status that an error of whatever library stands for, or 0."""
    return next(filter(None, (_answer(cause)[0] for cause in _causes(error))), 0)


def _answer(error: BaseException) -> tuple[int, str, float]:
    """The HTTP status, the service's own code, and the wait that the server asks for."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        answer = response.get("ResponseMetadata", {})
        code = str(response.get("Error", {}).get("Code", ""))
        return _number(answer.get("HTTPStatusCode")), code, _wait(answer.get("HTTPHeaders"))
    of_libraries = ("status", "status_code", "code")  # aiohttp, the SDK of Azure, gcsfs
    found = (_number(getattr(error, name, 0)) for name in of_libraries)
    return next(filter(None, found), 0), "", _wait(getattr(error, "headers", None))


def _number(status: object) -> int:
    """An HTTP status, or 0."""
    text = str(status)
    return int(text) if text.isdecimal() and 100 <= int(text) <= 599 else 0


def _wait(headers: Any) -> float:  # noqa: ANN401
    text = str((headers or {}).get("retry-after", ""))
    return float(text) if text.isdecimal() else 0.0


def _of_status(status: int, code: str, after: float) -> RemoteError:
    shown = f"{status} {code}" if code and not code.isdecimal() else str(status)
    if code == "NoSuchBucket":
        return RemoteError("no such bucket")
    if status in (404, 410):
        return RemoteError("no such file")
    if status in (401, 403):
        return RemoteError(f"access denied ({shown})")
    if status in _BUSY or code == "RequestTimeout":
        return RemoteError(f"the server answers {shown}", again=True, after=after)
    return RemoteError(f"the server answers {shown}")
