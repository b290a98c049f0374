"""What networks of volumes need: standardised intensities, channels one by one, and distances per channel."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from monai_gan.errors import InputError

#: Below any variance of images, and above what float32 cannot invert.
_TINY = 1e-24


def check_medicalnet(network_type: str, medicalnet: bool, spatial_dims: int, volumes: bool, channel_wise: bool) -> None:
    """Whether a network, the dimensions and the kind of result go together.

    Args:
        network_type: name, for errors.
        medicalnet: whether it is a network of volumes.
        spatial_dims: 2 or 3.
        volumes: whether volumes are seen as a whole, not by slices.
        channel_wise: whether a loss per channel is asked for.

    Raises:
        InputError: if they do not.
    """
    if medicalnet and not volumes:
        raise InputError(
            f"network_type='{network_type}' sees volumes, and spatial_dims={spatial_dims} with "
            f"is_fake_3d={spatial_dims == 3} gives it images: pass spatial_dims=3 and is_fake_3d=False."
        )
    if volumes and not medicalnet:
        raise InputError(
            f"network_type='{network_type}' sees images, and spatial_dims=3 with is_fake_3d=False gives it volumes: "
            "pass is_fake_3d=True, or one of MedicalNet's types."
        )
    if channel_wise and not medicalnet:
        raise InputError(
            f"channel_wise=True needs one of MedicalNet's types, and network_type='{network_type}' is none: "
            "leave it out."
        )
    if medicalnet and not channel_wise:
        warnings.warn(
            f"network_type='{network_type}' can give a loss per channel; channel_wise=True asks for it.", stacklevel=3
        )


def standardised(volumes: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the whole batch, as MONAI does; constant volumes become 0."""
    variance, mean = torch.var_mean(volumes)
    return (volumes - mean) * torch.rsqrt(variance + _TINY)


def channel_maps(network: nn.Module, volumes: Tensor) -> list[Tensor]:
    """Feature maps (N, C C', *S') of volumes (N, C, *S), whose channels are seen one by one."""
    (maps,) = network(volumes.flatten(0, 1)[:, None])
    return [maps.unflatten(0, volumes.shape[:2]).flatten(1, 2)]


def channel_distances(maps: Sequence[Tensor], target_maps: Sequence[Tensor], channels: int) -> Tensor:
    """Distances (N, C), whose sum over channels is that of the whole.

    Feature vectors have length one over all channels together, so that channels do not come apart.
    """
    (one,), (other,) = maps, target_maps
    squares = (_unit(one) - _unit(other)).square().unflatten(1, (channels, -1))
    return squares.sum(2).flatten(2).mean(2)


def _unit(maps: Tensor) -> Tensor:
    """Vectors over their length, which is taken away from zero before the root so that it has a derivative there."""
    maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
    return maps * torch.rsqrt(maps.square().sum(1, keepdim=True) + 1e-10)
