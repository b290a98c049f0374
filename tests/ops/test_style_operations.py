"""The operations of StyleGAN2 in plain torch: values against formulas written out, two orders of derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.networks.blocks.style_layers import TAPS, joined, joining_matrix
from monai_gan.ops import bias_act, counter_normal, modulated_conv, upfirdn
from monai_gan.ops.upfirdn import reference


def doubles(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def zeros_filter_decimate(x: Tensor, taps: Tensor, up: int, down: int, padding: tuple[int, int]) -> Tensor:
    """The definition, one axis after the other, with every step written out."""
    for axis in range(2, x.ndim):
        lines = x.movedim(axis, -1)
        spread = torch.zeros(*lines.shape[:-1], lines.shape[-1] * up, dtype=x.dtype)
        spread[..., ::up] = lines
        spread = F.pad(spread, padding)
        k = len(taps)
        kept = [
            sum(taps[j] * spread[..., i + k - 1 - j] for j in range(k))
            for i in range(0, spread.shape[-1] - k + 1, down)
        ]
        x = torch.stack(kept, -1).movedim(-1, axis)
    return x


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 2, 3, 4, 5)], ids=["2d", "3d"])
@pytest.mark.parametrize(
    ("up", "down", "padding"),
    [
        pytest.param(1, 1, (0, 0), id="filter"),
        pytest.param(2, 1, (2, 1), id="up"),
        pytest.param(1, 2, (1, 1), id="down"),
        pytest.param(1, 3, (2, -1), id="down and crop"),
        pytest.param(3, 2, (4, 3), id="both"),
        pytest.param(2, 1, (-1, 2), id="crop"),
    ],
)
def test_upfirdn_equals_its_definition(shape: tuple[int, ...], up: int, down: int, padding: tuple[int, int]) -> None:
    torch.manual_seed(0)
    x, taps = torch.randn(shape, dtype=torch.float64), torch.tensor([1.0, 3.0, -2.0], dtype=torch.float64)
    expected = 2 * zeros_filter_decimate(x, taps, up, down, padding)
    torch.testing.assert_close(upfirdn(x, taps, up=up, down=down, padding=padding, gain=2.0), expected)
    torch.testing.assert_close(reference(x, taps, up, down, padding, 2.0), expected)


def test_upfirdn_filters_with_one_tap_and_several_channels() -> None:
    x = torch.arange(24.0).reshape(1, 2, 3, 4)
    torch.testing.assert_close(upfirdn(x, [2.0], padding=(1, 0)), 4 * F.pad(x, (1, 0, 1, 0)))


@pytest.mark.parametrize("up", [1, 2])
def test_both_forms_of_modulated_conv_equal_the_formula(up: int) -> None:
    torch.manual_seed(0)
    x, weight, style = torch.randn(2, 3, 5, 6), torch.randn(4, 3, 3, 3), torch.rand(2, 3) + 0.5
    kernel = torch.randn(4, 3, 6, 6) if up == 2 else weight
    noise = torch.randn(2, 1, 5 * up, 6 * up)
    expected = []
    for one, scale in zip(x, style, strict=True):
        norm = (weight * scale[:, None, None]).square().sum((1, 2, 3)).sqrt()
        modulated = kernel * scale[:, None, None] / norm[:, None, None, None]
        if up == 1:
            expected.append(F.conv2d(one[None], modulated, padding=1))
        else:
            expected.append(F.conv_transpose2d(one[None], modulated.transpose(0, 1), stride=2, padding=2))
    for form in ("fold", "grouped", "auto"):
        result = modulated_conv(x, weight, style, kernel=kernel, noise=noise, up=up, gain=2.0, form=form)
        torch.testing.assert_close(result, 2 * torch.cat(expected) + noise, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axes", [2, 3])
def test_a_filter_after_an_upsampling_equals_a_kernel_joined_with_it(axes: int) -> None:
    torch.manual_seed(0)
    x, weight, style = doubles(2, 3, *(4,) * axes), doubles(4, 3, *(3,) * axes), doubles(2, 3)
    joined_kernel = joined(weight, joining_matrix(axes, 3).double())
    taps = torch.tensor(TAPS, dtype=torch.float64)
    expected = modulated_conv(x, weight, style, kernel=joined_kernel, up=2)
    for form in ("fold", "grouped"):
        torch.testing.assert_close(modulated_conv(x, weight, style, taps=taps, up=2, form=form), expected)  # type: ignore[arg-type]


def test_without_demodulation_both_forms_are_equal() -> None:
    torch.manual_seed(0)
    x, weight, style = torch.randn(2, 3, 5, 6), torch.randn(4, 3, 1, 1), torch.rand(2, 3)
    expected = torch.einsum("nihw,oi,ni->nohw", x, weight[:, :, 0, 0], style)
    for form in ("fold", "grouped"):
        result = modulated_conv(x, weight, style, demodulate=False, gain=0.5, form=form)  # type: ignore[arg-type]
        torch.testing.assert_close(result, 0.5 * expected)


def test_demodulated_output_has_unit_variance_whatever_the_style() -> None:
    torch.manual_seed(0)
    x, weight, style = torch.randn(4, 32, 16, 16), torch.randn(32, 32, 3, 3), 10 * torch.rand(4, 32)
    inside = modulated_conv(x, weight, style)[:, :, 1:-1, 1:-1]
    assert 0.9 < float(inside.std()) < 1.1


def test_bias_act_equals_the_formula() -> None:
    torch.manual_seed(0)
    x, bias = torch.randn(2, 3, 4), torch.randn(3)
    expected = (2.0 * F.leaky_relu(x + bias[:, None], 0.1)).clamp(-1, 1)
    torch.testing.assert_close(bias_act(x, bias, negative_slope=0.1, gain=2.0, clamp=1.0), expected)
    torch.testing.assert_close(bias_act(x, activation="silu"), F.silu(x) * 2**0.5)
    torch.testing.assert_close(bias_act(x, activation="identity"), x)


DIFFERENTIABLE: dict[str, tuple[Callable[..., Tensor], list[tuple[int, ...]]]] = {
    "bias_act": (lambda x, b: bias_act(x, b, activation="silu", clamp=3.0), [(2, 3, 2), (3,)]),
    "leaky": (lambda x, b: bias_act(x, b), [(2, 3, 2), (3,)]),
    "upfirdn-2d": (lambda x, t: upfirdn(x, t, up=2, padding=(2, 1)), [(1, 2, 3, 2), (4,)]),
    "upfirdn-3d": (lambda x, t: upfirdn(x, t, down=2, padding=1), [(1, 1, 4, 3, 2), (2,)]),
    "upfirdn-down": (lambda x, t: upfirdn(x, t, down=2, padding=(2, 1)), [(1, 2, 5, 4), (4,)]),
    "fold-up": (
        lambda x, w, s, t: modulated_conv(x, w, s, taps=t, up=2),
        [(1, 2, 3, 2), (2, 2, 3, 3), (1, 2), (4,)],
    ),
    "fold": (lambda x, w, s: modulated_conv(x, w, s, form="fold"), [(2, 2, 3, 3), (2, 2, 3, 3), (2, 2)]),
    "grouped": (lambda x, w, s: modulated_conv(x, w, s, form="grouped"), [(2, 2, 3, 3), (2, 2, 3, 3), (2, 2)]),
    "fold-3d": (lambda x, w, s: modulated_conv(x, w, s), [(1, 1, 2, 3, 2), (2, 1, 1, 1, 1), (1, 1)]),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_first_and_second_derivatives(name: str) -> None:
    torch.manual_seed(0)
    operation, shapes = DIFFERENTIABLE[name]
    inputs = tuple(doubles(*shape) for shape in shapes)
    assert torch.autograd.gradcheck(operation, inputs)
    assert torch.autograd.gradgradcheck(operation, inputs)


def test_counter_normal_is_normal_and_depends_on_its_key_alone() -> None:
    keys = torch.rand(3, 2, generator=torch.Generator().manual_seed(0))
    numbers = counter_normal(keys, 20_001)
    assert numbers.shape == (3, 20_001)
    assert torch.equal(counter_normal(keys[1:2], 20_001), numbers[1:2])
    assert numbers.mean().abs() < 0.02
    assert (numbers.std() - 1).abs() < 0.02
    assert (numbers.pow(4).mean() - 3).abs() < 0.2
    assert (numbers[0] * numbers[1]).mean().abs() < 0.02


x4, w4, s2 = torch.zeros(2, 3, 4, 4), torch.zeros(5, 3, 3, 3), torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: bias_act(x4, torch.zeros(4)), ValueError, r"bias has shape \(4,\); give one value per channel"),
        (lambda: bias_act(x4, activation="gelu"), ValueError, "activation='gelu' is unknown; choose one of"),  # type: ignore[arg-type]
        (lambda: bias_act(x4, clamp=0.0), ValueError, "clamp=0.0 leaves nothing"),
        (lambda: bias_act(torch.zeros(3)), ValueError, r"give \(N, C, ...\)"),
        (lambda: bias_act(x4.long()), TypeError, "convert it to a floating-point type"),
        (lambda: upfirdn(torch.zeros(1, 2, 3), [1.0]), ValueError, "give .N, C, H, W. or"),
        (lambda: upfirdn(x4, torch.zeros(2, 2)), ValueError, "give the filter of one axis"),
        (lambda: upfirdn(x4, [1.0], up=0), ValueError, "up=0 is not possible"),
        (lambda: upfirdn(x4, [1.0] * 9), ValueError, "shorter than the 9 taps"),
        (lambda: modulated_conv(x4, w4, torch.zeros(2, 4)), ValueError, "do not fit; give"),
        (lambda: modulated_conv(x4, torch.zeros(5, 3, 3), s2), ValueError, "two or three spatial axes"),
        (lambda: modulated_conv(x4, w4, s2, up=2), ValueError, "up=2 does not fit a kernel of size"),
        (lambda: modulated_conv(x4, w4, s2, taps=torch.ones(4)), ValueError, r"taps of shape \(4,\) do not fit up=1"),
        (lambda: modulated_conv(x4, w4, s2, taps=torch.ones(3), up=2), ValueError, "with an even k, and up=2"),
        (lambda: modulated_conv(x4, w4, s2, form="fast"), ValueError, "choose auto, fold or grouped"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_named_with_a_remedy(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
