"""The upper blocks of the network in torch, computed as its integers compute them.

Activations are the integers of the quantized network, less their zero, in bfloat16, which holds
all of 8 bits. They are laid out as (channels, images, positions): a pointwise convolution is then
one product of matrices, and a depthwise one a product for each channel with a matrix made of its
taps. Rounding lets gradients through, saturation does not.

Reference:
    Jacob et al.: Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference, 2018.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from feature_network import Convolution, Network
from onnx import numpy_helper
from torch import Tensor
from torch.autograd.function import FunctionCtx

Array = npt.NDArray[Any]
Scales = Mapping[str, tuple[float, float]]

SOURCE = "block10"
SOURCE_CHANNELS, SOURCE_SIDE = 112, 10
UPPER_FEATURES = 1280 + 3 * (320 + 192)
"""Features that the upper blocks give; they come first."""

_FIRST = 11
_SIDE = 5
_PRECISION = torch.bfloat16
_WEIGHT_LIMIT = 64
_LEAST_MEAN = 1e-5  # below it the square root lets no gradient through


def read_scales(model: onnx.ModelProto) -> Scales:
    """Return the step and the zero of every quantized activation of a network."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    zeros = [name for name in stored if name.endswith("_zero")]
    scales = {}
    for zero in zeros:
        name = zero.removesuffix("_zero")
        step = numpy_helper.to_array(stored[f"{name}_scale"])
        if step.ndim == 0:
            scales[name] = float(step), float(numpy_helper.to_array(stored[zero]))
    return scales


class _Pointwise(torch.autograd.Function):
    @staticmethod
    def forward(
        context: FunctionCtx,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor,
        limits: tuple[float, float],
    ) -> Tensor:
        outputs = torch.addmm(bias[:, None], weight, inputs).round_().clamp_(*limits)
        context.save_for_backward(inputs, weight, outputs)
        context.limits = limits
        return outputs

    @staticmethod
    def backward(context: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight, outputs = context.saved_tensors
        gradient = torch.ops.aten.hardtanh_backward(gradient, outputs, *context.limits)
        of_inputs = weight.t() @ gradient if context.needs_input_grad[0] else None
        return of_inputs, gradient @ inputs.t(), _row_sums(gradient), None


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        context: FunctionCtx,
        inputs: Tensor,
        matrices: Tensor,
        bias: Tensor,
        limits: tuple[float, float],
    ) -> Tensor:
        outputs = torch.bmm(inputs, matrices).add_(bias[:, None, None]).round_().clamp_(*limits)
        context.save_for_backward(inputs, matrices, outputs)
        context.limits = limits
        return outputs

    @staticmethod
    def backward(context: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, matrices, outputs = context.saved_tensors
        gradient = torch.ops.aten.hardtanh_backward(gradient, outputs, *context.limits)
        of_inputs = torch.bmm(gradient, matrices.transpose(1, 2))
        of_matrices = torch.bmm(inputs.transpose(1, 2), gradient)
        return of_inputs, of_matrices, _row_sums(gradient.flatten(1)), None


class _Addition(torch.autograd.Function):
    @staticmethod
    def forward(
        context: FunctionCtx,
        left: Tensor,
        right: Tensor,
        steps: tuple[float, float],
        limits: tuple[float, float],
    ) -> Tensor:
        context.steps = steps
        total = (left.float() * steps[0]).add_(right.float(), alpha=steps[1])
        return total.round_().clamp_(*limits).to(_PRECISION)

    @staticmethod
    def backward(context: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return gradient * context.steps[0], gradient * context.steps[1], None, None


def _row_sums(gradient: Tensor) -> Tensor:
    # A product is faster than a sum that changes the precision.
    return (gradient @ torch.ones(gradient.shape[1], 1, dtype=gradient.dtype))[:, 0]


class UpperBlocks(torch.nn.Module):
    """Blocks 11 to 15, the last layer and their pooling, with trainable weights."""

    def __init__(self, network: Network, scales: Scales) -> None:
        super().__init__()
        self.scales = scales
        upper = list(enumerate(network.blocks))[_FIRST:]
        self.residual = {f"block{index}": block.residual for index, block in upper}
        layers = [layer for _, block in upper for layer in block.convolutions]
        self.layers = {layer.name: layer for layer in [*layers, network.last]}
        self.weight = torch.nn.ParameterDict()
        self.bias = torch.nn.ParameterDict()
        self.taps: dict[str, Tensor] = {}
        side = SOURCE_SIDE
        for name, layer in self.layers.items():
            weight = torch.from_numpy(layer.weight.reshape(len(layer.weight), -1).copy())
            self.weight[name] = torch.nn.Parameter(weight)
            self.bias[name] = torch.nn.Parameter(torch.from_numpy(layer.bias.copy()))
            if layer.groups > 1:
                self.taps[name] = torch.from_numpy(_taps(side, layer))
                side //= layer.stride

    def forward(self, activations: Tensor) -> Tensor:
        """Return the float32 (n, UPPER_FEATURES) features of uint8 (n, channels, positions)."""
        current = activations.permute(1, 0, 2).to(_PRECISION) - self.scales[SOURCE][1]
        source, ends = SOURCE, {}
        for name, residual in self.residual.items():
            before, source_before = current, source
            for part in ("expand", "depthwise", "project"):
                current = self._convolution(current, source, f"{name}_{part}")
                source = f"{name}_{part}"
            if residual:
                step, limits = self._range(name)
                steps = self.scales[source_before][0] / step, self.scales[source][0] / step
                current = _Addition.apply(before, current, steps, limits)
                source = name
            ends[name] = current, self.scales[source][0]
        last = self._convolution(current, source, "last").sum(-1, dtype=torch.float32)
        mean = last * (self.scales["last"][0] / _SIDE**2)
        parts = [mean.clamp_min(_LEAST_MEAN).sqrt().T]
        for name in ("block15", "block14"):
            parts += _averages(*ends[name])
        return torch.cat(parts, 1)

    def load(self, tuned: Mapping[str, Array]) -> None:
        """Take weights and biases that `tuned` has returned."""
        for name in self.layers:
            weight, bias = (
                torch.from_numpy(tuned[f"{name}_{part}"]) for part in ("weight", "bias")
            )
            self.weight[name].data.copy_(weight.flatten(1))
            self.bias[name].data.copy_(bias)

    def tuned(self) -> dict[str, Array]:
        """Return the weight and the bias of every layer as the network has them."""
        arrays: dict[str, Array] = {}
        for name, layer in self.layers.items():
            weight = self.weight[name].detach().numpy()
            arrays[f"{name}_weight"] = weight.reshape(layer.weight.shape).copy()
            step = self.scales[name][0]
            arrays[f"{name}_bias"] = (self._bias(name).detach().float() * step).numpy()
        return arrays

    def _range(self, name: str) -> tuple[float, tuple[float, float]]:
        step, zero = self.scales[name]
        return step, (-zero, 255 - zero)

    def _bias(self, name: str) -> Tensor:
        return (self.bias[name] / self.scales[name][0]).to(_PRECISION)

    def _convolution(self, inputs: Tensor, source: str, name: str) -> Tensor:
        step, limits = self._range(name)
        weight = _rounded(self.weight[name]) * (self.scales[source][0] / step)
        if name in self.taps:
            taps = self.taps[name]
            padded = torch.nn.functional.pad(weight, (0, 1))
            matrices = padded[:, taps.flatten()].reshape(len(weight), *taps.shape)
            outputs: Tensor = _Depthwise.apply(
                inputs, matrices.to(_PRECISION), self._bias(name), limits
            )
            return outputs
        flat = inputs.reshape(len(inputs), -1)
        outputs = _Pointwise.apply(flat, weight.to(_PRECISION), self._bias(name), limits)
        return outputs.reshape(-1, *inputs.shape[1:])


def _taps(side: int, layer: Convolution) -> Array:
    """Which tap leads from each position to each position behind it; one too many for none."""
    size, stride = layer.weight.shape[-1], layer.stride
    before = (size - stride) // 2
    inputs, outputs = np.arange(side), np.arange(side // stride)
    offset = inputs[:, None] - stride * outputs[None] + before
    inside = (offset >= 0) & (offset < size)
    taps = size * offset[:, None, :, None] + offset[None, :, None, :]
    reached = inside[:, None, :, None] & inside[None, :, None, :]
    return np.where(reached, taps, size**2).reshape(side**2, -1)


def _rounded(weight: Tensor) -> Tensor:
    with torch.no_grad():
        step = (weight.abs().amax(1, keepdim=True) / _WEIGHT_LIMIT).clamp_min(1e-12)
        change = (weight / step).round().clamp(-_WEIGHT_LIMIT, _WEIGHT_LIMIT) * step - weight
    return weight + change


def _averages(integers: Tensor, step: float) -> list[Tensor]:
    values = integers.float()
    centre = values.unflatten(2, (_SIDE, _SIDE))[:, :, 1:-1, 1:-1]
    means = values.mean(-1) * step, (values * values).mean(-1) * step**2
    return [part.T for part in (*means, centre.mean((2, 3)) * step)]
