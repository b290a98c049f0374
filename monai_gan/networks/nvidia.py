"""Weights of NVIDIA's StyleGAN2-ADA release for PyTorch in this package's networks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from monai_gan.errors import WeightsError
from monai_gan.networks.blocks.style_layers import TAPS
from monai_gan.networks.nets.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from monai_gan.networks.published import fill, named, read_published

_LAYERS = {"torgb": "to_image", "noise_const": "noise", "const": "constant", "fromrgb": "from_image"}
_LAST = {"conv": "conv", "fc": "linear", "out": "out"}


def load_nvidia_stylegan2(
    network: StyleGAN2Generator | StyleGAN2Discriminator, source: Path | str | Mapping[str, Any], key: str | None = None
) -> None:
    """Fill a network from a state dict of NVIDIA's release (``G_ema.state_dict()`` or ``D.state_dict()``), strictly.

    The release's own files hold code, which is not run here: save the state dicts with its program first. The network
    must be two-dimensional, with the numbers of the release: ``latent_size`` and ``style_size`` 512, ``channels``
    ``channel_base / image_size``, ``mapping_layers`` 8 or, for small sets, 2. Residual discriminators and generators
    with output skips are those that the release trains.

    Args:
        network: is filled.
        source: the file or the state dict.
        key: where in ``source`` the state dict is.

    Raises:
        WeightsError: the file is missing, damaged or no state dict, does not fit the network, or was trained with
            another filter.
    """
    state = {}
    generator = isinstance(network, StyleGAN2Generator)
    image_size = network.image_size[0]
    for name, value in read_published(source, key).items():
        if name.endswith("resample_filter"):
            _check_filter(value, source)
            continue
        renamed = _generator_name(name) if generator else _discriminator_name(name, image_size)
        state[renamed] = value.reshape(1, 1, *value.shape) if renamed.endswith(".noise") else value
    fill(network, state, source)


def _generator_name(name: str) -> str:
    """``synthesis.b8.torgb.weight`` is ``blocks.1.to_image.weight``."""
    if match := re.fullmatch(r"synthesis\.b(\d+)\.(.+)", name):
        rest = ".".join(_LAYERS.get(part, part) for part in match[2].split("."))
        return f"blocks.{_halvings(int(match[1]), 4)}.{rest}"
    return _mapping_name(name)


def _discriminator_name(name: str, image_size: int) -> str:
    """``b64.conv0.weight`` is ``blocks.0.conv0.weight`` of a network for 64 pixels."""
    if match := re.fullmatch(r"b(\d+)\.(\w+)\.(\w+)", name):
        size, layer, rest = int(match[1]), match[2], match[3]
        if layer == "fromrgb":
            return f"from_image.{rest}"
        if size == 4 and layer in _LAST:
            return f"{_LAST[layer]}.{rest}"
        return f"blocks.{_halvings(image_size, size)}.{layer}.{rest}"
    return _mapping_name(name)


def _mapping_name(name: str) -> str:
    return re.sub(r"^mapping\.fc(\d+)\.", r"mapping.layers.\1.", name).replace("mapping.w_avg", "mapping.average")


def _halvings(large: int, small: int) -> int:
    return round(math.log2(large / small))


def _check_filter(value: Tensor, source: Any) -> None:
    taps = torch.tensor(TAPS)
    if value.shape != (4, 4) or not torch.allclose(value.float().cpu(), torch.outer(taps, taps), atol=1e-4):
        raise WeightsError(
            f"The weights {named(source)} were trained with another filter than [1, 3, 3, 1], that of these networks."
        )
