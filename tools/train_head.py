"""Train the linear head for copy detection on the features of the quantized network.

    python tools/train_head.py --network NETWORK --halved PHOTOGRAPHS --output HEAD FOLDERS

Each picture is taken as it is and in randomly edited versions. The head learns to tell the
versions of one picture from those of all others (InfoNCE), while keeping the nearest pictures of
a batch apart (the entropy term of SSCD), both with 576 and with 1024 numbers. The same pictures,
seed and machine give the same head; features are kept in a folder of the user's choice.

References:
    Pizzi et al.: A Self-Supervised Descriptor for Image Copy Detection, 2022.
    Kusupati et al.: Matryoshka Representation Learning, 2022.
"""

import argparse
import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from feature_network import FEATURES_NAME, INPUT_NAME, open_session
from head import CLIP, CONSTANT_PLACES, FULL_SIZE, SHORT_SIZE, Array, Head
from pictures import choose_pictures, network_input, open_picture
from random_edits import random_copy
from torch import Tensor
from torch.nn import functional

_LARGEST_SIDE = 400
_OUTPUTS = FULL_SIZE - len(CONSTANT_PLACES)
_SHORT_OUTPUTS = SHORT_SIZE - 1


@dataclass(frozen=True)
class Settings:
    """How the head is trained.

    Attributes:
        versions: Versions of each picture, the unedited one included.
        steps: Steps of the optimiser.
        batch: Pictures in a step, each in two versions.
        temperature: Temperature of InfoNCE.
        entropy: Weight of the entropy term.
        learning_rate: Highest learning rate of AdamW; it falls along a cosine.
        weight_decay: Of AdamW.
        dropout: Share of the inputs that is dropped.
        rest_weight: Length of the last 448 numbers where the first 576 have 1.
        offset: The constant that calibrates the thresholds; it plays no part in the training.
        seed: Seed of all randomness.
    """

    versions: int = 24
    steps: int = 1000
    batch: int = 512
    temperature: float = 0.05
    entropy: float = 0.7
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.2
    rest_weight: float = 0.88
    offset: float = 1.0
    seed: int = 0


def picture_features(path: Path, network: str, versions: int, seed: int) -> Array:
    """Return the float32 (versions, 2096) features of a picture and its edited versions."""
    session = open_session(network)
    image = open_picture(path, keep=_LARGEST_SIDE)
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    name = hashlib.sha256(path.read_bytes()).digest()
    random = np.random.default_rng([seed, *name[:8]])
    copies = [image, *(random_copy(image, random) for _ in range(versions - 1))]
    inputs = [network_input(copy)[None] for copy in copies]
    return np.concatenate([session.run([FEATURES_NAME], {INPUT_NAME: x})[0] for x in inputs])


def compute_features(
    paths: Sequence[Path], network: Path, settings: Settings, workers: int
) -> Array:
    """Return the float32 (pictures, versions, 2096) features of all versions of all pictures."""
    job = partial(
        picture_features,
        network=str(network),
        versions=settings.versions,
        seed=settings.seed,
    )
    with ProcessPoolExecutor(workers) as pool:
        return np.stack(list(pool.map(job, paths, chunksize=16)))


def cached_features(
    paths: Sequence[Path], network: Path, settings: Settings, workers: int, cache: Path | None
) -> Array:
    """Return `compute_features`, from the folder `cache` where it has them."""
    if cache is None:
        return compute_features(paths, network, settings, workers)
    key = hashlib.sha256(network.read_bytes())
    key.update(repr([[str(path) for path in paths], settings.versions, settings.seed]).encode())
    stored = cache / f"{key.hexdigest()[:16]}.npy"
    if not stored.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(stored, compute_features(paths, network, settings, workers))
    features: Array = np.load(stored)
    return features


def standardise(features: Array) -> tuple[Array, Array, Array]:
    """Return the mean, the deviation and the clipped standardised features, all float32."""
    flat = features.reshape(-1, features.shape[-1])
    mean = flat.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation = np.maximum(flat.std(axis=0, dtype=np.float64), 1e-4).astype(np.float32)
    return mean, deviation, np.clip((features - mean) / deviation, -CLIP, CLIP)


def copy_loss(left: Tensor, right: Tensor, settings: Settings) -> Tensor:
    """Return InfoNCE minus the weighted mean log distance to the nearest other picture.

    Args:
        left: (batch, size) unit vectors of one version of each picture.
        right: The same of another version.
        settings: Gives the temperature and the weight of the entropy term.
    """
    both = torch.cat([left, right])
    count = len(left)
    cosines = both @ both.T
    pictures = torch.arange(count).repeat(2)
    same_picture = pictures[:, None] == pictures[None, :]
    itself = torch.eye(2 * count, dtype=torch.bool)
    partner = torch.arange(2 * count).roll(count)
    logits = (cosines / settings.temperature).masked_fill(itself, float("-inf"))
    nearest = cosines.masked_fill(same_picture, -1.0).max(dim=1).values
    log_distance = 0.5 * torch.log((2 - 2 * nearest).clamp_min(1e-6))
    return functional.cross_entropy(logits, partner) - settings.entropy * log_distance.mean()


def nested_descriptors(outputs: Tensor, rest_weight: float) -> tuple[Tensor, Tensor]:
    """Return the short and the full descriptor, without their constants, as unit vectors."""
    short = functional.normalize(outputs[:, :_SHORT_OUTPUTS], dim=1)
    rest = functional.normalize(outputs[:, _SHORT_OUTPUTS:], dim=1)
    full = torch.cat([short, rest_weight * rest], dim=1) / (1 + rest_weight**2) ** 0.5
    return short, full


def train(standardised: Array, settings: Settings) -> Array:
    """Return the trained weight, float32 (1022, 2096)."""
    torch.manual_seed(settings.seed)
    torch.use_deterministic_algorithms(True)
    data = torch.from_numpy(standardised)
    layer = torch.nn.Linear(data.shape[-1], _OUTPUTS, bias=False)
    torch.nn.init.orthogonal_(layer.weight)
    optimiser = torch.optim.AdamW(
        layer.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    random = np.random.default_rng(settings.seed)
    for step in range(settings.steps):
        left, right = (_dropped(layer, part, settings) for part in _draw(data, settings, random))
        pairs = zip(left, right, strict=True)
        loss = torch.stack([copy_loss(one, other, settings) for one, other in pairs]).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    return layer.weight.detach().numpy()


def _draw(data: Tensor, settings: Settings, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    pictures = random.choice(len(data), min(settings.batch, len(data)), replace=False)
    order = random.random((len(pictures), data.shape[1])).argsort(axis=1)
    return data[pictures, order[:, 0]], data[pictures, order[:, 1]]


def _dropped(layer: torch.nn.Linear, part: Tensor, settings: Settings) -> tuple[Tensor, Tensor]:
    outputs = layer(functional.dropout(part, settings.dropout))
    return nested_descriptors(outputs, settings.rest_weight)


def make_head(features: Array, settings: Settings) -> Head:
    """Train on float32 (pictures, versions, 2096) features and return the head."""
    mean, deviation, standardised = standardise(features)
    rows = np.delete(np.arange(FULL_SIZE), CONSTANT_PLACES)
    weight = np.zeros((FULL_SIZE, features.shape[-1]), np.float32)
    weight[rows] = train(standardised, settings)
    return Head(mean, deviation, weight, settings.rest_weight, settings.offset)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", help="pictures to train on")
    parser.add_argument(
        "--halved", type=Path, action="append", default=[], help="folder of which half is used"
    )
    parser.add_argument("--network", type=Path, required=True, help="made by build_model.py")
    parser.add_argument("--output", type=Path, required=True, help="the head, an .npz file")
    parser.add_argument("--cache", type=Path, help="folder to keep features in")
    parser.add_argument("--workers", type=int, default=2)
    for name, default in vars(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    return parser


def main() -> None:
    """Compute or load the features, train, and save the head."""
    arguments = _parser().parse_args()
    settings = Settings(**{name: getattr(arguments, name) for name in vars(Settings())})
    sources = [choose_pictures([folder], []) for folder in arguments.folders]
    sources += [choose_pictures([], [folder]) for folder in arguments.halved]
    features = np.concatenate(
        [
            cached_features(paths, arguments.network, settings, arguments.workers, arguments.cache)
            for paths in sources
        ]
    )
    make_head(features, settings).save(arguments.output)


if __name__ == "__main__":
    main()
