"""Structural similarity: values and derivatives by hand and against plain torch, on every backend."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.ops import ms_ssim, ssim, ssim_and_contrast, use_backend
from monai_gan.ops.ms_ssim import SCALE_WEIGHTS
from monai_gan.ops.ssim import reference

#: Relative to the largest number of a result; the interpreter of Triton truncates bfloat16.
TOLERANCES = {torch.float64: 1e-11, torch.float32: 2e-5, torch.bfloat16: 1.6e-2}
TYPES = [pytest.param(dtype, id=str(dtype)[6:]) for dtype in TOLERANCES]
C1, C2 = 0.01**2, 0.03**2
SHAPES = [
    pytest.param((2, 3, 13, 17), {"win_size": 5}, id="odd_2d"),
    pytest.param((1, 1, 11, 12), {}, id="one_window_high"),
    pytest.param((2, 1, 7, 9, 8), {"win_size": 3}, id="3d"),
    pytest.param((1, 2, 6, 5, 7), {"win_size": (1, 4, 7), "kernel_sigma": (1.0, 0.7, 3.0)}, id="3d_by_axis"),
    pytest.param((2, 1, 20, 3, 3), {"win_size": 3, "kernel_type": "uniform"}, id="3d_deep_uniform"),
    pytest.param((1, 1, 1, 1), {"win_size": 1}, id="one_pixel"),
]


def pair(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two images that are alike."""
    generator = torch.Generator().manual_seed(seed)
    x, noise = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return x.to(dtype), (0.6 * x + 0.4 * noise).to(dtype)


def value_and_gradients(x: Tensor, y: Tensor, **options: Any) -> list[Tensor]:
    """Both results and the gradients of a sum in which each number counts differently."""
    leaves = [each.detach().clone(memory_format=torch.preserve_format).requires_grad_() for each in (x, y)]
    similarity, contrast = ssim_and_contrast(*leaves, **options)
    parts = torch.arange(1, similarity.numel() + 1, device=x.device).reshape(similarity.shape)
    gradients = torch.autograd.grad((parts * similarity + contrast.square() / parts).sum(), leaves)
    return [similarity.detach(), contrast.detach(), *gradients]


def assert_near(got: list[Tensor], wanted: list[Tensor], tolerance: float) -> None:
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one.double(), other.double(), rtol=0, atol=tolerance * other.abs().max().item())


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("shape", "options"), SHAPES)
def test_values_and_gradients_are_those_of_plain_torch_in_float64(
    shape: tuple[int, ...], options: dict[str, Any], dtype: torch.dtype, backend: str
) -> None:
    x, y = pair(shape, dtype)
    got = value_and_gradients(x, y, **options)
    with use_backend("torch"):
        wanted = value_and_gradients(x.double(), y.double(), **options)
    assert got[0].dtype == got[1].dtype == torch.promote_types(dtype, torch.float32)
    assert got[2].dtype == got[3].dtype == dtype
    assert_near(got[:2], wanted[:2], min(TOLERANCES[dtype], 1e-5))
    assert_near(got[2:], wanted[2:], TOLERANCES[dtype])


def test_value_by_hand(backend: str) -> None:
    # One uniform window over 1, 0, 0, 1 and 1, 0, 0, 0: means 1/2 and 1/4, variances 1/4 and 3/16, covariance 1/8.
    x, y = torch.tensor([1.0, 0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0, 0.0])
    similarity, contrast = ssim_and_contrast(
        x.reshape(1, 1, 2, 2), y.reshape(1, 1, 2, 2), kernel_type="uniform", win_size=2
    )
    wanted = (2 / 8 + C2) / (1 / 4 + 3 / 16 + C2)
    assert contrast.item() == pytest.approx(wanted, rel=1e-6)
    assert similarity.item() == pytest.approx(wanted * (2 / 8 + C1) / (1 / 4 + 1 / 16 + C1), rel=1e-6)


def test_the_definition_is_that_of_dense_windows() -> None:
    x, y = pair((1, 1, 9, 8))
    line = torch.exp(-((torch.arange(5) - 2.0) ** 2) / (2 * 1.5**2)).double()
    weights = torch.outer(line, line) / line.sum() ** 2
    values = []
    for row in range(5):
        for column in range(4):
            a, b = (each[0, 0, row : row + 5, column : column + 5] for each in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            va, vb = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
            both = (weights * (a - mean_a) * (b - mean_b)).sum()
            luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
            values.append(luminance * (2 * both + C2) / (va + vb + C2))
    found, _ = reference(x, y, [5, 5], [1.5, 1.5], C1, C2)
    torch.testing.assert_close(found[0, 0], torch.stack(values).mean())


@pytest.mark.parametrize("layout", ["channels_last", "strided"])
@pytest.mark.parametrize("shape", [(2, 3, 12, 14), (1, 2, 6, 7, 8)], ids=["2d", "3d"])
def test_other_memory_layouts(shape: tuple[int, ...], layout: str, backend: str) -> None:
    x, y = pair(shape)
    if layout == "channels_last":
        form = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
        others = [each.contiguous(memory_format=form) for each in (x, y)]
    else:
        others = [each.repeat_interleave(2, dim=-1)[..., ::2] for each in (x, y)]
    assert_near(value_and_gradients(*others, win_size=5), value_and_gradients(x, y, win_size=5), 1e-12)


@pytest.mark.parametrize("wanted", ["x", "y"])
def test_gradient_of_one_image_alone(wanted: str, backend: str) -> None:
    x, y = pair((2, 1, 8, 9))
    both = value_and_gradients(x, y, win_size=5)[2:]
    leaf = {"x": x, "y": y}[wanted].requires_grad_()
    similarity, contrast = ssim_and_contrast(x, y, win_size=5)
    parts = torch.tensor([[1.0], [2.0]])
    (found,) = torch.autograd.grad((parts * similarity + contrast.square() / parts).sum(), leaf)
    torch.testing.assert_close(found, both["xy".index(wanted)])


@pytest.mark.parametrize(("shape", "size"), [((2, 1, 5, 6), 3), ((1, 1, 4, 3, 5), 3)], ids=["2d", "3d"])
def test_first_derivative_is_right(shape: tuple[int, ...], size: int, backend: str) -> None:
    inputs = tuple(each.requires_grad_() for each in pair(shape))
    assert torch.autograd.gradcheck(
        lambda x, y: ssim_and_contrast(x, y, win_size=size), inputs, fast_mode=backend == "triton"
    )


def test_second_derivative_is_refused_by_fused_forms_and_right_in_plain_torch(backend: str) -> None:
    x, y = (each.requires_grad_() for each in pair((1, 1, 4, 5)))
    if backend == "torch":
        assert torch.autograd.gradgradcheck(lambda x, y: ssim(x, y, win_size=3), (x, y))
        return
    (first,) = torch.autograd.grad(ssim(x, y, win_size=3).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"no second derivative; use monai_gan.ops.use_backend\('torch'\)"):
        first.sum().backward()


def test_the_same_image_has_one_and_no_gradient(backend: str) -> None:
    x, _ = pair((2, 2, 12, 12), torch.float32)
    similarity, contrast, grad_x, _ = value_and_gradients(x, x.clone())
    torch.testing.assert_close(similarity, torch.ones(2, 2))
    torch.testing.assert_close(contrast, torch.ones(2, 2))
    assert grad_x.abs().max() < 1e-6


@pytest.mark.parametrize("value", [0.0, 1.0, 1e4, 1e-20], ids=str)
def test_constant_images(value: float, backend: str) -> None:
    x = torch.full((1, 1, 12, 12), value)
    similarity, contrast, *gradients = value_and_gradients(x, x.clone())
    torch.testing.assert_close(similarity, torch.ones(1, 1))
    torch.testing.assert_close(contrast, torch.ones(1, 1))
    assert all(each.isfinite().all() for each in gradients)


@pytest.mark.parametrize("offset", [300.0, 3e4], ids=str)
def test_a_large_mean_costs_no_digits(offset: float, backend: str) -> None:
    x, y = (each + offset for each in pair((1, 1, 16, 16), torch.float32))
    got = value_and_gradients(x, y)
    with use_backend("torch"):
        wanted = value_and_gradients(x.double(), y.double())
    assert_near(got[:2], wanted[:2], 1e-5)
    assert_near(got[2:], wanted[2:], 1e-4)


@pytest.mark.parametrize("scale", [1e-12, 1e12], ids=["tiny", "huge"])
def test_the_unit_of_the_images_does_not_matter(scale: float, backend: str) -> None:
    x, y = pair((1, 1, 13, 12), torch.float32)
    wanted, found = ssim(x, y), ssim(x * scale, y * scale, data_range=scale)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_nan_stays_in_its_channel_and_its_windows(backend: str) -> None:
    x, y = pair((2, 2, 12, 9), torch.float32)
    x[1, 0, 0, 0] = float("nan")
    similarity, contrast, grad_x, grad_y = value_and_gradients(x, y, win_size=3)
    lost = torch.tensor([[False, False], [True, False]])
    assert torch.equal(similarity.isnan(), lost)
    assert torch.equal(contrast.isnan(), lost)
    assert torch.equal(grad_x.isnan().any(-1).any(-1), lost)
    assert torch.equal(grad_y.isnan().any(-1).any(-1), lost)
    x = x.requires_grad_()
    (gradient,) = torch.autograd.grad(ssim(x, y, win_size=3).nansum() + ssim(x, y, win_size=3)[1, 0], x)
    reached = torch.zeros(12, 9, dtype=torch.bool)
    reached[:3, :3] = True
    assert torch.equal(gradient[1, 0].isnan(), reached)


def test_empty_batch_gives_an_empty_result(backend: str) -> None:
    x = torch.zeros(0, 3, 12, 12, requires_grad=True)
    similarity = ssim(x, torch.zeros(0, 3, 12, 12))
    assert similarity.shape == (0, 3)
    similarity.sum().backward()
    assert x.grad is not None


def test_half_precision_and_mixed_types(backend: str) -> None:
    x, y = pair((1, 1, 12, 12), torch.float32)
    similarity = ssim(x.bfloat16(), y)
    assert similarity.dtype == torch.float32
    torch.testing.assert_close(similarity, ssim(x.bfloat16().float(), y))
    if backend != "native":  # serves no float16
        torch.testing.assert_close(ssim(x.half(), y.half()), ssim(x.half().float(), y.half().float()))


def test_autocast_changes_nothing(backend: str) -> None:
    x, y = pair((1, 1, 12, 13), torch.float32)
    wanted = value_and_gradients(x, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = value_and_gradients(x, y)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


@pytest.mark.usefixtures("fused_kernels")
def test_registration_is_sound() -> None:
    x, y = (each.requires_grad_() for each in pair((2, 2, 6, 7)))
    options = [3, 3], [1.5, 1.5], C1, C2
    torch.library.opcheck(torch.ops.monai_gan.ssim.default, (x, y, *options))
    cotangents = torch.rand(2, 2, dtype=torch.float64), torch.rand(2, 2, dtype=torch.float64)
    for of_x, of_y in ((True, True), (True, False), (False, True)):
        arguments = (*cotangents, x.detach(), y.detach(), *options, of_x, of_y)
        torch.library.opcheck(torch.ops.monai_gan.ssim_backward.default, arguments)


@pytest.mark.usefixtures("fused_kernels")
@pytest.mark.parametrize("kernel_type", ["gaussian", "uniform"])
def test_modes_of_torch(kernel_type: str) -> None:
    x, y = pair((2, 1, 6, 7))

    def loss(x: Tensor) -> Tensor:
        return ssim(x, y, win_size=3, kernel_type=kernel_type).square().sum()  # type: ignore[arg-type]

    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf), leaf)
    torch.testing.assert_close(torch.func.grad(loss)(x), expected)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(torch.autograd.grad(compiled(leaf), leaf)[0], expected)
    torch.testing.assert_close(torch.func.jvp(loss, (x,), (x,))[1], (expected * x).sum())
    per_image = torch.func.vmap(lambda a, b: ssim(a[None], b[None], win_size=3, kernel_type=kernel_type)[0])  # type: ignore[arg-type]
    torch.testing.assert_close(per_image(x, y), ssim(x, y, win_size=3, kernel_type=kernel_type))  # type: ignore[arg-type]
    traced = torch.jit.trace(lambda a: ssim(a, y, win_size=3, kernel_type=kernel_type), (x,))  # type: ignore[arg-type]
    torch.testing.assert_close(traced(y), ssim(y, y, win_size=3, kernel_type=kernel_type))  # type: ignore[arg-type]


def test_scales_multiply(backend: str) -> None:
    x, y = pair((2, 2, 13, 12))
    halves = [torch.nn.functional.avg_pool2d(each, 2) for each in (x, y)]
    fine, coarse = ssim_and_contrast(x, y, win_size=5)[1], ssim(*halves, win_size=5)
    found = ms_ssim(x, y, weights=(0.3, 0.7), win_size=5)
    torch.testing.assert_close(found, fine.mean(1) ** 0.3 * coarse.mean(1) ** 0.7)


def test_opposite_images_have_no_similarity_and_no_gradient_over_scales(backend: str) -> None:
    x, y = pair((2, 1, 12, 12))
    y[0] = 1 - x[0]
    x.requires_grad_()
    found = ms_ssim(x, y, weights=(0.5, 0.5), win_size=5)
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert found[0] == 0
    assert not gradient[0].any()
    assert gradient[1].any()
    assert gradient.isfinite().all()
    with torch.no_grad():
        x[1, 0, 3, 3] = float("nan")
    assert ms_ssim(x, y, weights=(0.5, 0.5), win_size=5)[1].isnan()


def test_five_scales_by_default() -> None:
    x, y = pair((1, 1, 176, 180))
    assert len(SCALE_WEIGHTS) == 5
    assert 0 < ms_ssim(x, y).item() < 1


IMAGE = torch.zeros(1, 1, 12, 12)


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "text"),
    [
        pytest.param(None, IMAGE, {}, TypeError, "x is a NoneType; give a torch.Tensor", id="no_tensor"),
        pytest.param(IMAGE, IMAGE.long(), {}, TypeError, "y is torch.int64; convert", id="integers"),
        pytest.param(IMAGE[0], IMAGE[0], {}, ValueError, "shape (1, 12, 12); give images (N, C, H, W)", id="no_batch"),
        pytest.param(IMAGE[..., :0], IMAGE[..., :0], {}, ValueError, "at least one channel and one pixel", id="empty"),
        pytest.param(IMAGE, IMAGE[..., 1:], {}, ValueError, "(1, 1, 12, 12) and y (1, 1, 12, 11); crop", id="shapes"),
        pytest.param(IMAGE[..., 3:], IMAGE[..., 3:], {}, ValueError, "give win_size=9 or less", id="small_image"),
        pytest.param(IMAGE, IMAGE, {"win_size": 0}, ValueError, "win_size=0 is no window", id="no_window"),
        pytest.param(IMAGE, IMAGE, {"win_size": (3, 3, 3)}, ValueError, "give one, or 2, one per axis", id="sizes"),
        pytest.param(IMAGE, IMAGE, {"kernel_sigma": 0.0}, ValueError, "kernel_sigma=0.0 makes no Gaussian", id="sigma"),
        pytest.param(IMAGE, IMAGE, {"kernel_type": "box"}, ValueError, "choose one of gaussian, uniform", id="kind"),
        pytest.param(IMAGE, IMAGE, {"data_range": 0.0}, ValueError, "data_range=0.0 is no range", id="range"),
        pytest.param(IMAGE, IMAGE, {"k1": -1.0}, ValueError, "k1=-1.0 is no constant", id="constant"),
    ],
)
def test_error_names_argument_value_and_remedy(
    x: Any, y: Any, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        ssim(x, y, **options)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("size", "weights", "text"),
    [
        (32, (0.5, 0.5, 0.5), "has 8 pixels, fewer than the window of 11; give images of at least 44"),
        (32, (0.5, 0.5, 0.5), "a smaller window, or 2 weight(s)"),
        (32, (), "weights is empty"),
    ],
)
def test_too_many_scales_are_refused(size: int, weights: tuple[float, ...], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        ms_ssim(torch.zeros(1, 1, size, size), torch.zeros(1, 1, size, size), weights=weights)
    assert text in str(caught.value)


def test_scales_of_no_image_are_refused() -> None:
    with pytest.raises(TypeError, match="x is a NoneType; give a torch.Tensor"):
        ms_ssim(None, IMAGE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="crop or resize one"):
        ms_ssim(IMAGE, IMAGE[:, :, 1:])
