"""The gallery of the largest connected components."""

from os import PathLike

from imagededup.errors import InvalidValueError
from imagededup.fastdup.checks import check_integer, check_path
from imagededup.fastdup.galleries.page import gallery_path, page_pictures, write_gallery
from imagededup.fastdup.galleries.tables import read_pairs
from imagededup.fastdup.graph.components import find_top_components
from imagededup.fastdup.store.work_dir import WorkDir
from imagededup.pages import GroupSection, PictureGroup, PictureLink, WrittenPage

__all__ = ["create_components_gallery"]

Links = list[PictureLink]


def create_components_gallery(
    work_dir: str | PathLike[str],
    save_path: str | PathLike[str],
    num_images: int = 20,
    max_items: int = 50,
) -> WrittenPage:
    """Write a page with the largest connected components: images that similarities chain together.

    Args:
        work_dir: The work folder of a finished run, or its connected_components.csv.
        save_path: The folder in which components.html is written, or a path that ends in .html.
        num_images: How many components at most.
        max_items: How many images of a component at most; the page says how many more there are.

    Returns:
        Where the page is; a notebook shows it.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: The folder has no components, they do not belong to its features, or a
            number is below 1.
        FileOperationError: The page cannot be written.
    """
    folder = WorkDir(check_path("work_dir", work_dir))
    if folder.place.is_file():
        folder = _folder_of(folder)
    count = check_integer("num_images", num_images, 1)
    most = check_integer("max_items", max_items, 1)
    components = find_top_components(folder.folder, count)
    shown = [component.files[:most] for component in components]
    pictures = page_pictures(name for files in shown for name in files)
    groups = [
        PictureGroup(
            [pictures[name] for name in files],
            links,
            title=f"Component {component.component_id}",
            left_out=len(component.files) - len(files),
        )
        for component, files, links in zip(components, shown, _links(folder, shown), strict=True)
    ]
    title, said = f"The {len(groups):,} largest", f"From {folder.folder}."
    section = GroupSection(title, groups, said, "similarity")
    return write_gallery(
        gallery_path(save_path, "components"), folder.folder, "Connected components", [section]
    )


def _folder_of(folder: WorkDir) -> WorkDir:
    if folder.place.name != folder.connected_components.name:
        raise InvalidValueError(
            "work_dir must be a work folder or its connected_components.csv, got "
            f"{str(folder.place)!r}"
        )
    return WorkDir(folder.folder)


def _links(folder: WorkDir, shown: list[tuple[str, ...]]) -> list[Links]:
    """The pairs of similarity.csv within each component, each once."""
    links: list[Links] = [[] for _ in shown]
    if not folder.similarity.is_file():
        return links
    places = {
        name: (number, place)
        for number, files in enumerate(shown)
        for place, name in enumerate(files)
    }
    for row in read_pairs(folder.similarity):
        left, right = places.get(row.left), places.get(row.right)
        if left and right and left[0] == right[0] and left[1] < right[1]:
            links[left[0]].append(PictureLink(left[1], right[1], row.similarity))
    return links
