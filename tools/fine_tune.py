"""Fine-tune the upper blocks of the quantized network for copy detection.

    python tools/fine_tune.py --network NETWORK --head HEAD \
        --output WEIGHTS --tuned-head TUNED_HEAD PICTURES

HEAD was trained on the features of NETWORK. The activations of a middle block are computed once
for all versions of all pictures; then blocks 11 to 15, the last layer and the head learn by the
loss of `train_head.py`, with weights and activations rounded as in the network. Its ranges of
activations stay. `build_model.py network --weights WEIGHTS` writes the tuned network.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from batches import draw_pictures
from feature_network import FEATURES_NAME, load_pretrained
from head import CLIP, CONSTANT_PLACES, FULL_SIZE, Array, Head
from network_outputs import network_outputs
from pictures import add_settings, pictures_and_members
from torch import Tensor
from train_head import Settings, drop_inputs, nested_loss, standardise, two_versions
from upper_blocks import SOURCE, SOURCE_CHANNELS, UPPER_FEATURES, UpperBlocks, read_scales

_PRECISION = torch.bfloat16
_ROWS = np.delete(np.arange(FULL_SIZE), CONSTANT_PLACES)


@dataclass(frozen=True)
class TuningSettings(Settings):
    """How the blocks are trained, beside what is the same for the head.

    Attributes:
        relative_rate: Highest learning rate of a weight, as a share of the root mean square of
            the weights of its layer; `learning_rate` is the head's.
        warm_up: Steps in which the learning rates rise.
        batch_seed: Seed of the batches and of the dropout; `seed` is that of the edits.
    """

    steps: int = 400
    batch: int = 448
    temperature: float = 0.04
    learning_rate: float = 1e-3
    dropout: float = 0.1
    relative_rate: float = 5e-3
    warm_up: int = 20
    batch_seed: int = 1


@dataclass(frozen=True)
class Pictures:
    """What is known of the versions of the pictures.

    Attributes:
        activations: uint8 (pictures, versions, channels, height, width).
        lower: The standardised features of the blocks below, bfloat16 (pictures, versions, n).
        members: The numbers of the pictures of each kind.
    """

    activations: Array
    lower: Tensor
    members: Sequence[Array]


def tune(upper: UpperBlocks, head: Head, pictures: Pictures, settings: TuningSettings) -> Head:
    """Train the blocks in place, and return the head that was trained with them."""
    torch.manual_seed(settings.seed)
    mean = torch.from_numpy(head.mean[:UPPER_FEATURES])
    deviation = torch.from_numpy(head.deviation[:UPPER_FEATURES])
    weight = torch.nn.Parameter(torch.from_numpy(head.weight[_ROWS]))
    optimiser = torch.optim.AdamW(_rates(upper, weight, settings))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _share(step, settings))
    random = np.random.default_rng(settings.batch_seed)
    for step in range(settings.steps):
        drawn = draw_pictures(step, pictures.members, settings.batch, settings.kinds, random)
        chosen = two_versions(drawn, pictures.lower.shape[1], random)
        activations = np.stack([pictures.activations[each] for each in zip(*chosen, strict=True)])
        layout = len(activations), SOURCE_CHANNELS, -1
        features = upper(torch.from_numpy(activations.reshape(layout)))
        standardised = ((features - mean) / deviation).clamp(-CLIP, CLIP).to(_PRECISION)
        inputs = torch.cat([standardised, pictures.lower[chosen]], 1)
        inputs = drop_inputs(inputs, settings.dropout, random)
        loss = nested_loss(inputs @ weight.T.to(_PRECISION), settings)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        if step % 20 == 0:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    tuned = head.weight.copy()
    tuned[_ROWS] = weight.detach().numpy()
    return replace(head, weight=tuned)


def _rates(upper: UpperBlocks, head: Tensor, settings: TuningSettings) -> list[dict[str, object]]:
    groups: list[dict[str, object]] = [
        {"params": [head], "lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    ]
    for weights in upper.parameters():
        size = float(weights.detach().square().mean().sqrt())
        rate = settings.relative_rate * size
        groups.append({"params": [weights], "lr": rate, "weight_decay": 0.0})
    return groups


def _share(step: int, settings: TuningSettings) -> float:
    """The share of the learning rates at a step: up, then down along a cosine."""
    falling = 0.5 + 0.5 * float(np.cos(np.pi * step / settings.steps))
    return min(1.0, (step + 1) / settings.warm_up) * falling


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", type=Path, help="a folder with a folder of each kind")
    parser.add_argument("--network", type=Path, required=True, help="made by build_model.py")
    parser.add_argument("--head", type=Path, required=True, help="made by train_head.py")
    parser.add_argument("--weights", type=Path, help="start from these, of an earlier run")
    parser.add_argument("--output", type=Path, required=True, help="the weights, an .npz file")
    parser.add_argument("--tuned-head", type=Path, required=True, help="the head, an .npz file")
    parser.add_argument("--cache", type=Path, help="folder to keep features in")
    parser.add_argument("--workers", type=int, default=2)
    add_settings(parser, TuningSettings())
    return parser


def main() -> None:
    """Compute or load activations and features, train, and save the weights."""
    arguments = _parser().parse_args()
    settings = TuningSettings(**{name: getattr(arguments, name) for name in vars(TuningSettings())})
    paths, members = pictures_and_members(arguments.pictures)
    activations, features = (
        network_outputs(
            output,
            paths,
            arguments.network,
            settings.versions,
            settings.seed,
            arguments.workers,
            arguments.cache,
        )
        for output in (f"{SOURCE}_integers", FEATURES_NAME)
    )
    head = Head.load(arguments.head)
    lower = features[..., UPPER_FEATURES:]
    standardised = standardise(lower, head.mean[UPPER_FEATURES:], head.deviation[UPPER_FEATURES:])
    upper = UpperBlocks(load_pretrained(), read_scales(onnx.load(arguments.network)))
    if arguments.weights:
        upper.load(dict(np.load(arguments.weights)))
    tuned = tune(upper, head, Pictures(activations, standardised, members), settings)
    np.savez(arguments.output, **upper.tuned())
    tuned.save(arguments.tuned_head)


if __name__ == "__main__":
    main()
