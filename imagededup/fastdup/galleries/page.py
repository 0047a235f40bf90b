"""What all galleries share: where they are written, and how the pictures are called."""

import os
from collections.abc import Iterable
from pathlib import Path

from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.fastdup.checks import check_path, check_place
from imagededup.fastdup.store.work_dir import WorkDir
from imagededup.pages import PagePicture, PageSection, WrittenPage, write_page
from imagededup.sources.addresses import as_path, is_remote

__all__ = ["gallery_path", "page_pictures", "table_path", "write_gallery"]

_ENDINGS = (".html", ".htm")


def gallery_path(save_path: object, name: str) -> Path:
    """Where a gallery is written.

    Args:
        save_path: A folder, which is made if it is missing; or a path that ends in .html.
        name: What the gallery is called in a folder.

    Raises:
        InvalidTypeError: `save_path` is not a path.
        InvalidValueError: Nothing can have this path.
        FileOperationError: The folder cannot be made.
    """
    path = check_place("save_path", save_path)
    if path.suffix.lower() in _ENDINGS:
        return path
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileOperationError(f"cannot make {str(path)!r}: {error.strerror}") from error
    return path / f"{name}.html"


def table_path(name: str, given: object, in_folder: str) -> Path:
    """The table that a gallery shows; a work folder stands for the one in it.

    Args:
        name: Of the argument.
        given: A file or a folder.
        in_folder: What the file is called in a work folder.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: There is no such file.
    """
    path = Path(check_path(name, given))
    if os.path.isdir(path):  # noqa: PTH112 - False, not an error, for every impossible path
        path /= in_folder
    if not os.path.isfile(path):  # noqa: PTH113
        raise InvalidValueError(
            f"{name} must be a table such as {in_folder}, which fastdup.run makes, or a work "
            f"folder with one; {str(path)!r} does not exist"
        )
    return path


def page_pictures(names: Iterable[str]) -> dict[str, PagePicture]:
    """The pictures of some names, called by what follows the folder that all have in common.

    Args:
        names: Paths, of which relative ones start from the current folder, and URLs.
    """
    paths = {name: as_path(name) if is_remote(name) else _whole(name) for name in names}
    if not paths:
        return {}
    try:
        folder = Path(os.path.commonpath([path.parent for path in paths.values()]))
    except ValueError:  # they are on several drives, or some of them are remote
        return {
            name: PagePicture(path.name if is_remote(name) else str(path), path.parent)
            for name, path in paths.items()
        }
    return {
        name: PagePicture(path.relative_to(folder).as_posix(), folder)
        for name, path in paths.items()
    }


def _whole(name: str) -> Path:
    return Path(os.path.abspath(name))  # noqa: PTH100 - links as they are


def write_gallery(path: Path, source: Path, title: str, sections: list[PageSection]) -> WrittenPage:
    """Write a gallery; pictures that are missing or broken show the reason.

    Args:
        path: The page.
        source: The work folder that it shows, or a table. The frames of videos that are on the page
            are written into the folder `frames` of the work folder.
        title: Its heading.
        sections: Its parts.
    """
    work_dir = WorkDir(source)
    frames = work_dir.frames if work_dir.config.is_file() else None
    return write_page(path, title, sections, verbose=True, frames=frames)
