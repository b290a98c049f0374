"""Writes complete bundles from image to image whose networks are one exact linear layer, so that results are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tiny_bundle import build_tiny_bundle, read_config, write_config
from torch import nn

from monai_gan.bundle import save_weights, write_checksums

FOREGROUND = {"lower": 0.0, "upper": 100.0, "units": "arbitrary"}


def build_volume_bundle(
    folder: Path,
    name: str = "tiny_translator",
    task: str = "translation",
    *,
    layer: nn.Module | None = None,
    definition: dict[str, Any] | None = None,
    num_channels: int = 3,
    volume: dict[str, Any] | None = None,
    **extra: Any,
) -> Path:
    """Write a bundle into ``folder / name`` and return that path.

    By default its network inverts the middle one of three axial slices.

    Args:
        folder: where the bundle goes.
        name: of its folder.
        task: "translation" or "enhancement".
        layer: the network.
        definition: of ``layer``, for ``network_def``.
        num_channels: that the network takes.
        volume: replaces entries of the block of that name.
        **extra: replaces further entries of the block ``monai_gan``.
    """
    root = build_tiny_bundle(folder, name)
    if layer is None or definition is None:
        layer, definition = invert_middle(), invert_middle_definition()
    config = read_config(root, "inference") | {"network_def": definition}
    write_config(root, "inference", config)
    metadata = read_config(root, "metadata")
    dims = extra.get("spatial_dims", 2)
    image = {
        "type": "image",
        "format": "magnitude",
        "modality": "MR",
        "num_channels": num_channels,
        "spatial_shape": [16] * dims,
        "dtype": "float32",
        "value_range": [-1, 1],
        "channel_def": {"0": "image"},
    }
    metadata["network_data_format"] = {
        "inputs": {"image": image},
        "outputs": {"pred": image | {"num_channels": 1, "value_range": []}},
    }
    metadata["monai_gan"] |= {
        "task": task,
        "modality_in": "T1-weighted MR",
        "modality_out": "T2-weighted MR",
        "spacing_mm": [1.0, 1.0, 1.0],
        "intensity": {"in": FOREGROUND, "out": {"minimum": 0, "maximum": 200, "units": "arbitrary, model scale"}},
        "volume": {"orientation": "RAS", "axis": 2, "num_slices": 3, "divisor": 4, "dtype": "float32"} | (volume or {}),
    } | extra
    write_config(root, "metadata", metadata)
    save_weights(layer, root / "models" / "model.pt")
    write_checksums(root)
    return root


def build_two_way_bundle(folder: Path, **extra: Any) -> Path:
    """Write a translation bundle of two directions: "there" keeps the values, "back" inverts them."""
    from monai_gan.networks.nets import TwoWayGenerator

    (there, definition), (back, _) = identity(2), identity(2)
    back.weight.data.fill_(-1.0)  # type: ignore[operator, union-attr]
    two_way = {
        "_target_": "monai_gan.networks.nets.TwoWayGenerator",
        "generator": definition,
        "inverse_generator": definition,
    }
    return build_volume_bundle(
        folder,
        layer=TwoWayGenerator(there, back),
        definition=two_way,
        num_channels=1,
        volume={"num_slices": 1},
        labels=["there", "back"],
        **extra,
    )


def invert_middle() -> nn.Module:
    """Maps (B, 3, H, W) to the negative of the middle channel."""
    layer = nn.Conv2d(3, 1, 1, bias=False)
    layer.weight.data = torch.tensor([0.0, -1.0, 0.0]).view(1, 3, 1, 1)
    return layer


def invert_middle_definition() -> dict[str, Any]:
    """Definition of `invert_middle`."""
    return {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 1, "bias": False}


def double(spatial_dims: int) -> tuple[nn.Module, dict[str, Any]]:
    """Repeats each voxel twice along all axes, and its definition."""
    kind = f"ConvTranspose{spatial_dims}d"
    arguments = {"in_channels": 1, "out_channels": 1, "kernel_size": 2, "stride": 2, "bias": False}
    layer: nn.Module = getattr(nn, kind)(**arguments)
    layer.weight.data.fill_(1.0)  # type: ignore[operator, union-attr]
    return layer, {"_target_": f"torch.nn.{kind}", **arguments}


def identity(spatial_dims: int) -> tuple[nn.Module, dict[str, Any]]:
    """Gives back what it gets, and its definition."""
    kind = f"Conv{spatial_dims}d"
    arguments = {"in_channels": 1, "out_channels": 1, "kernel_size": 1, "bias": False}
    layer: nn.Module = getattr(nn, kind)(**arguments)
    layer.weight.data.fill_(1.0)  # type: ignore[operator, union-attr]
    return layer, {"_target_": f"torch.nn.{kind}", **arguments}
