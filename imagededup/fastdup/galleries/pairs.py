"""Galleries of similar pairs, of outliers, and of images with their nearest ones."""

from os import PathLike
from pathlib import Path

from imagededup.fastdup.checks import check_integer
from imagededup.fastdup.galleries.page import (
    gallery_path,
    page_pictures,
    table_path,
    write_gallery,
)
from imagededup.fastdup.galleries.tables import (
    TableRow,
    best_pairs,
    best_per_image,
    nearest_of,
)
from imagededup.pages import (
    GroupSection,
    NamedPicture,
    PagePicture,
    PairSection,
    PictureGroup,
    PictureLink,
    PicturePair,
    PictureSection,
    WrittenPage,
)
from imagededup.utils.options import check_bool
from imagededup.utils.text import counted

__all__ = [
    "create_duplicates_gallery",
    "create_outliers_gallery",
    "create_similarity_gallery",
    "generate_duplicates_gallery",
]

_OUTLIERS = "outliers"
_SCORE = "similarity"
_MOST_NEAREST = 12


def create_duplicates_gallery(
    similarity_file: str | PathLike[str],
    save_path: str | PathLike[str],
    num_images: int = 20,
    descending: bool = True,
) -> WrittenPage:
    """Write a page with the most similar pairs, side by side.

    The table is read row by row, whatever its length. Pictures are read where the table says that
    they are; one that is missing or broken shows the reason.

    Args:
        similarity_file: similarity.csv, verified.csv, or another table with the columns from, to
            and distance; or a work folder, for its similarity.csv. Of an outliers.csv the most
            unusual images come first, each beside its nearest one.
        save_path: The folder in which duplicates.html is written, made if it is missing; or a path
            that ends in .html.
        num_images: How many pairs at most.
        descending: Whether the most similar pairs come first; False begins with the least similar.

    Returns:
        Where the page is; a notebook shows it.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: There is no such table, it is another one, or `num_images` is below 1.
        FileOperationError: The page cannot be written.
    """
    table = table_path("similarity_file", similarity_file, "similarity.csv")
    count = check_integer("num_images", num_images, 1)
    is_descending = check_bool("descending", descending)
    shows_outliers = table.stem.endswith(_OUTLIERS)
    rows = best_pairs(table, count, is_descending and not shows_outliers)
    title = "Outliers beside their nearest images" if shows_outliers else "Similar pairs"
    end = "most unusual" if shows_outliers else f"{'most' if is_descending else 'least'} similar"
    pictures = _pictures(rows)
    pairs = [_pair(row, pictures) for row in rows]
    section = PairSection(
        f"The {len(rows):,} {end}", pairs, _said(rows, table), _SCORE, can_mark=not shows_outliers
    )
    return write_gallery(gallery_path(save_path, "duplicates"), table, title, [section])


generate_duplicates_gallery = create_duplicates_gallery


def create_outliers_gallery(
    outliers_file: str | PathLike[str], save_path: str | PathLike[str], num_images: int = 20
) -> WrittenPage:
    """Write a page with the images that are most unlike all others.

    Args:
        outliers_file: outliers.csv, or a work folder, for the one in it.
        save_path: The folder in which outliers.html is written, or a path that ends in .html.
        num_images: How many images at most.

    Returns:
        Where the page is; a notebook shows it.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: There is no such table, it is another one, or `num_images` is below 1.
        FileOperationError: The page cannot be written.
    """
    table = table_path("outliers_file", outliers_file, "outliers.csv")
    rows = best_per_image(table, check_integer("num_images", num_images, 1), descending=False)
    pictures = _pictures(rows)
    shown = [
        NamedPicture(
            pictures[row.left],
            f"{_SCORE} {row.similarity:.3f} to the nearest, {pictures[row.right].name}",
            row.similarity,
        )
        for row in rows
    ]
    section = PictureSection(f"The {len(rows):,} most unusual", shown, _said(rows, table), _SCORE)
    return write_gallery(gallery_path(save_path, "outliers"), table, "Outliers", [section])


def create_similarity_gallery(
    similarity_file: str | PathLike[str],
    save_path: str | PathLike[str],
    num_images: int = 20,
    descending: bool = True,
) -> WrittenPage:
    """Write a page with images, each followed by those that are nearest to it.

    Args:
        similarity_file: similarity.csv, or another table with the columns from, to and distance; or
            a work folder, for its similarity.csv.
        save_path: The folder in which similarity.html is written, or a path that ends in .html.
        num_images: How many images at most; of each the twelve nearest are shown.
        descending: Whether images with the most similar neighbours come first; False begins with
            the least similar ones of the table.

    Returns:
        Where the page is; a notebook shows it.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: There is no such table, it is another one, or `num_images` is below 1.
        FileOperationError: The page cannot be written.
    """
    table = table_path("similarity_file", similarity_file, "similarity.csv")
    count = check_integer("num_images", num_images, 1)
    best = best_per_image(table, count, check_bool("descending", descending))
    nearest = nearest_of(table, [row.left for row in best], _MOST_NEAREST)
    pictures = _pictures([row for rows in nearest.values() for row in rows])
    groups = [_neighbourhood(rows, pictures) for rows in nearest.values()]
    title = f"{counted(len(groups), 'image')} with the nearest ones"
    section = GroupSection(title, groups, _said(best, table), _SCORE)
    return write_gallery(gallery_path(save_path, "similarity"), table, "Nearest images", [section])


def _pictures(rows: list[TableRow]) -> dict[str, PagePicture]:
    return page_pictures(dict.fromkeys(name for row in rows for name in (row.left, row.right)))


def _pair(row: TableRow, pictures: dict[str, PagePicture]) -> PicturePair:
    is_scored = row.score == row.score
    detail = f"score {row.score:.3f} after verification" if is_scored else ""
    two = pictures[row.left], pictures[row.right]
    return PicturePair(*two, row.similarity, row.relation, detail, row.may_go)


def _neighbourhood(rows: list[TableRow], pictures: dict[str, PagePicture]) -> PictureGroup:
    image = pictures[rows[0].left]
    links = [
        PictureLink(0, place, row.similarity, row.relation, row.may_go)
        for place, row in enumerate(rows, 1)
    ]
    notes = ["", *(f"{_SCORE} {row.similarity:.3f}" for row in rows)]
    members = [image, *(pictures[row.right] for row in rows)]
    return PictureGroup(members, links, title=image.name, notes=notes)


def _said(rows: list[TableRow], table: Path) -> str:
    return f"From {table}." if rows else f"{table} has no rows."
