"""Structural similarity against MONAI and other packages, those of them that are installed.

Value and gradient with respect to one image, as a loss needs them. Other packages serve what they can: not each has
volumes. Each compares with windows that stay inside the image where it can be told to.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import torch
from monai.losses import SSIMLoss as MonaiSSIMLoss
from torch import Tensor

from benchmarks.timing import compare
from monai_gan.losses import MultiScaleSSIMLoss, SSIMLoss
from monai_gan.ops.ssim import reference

Loss = Callable[[Tensor, Tensor], Tensor]
#: Name, shape.
SHAPES = {
    "cpu": [
        ("256 px", (8, 1, 256, 256)),
        ("volume 64", (1, 1, 64, 64, 64)),
        ("volume 96", (1, 1, 96, 96, 96)),
    ],
    "cuda": [
        ("256 px", (32, 1, 256, 256)),
        ("volume 64", (4, 1, 64, 64, 64)),
        ("volume 96", (4, 1, 96, 96, 96)),
    ],
}
SCALES_SHAPE = (8, 1, 256, 256)
WINDOW = 11
#: Opponents that take seconds where ours takes milliseconds are not timed more often than this.
SLOW_ROUNDS = 3


def measure(device: str, rounds: int, dtype: torch.dtype, quick: bool) -> Iterator[dict[str, Any]]:
    """All rows of one device and type."""
    for name, shape in SHAPES[device][: 1 if quick else None]:
        losses = {"ours": SSIMLoss(len(shape) - 2), **opponents(shape, compiled=not quick)}
        few = min(rounds, SLOW_ROUNDS) if len(shape) == 5 and device == "cpu" else rounds
        yield _row("ssim, value and gradient", name, losses, device, few, shape, dtype)
    if not quick:
        scales = {"ours": MultiScaleSSIMLoss(2), **scales_opponents()}
        if len(scales) > 1:
            yield _row("ms_ssim, value and gradient", "256 px", scales, device, rounds, SCALES_SHAPE, dtype)


def opponents(shape: tuple[int, ...], *, compiled: bool) -> dict[str, Loss]:
    """Losses on one scale by name."""
    axes = len(shape) - 2
    found: dict[str, Loss] = {"MONAI": MonaiSSIMLoss(axes)}
    if _installed("pytorch_msssim"):
        from pytorch_msssim import SSIM

        found["pytorch-msssim"] = _one_minus(SSIM(data_range=1.0, channel=shape[1], spatial_dims=axes))
    if _installed("torchmetrics"):
        from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

        found["torchmetrics"] = _one_minus(lambda x, y: torchmetrics_ssim(x, y, data_range=1.0))
    if _installed("fused_ssim") and torch.cuda.is_available():
        import fused_ssim

        function = fused_ssim.fused_ssim if axes == 2 else getattr(fused_ssim, "fused_ssim3d", None)
        if function is not None:
            # Its kernels read float32 alone.
            found["fused-ssim"] = _one_minus(lambda x, y: function(x.float(), y.float(), padding="valid"))
    if compiled:

        def separable(x: Tensor, y: Tensor) -> Tensor:
            return 1 - reference(x, y, [WINDOW] * axes, [1.5] * axes, 0.01**2, 0.03**2)[0].mean()

        found["torch.compile"] = torch.compile(separable, fullgraph=True, dynamic=False)
    return found


def scales_opponents() -> dict[str, Loss]:
    """Losses over five scales by name; MONAI has none."""
    if not _installed("pytorch_msssim"):
        return {}
    from pytorch_msssim import MS_SSIM

    return {"pytorch-msssim": _one_minus(MS_SSIM(data_range=1.0, channel=1))}


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _one_minus(similarity: Loss) -> Loss:
    return lambda x, y: 1 - similarity(x, y)


def _row(
    operation: str,
    case: str,
    losses: dict[str, Loss],
    device: str,
    rounds: int,
    shape: tuple[int, ...],
    dtype: torch.dtype,
) -> dict[str, Any]:
    torch.manual_seed(0)
    x, noise = (torch.rand(shape, device=device, dtype=dtype) for _ in range(2))
    y = 0.7 * x + 0.3 * noise
    x.requires_grad_()

    def work(loss: Loss) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(loss(x, y), x)

    timings = compare({name: work(loss) for name, loss in losses.items()}, "ours", device, rounds)
    return {
        "operation": operation,
        "case": case,
        "dtype": str(dtype).removeprefix("torch."),
        "shape": list(shape),
        "opponents": {name: timing.as_json() for name, timing in timings.items() if name != "ours"},
    }
