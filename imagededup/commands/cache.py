"""`imagededup cache`."""

from pathlib import Path

import typer

from imagededup.cache.place import size_limit, user_cache_folder
from imagededup.commands.command import Command
from imagededup.errors import FileOperationError
from imagededup.utils.sizes import bytes_in_words
from imagededup.utils.text import counted, shown

__all__ = ["cache"]

cache = typer.Typer(
    help="Show or clear what is kept of images that were encoded.",
    rich_markup_mode=None,
)


@cache.command(cls=Command)
def info() -> None:
    """Show where the cache is, how large it is and what it holds.

    IMAGEDEDUP_CACHE_DIR sets the folder, IMAGEDEDUP_CACHE_LIMIT the size that it may have, such as
    20G; what was not used for longest goes first.

    \b
    Examples:
      imagededup cache info
      IMAGEDEDUP_CACHE_LIMIT=20G imagededup find photos
    """
    from imagededup.cache.contents import cache_contents

    folder = _folder()
    contents = cache_contents(folder)
    typer.echo(f"Folder: {shown(str(folder))}")
    typer.echo(f"Size: {bytes_in_words(contents.size)} of {bytes_in_words(size_limit())}")
    for name, count in contents.images.items():
        typer.echo(f"{name}: {counted(count, 'image')}")
    for file in contents.damaged:
        size = bytes_in_words(file.stat().st_size)
        typer.echo(f"Damaged and put aside: {shown(file.name)}, {size}")


@cache.command(cls=Command)
def clear() -> None:
    """Remove everything from the cache. Results do not change, the next search takes longer.

    \b
    Examples:
      imagededup cache clear
    """
    from imagededup.cache.contents import clear_cache

    freed = clear_cache(_folder())
    typer.echo(f"The cache is empty, {bytes_in_words(freed)} were freed")


def _folder() -> Path:
    try:
        return user_cache_folder()
    except RuntimeError as error:
        raise FileOperationError(f"there is no place for a cache: {error}") from error
