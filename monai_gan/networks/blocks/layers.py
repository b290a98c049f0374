"""Normalisation and activation from MONAI's specifications, with ``None`` and a layer norm of any size."""

from __future__ import annotations

from typing import Any

from monai.networks.layers.factories import split_args
from monai.networks.layers.utils import get_act_layer, get_norm_layer
from torch import nn

LayerSpec = str | tuple[str, dict[str, Any]] | None


def norm_layer(norm: LayerSpec, spatial_dims: int, channels: int) -> nn.Module:
    """Build a normalisation from MONAI's specification.

    ``"layer"`` becomes a group norm with one group: the same statistics as layer norm over (C, *S), with gain and bias
    per channel instead of per pixel, so that it needs no image size.

    Args:
        norm: name, (name, arguments) or None for no normalisation.
        spatial_dims: 2 or 3.
        channels: channels of the input.

    Returns:
        The layer, an identity for None.

    Raises:
        ValueError: when the specification names no MONAI norm or lacks an argument.
    """
    if not norm:
        return nn.Identity()
    try:
        name, arguments = split_args(norm)  # type: ignore[no-untyped-call]
        if name.lower() == "layer":
            return nn.GroupNorm(1, channels, **arguments)
        layer: nn.Module = get_norm_layer((name, arguments), spatial_dims, channels)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"norm={norm!r} cannot be built for {channels} channels: {error}") from error
    return layer


def act_layer(act: LayerSpec, *, inplace: bool | None = None) -> nn.Module:
    """Build an activation from MONAI's specification.

    Args:
        act: name, (name, arguments) or None for no activation.
        inplace: overrides the layer's ``inplace`` where it has one.

    Returns:
        The layer, an identity for None.

    Raises:
        ValueError: when the specification names no MONAI activation or has a wrong argument.
    """
    if not act:
        return nn.Identity()
    try:
        layer: Any = get_act_layer(act)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"act={act!r} cannot be built: {error}") from error
    if inplace is not None and hasattr(layer, "inplace"):
        layer.inplace = inplace
    built: nn.Module = layer
    return built
