"""Run a network over a volume in pieces that fit into memory, and in smaller ones when they did not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from monai_gan.apps.memory import free_bytes, memory_error
from monai_gan.errors import GPUMemoryError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from monai_gan.apps.volume_form import VolumeForm

#: Most slices or windows at once. More are not faster on a CPU, whose caches they leave.
_MOST = {"cpu": 4}
_MOST_ON_GPU = 32
#: Share of the free memory that the network's activations may take.
_SHARE = 0.4
#: Windows below this many voxels a side see too little.
_LEAST_WINDOW = 32
_PROBE = 32


@dataclass(frozen=True)
class VolumePlan:
    """How one volume is run through a network.

    Args:
        device: where.
        batch_size: slices or windows at once.
        roi_size: size of the windows, None for whole slices.
    """

    device: torch.device
    batch_size: int
    roi_size: tuple[int, ...] | None

    @classmethod
    def choose(
        cls, network: nn.Module, form: VolumeForm, size: tuple[int, ...], device: torch.device, batch_size: int | None
    ) -> VolumePlan:
        """The largest pieces that the free memory holds by a cautious estimate.

        Args:
            network: the network, on its device.
            form: of the bundle.
            size: of the volume, in the order of ``form.orientation``.
            device: where the network lies.
            batch_size: what a person asked for, or None.
        """
        if batch_size is not None:
            return cls(device, batch_size, form.roi_size)
        piece = form.roi_size or _padded(_within_slice(size, form), form)
        fitting = int(_SHARE * free_bytes(device) // max(1.0, prod(piece) * _bytes_per_voxel(network, form, device)))
        return cls(device, max(1, min(fitting, _MOST.get(device.type, _MOST_ON_GPU))), form.roi_size)

    def smaller(self, form: VolumeForm, size: tuple[int, ...]) -> VolumePlan | None:
        """The next plan after this one did not fit: half the pieces, then half the window, then the CPU.

        Returns:
            None when nothing is left.
        """
        import torch

        if self.batch_size > 1:
            return replace(self, batch_size=self.batch_size // 2)
        window = self.roi_size or _within_slice(size, form)
        halved = _padded(tuple(ceil(length / 2) for length in window), form)
        if max(halved) >= _LEAST_WINDOW and prod(halved) < prod(window):
            return replace(self, roi_size=halved)
        if self.device.type != "cpu":
            return VolumePlan(torch.device("cpu"), 1, form.roi_size)
        return None

    def pieces(self, form: VolumeForm, size: tuple[int, ...]) -> int:
        """Samples that the network is given for one volume."""
        if form.spatial_dims == 2:
            return size[form.axis] * _windows(_within_slice(size, form), self.roi_size, form.overlap)
        return _windows(size, self.roi_size, form.overlap)

    def describe(self) -> str:
        """One phrase for people."""
        window = "" if self.roi_size is None else f", windows of {' x '.join(map(str, self.roi_size))}"
        return f"{self.batch_size} at once on {self.device}{window}"

    def run(self, volume: Tensor, network: Callable[[Tensor], Tensor], form: VolumeForm) -> Tensor:
        """Infer.

        Args:
            volume: (1, C, X, Y, Z) in [-1, 1], on the CPU.
            network: maps (B, C, *S) on `device` to results on it.
            form: of the bundle.

        Returns:
            (1, C', X', Y', Z'), float32, on the CPU.
        """
        from monai.inferers import Inferer, SlidingWindowInferer

        from monai_gan.inferers import StackedSliceInferer

        inferer: Inferer
        if form.spatial_dims == 2:
            inferer = StackedSliceInferer(
                form.axis, form.num_slices, self.batch_size, form.divisor, self.roi_size, form.overlap
            )
        else:
            # A window larger than the volume pads it.
            window = self.roi_size or _padded(tuple(volume.shape[2:]), form)
            inferer = SlidingWindowInferer(
                window, self.batch_size, form.overlap, mode="gaussian", padding_mode="replicate"
            )
        result: Any = inferer(volume, lambda pieces: network(pieces.to(self.device)).float().cpu())
        return result  # type: ignore[no-any-return]


def run_planned(
    plan: VolumePlan, attempt: Callable[[VolumePlan], Tensor], form: VolumeForm, size: tuple[int, ...]
) -> tuple[Tensor, VolumePlan]:
    """Run with a plan, and with smaller ones while memory runs out.

    Args:
        plan: the first.
        attempt: runs with a plan.
        form: of the bundle.
        size: of the volume.

    Returns:
        What ``attempt`` gave, and the plan that it was given.

    Raises:
        GPUMemoryError, HostMemoryError: the smallest pieces did not fit either.
    """
    while True:
        try:
            return attempt(plan), plan
        except (RuntimeError, MemoryError) as error:
            problem = memory_error(error)
            if problem is None:
                raise
            next_plan = plan.smaller(form, size)
            if next_plan is None:
                raise problem from error
        # Outside of the except clause, whose traceback keeps the tensors that did not fit.
        _empty_cache(plan.device)
        place = "The GPU" if isinstance(problem, GPUMemoryError) else "The computer"
        warnings.warn(f"{place} ran out of memory; going on with {next_plan.describe()}.", RuntimeWarning, stacklevel=1)
        plan = next_plan


def _within_slice(size: tuple[int, ...], form: VolumeForm) -> tuple[int, ...]:
    if form.spatial_dims == 3:
        return size
    return tuple(length for axis, length in enumerate(size) if axis != form.axis)


def _padded(size: tuple[int, ...], form: VolumeForm) -> tuple[int, ...]:
    return tuple(ceil(length / form.divisor) * form.divisor for length in size)


def _windows(size: tuple[int, ...], roi_size: tuple[int, ...] | None, overlap: float) -> int:
    if roi_size is None:
        return 1
    steps = (max(1, int(window * (1 - overlap))) for window in roi_size)
    return prod(
        1 + max(0, ceil((length - window) / step)) for length, window, step in zip(size, roi_size, steps, strict=True)
    )


def _bytes_per_voxel(network: nn.Module, form: VolumeForm, device: torch.device) -> float:
    """Bytes of all that the layers of a network put out, per voxel of its input: more than is alive at one time."""
    import torch

    counts: list[int] = []
    leaves = [module for module in network.modules() if not any(module.children())]
    hooks = [
        leaf.register_forward_hook(lambda module, given, got: counts.append(got.numel() if torch.is_tensor(got) else 0))
        for leaf in leaves
    ]
    try:
        probe = torch.zeros(1, form.in_channels * form.num_slices, *[_PROBE] * form.spatial_dims, device=device)
        with torch.inference_mode():
            network(probe)
    finally:
        for hook in hooks:
            hook.remove()
    return 4.0 * sum(counts) / _PROBE**form.spatial_dims


def _empty_cache(device: torch.device) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
