"""Convolutions of images whose kernels are never trained, in the forms that are fastest on CPUs."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.ops import _functorch, dispatch
from monai_gan.ops._cpu import winograd

#: Fewer tiles do not pay for the transformation of the kernels, in layers of up to so many kernels and in larger ones;
#: nor do narrower layers pay for that of the images.
_FEWEST_TILES, _MANY_KERNELS, _NARROWEST = (32, 64), 65536, 32


class FrozenConv2d(nn.Conv2d):
    """``Conv2d`` for kernels that need no gradient; all derivatives of the input are there.

    On CPUs two kinds of layers take forms of their own, others and all other devices those of torch:

    - kernels of 3 x 3 with a stride of 1, in float32: Winograd's minimal filtering with tiles of 4 x 4 (Lavin and Gray
      2016, arXiv 1509.09308), a quarter of the multiplications, in both directions. It rounds a little more: by some
      1e-6 of the results' standard deviation, where the plain sum has some 4e-7;
    - layers that see images of one or three channels: the gradient as a product of matrices whose columns are summed
      into the image, as torch's own takes many times longer than the convolution.
    """

    @classmethod
    def of(cls, convolution: nn.Conv2d) -> FrozenConv2d:
        """The same convolution, with the same tensors."""
        frozen = cls.__new__(cls)
        frozen.__dict__ = convolution.__dict__
        return frozen

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        given = [one for one in (input, weight, bias) if one is not None]
        if input.ndim == 4 and self.groups == 1 and self.padding_mode == "zeros" and _plain(given):
            if self._suits_tiles(input):
                return _Winograd.apply(input, weight, bias, False)  # type: ignore[no-any-return, no-untyped-call]
            if self._suits_columns(input):
                return _ByColumns.apply(input, weight, bias, self.stride, self.padding, self.dilation)  # type: ignore[no-any-return, no-untyped-call]
        return super()._conv_forward(input, weight, bias)

    def _suits_tiles(self, x: Tensor) -> bool:
        form = (self.kernel_size, self.stride, self.padding, self.dilation)
        channels = self.in_channels, self.out_channels
        if x.dtype != torch.float32 or form != ((3, 3), (1, 1), (1, 1), (1, 1)):
            return False
        if not (dispatch.native_may_serve() and winograd.is_fast()):
            return False
        batch, _, height, width = x.shape
        tiles = batch * -(-height // winograd.TILE) * -(-width // winograd.TILE)
        return (
            all(one >= _NARROWEST and one % winograd.CHANNELS == 0 for one in channels)
            and tiles >= _FEWEST_TILES[self.in_channels * self.out_channels > _MANY_KERNELS]
            and 2 * tiles * winograd.TILE**2 <= 3 * batch * height * width
        )

    def _suits_columns(self, x: Tensor) -> bool:
        taps = self.in_channels * self.kernel_size[0] * self.kernel_size[1]
        # More columns than results would cost more than they save.
        return self.in_channels <= 3 and taps <= 2 * self.out_channels and not isinstance(self.padding, str)


def _plain(given: list[Tensor]) -> bool:
    """Whether input, weight and bias are numbers of one type in the memory of the CPU, the last two constant."""
    return (
        _functorch.may_pass_dispatcher(given)
        and not torch.is_autocast_enabled("cpu")
        and all(one.device.type == "cpu" and one.dtype == given[0].dtype for one in given)
        and not any(one.requires_grad for one in given[1:])
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


class _ByColumns(torch.autograd.Function):
    """A convolution whose gradient is first computed per tap and position."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.geometry = x.shape[2:], (dilation, padding, stride)
        return F.conv2d(x, weight, bias, stride, padding, dilation)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        columns = weight.flatten(1).mT @ grad.flatten(2)
        return F.fold(columns, ctx.size, weight.shape[2:], *ctx.geometry), None, None, None, None, None
