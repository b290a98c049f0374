"""SSIM metrics: MONAI's values on every argument, in its handlers and reductions, and the sizes that they accept."""

from __future__ import annotations

from typing import Any

import monai.metrics
import pytest
import torch
from half_normal import half_normal_pair
from ignite.engine import Engine
from monai.handlers import from_engine
from monai.handlers.ignite_metric import IgniteMetricHandler
from monai.metrics.regression import RegressionMetric
from monai.utils import MetricReduction
from torch import Tensor

from monai_gan.metrics import MultiScaleSSIMMetric, SSIMMetric

OPTIONS = [
    pytest.param(2, {}, id="defaults_2d"),
    pytest.param(3, {"win_size": 7}, id="3d"),
    pytest.param(2, {"win_size": (5, 8), "kernel_sigma": (0.8, 2.0)}, id="by_axis"),
    pytest.param(3, {"kernel_type": "uniform", "win_size": (2, 3, 4)}, id="uniform"),
    pytest.param(2, {"data_range": 255.0, "k1": 0.02, "k2": 0.1}, id="constants"),
]
SCALES = [
    pytest.param(2, (64, 64), {"weights": (0.3, 0.3, 0.4)}, id="three_scales"),
    pytest.param(2, (12, 31), {"weights": (1.0,)}, id="one_scale"),
    pytest.param(2, (50, 45), {"weights": (0.5, 0.5), "kernel_size": (9, 5), "kernel_sigma": (1.0, 2.0)}, id="by_axis"),
    pytest.param(3, (20, 22, 25), {"weights": (0.2, 0.3, 0.5), "kernel_size": 5, "k2": 0.1}, id="volumes"),
    pytest.param(2, (70, 66), {"kernel_type": "uniform", "kernel_size": 4, "data_range": 2.0}, id="five_uniform"),
]


def pair(*shape: int) -> tuple[Tensor, Tensor]:
    x = torch.rand(shape)
    return x, 0.6 * x + 0.4 * torch.rand(shape)


@pytest.mark.parametrize("get_not_nans", [False, True], ids=["value", "with_count"])
@pytest.mark.parametrize("reduction", list(MetricReduction), ids=str)
@pytest.mark.parametrize(("spatial_dims", "options"), OPTIONS)
def test_values_and_reductions_are_monais(
    spatial_dims: int, options: dict[str, Any], reduction: str, get_not_nans: bool
) -> None:
    metrics = [
        kind(spatial_dims, reduction=reduction, get_not_nans=get_not_nans, **options)
        for kind in (SSIMMetric, monai.metrics.SSIMMetric)
    ]
    for batch in (2, 3):
        x, y = (each * options.get("data_range", 1.0) for each in pair(batch, 2, *(13, 16, 15)[:spatial_dims]))
        ours, theirs = (metric(x, y) for metric in metrics)
        assert ours.shape == (batch, 1)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    for again in (None, "sum"):
        ours, theirs = (metric.aggregate(again) for metric in metrics)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("spatial_dims", "size", "options"), SCALES)
def test_values_over_scales_are_monais(spatial_dims: int, size: tuple[int, ...], options: dict[str, Any]) -> None:
    x, y = pair(2, 3, *size)
    ours, theirs = (
        kind(spatial_dims, **options)(x, y) for kind in (MultiScaleSSIMMetric, monai.metrics.MultiScaleSSIMMetric)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "kernel_type", "wanted"),
    [
        pytest.param((2, 3, 16, 16), "gaussian", 0.045415, id="2d_gaussian"),
        pytest.param((2, 3, 16, 16), "uniform", 0.050103, id="2d_uniform"),
        pytest.param((2, 3, 16, 16, 16), "gaussian", 0.017644, id="3d_gaussian"),
    ],
)
def test_values_that_the_tests_of_monai_state(shape: tuple[int, ...], kernel_type: str, wanted: float) -> None:
    metric = SSIMMetric(len(shape) - 2, data_range=1.0, kernel_type=kernel_type)
    metric(*half_normal_pair(*shape))
    assert metric.aggregate().item() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "kernel_type", "wanted"),
    [
        pytest.param((1, 1, 64, 64), "gaussian", 0.023176, id="2d_gaussian"),
        pytest.param((1, 1, 64, 64), "uniform", 0.022655, id="2d_uniform"),
        pytest.param((1, 1, 64, 64, 64), "gaussian", 0.061796, id="3d_gaussian"),
    ],
)
def test_values_over_scales_that_the_tests_of_monai_state(
    shape: tuple[int, ...], kernel_type: str, wanted: float
) -> None:
    metric = MultiScaleSSIMMetric(len(shape) - 2, data_range=1.0, kernel_type=kernel_type, weights=[0.5, 0.5])
    metric(*half_normal_pair(*shape))
    assert metric.aggregate().item() == pytest.approx(wanted, abs=5e-5)


def test_lists_of_images_and_handlers_work_as_with_monai() -> None:
    x, y = pair(3, 1, 16, 17)
    wanted = monai.metrics.SSIMMetric(2)(x, y)
    metric = SSIMMetric(2)
    assert isinstance(metric, RegressionMetric)
    torch.testing.assert_close(metric(list(x), list(y)), wanted, rtol=0, atol=1e-5)
    handler = IgniteMetricHandler(metric_fn=SSIMMetric(2), output_transform=from_engine(["pred", "label"]))
    engine = Engine(lambda engine, batch: [{"pred": a, "label": b} for a, b in zip(*batch, strict=True)])
    handler.attach(engine, "ssim")
    engine.run([(x[:2], y[:2]), (x[2:], y[2:])])
    assert engine.state.metrics["ssim"] == pytest.approx(wanted.mean().item(), abs=1e-5)


def test_nan_is_left_out_and_counted() -> None:
    x, y = pair(3, 1, 12, 12)
    x[1, 0, 0, 0] = float("nan")
    metric = SSIMMetric(2, get_not_nans=True)
    values = metric(x, y)
    mean, count = metric.aggregate()
    assert values.isnan().flatten().tolist() == [False, True, False]
    assert count.item() == 2
    assert mean.item() == pytest.approx(values[[0, 2]].mean().item())


def test_same_images_have_one_and_data_range_can_be_set() -> None:
    x, y = pair(2, 1, 48, 48)
    for metric in (SSIMMetric(2), MultiScaleSSIMMetric(2, weights=(0.5, 0.5))):
        torch.testing.assert_close(metric(x, x.clone()), torch.ones(2, 1))
        before = metric(x, y)
        metric.data_range = 3.0
        assert metric.data_range == 3.0
        assert (metric(x, y) > before).all()


@pytest.mark.parametrize(
    ("scales", "side"),
    [
        pytest.param(4, 88, id="four_scales_need_no_99"),
        pytest.param(4, 95, id="four_scales"),
        pytest.param(2, 22, id="two_scales"),
    ],
)
def test_sizes_that_the_coarsest_scale_can_take_are_accepted(scales: int, side: int) -> None:
    x, y = pair(1, 1, side, side)
    assert 0 < MultiScaleSSIMMetric(2, weights=(1 / scales,) * scales)(x, y).item() < 1


@pytest.mark.parametrize(
    ("scales", "side"), [(2, 21), (4, 87), (5, 175), (6, 351)], ids=["two", "four", "five", "six_that_monai_lets_pass"]
)
def test_sizes_that_it_cannot_take_are_refused_with_a_remedy(scales: int, side: int) -> None:
    x = torch.zeros(1, 1, 400, side)
    with pytest.raises(ValueError, match=rf"axis 1 of length {side} .* of at least {11 << (scales - 1)}"):
        MultiScaleSSIMMetric(2, weights=(1 / scales,) * scales)(x, x)


@pytest.mark.parametrize("metric", [SSIMMetric(2), MultiScaleSSIMMetric(2)], ids=["one_scale", "scales"])
def test_unfit_images_are_refused(metric: RegressionMetric) -> None:
    with pytest.raises(ValueError, match="spatial_dims=2"):
        metric(torch.zeros(1, 1, 200, 200, 3), torch.zeros(1, 1, 200, 200, 3))
    with pytest.raises(ValueError, match="shape"):
        metric(torch.zeros(1, 1, 200, 200), torch.zeros(1, 1, 200, 201))
    with pytest.raises(ValueError, match="win_size|at least 176"):
        metric(torch.zeros(1, 1, 10, 10), torch.zeros(1, 1, 10, 10))
