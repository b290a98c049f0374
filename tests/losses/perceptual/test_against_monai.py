"""The same weights in MONAI's class and in ours: LPIPS and ResNet-50, where lpips and torchvision are installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.losses import PerceptualLoss

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("lpips", "torchvision")),
    reason="lpips and torchvision are not installed",
)

BUILDERS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
#: Beside a CPU build of torch, torchvision asks for operators that are not used here; they live as long as this does.
_SCHEMAS = torch.library.Library("torchvision", "FRAGMENT")


@pytest.fixture(scope="module")
def models() -> Any:
    """torchvision's models."""
    if torch.version.cuda is None and not hasattr(torch.ops.torchvision, "nms"):
        for name in ("nms", "qnms"):
            _SCHEMAS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision.models.feature_extraction

    return torchvision.models


def monai_loss(models: Any, kind: str, spatial_dims: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MONAI's class with a network of random weights in place of the download, and lpips' own learned heads."""
    import lpips.pretrained_networks
    import monai.losses.perceptual

    build = getattr(models, BUILDERS[kind])
    monkeypatch.setattr(lpips.pretrained_networks.tv, BUILDERS[kind], lambda pretrained: build(weights=None))
    monkeypatch.setattr(monai.losses.perceptual, "LPIPS", lpips.LPIPS)
    return monai.losses.perceptual.PerceptualLoss(spatial_dims, kind).double()


def value_and_gradient(loss: Any, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    torch.manual_seed(5)
    value = loss(x * 1, y.clone())
    return value.detach(), torch.autograd.grad(value, x)[0]


@pytest.mark.parametrize("shape", [(2, 1, 64, 50), (2, 3, 64, 50)], ids=["grey", "colour"])
@pytest.mark.parametrize("kind", BUILDERS)
def test_lpips(models: Any, kind: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = monai_loss(models, kind, 2, monkeypatch)
    ours = PerceptualLoss(2, kind, weights=theirs.perceptual_function.state_dict())
    x, y = torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)
    expected, wanted = value_and_gradient(theirs, x, y)
    torch.testing.assert_close(ours(x.float(), y.float()).double(), expected, rtol=1e-5, atol=0)
    value, found = value_and_gradient(ours.double(), x, y)
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=float(wanted.abs().max()) * 1e-5)


def test_slices_are_drawn_as_in_monai(models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """MONAI casts slices to float32, so that its module stays in it."""
    theirs = monai_loss(models, "squeeze", 3, monkeypatch).float()
    ours = PerceptualLoss(3, "squeeze", weights=theirs.perceptual_function.state_dict(), memory_budget=0.5)
    x, y = torch.randn(2, 1, 22, 20, 18), torch.randn(2, 1, 22, 20, 18)
    expected, wanted = value_and_gradient(theirs, x, y)
    value, found = value_and_gradient(ours, x, y)
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=0)
    assert torch.equal(found == 0, wanted == 0), "the same slices"
    assert float(torch.cosine_similarity(found.flatten(), wanted.flatten(), dim=0)) > 0.999


@pytest.mark.parametrize("channels", [1, 3])
def test_resnet50(models: Any, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import monai.losses.perceptual
    import torchvision

    monkeypatch.setattr(monai.losses.perceptual, "torchvision", torchvision)
    path = str(tmp_path / "resnet50.pth")
    torch.save({"network": models.resnet50(weights=None).state_dict()}, path)
    arguments = {"pretrained_path": path, "pretrained_state_dict_key": "network"}
    theirs = monai.losses.perceptual.PerceptualLoss(2, "resnet50", **arguments)
    ours = PerceptualLoss(2, "resnet50", **arguments)  # type: ignore[arg-type]
    x, y = torch.rand(2, channels, 64, 50), torch.rand(2, channels, 64, 50)
    expected, wanted = value_and_gradient(theirs, x, y)
    value, found = value_and_gradient(ours, x, y)
    torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5 * float(expected))
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=float(wanted.abs().max()) * 1e-3)
