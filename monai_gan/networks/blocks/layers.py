"""Normalisation and activation from MONAI's specifications, fused where they can be."""

from __future__ import annotations

from typing import Any

from monai.networks.blocks.activation import MemoryEfficientSwish, Swish
from monai.networks.layers.factories import split_args
from monai.networks.layers.utils import get_act_layer, get_norm_layer
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm

from monai_gan.networks.blocks.norm_act import GroupNormAct

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


def norm_act_layers(norm: LayerSpec, act: LayerSpec, spatial_dims: int, channels: int) -> tuple[nn.Module, nn.Module]:
    """Build a normalisation and the activation after it, as one fused layer and an identity where that is possible.

    Both keep their places in a network, so that its state dict is the same either way.

    Args:
        norm, act: MONAI specifications or None.
        spatial_dims: 2 or 3.
        channels: channels of the input.

    Returns:
        The two layers.

    Raises:
        ValueError: as :func:`norm_layer` and :func:`act_layer`.
    """
    normalise = norm_layer(norm, spatial_dims, channels)
    # Without a norm the activation reads a tensor that may be needed elsewhere, so it must not write into it.
    activate = act_layer(act, inplace=None if norm else False)
    if obstacle_to_fusing(normalise) != "":
        return normalise, activate
    if activation_name(activate):
        return fused_layer(normalise, activate), nn.Identity()
    return fused_layer(normalise), activate


def obstacle_to_fusing(module: nn.Module) -> str | None:
    """Why a normalisation cannot become a :class:`GroupNormAct`: an empty string if it can, None if it is none."""
    if isinstance(module, GroupNormAct):
        return None
    if isinstance(module, nn.GroupNorm):
        return ""
    if isinstance(module, _InstanceNorm):
        if module.track_running_stats:
            return "it keeps running statistics"
        # A lazy layer learns its channels at the first call.
        return "" if module.num_features else "its number of channels is not known before its first call"
    if isinstance(module, nn.LayerNorm):
        if module.elementwise_affine or len(module.normalized_shape) < 2:
            return "it normalises other axes than (C, *S), or has a gain per pixel"
        return ""
    if isinstance(module, _NormBase):
        return "batch normalisation couples samples"
    return None


def activation_name(module: nn.Module) -> str:
    """What the fused layer calls an activation layer; an empty string where it has none like it."""
    if isinstance(module, nn.LeakyReLU):
        return "leaky_relu"
    if isinstance(module, nn.ReLU):
        return "relu"
    if isinstance(module, nn.SiLU | MemoryEfficientSwish) or (isinstance(module, Swish) and module.alpha == 1.0):
        return "silu"
    return ""


def fused_layer(norm: nn.Module, activation: nn.Module | None = None) -> GroupNormAct:
    """A fused layer with the parameters, mode and device of a normalisation that has no obstacle.

    Args:
        norm: group, instance or layer normalisation; its parameters are shared with the result.
        activation: a layer that :func:`activation_name` knows, or None.

    Returns:
        The layer that does what both did.
    """
    affine = getattr(norm, "weight", None) is not None
    if isinstance(norm, nn.GroupNorm):
        groups, channels = norm.num_groups, norm.num_channels
    elif isinstance(norm, nn.LayerNorm):
        groups, channels = 1, norm.normalized_shape[0]
    else:
        groups = channels = norm.num_features  # type: ignore[assignment]
    name = "identity" if activation is None else activation_name(activation)
    slope = getattr(activation, "negative_slope", 0.2)
    fused = GroupNormAct(groups, channels, norm.eps, affine, name, slope, device="meta")  # type: ignore[arg-type]
    if affine:
        fused.weight, fused.bias = norm.weight, norm.bias  # type: ignore[assignment]
    return fused.train(norm.training)
