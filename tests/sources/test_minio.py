"""What `mc` would use for an alias."""

import json

import pytest

from imagededup.sources.minio import Endpoint, minio_endpoint
from imagededup.sources.retries import RemoteError


@pytest.fixture(autouse=True)
def configuration(monkeypatch, tmp_path):
    monkeypatch.setenv("MC_CONFIG_DIR", str(tmp_path))
    return tmp_path / "config.json"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://key:secret@host", Endpoint("https://host", "key", "secret")),
        ("http://key:secret@127.0.0.1:9000/", Endpoint("http://127.0.0.1:9000", "key", "secret")),
        ("https://key:se/cr+t@host:9000", Endpoint("https://host:9000", "key", "se/cr+t")),
        ("https://key:secret:token@host", Endpoint("https://host", "key", "secret", "token")),
        ("https://host", Endpoint("https://host")),
    ],
)
def test_of_the_environment(monkeypatch, text, expected):
    monkeypatch.setenv("MC_HOST_home", text)
    assert minio_endpoint("home") == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"url": "https://h"}, Endpoint("https://h")),
        (
            {"url": "https://h", "accessKey": "k", "secretKey": "s", "api": "S3v4", "path": "auto"},
            Endpoint("https://h", "k", "s"),
        ),
        (
            {"url": "https://h", "accessKey": "k", "secretKey": "s", "api": "S3v2", "path": "off"},
            Endpoint("https://h", "k", "s", signature="s3", addressing="virtual"),
        ),
    ],
)
def test_of_the_file(configuration, entry, expected):
    configuration.write_text(json.dumps({"aliases": {"home": entry}}))
    assert minio_endpoint("home") == expected


def test_the_environment_comes_first(configuration, monkeypatch):
    configuration.write_text(json.dumps({"aliases": {"home": {"url": "https://file"}}}))
    monkeypatch.setenv("MC_HOST_home", "https://environment")
    assert minio_endpoint("home").url == "https://environment"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "there is no alias 'home'"),
        ("", "cannot be read as the configuration of mc"),
        ("[]", "cannot be read as the configuration of mc"),
        ('{"aliases": []}', "cannot be read as the configuration of mc"),
        ('{"aliases": {"a": {}, "b": {}}}', "has no alias 'home', it has: a, b"),
        ('{"aliases": {"home": {}}}', "has no address for the alias 'home'"),
        ('{"aliases": {"home": 3}}', "has no address for the alias 'home'"),
        ('{"aliases": {"home": {"url": "ftp://h"}}}', "has no address for the alias 'home'"),
    ],
)
def test_what_cannot_be_used(configuration, text, reason):
    if text is not None:
        configuration.write_text(text)
    with pytest.raises(RemoteError, match=reason):
        minio_endpoint("home")


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("MC_HOST_home", "https://key:secret:token@host")
    assert "secret" not in repr(minio_endpoint("home"))
    monkeypatch.setenv("MC_HOST_home", "ftp://key:secret@host")
    with pytest.raises(RemoteError, match="must be https://KEY:SECRET@HOST"):
        minio_endpoint("home")
