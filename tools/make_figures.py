"""Draw the pictures of the documentation: `python tools/make_figures.py`."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from PIL import Image, ImageOps

from imagededup.methods import PHash

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
COLUMNS = 6


def draw_groups(target: Path) -> None:
    """The first images of every group in the examples, with their distances."""
    found = PHash(verbose=False).search(PHOTOS)
    clusters = found.clusters()
    distances = found.scores_to_representatives(clusters)
    figure, rows = pyplot.subplots(len(clusters), COLUMNS, figsize=(12, 5.9))
    for cluster, row in zip(clusters, rows, strict=True):
        others = [name for name in cluster.members if name != cluster.representative]
        for name, axes in zip([cluster.representative, *others], row, strict=False):
            with Image.open(PHOTOS / name) as image:
                axes.imshow(ImageOps.exif_transpose(image).convert("RGB"))
            stays = name == cluster.representative
            text = "stays" if stays else f"distance {distances[name]}"
            axes.set_title(f"{name}\n{text}", fontsize=8, weight="bold" if stays else "normal")
    for axes in rows.flat:
        axes.axis("off")
    figure.tight_layout()
    figure.savefig(target, dpi=80, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    draw_groups(ROOT / "docs" / "images" / "groups.jpg")
