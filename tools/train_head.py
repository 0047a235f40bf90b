"""Train the linear head for copy detection on the features of the quantized network.

    python tools/train_head.py --network NETWORK --output HEAD PICTURES

PICTURES has one folder for each kind of picture. Each picture is taken as it is and in randomly
edited versions. The head learns to tell the versions of one picture from those of all others
(InfoNCE), while keeping the nearest pictures of a batch apart (the entropy term of SSCD), both
with 576 and with 1024 numbers. Every second batch is drawn from a few kinds only, so that its
other pictures are as alike as those of a real collection of one kind. The same pictures, seed and
machine give the same head; features are kept in a folder of the user's choice.

References:
    Pizzi et al.: A Self-Supervised Descriptor for Image Copy Detection, 2022.
    Kusupati et al.: Matryoshka Representation Learning, 2022.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from batches import draw_pictures
from feature_network import FEATURES_NAME
from head import CLIP, CONSTANT_PLACES, FULL_SIZE, SHORT_SIZE, Array, Head
from network_outputs import network_outputs
from pictures import add_settings, pictures_and_members
from torch import Tensor
from torch.nn import functional

_OUTPUTS = FULL_SIZE - len(CONSTANT_PLACES)
_SHORT_OUTPUTS = SHORT_SIZE - 1
_LEAST_DEVIATION = 1e-4
_PRECISION = torch.bfloat16  # of products; the head is stored in 7 bits


@dataclass(frozen=True)
class Settings:
    """How the head is trained.

    Attributes:
        versions: Versions of each picture, the unedited one included.
        steps: Steps of the optimiser.
        batch: Pictures in a step at most, each in two versions.
        kinds: Every second batch is drawn from this many kinds; 0 draws all batches from all.
        temperature: Temperature of InfoNCE.
        entropy: Weight of the entropy term.
        common: Weight of the term that keeps all pairs of a picture above all other pairs.
        common_temperature: Its temperature.
        learning_rate: Highest learning rate of AdamW; it falls along a cosine.
        weight_decay: Of AdamW.
        dropout: Share of the inputs that is dropped.
        rest_weight: Length of the last 448 numbers where the first 576 have 1.
        offset: The constant that calibrates the thresholds; it plays no part in the training.
        seed: Seed of all randomness.
    """

    versions: int = 20
    steps: int = 600
    batch: int = 512
    kinds: int = 4
    temperature: float = 0.035
    entropy: float = 0.7
    common: float = 0.0
    common_temperature: float = 0.04
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    dropout: float = 0.1
    rest_weight: float = 0.88
    offset: float = 1.1
    seed: int = 0


def moments(features: Array) -> tuple[Array, Array]:
    """Return the mean and the deviation of (pictures, versions, n) features, float32 (n,)."""
    total, squares = np.zeros(features.shape[-1]), np.zeros(features.shape[-1])
    for picture in features:
        exact = picture.astype(np.float64)
        total += exact.sum(axis=0)
        squares += (exact**2).sum(axis=0)
    count = features.shape[0] * features.shape[1]
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, _LEAST_DEVIATION**2))
    return mean.astype(np.float32), deviation.astype(np.float32)


def standardise(features: Array, mean: Array, deviation: Array) -> Tensor:
    """Return the clipped standardised features, bfloat16 (pictures, versions, n)."""
    standardised = torch.empty(features.shape, dtype=_PRECISION)
    for index, picture in enumerate(features):
        clipped = np.clip((picture.astype(np.float32) - mean) / deviation, -CLIP, CLIP)
        standardised[index] = torch.from_numpy(clipped)
    return standardised


def copy_loss(cosines: Tensor, settings: Settings) -> Tensor:
    """Return the sum of what is asked of the cosines of a batch.

    InfoNCE compares the two versions of a picture with all others of the batch; the entropy term is
    the mean log distance to the nearest other picture; the common term wants one threshold for
    all pairs.

    Args:
        cosines: (2 n, 2 n) of one version of n pictures, followed by another version of each.
        settings: Gives the temperatures and the weights.
    """
    count = len(cosines) // 2
    itself = torch.eye(2 * count, dtype=torch.bool)
    partner = itself.roll(count, dims=1)
    logits = cosines.masked_fill(itself, float("-inf")) / settings.temperature
    others = cosines.masked_fill(itself | partner, float("-inf"))
    nearest = others.max(dim=1).values
    log_distance = 0.5 * torch.log((2 - 2 * nearest).clamp_min(1e-6))
    likelihood = functional.cross_entropy(logits, torch.arange(2 * count).roll(count))
    loss = likelihood - settings.entropy * log_distance.mean()
    if settings.common:
        loss = loss + settings.common * _common_term(cosines[partner], others, settings)
    return loss


def _common_term(pairs: Tensor, others: Tensor, settings: Settings) -> Tensor:
    temperature = settings.common_temperature
    strongest = torch.logsumexp(others.flatten() / temperature, 0) - math.log(len(others))
    return functional.softplus(strongest - pairs / temperature).mean()


def nested_loss(outputs: Tensor, settings: Settings) -> Tensor:
    """Return the loss of the short and of the full descriptors, without their constants."""
    short = _cosines(outputs[:, :_SHORT_OUTPUTS])
    rest = _cosines(outputs[:, _SHORT_OUTPUTS:])
    full = (short + settings.rest_weight**2 * rest) / (1 + settings.rest_weight**2)
    return torch.stack([copy_loss(cosines, settings) for cosines in (short, full)]).mean()


def _cosines(outputs: Tensor) -> Tensor:
    unit = functional.normalize(outputs.float(), dim=1).to(_PRECISION)
    return (unit @ unit.T).float()


def train(standardised: Tensor, members: Sequence[Array], settings: Settings) -> Array:
    """Return the trained weight, float32 (1022, n)."""
    torch.manual_seed(settings.seed)
    torch.use_deterministic_algorithms(True)
    layer = torch.nn.Linear(standardised.shape[-1], _OUTPUTS, bias=False)
    torch.nn.init.orthogonal_(layer.weight)
    optimiser = torch.optim.AdamW(
        layer.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    random = np.random.default_rng(settings.seed)
    for step in range(settings.steps):
        pictures = draw_pictures(step, members, settings.batch, settings.kinds, random)
        chosen = two_versions(pictures, standardised.shape[1], random)
        inputs = drop_inputs(standardised[chosen], settings.dropout, random)
        outputs = inputs @ layer.weight.T.to(_PRECISION)
        loss = nested_loss(outputs, settings)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    return layer.weight.detach().numpy()


def two_versions(
    pictures: Array, versions: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """Return pictures twice, one after the other, and which of its versions each is."""
    order = random.random((len(pictures), versions)).argsort(axis=1)
    return np.concatenate([pictures, pictures]), np.concatenate([order[:, 0], order[:, 1]])


def drop_inputs(inputs: Tensor, share: float, random: np.random.Generator) -> Tensor:
    """Set a share of the inputs to zero, and make the others larger by as much."""
    # One random byte for each input, because floats take longer than the products.
    limit = round(share * 256)
    noise = np.frombuffer(random.bytes(inputs.numel()), np.uint8).reshape(inputs.shape)
    return inputs * torch.from_numpy(noise >= limit) * (256 / (256 - limit))


def make_head(features: Array, members: Sequence[Array], settings: Settings) -> Head:
    """Train on (pictures, versions, n) features and return the head."""
    mean, deviation = moments(features)
    rows = np.delete(np.arange(FULL_SIZE), CONSTANT_PLACES)
    weight = np.zeros((FULL_SIZE, features.shape[-1]), np.float32)
    weight[rows] = train(standardise(features, mean, deviation), members, settings)
    return Head(mean, deviation, weight, settings.rest_weight, settings.offset)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", type=Path, help="a folder with a folder of each kind")
    parser.add_argument("--network", type=Path, required=True, help="made by build_model.py")
    parser.add_argument("--output", type=Path, required=True, help="the head, an .npz file")
    parser.add_argument("--cache", type=Path, help="folder to keep features in")
    parser.add_argument("--workers", type=int, default=2)
    add_settings(parser, Settings())
    return parser


def main() -> None:
    """Compute or load the features, train, and save the head."""
    arguments = _parser().parse_args()
    settings = Settings(**{name: getattr(arguments, name) for name in vars(Settings())})
    paths, members = pictures_and_members(arguments.pictures)
    features = network_outputs(
        FEATURES_NAME,
        paths,
        arguments.network,
        settings.versions,
        settings.seed,
        arguments.workers,
        arguments.cache,
    )
    make_head(features, members, settings).save(arguments.output)


if __name__ == "__main__":
    main()
