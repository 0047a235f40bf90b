"""Archives that lie about what they hold end no listing, and fill no memory."""

import gzip
import io
import os

import pytest

from imagededup import PHash
from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.sources import archives as archives_module
from imagededup.sources.archives import open_archive
from imagededup.sources.blobs import BytesBlob, LocalBlob
from tests.hostile.archives import archives


def content(name):
    return dict(archives(name))[name]


def found(path, name):
    """The images and the reasons, by name, of a folder with this archive."""
    path.mkdir()
    (path / name).write_bytes(content(name))
    if name == "long_header.tar":
        os.truncate(path / name, 9 * 2**30)  # the header's 6 GB are there, and take no room
    images = PHash(verbose=False).search(path)
    prefix = f"{name}/"
    assert len({failure.name for failure in images.failures}) == len(images.failures)
    return (
        [one.removeprefix(prefix) for one in images.names],
        {failure.name.removeprefix(prefix): failure.reason for failure in images.failures},
    )


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("leads_out.tar", {"../../../../tmp/out.jpg": "a name that leads out of the archive"}),
        ("negative_size.tar", {"negative_size.tar": "damaged archive: a member of fewer than no"}),
        ("long_header.tar", {"long_header.tar": "damaged archive: an extended header that is too"}),
        (
            "expands.zip",
            {"b.tif": "compressed in its archive, more than 200.0 MB of it are needed"},
        ),
        ("names.tar", {"b" * 5000: "not an image"}),
        ("twice.tar", {}),
    ],
)
def test_the_picture_is_found_and_the_rest_has_a_reason(tmp_path, name, reasons):
    names, listed = found(tmp_path / "images", name)
    assert len(names) == 1
    for bad, reason in reasons.items():
        assert listed[bad].startswith(reason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nested_headers.tar", "damaged archive: extended headers of extended headers"),
        ("claims.zip", "a file of 4.3 GB, more than the limit of 2.0 GB"),
        ("encrypted.zip", "encrypted in its archive"),
    ],
)
def test_what_holds_no_picture_has_a_reason(tmp_path, name, reason):
    names, listed = found(tmp_path / "images", name)
    assert names == []
    (said,) = listed.values()
    assert said.startswith(reason)


def test_a_compressed_archive_that_expands_without_end(monkeypatch):
    monkeypatch.setattr(archives_module, "_EXPANSION_OF_ALL", 2**16)
    data = io.BytesIO()
    with gzip.open(data, "wb") as file:
        for _ in range(30):
            file.write(bytes(2**20))
    archive = open_archive(BytesBlob(data.getvalue()), "x.tar.gz")
    assert archive is None or archive.names(1) == []


def test_a_member_with_a_longer_name_than_files_have(tmp_path):
    (tmp_path / "x.tar").write_bytes(content("names.tar"))
    with pytest.raises(UnreadableImageError, match="not an image"):
        load_image(tmp_path / "x.tar" / ("b" * 5000))
    with pytest.raises(UnreadableImageError, match="file name too long"):
        load_image(tmp_path / ("b" * 5000))


def test_a_pipe_in_the_place_of_an_archive_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.tar")
    assert LocalBlob(str(tmp_path / "x.tar")).size == 0
