"""Convolutions of images whose kernels are never trained, with fewer multiplications where that is faster."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from monai_gan.ops import _functorch, dispatch
from monai_gan.ops._cpu import winograd

#: Fewer tiles do not pay for the transformation of the kernels, nor narrower layers for that of the images.
_FEWEST_TILES, _NARROWEST = 32, 32


class FrozenConv2d(nn.Conv2d):
    """``Conv2d`` for kernels that need no gradient.

    On CPUs, in float32, kernels of 3 x 3 with a stride of 1 go by Winograd's minimal filtering with tiles of 4 x 4
    (Lavin and Gray 2016, arXiv 1509.09308), a quarter of the multiplications. It rounds a little more: by some 1e-6 of
    the results' standard deviation, where the plain sum has some 4e-7. Everything else goes the plain way, as does all
    when the operations are served by plain torch. Any derivative of the input is there, the gradient likewise fast.
    """

    @classmethod
    def of(cls, convolution: nn.Conv2d) -> FrozenConv2d:
        """The same convolution, with the same tensors."""
        frozen = cls.__new__(cls)
        frozen.__dict__ = convolution.__dict__
        return frozen

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self._suits and _serves(input, weight, bias):
            return _Winograd.apply(input, weight, bias, False)  # type: ignore[no-any-return, no-untyped-call]
        return super()._conv_forward(input, weight, bias)

    @property
    def _suits(self) -> bool:
        form = (self.kernel_size, self.stride, self.padding, self.dilation, self.groups, self.padding_mode)
        channels = self.in_channels, self.out_channels
        return form == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros") and all(
            one >= _NARROWEST and one % winograd.CHANNELS == 0 for one in channels
        )


def _serves(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether what is asked for, and what surrounds the call, lets the fast form serve."""
    if torch.jit.is_tracing() or torch.compiler.is_compiling() or _functorch.differentiating():
        return False
    given = [one for one in (x, weight, bias) if one is not None]
    if x.ndim != 4 or not all(one.device.type == "cpu" and one.dtype == torch.float32 for one in given):
        return False
    if torch.is_autocast_enabled("cpu") or not dispatch.native_may_serve():
        return False
    batch, _, height, width = x.shape
    tiles = batch * -(-height // winograd.TILE) * -(-width // winograd.TILE)
    return (
        tiles >= _FEWEST_TILES
        and 2 * tiles * winograd.TILE**2 <= 3 * batch * height * width
        and not any(one.requires_grad for one in given[1:])
        and all(type(one) in (Tensor, nn.Parameter) and _functorch.is_plain(one) for one in given)
    )


class _Winograd(torch.autograd.Function):
    """A convolution with a stride of 1 and a border of one zero; its derivative is another one, with turned kernels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, turned: bool) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.turned = turned
        x, weight = (one.contiguous(memory_format=torch.channels_last) for one in (x, weight))
        return winograd.convolve(x, weight, bias, turned)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        return _Winograd.apply(grad, weight, None, not ctx.turned), None, None, None  # type: ignore[no-untyped-call]
