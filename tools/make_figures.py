"""Draw the pictures of the documentation: `python tools/make_figures.py`."""

from pathlib import Path

from imagededup.evaluation import precision_recall_curve
from imagededup.methods import CNN, DHash, PHash
from imagededup.utils import (
    plot_clusters,
    plot_duplicates,
    plot_precision_recall,
    plot_similarity_histogram,
)

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
IMAGES = ROOT / "docs" / "images"


def main() -> None:
    """Draw groups, the duplicates of an image, curves and similarities of the examples."""
    found = PHash(verbose=False).search(PHOTOS)
    plot_clusters(PHOTOS, found.clusters(), IMAGES / "groups.jpg")
    cnn = CNN(verbose=False).find_duplicates(PHOTOS, min_similarity_threshold=-1, scores=True)
    near = {name: [entry for entry in entries if entry[1] >= 0.9] for name, entries in cnn.items()}
    plot_duplicates(PHOTOS, near, "temple.jpg", IMAGES / "duplicates.jpg")
    truth = {
        name: [other for other in cnn if other != name and subject(other) == subject(name)]
        for name in cnn
    }
    results = {"CNN": cnn}
    for encoder in (PHash(verbose=False), DHash(verbose=False)):
        results[type(encoder).__name__] = encoder.find_duplicates(
            PHOTOS, max_distance_threshold=40, scores=True
        )
    curves = {name: precision_recall_curve(truth, result) for name, result in results.items()}
    plot_precision_recall(curves, IMAGES / "precision_recall.png")
    scores = [score for name, entries in cnn.items() for other, score in entries if name < other]
    plot_similarity_histogram(scores, 0.9, IMAGES / "similarities.png")


def subject(name: str) -> str:
    """What a photograph shows, by its name."""
    return name.removesuffix(".jpg").split("_")[0]


if __name__ == "__main__":
    main()
