"""Parquet shards in the work folder, each written once and complete when its marker is there.

The folder is local, on NFS or in an object store: whatever fsspec opens. A shard may be written
twice at the same time, when a node that was taken for dead lives on: both write the same bytes.
"""

import json
import os
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagededup.errors import FileOperationError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Store", "shard_name"]

_MARKER = ".done"
_PARTITION = "partition"


def shard_name(*numbers: int) -> str:
    """The name of a shard, such as 'part-00012' or 'part-00012-00003'."""
    return "-".join(["part", *(f"{number:05d}" for number in numbers)])


@dataclass(frozen=True)
class Store:
    """A work folder.

    Attributes:
        url: Of the folder: a path, or a URL that fsspec knows, such as `s3://bucket/job`.
    """

    url: str

    def write(
        self,
        stage: str,
        name: str,
        tables: "Iterable[pa.Table]",
        schema: "pa.Schema",
        facts: Mapping[str, int] | None = None,
    ) -> None:
        """Write a shard, a row group a table, and then its marker.

        Args:
            stage: The folder.
            name: Of the shard.
            tables: All of `schema`; held one at a time.
            schema: The columns.
            facts: Numbers that the marker keeps beside the number of rows.

        Raises:
            FileOperationError: It cannot be written.
        """
        import pyarrow.parquet as pq

        rows = 0
        with (
            _Whole(self, f"{stage}/{name}.parquet") as file,
            pq.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            for table in tables:
                if table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
                    rows += table.num_rows
        self.write_json(f"{stage}/{name}{_MARKER}", {"rows": rows, **(facts or {})})

    def read(self, stage: str, name: str, partitions: Iterable[int] | None = None) -> "pa.Table":
        """The rows of a shard, of all or of some partitions.

        Raises:
            FileOperationError: It cannot be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._path(f"{stage}/{name}.parquet")
        wanted = None if partitions is None else set(partitions)
        try:
            with self._filesystem().open(path, "rb") as file:
                source = pq.ParquetFile(file)
                column = source.schema_arrow.get_field_index(_PARTITION)
                groups = [
                    group
                    for group in range(source.num_row_groups)
                    if wanted is None
                    or source.metadata.row_group(group).column(column).statistics.min in wanted
                ]
                return source.read_row_groups(groups, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise FileOperationError(f"{path} cannot be read: {error}") from error

    def complete(self, stage: str) -> list[str]:
        """The names of the shards that are complete, sorted."""
        files = self._filesystem()
        folder = self._path(stage)
        files.invalidate_cache()
        if not files.exists(folder):
            return []
        names = (path.rpartition("/")[2] for path in files.ls(folder, detail=False))
        return sorted(name.removesuffix(_MARKER) for name in names if name.endswith(_MARKER))

    def facts(self, stage: str, name: str) -> dict[str, int]:
        """What the marker of a shard says: the number of `rows`, and what was given."""
        found: dict[str, int] | None = self.read_json(f"{stage}/{name}{_MARKER}")
        if found is None:
            raise FileOperationError(f"{self.url}/{stage}/{name} is not complete")
        return found

    def write_json(self, name: str, value: Any) -> None:  # noqa: ANN401
        """Write a small file.

        Raises:
            FileOperationError: It cannot be written.
        """
        with _Whole(self, name) as file:
            file.write(json.dumps(value).encode())

    def read_json(self, name: str) -> Any:  # noqa: ANN401
        """What `write_json` wrote; None where there is no such file."""
        try:
            with self._filesystem().open(self._path(name), "rb") as file:
                return json.loads(file.read())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise FileOperationError(f"{self._path(name)} cannot be read: {error}") from error

    def _filesystem(self) -> Any:  # noqa: ANN401
        import fsspec

        return fsspec.core.url_to_fs(self.url)[0]

    def _path(self, name: str) -> str:
        import fsspec

        return f"{fsspec.core.url_to_fs(self.url)[1].rstrip('/')}/{name}"


class _Whole:
    """A file that is there as a whole or not at all.

    Objects are stored as they are closed; a local file is written under another name before.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._files = store._filesystem()
        self._path = store._path(name)
        self._is_local = "file" in np.atleast_1d(self._files.protocol)
        self._written = f"{self._path}.{uuid.uuid4().hex}" if self._is_local else self._path

    def __enter__(self) -> Any:  # noqa: ANN401
        try:
            if self._is_local:
                self._files.makedirs(self._path.rpartition("/")[0], exist_ok=True)
            self._file = self._files.open(self._written, "wb")
        except OSError as error:
            raise FileOperationError(f"{self._path} cannot be written: {error}") from error
        return self._file

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is not None:
            self._give_up()
            if isinstance(error, OSError) and not isinstance(error, FileOperationError):
                raise FileOperationError(f"{self._path} cannot be written: {error}") from error
            return
        try:
            self._file.flush()
            if self._is_local:
                os.fsync(self._file.fileno())
            self._file.close()
            if self._is_local:
                os.replace(self._written, self._path)  # noqa: PTH105
        except OSError as wrong:
            self._give_up()
            raise FileOperationError(f"{self._path} cannot be written: {wrong}") from wrong

    def _give_up(self) -> None:
        """Leave nothing: an object that is not closed is not stored."""
        if self._is_local:
            with suppress(OSError):  # what it still holds may not fit the disk
                self._file.close()
            with suppress(FileNotFoundError):
                os.unlink(self._written)  # noqa: PTH108
        elif hasattr(self._file, "discard"):
            self._file.discard()
