"""Weights in the layout of NVIDIA's release give what its formulas give, written out here from its published code."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.errors import WeightsError
from monai_gan.networks.nets import StyleGAN2Discriminator, StyleGAN2Generator
from monai_gan.networks.nvidia import load_nvidia_stylegan2
from monai_gan.ops import upfirdn

State = dict[str, Tensor]
TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
Z, W, CLASSES, WIDTHS = 6, 5, 3, {4: 8, 8: 4}


def normalise(x: Tensor) -> Tensor:
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def dense(state: State, name: str, x: Tensor, rate: float = 1.0, act: bool = False) -> Tensor:
    weight = state[f"{name}.weight"]
    y = x @ (weight * rate / math.sqrt(weight.shape[1])).T + state[f"{name}.bias"] * rate
    return F.leaky_relu(y, 0.2) * math.sqrt(2) if act else y


def mapping(state: State, prefix: str, z: Tensor | None, c: Tensor) -> Tensor:
    parts = [] if z is None else [normalise(z)]
    x = torch.cat([*parts, normalise(dense(state, f"{prefix}.embed", c))], 1)
    for layer in range(2):
        x = dense(state, f"{prefix}.fc{layer}", x, 0.01, act=True)
    return x


def modulated(state: State, name: str, x: Tensor, w: Tensor, up: bool = False, last: bool = False) -> Tensor:
    weight = state[f"{name}.weight"]
    style = dense(state, f"{name}.affine", w) / (math.sqrt(weight[0].numel()) if last else 1.0)
    rows = []
    for one, scale in zip(x, style, strict=True):
        kernel = weight * scale[:, None, None]
        if not last:
            kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            row = F.conv_transpose2d(one[None], kernel.transpose(0, 1), stride=2)
            rows.append(upfirdn(row, TAPS, padding=1, gain=4.0))
        else:
            rows.append(F.conv2d(one[None], kernel, padding=kernel.shape[-1] // 2))
    y, bias = torch.cat(rows), state[f"{name}.bias"][:, None, None]
    if last:
        return y + bias
    y = y + state[f"{name}.noise_const"] * state[f"{name}.noise_strength"]
    return F.leaky_relu(y + bias, 0.2) * math.sqrt(2)


def generate(state: State, z: Tensor, c: Tensor) -> Tensor:
    w = mapping(state, "mapping", z, c)
    x = state["synthesis.b4.const"].expand(len(z), -1, -1, -1)
    x = modulated(state, "synthesis.b4.conv1", x, w)
    image = modulated(state, "synthesis.b4.torgb", x, w, last=True)
    x = modulated(state, "synthesis.b8.conv0", x, w, up=True)
    x = modulated(state, "synthesis.b8.conv1", x, w)
    image = upfirdn(image, TAPS, up=2, padding=(2, 1), gain=4.0)
    return image + modulated(state, "synthesis.b8.torgb", x, w, last=True)


def convolve(state: State, name: str, x: Tensor, down: bool = False, gain: float = math.sqrt(2)) -> Tensor:
    weight = state[f"{name}.weight"]
    weight = weight / math.sqrt(weight[0].numel())
    k = weight.shape[-1]
    if down and k == 1:
        y = F.conv2d(upfirdn(x, TAPS, down=2, padding=1), weight)
    elif down:
        y = F.conv2d(upfirdn(x, TAPS, padding=2), weight, stride=2)
    else:
        y = F.conv2d(x, weight, padding=k // 2)
    if f"{name}.bias" not in state:
        return y * gain
    return F.leaky_relu(y + state[f"{name}.bias"][:, None, None], 0.2) * gain


def judge(state: State, image: Tensor, c: Tensor) -> Tensor:
    x = convolve(state, "b8.fromrgb", image)
    skip = convolve(state, "b8.skip", x, down=True, gain=math.sqrt(0.5))
    x = skip + convolve(state, "b8.conv1", convolve(state, "b8.conv0", x), down=True, gain=1.0)
    groups = x.reshape(4, -1, 1, *x.shape[1:])
    spread = ((groups - groups.mean(0)).square().mean(0) + 1e-8).sqrt().mean([2, 3, 4])
    x = torch.cat([x, spread.reshape(-1, 1, 1, 1).repeat(4, 1, 4, 4)], 1)
    x = dense(state, "b4.fc", convolve(state, "b4.conv", x).flatten(1), act=True)
    x = dense(state, "b4.out", x)
    return (x * mapping(state, "mapping", None, c)).sum(1, keepdim=True) / math.sqrt(x.shape[1])


def with_linear(state: State, name: str, out: int, into: int) -> None:
    state[f"{name}.weight"], state[f"{name}.bias"] = torch.randn(out, into), torch.randn(out)


def generator_state() -> State:
    torch.manual_seed(0)
    state: State = {"mapping.w_avg": torch.randn(W), "synthesis.b4.const": torch.randn(8, 4, 4)}
    for name, out, into in (("embed", W, CLASSES), ("fc0", W, Z + W), ("fc1", W, W)):
        with_linear(state, f"mapping.{name}", out, into)
    for size, layer, into in ((4, "conv1", 8), (8, "conv0", 8), (8, "conv1", 4)):
        name = f"synthesis.b{size}.{layer}"
        with_linear(state, f"{name}.affine", into, W)
        state[f"{name}.weight"], state[f"{name}.bias"] = (
            torch.randn(WIDTHS[size], into, 3, 3),
            torch.randn(WIDTHS[size]),
        )
        state[f"{name}.noise_strength"], state[f"{name}.noise_const"] = torch.tensor(0.3), torch.randn(size, size)
        state[f"{name}.resample_filter"] = torch.outer(TAPS, TAPS)
    for size, width in WIDTHS.items():
        name = f"synthesis.b{size}.torgb"
        with_linear(state, f"{name}.affine", width, W)
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.randn(3, width, 1, 1), torch.randn(3)
        state[f"synthesis.b{size}.resample_filter"] = torch.outer(TAPS, TAPS)
    return state


def discriminator_state() -> State:
    torch.manual_seed(1)
    state: State = {}
    shapes = {"b8.fromrgb": (4, 3, 1), "b8.conv0": (4, 4, 3), "b8.conv1": (8, 4, 3), "b4.conv": (8, 9, 3)}
    for name, (out, into, k) in shapes.items():
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.randn(out, into, k, k), torch.randn(out)
    state["b8.skip.weight"] = torch.randn(8, 4, 1, 1)
    state["b8.conv1.resample_filter"] = torch.outer(TAPS, TAPS)
    sizes = {"b4.fc": (8, 128), "b4.out": (8, 8), "mapping.embed": (8, CLASSES)}
    for name, size in {**sizes, "mapping.fc0": (8, 8), "mapping.fc1": (8, 8)}.items():
        with_linear(state, name, *size)
    return state


NUMBERS: dict[str, Any] = {
    "image_size": 8,
    "channels": 4,
    "max_channels": 8,
    "mapping_layers": 2,
    "num_classes": CLASSES,
}


def test_generator_gives_what_the_published_formulas_give() -> None:
    network = StyleGAN2Generator(2, Z, 3, style_size=W, **NUMBERS)
    state = generator_state()
    load_nvidia_stylegan2(network, state)
    z, c = torch.randn(2, Z), torch.eye(3)[:2]
    torch.testing.assert_close(network.synthesize(network.styles(z, c)), generate(state, z, c), rtol=1e-3, atol=1e-4)
    assert torch.equal(network.mapping.average, state["mapping.w_avg"])


def test_discriminator_gives_what_the_published_formulas_give() -> None:
    network = StyleGAN2Discriminator(2, 3, **NUMBERS)
    state = discriminator_state()
    load_nvidia_stylegan2(network, {"D": state}, key="D")
    image, c = torch.randn(4, 3, 8, 8), torch.eye(3)[[0, 1, 2, 0]]
    torch.testing.assert_close(network(image, c), judge(state, image, c), rtol=1e-3, atol=1e-3)


def test_other_layouts_are_refused() -> None:
    network = StyleGAN2Generator(2, Z, 3, style_size=W, **NUMBERS)
    state = generator_state()
    short = {name: value for name, value in state.items() if name != "synthesis.b8.conv0.weight"}
    with pytest.raises(WeightsError, match=r"'blocks.1.conv0.weight' is missing"):
        load_nvidia_stylegan2(network, short)
    state["synthesis.b8.resample_filter"] = torch.full((4, 4), 1 / 16)
    with pytest.raises(WeightsError, match="trained with another filter"):
        load_nvidia_stylegan2(network, state)
