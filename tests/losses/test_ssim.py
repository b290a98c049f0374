"""SSIM losses: MONAI's values on every argument, and what they do when they train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import monai.losses
import pytest
import torch
from half_normal import half_normal_pair
from monai.data import MetaTensor
from monai.metrics import MultiScaleSSIMMetric
from monai.utils import LossReduction
from torch import Tensor

from monai_gan.losses import MultiScaleSSIMLoss, SSIMLoss

OPTIONS = [
    pytest.param(2, {}, id="defaults_2d"),
    pytest.param(3, {}, id="defaults_3d"),
    pytest.param(2, {"win_size": 7, "kernel_sigma": 0.8}, id="window"),
    pytest.param(3, {"win_size": (3, 5, 8), "kernel_sigma": (0.5, 1.5, 4.0)}, id="by_axis"),
    pytest.param(2, {"kernel_type": "uniform", "win_size": 6}, id="uniform_2d"),
    pytest.param(3, {"kernel_type": "uniform", "win_size": (2, 3, 4)}, id="uniform_3d"),
    pytest.param(2, {"data_range": 255.0, "k1": 0.02, "k2": 0.1}, id="constants"),
    pytest.param(3, {"data_range": 4.0, "win_size": 5}, id="data_range"),
]


def pair(spatial_dims: int, channels: int = 2) -> tuple[Tensor, Tensor]:
    x = torch.rand(3, channels, *(13, 16, 15)[:spatial_dims])
    return x, 0.6 * x + 0.4 * torch.rand_like(x)


@pytest.mark.parametrize("reduction", [*LossReduction, "mean"], ids=str)
@pytest.mark.parametrize(("spatial_dims", "options"), OPTIONS)
def test_value_and_gradient_are_monais(spatial_dims: int, options: dict[str, Any], reduction: str) -> None:
    x, y = (each.mul(options.get("data_range", 1.0)).requires_grad_() for each in pair(spatial_dims))
    ours, theirs = (
        kind(spatial_dims, reduction=reduction, **options)(x, y) for kind in (SSIMLoss, monai.losses.SSIMLoss)
    )
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    for one, other in zip(*(torch.autograd.grad(each.sum(), (x, y)) for each in (ours, theirs)), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5 * other.abs().max().item() + 1e-9)


@pytest.mark.parametrize(
    ("reduction", "wanted"), [("mean", 0.9546), ("sum", 1.9092), ("none", [[0.9121], [0.9971]])], ids=str
)
def test_values_that_the_tests_of_monai_state(reduction: str, wanted: Any) -> None:
    loss = SSIMLoss(spatial_dims=2, data_range=1.0, kernel_type="gaussian", reduction=reduction)
    torch.testing.assert_close(loss(*half_normal_pair(2, 3, 16, 16)), torch.tensor(wanted), rtol=1e-4, atol=0)


def test_exports(tmp_path: Path) -> None:
    x, y = pair(2)
    program = torch.export.export(SSIMLoss(2), (x, y))
    torch.export.save(program, tmp_path / "loss.pt2")
    loaded = torch.export.load(tmp_path / "loss.pt2").module()
    torch.testing.assert_close(loaded(x, y), SSIMLoss(2)(x, y))


@pytest.mark.parametrize("kernel_type", ["gaussian", "uniform"])
def test_compiles_without_a_graph_break(kernel_type: str) -> None:
    x, y = pair(3)
    for loss in (
        SSIMLoss(3, kernel_type=kernel_type, win_size=5),
        MultiScaleSSIMLoss(3, kernel_type=kernel_type, kernel_size=5, weights=(0.5, 0.5)),
    ):
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        leaves = [x.clone().requires_grad_() for _ in range(2)]
        values = loss(leaves[0], y), compiled(leaves[1], y)
        torch.testing.assert_close(*values)
        torch.testing.assert_close(*(torch.autograd.grad(*each)[0] for each in zip(values, leaves, strict=True)))


@pytest.mark.parametrize(
    ("spatial_dims", "x", "y", "wanted"),
    [
        pytest.param(2, torch.ones(1, 1, 10, 10) / 2, torch.ones(1, 1, 10, 10) / 2, 0.0, id="same"),
        pytest.param(2, torch.ones(1, 5, 10, 10) / 2, torch.ones(1, 5, 10, 10) / 2, 0.0, id="same_slices"),
        pytest.param(3, torch.ones(1, 1, 10, 10, 10) / 2, torch.ones(1, 1, 10, 10, 10) / 2, 0.0, id="same_volume"),
        pytest.param(2, torch.zeros(2, 1, 10, 10), torch.ones(2, 1, 10, 10), 1 - 1e-4 / (1 + 1e-4), id="black_white"),
        pytest.param(3, torch.zeros(1, 1, 10, 10, 10), torch.ones(1, 1, 10, 10, 10), 0.9999, id="black_white_volume"),
    ],
)
def test_known_values(spatial_dims: int, x: Tensor, y: Tensor, wanted: float) -> None:
    assert SSIMLoss(spatial_dims, win_size=9)(x, y).item() == pytest.approx(wanted, abs=1e-5)


def test_descent_makes_images_alike() -> None:
    _, target = pair(2, 1)
    image = torch.full_like(target, 0.5).requires_grad_()
    optimizer, loss = torch.optim.Adam([image], lr=0.05), SSIMLoss(2, win_size=5)
    before = loss(image, target).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss(image, target).backward()
        optimizer.step()
    assert loss(image, target).item() < 0.2 * before


def test_data_range_can_be_set() -> None:
    x, y = pair(2)
    loss = SSIMLoss(2)
    before = loss(x, y).item()
    loss.data_range = 2.0
    assert loss.data_range == 2.0
    assert loss(x, y).item() == pytest.approx(SSIMLoss(2, data_range=2.0)(x, y).item())
    assert loss(x, y).item() != pytest.approx(before)


def test_other_types_of_input_are_monais() -> None:
    x, y = (each.mul(255).round() for each in pair(2))
    wanted = monai.losses.SSIMLoss(2, data_range=255)(x.byte(), y.byte())
    torch.testing.assert_close(SSIMLoss(2, data_range=255)(x.byte(), y.byte()), wanted, rtol=0, atol=1e-5)
    with_affine = SSIMLoss(2, data_range=255)(MetaTensor(x), MetaTensor(y))
    assert type(with_affine) is Tensor
    torch.testing.assert_close(with_affine, wanted, rtol=0, atol=1e-5)
    assert SSIMLoss(2)(x.double(), y.double()).dtype == torch.float64


def test_several_scales_are_one_minus_monais_metric() -> None:
    x, y = torch.rand(2, 1, 60, 64), torch.rand(2, 1, 60, 64)
    options: dict[str, Any] = {"weights": (0.4, 0.3, 0.3), "kernel_size": 9, "kernel_sigma": 1.2, "k2": 0.1}
    wanted = 1 - MultiScaleSSIMMetric(2, **options)(x, 0.7 * x + 0.3 * y)
    for reduction, of_batch in (("none", wanted), ("mean", wanted.mean()), ("sum", wanted.sum())):
        found = MultiScaleSSIMLoss(2, reduction=reduction, **options)(x, 0.7 * x + 0.3 * y)
        torch.testing.assert_close(found, of_batch, rtol=0, atol=1e-5)


def test_several_scales_have_a_right_gradient() -> None:
    x, y = (each.double().requires_grad_() for each in (torch.rand(1, 1, 6, 7), torch.rand(1, 1, 6, 7)))
    loss = MultiScaleSSIMLoss(2, kernel_size=3, weights=(0.5, 0.5), k2=1.0)
    assert torch.autograd.gradcheck(loss, (x, y))


@pytest.mark.parametrize("loss", [SSIMLoss, MultiScaleSSIMLoss])
def test_unfit_arguments_are_refused(loss: type[SSIMLoss] | type[MultiScaleSSIMLoss]) -> None:
    with pytest.raises(ValueError, match="spatial_dims=4 cannot be served; give 2 or 3"):
        loss(4)
    with pytest.raises(ValueError, match="reduction='median' is not known; choose one of none, mean, sum"):
        loss(2, reduction="median")
    with pytest.raises(ValueError, match="kernel_type='box' is not known"):
        loss(2, kernel_type="box")
    with pytest.raises(ValueError, match=r"first batch has shape \(1, 1, 9, 9, 9\), which does not fit spatial_dims=2"):
        loss(2)(torch.zeros(1, 1, 9, 9, 9), torch.zeros(1, 1, 9, 9, 9))
    with pytest.raises(ValueError, match=r"second batch is a list; give a torch.Tensor"):
        loss(2)(torch.zeros(1, 1, 9, 9), [])
