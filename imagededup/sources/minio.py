"""The aliases of MinIO's client `mc`: an address, credentials and how buckets are addressed."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagededup.sources.retries import RemoteError

__all__ = ["Endpoint", "minio_endpoint"]

_IN_ENVIRONMENT = re.compile(
    r"(?P<scheme>https?://)(?:(?P<key>[^:@]*):(?P<secret>.*?)(?::(?P<token>[^:@/]*))?@)?(?P<host>[^@]+)"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an S3 service is, and with what it is used.

    Attributes:
        url: Its address.
        key: Access key; empty for anonymous access.
        secret: Secret key.
        token: Of a session; mostly empty.
        signature: `s3v4`, or `s3` for old servers.
        addressing: Whether the bucket is part of the `path` or of the host's name, `virtual`.
    """

    url: str
    key: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    signature: str = "s3v4"
    addressing: str = "path"


def minio_endpoint(alias: str) -> Endpoint:
    """What `mc` would use for an alias: `MC_HOST_<alias>`, then `config.json` of its folder.

    The folder is `MC_CONFIG_DIR`, or `~/.mc`. See
    https://min.io/docs/minio/linux/reference/minio-mc.html.

    Raises:
        RemoteError: There is no such alias, or it cannot be read.
    """
    if found := os.environ.get(f"MC_HOST_{alias}"):
        return _of_environment(alias, found)
    folder = os.environ.get("MC_CONFIG_DIR") or Path.home() / (".mc" if os.name != "nt" else "mc")
    return _of_file(alias, Path(folder) / "config.json")


def _of_environment(alias: str, text: str) -> Endpoint:
    match = _IN_ENVIRONMENT.fullmatch(text.strip().rstrip("/"))
    if match is None:
        raise RemoteError(f"MC_HOST_{alias} must be https://KEY:SECRET@HOST")
    url = match["scheme"] + match["host"]
    return Endpoint(url, match["key"] or "", match["secret"] or "", match["token"] or "")


def _of_file(alias: str, config: Path) -> Endpoint:
    try:
        aliases: dict[str, dict[str, Any]] = json.loads(config.read_bytes())["aliases"]
        names = ", ".join(sorted(aliases))
        entry = aliases.get(alias)
    except FileNotFoundError as error:
        raise RemoteError(
            f"there is no alias {alias!r}: neither MC_HOST_{alias} is set nor {config} there"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RemoteError(f"{config} cannot be read as the configuration of mc") from error
    if entry is None:
        raise RemoteError(f"{config} has no alias {alias!r}, it has: {names}")
    if not isinstance(entry, dict) or not str(entry.get("url", "")).startswith("http"):
        raise RemoteError(f"{config} has no address for the alias {alias!r}")
    return Endpoint(
        url=str(entry["url"]),
        key=str(entry.get("accessKey", "")),
        secret=str(entry.get("secretKey", "")),
        token=str(entry.get("sessionToken", "")),
        signature="s3" if str(entry.get("api", "")).lower() == "s3v2" else "s3v4",
        addressing="virtual" if entry.get("path") == "off" else "path",
    )
