"""Normalisation and activation as one layer, computed by one fused operation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monai_gan.ops import group_norm_act
from monai_gan.ops.group_norm_act import check_options, reference


class GroupNormAct(nn.Module):
    """Group normalisation, then an activation: ``torch.nn.GroupNorm`` and its successor in one pass over memory.

    The parameters have the names and shapes of ``torch.nn.GroupNorm``, so that state dicts fit. Layouts are kept, and
    first and second derivatives are fused too, see :func:`monai_gan.ops.group_norm_act`. Under TorchScript, tracing and
    ``torch.export`` the layer is plain torch.

    Args:
        num_groups: divides ``num_channels``; 1 is layer normalisation over (C, *S).
        num_channels: C.
        eps: added to the variance, above 0.
        affine: whether there is a gain and a shift per channel.
        activation: ``"leaky_relu"``, ``"relu"``, ``"silu"`` or ``"identity"``.
        negative_slope: of ``"leaky_relu"``.
        device, dtype: of the parameters.

    Raises:
        ValueError: the groups do not divide the channels, ``eps`` is not positive or the activation is unknown.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        activation: str = "leaky_relu",
        negative_slope: float = 0.2,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_options(num_channels, num_groups, eps, activation)
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.activation = activation
        self.negative_slope = negative_slope
        if affine:
            self.weight = nn.Parameter(torch.ones(num_channels, device=device, dtype=dtype))
            self.bias = nn.Parameter(torch.zeros(num_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("weight", None)
            self.register_parameter("bias", None)

    def reset_parameters(self) -> None:
        """Gain 1 and shift 0."""
        if self.affine:
            nn.init.ones_(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, *S) to the same shape, type and layout.

        Raises:
            ValueError: the input has another number of channels.
        """
        if torch.jit.is_scripting():
            return reference(x, self.num_groups, self.weight, self.bias, self.eps, self.activation, self.negative_slope)
        else:  # noqa: RET505 - TorchScript compiles what follows an if without an else
            if not torch.jit.is_tracing() and x.shape[1] != self.num_channels:
                raise ValueError(
                    f"an input of shape {list(x.shape)} does not fit num_channels={self.num_channels}: "
                    "give (N, C, *S) with so many channels."
                )
            return group_norm_act(
                x,
                self.num_groups,
                self.weight,
                self.bias,
                eps=self.eps,
                activation=self.activation,
                negative_slope=self.negative_slope,
            )

    def extra_repr(self) -> str:
        slope = f", negative_slope={self.negative_slope}" if self.activation == "leaky_relu" else ""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"activation={self.activation}{slope}"
        )


class InstanceNormAct(GroupNormAct):
    """Instance normalisation, then an activation: a :class:`GroupNormAct` with a group per channel.

    Unlike ``torch.nn.InstanceNorm2d`` and ``3d`` it keeps the channels-last layout and accepts a single pixel. Gain and
    shift are off by default, as there.

    Args:
        num_channels: C.
        eps, affine, activation, negative_slope, device, dtype: as for :class:`GroupNormAct`.
    """

    def __init__(
        self,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = False,
        activation: str = "leaky_relu",
        negative_slope: float = 0.2,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(num_channels, num_channels, eps, affine, activation, negative_slope, device, dtype)
