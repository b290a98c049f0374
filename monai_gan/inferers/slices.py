"""Run a 2-D network over all slices of a volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from monai.inferers import Inferer
from monai.inferers.utils import sliding_window_inference
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.transforms.slices import check_slices, stack_slices


class StackedSliceInferer(Inferer):
    """Runs a 2-D network slice by slice, each slice with its neighbours as channels.

    MONAI's ``SliceInferer`` gives a network single slices; this one gives stacks, pads slices to sizes that the network
    can halve, and puts large slices together from overlapping windows with Gaussian weights. The network may multiply
    the resolution of the slices by a whole number.

    Args:
        axis: spatial axis that the slices are perpendicular to; 2 is axial in RAS orientation.
        num_slices: slices per stack, odd.
        batch_size: stacks computed at once.
        divisor: slices are padded by their edge values to multiples of this and cut back.
        roi_size: size of the windows within a slice; None takes whole slices.
        overlap: share of a window that neighbouring windows have in common.

    Raises:
        InputError: a number is not possible, or at the call the volume is not five-dimensional.
    """

    def __init__(
        self,
        axis: int = 2,
        num_slices: int = 1,
        batch_size: int = 8,
        divisor: int = 16,
        roi_size: Sequence[int] | None = None,
        overlap: float = 0.25,
    ) -> None:
        super().__init__()
        check_slices(axis, num_slices)
        for name, value in (("batch_size", batch_size), ("divisor", divisor)):
            if value < 1:
                raise InputError(f"{name}={value} is not possible: give 1 or more.")
        if not 0 <= overlap < 1:
            raise InputError(f"overlap={overlap} is not possible: give a share from 0 to below 1.")
        self.axis, self.num_slices = axis, num_slices
        self.batch_size, self.divisor = batch_size, divisor
        self.roi_size = None if roi_size is None else tuple(roi_size)
        self.overlap = overlap

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Infer a volume.

        Args:
            inputs: (N, C, X, Y, Z).
            network: maps (B, C * num_slices, H, W) to (B, C', kH, kW).
            *args, **kwargs: further arguments of the network.

        Returns:
            (N, C', *S), S as in ``inputs`` but for the factor k of the two axes within a slice.
        """
        if inputs.ndim != 5:
            raise InputError(f"inputs has shape {tuple(inputs.shape)}: give five axes, (N, C, X, Y, Z).")
        depth = inputs.shape[self.axis + 2]
        results = []
        for index in torch.arange(depth).split(self.batch_size):
            stacks = stack_slices(inputs, index, self.axis, self.num_slices)
            inferred = self._slices(stacks.flatten(0, 1), lambda x: network(x, *args, **kwargs))
            results.append(inferred.unflatten(0, (len(inputs), len(index))))
        return torch.cat(results, dim=1).movedim(1, 2).movedim(2, self.axis + 2)

    def _slices(self, slices: Tensor, network: Callable[[Tensor], Tensor]) -> Tensor:
        height, width = slices.shape[2:]
        missing = [-size % self.divisor for size in (height, width)]
        padded = F.pad(slices, (0, missing[1], 0, missing[0]), mode="replicate")
        if self.roi_size is None or all(
            size <= window for size, window in zip(padded.shape[2:], self.roi_size, strict=True)
        ):
            result: Any = network(padded)
        else:
            result = sliding_window_inference(
                padded, self.roi_size, len(slices), network, overlap=self.overlap, mode="gaussian"
            )
        factors = [got // had for got, had in zip(result.shape[2:], padded.shape[2:], strict=True)]
        cut: Tensor = result[..., : height * factors[0], : width * factors[1]]
        return cut
