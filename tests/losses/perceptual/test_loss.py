"""The perceptual loss: MONAI's cases, chunks, kept targets, slices, precision, gradients and errors."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.losses import PerceptualLoss

pytestmark = pytest.mark.filterwarnings("ignore:.*channel_wise=True asks for it")

VOLUMES = {"spatial_dims": 3, "is_fake_3d": False}
#: Arguments and shape; those of the tests of MONAI's class in smaller sizes.
CASES = {
    "squeeze": ({"spatial_dims": 2, "network_type": "squeeze"}, (2, 1, 32, 32)),
    "squeeze-slices": ({"spatial_dims": 3, "network_type": "squeeze", "fake_3d_ratio": 0.1}, (2, 1, 32, 32, 32)),
    "radimagenet": ({"spatial_dims": 2, "network_type": "radimagenet_resnet50"}, (2, 1, 32, 32)),
    "radimagenet-colour": ({"spatial_dims": 2, "network_type": "radimagenet_resnet50"}, (2, 3, 32, 32)),
    "radimagenet-slices": (
        {"spatial_dims": 3, "network_type": "radimagenet_resnet50", "fake_3d_ratio": 0.1},
        (2, 1, 24, 24, 24),
    ),
    "medicalnet10": ({**VOLUMES, "network_type": "medicalnet_resnet10_23datasets"}, (2, 1, 16, 16, 16)),
    "medicalnet10-channels": ({**VOLUMES, "network_type": "medicalnet_resnet10_23datasets"}, (2, 6, 16, 16, 16)),
    "medicalnet10-channel-wise": (
        {**VOLUMES, "network_type": "medicalnet_resnet10_23datasets", "channel_wise": True},
        (2, 6, 16, 16, 16),
    ),
    "medicalnet50": ({**VOLUMES, "network_type": "medicalnet_resnet50_23datasets"}, (2, 1, 16, 16, 16)),
    "medicalnet50-channels": ({**VOLUMES, "network_type": "medicalnet_resnet50_23datasets"}, (2, 6, 8, 8, 8)),
    "resnet50-slices": ({"spatial_dims": 3, "network_type": "resnet50", "fake_3d_ratio": 0.2}, (2, 1, 24, 24, 24)),
    "lite-slices": ({"spatial_dims": 3, "network_type": "efficientnet_lite1"}, (1, 1, 24, 24, 24)),
}
cases = pytest.mark.parametrize(("arguments", "shape"), CASES.values(), ids=CASES)


def make(arguments: dict[str, Any], **more: Any) -> PerceptualLoss:
    return PerceptualLoss(**arguments, **more, pretrained=False)


def gradients(loss: PerceptualLoss, x: Tensor, y: Any, *wanted: Tensor, seed: int = 0) -> tuple[Tensor, ...]:
    torch.manual_seed(seed)
    value = loss(x, y)
    return value.detach(), *torch.autograd.grad(value.sum(), wanted or (x,))


@cases
def test_results_have_monais_shapes_and_equal_images_no_distance(arguments: dict[str, Any], shape: tuple[int]) -> None:
    loss = make(arguments)
    x = torch.randn(shape)
    value, same = loss(x, torch.randn(shape)), loss(x, x)
    expected = shape[1:2] if arguments.get("channel_wise") else ()
    assert value.shape == same.shape == torch.Size(expected)
    assert bool((value > 0).all())
    assert bool((same == 0).all())
    assert torch.isfinite(gradients(loss, x.requires_grad_(), x.detach().clone())[1]).all()


@cases
def test_a_batch_of_one_and_target_features_give_the_same(arguments: dict[str, Any], shape: tuple[int]) -> None:
    loss = make(arguments, seed=1)
    x, y = torch.rand(1, *shape[1:], requires_grad=True), torch.rand(1, *shape[1:])
    kept = loss.target_features(y, generator=torch.Generator().manual_seed(5))
    value = loss(x, y, generator=torch.Generator().manual_seed(5))
    assert value.shape == torch.Size(shape[1:2] if arguments.get("channel_wise") else ())
    for _ in range(2):
        torch.testing.assert_close(loss(x, kept), value)
    assert not any(one.requires_grad for maps in kept.maps for one in maps)


@pytest.mark.parametrize("name", ["squeeze", "squeeze-slices", "medicalnet10-channels"])
def test_chunks_change_neither_values_nor_gradients(name: str) -> None:
    arguments, shape = CASES[name]
    shape = (3, 2, 8, 8, 8) if "medicalnet" in name else (3, 1, *(20,) * (len(shape) - 2))
    x, y = torch.rand(shape, dtype=torch.float64), torch.rand(shape, dtype=torch.float64)
    whole, chunked = (make(arguments, memory_budget=one).double() for one in (None, 1e-6))
    for targets in (False, True):
        x, y = x.detach().requires_grad_(), y.detach().requires_grad_(targets)
        wanted = (x, y) if targets else (x,)
        for one, other in zip(gradients(whole, x, y, *wanted), gradients(chunked, x, y, *wanted), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-15)
    y = y.detach()
    kept = chunked.target_features(y, generator=torch.Generator().manual_seed(2))
    expected = whole(x, y, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(chunked(x, kept), expected, rtol=1e-9, atol=0)
    with torch.no_grad():
        assert not chunked(x, y).requires_grad


def test_chunks_keep_to_the_budget() -> None:
    loss = make({"spatial_dims": 2, "network_type": "vgg"}, memory_budget=8)
    shape, images = (1, 64, 64), 10
    size = loss._chunk(shape, images)
    assert 1 <= size < images
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        saved[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = torch.rand(size, *shape, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        maps = loss.network(x)
    weights = sum(buffer.nbytes for buffer in loss.network.buffers())
    assert maps
    assert sum(saved.values()) <= weights + 8 * 2**20


def test_a_gradient_weighs_each_distance() -> None:
    """A factor on the loss reaches the gradient, also where it was computed before the factor was known."""
    loss = make({"spatial_dims": 2, "network_type": "squeeze"}, memory_budget=1e-6)
    x, y = torch.rand(3, 1, 32, 32, requires_grad=True), torch.rand(3, 1, 32, 32)
    (once,) = torch.autograd.grad(loss(x, y), x)
    (thrice,) = torch.autograd.grad(3 * loss(x, y), x)
    torch.testing.assert_close(thrice, 3 * once)


def test_a_grey_image_is_its_own_colour_image() -> None:
    for name in ("alex", "vgg", "squeeze", "radimagenet_resnet50", "resnet50", "efficientnet_lite1"):
        loss = make({"spatial_dims": 2, "network_type": name}).double()
        x, y = torch.rand(1, 1, 33, 35).double(), torch.rand(1, 1, 33, 35).double()
        colour = loss(x.expand(-1, 3, -1, -1), y.expand(-1, 3, -1, -1))
        torch.testing.assert_close(loss(x, y), colour, rtol=1e-6, atol=0)


def test_the_input_is_left_as_it_was() -> None:
    loss = make({"spatial_dims": 2, "network_type": "resnet50"})
    x, y = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    before = x.clone(), y.clone()
    loss(x, y)
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])


def test_slices_repeat_with_their_seed_and_differ_without() -> None:
    arguments = {"spatial_dims": 3, "network_type": "squeeze", "fake_3d_ratio": 0.1}
    x, y = torch.rand(1, 1, 20, 20, 20), torch.rand(1, 1, 20, 20, 20)
    loss = make(arguments, seed=7)
    before = torch.get_rng_state()
    values = [float(loss(x, y)) for _ in range(3)]
    assert torch.equal(torch.get_rng_state(), before), "a seed of one's own leaves torch's generator alone"
    assert len(set(values)) == 3
    again = make(arguments, seed=7)
    assert [float(again(x, y)) for _ in range(3)] == values
    assert [float(loss(x, y, generator=torch.Generator().manual_seed(1))) for _ in range(2)] == [
        float(again(x, y, generator=torch.Generator().manual_seed(1))) for _ in range(2)
    ]


def test_all_slices_of_unequal_axes_are_the_sum_of_three_means() -> None:
    arguments = {"spatial_dims": 3, "network_type": "squeeze", "fake_3d_ratio": 1.0}
    loss = make(arguments).double()
    x, y = torch.rand(2, 1, 18, 19, 20, dtype=torch.float64), torch.rand(2, 1, 18, 19, 20, dtype=torch.float64)
    flat = make({"spatial_dims": 2, "network_type": "squeeze"}).double()
    means = [flat(*(v.movedim(axis, 1).flatten(0, 1) for v in (x, y))) for axis in (2, 3, 4)]
    torch.testing.assert_close(loss(x, y), torch.stack(means).sum(), rtol=1e-9, atol=0)


def test_axes_with_thin_slices_are_left_out() -> None:
    """Of a volume that is one slice thick, only that slice is seen; it counts for three axes."""
    loss = make({"spatial_dims": 3, "network_type": "squeeze", "fake_3d_ratio": 0.5})
    flat = make({"spatial_dims": 2, "network_type": "squeeze"})
    x, y = torch.rand(1, 1, 1, 32, 32), torch.rand(1, 1, 1, 32, 32)
    torch.testing.assert_close(loss(x, y), 3 * flat(x[:, :, 0], y[:, :, 0]))
    with pytest.raises(ValueError, match=r"spatial shape \(8, 8, 8\), and along each axis .* shorter than 17"):
        loss(torch.rand(1, 1, 8, 8, 8), torch.rand(1, 1, 8, 8, 8))


@pytest.mark.parametrize("network_type", ["alex", "vgg", "squeeze", "resnet50", "efficientnet_lite1"])
def test_empty_background_has_finite_gradients(network_type: str) -> None:
    loss = make({"spatial_dims": 2, "network_type": network_type})
    x = torch.zeros(1, 1, 48, 48)
    y = x.clone()
    y[..., 20:28, 20:28] = 1
    assert torch.isfinite(gradients(loss, x.requires_grad_(), y)[1]).all()


def test_constant_volumes_have_finite_gradients() -> None:
    loss = make({**VOLUMES, "network_type": "medicalnet_resnet10_23datasets"})
    value, gradient = gradients(
        loss, torch.full((1, 1, 16, 16, 16), 0.5, requires_grad=True), torch.rand(1, 1, 16, 16, 16)
    )
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("budget", [None, 1e-6], ids=["whole", "chunks"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype: torch.dtype, budget: float | None) -> None:
    loss = make({"spatial_dims": 2, "network_type": "squeeze"}, memory_budget=budget)
    x, y = torch.rand(2, 1, 40, 40, requires_grad=True), torch.rand(2, 1, 40, 40)
    expected, wanted = gradients(loss, x, y)
    with torch.autocast("cpu", dtype):
        value, found = gradients(loss, x, y)
    assert value.dtype is torch.float32
    torch.testing.assert_close(value, expected, rtol=0.05, atol=0)
    assert float(torch.cosine_similarity(found.flatten(), wanted.flatten(), dim=0)) > 0.95


def test_half_precision_images_and_memory_formats_are_accepted() -> None:
    loss = make({"spatial_dims": 2, "network_type": "squeeze"})
    x, y = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    expected = loss(x, y)
    last = torch.channels_last
    torch.testing.assert_close(loss(x.to(memory_format=last), y.to(memory_format=last)), expected)
    torch.testing.assert_close(loss(x.bfloat16(), y.bfloat16()), loss(x.bfloat16().float(), y.bfloat16().float()))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network_type", ["alex", "vgg", "squeeze", "resnet50", "efficientnet_lite1"])
def test_all_layers_work_channels_last(network_type: str, channels: int) -> None:
    loss = make({"spatial_dims": 2, "network_type": network_type})
    for twin in (loss, copy.deepcopy(loss), loss.double()):
        images = torch.rand(2, channels, 64, 64, dtype=next(twin.network.buffers()).dtype)
        for features in twin.network(images):
            assert features.is_contiguous(memory_format=torch.channels_last)


def test_copies_and_pickles_give_the_same() -> None:
    loss = make({"spatial_dims": 2, "network_type": "squeeze"})
    x, y = torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32)
    expected = loss(x, y)
    assert torch.equal(copy.deepcopy(loss)(x, y), expected)
    assert torch.equal(pickle.loads(pickle.dumps(loss))(x, y), expected)


@pytest.mark.parametrize(
    ("arguments", "kind", "match"),
    [
        ({"spatial_dims": 1}, NotImplementedError, "spatial_dims=1 is not possible: give 2 or 3"),
        ({"network_type": "vgg19"}, InputError, "network_type='vgg19' is unknown: choose one of alex, vgg, squeeze"),
        (
            {"network_type": "medicalnet_resnet10_23datasets"},
            InputError,
            "spatial_dims=2 .* pass spatial_dims=3 and is_fake_3d=False",
        ),
        ({"network_type": "medicalnet_resnet50_23datasets", "spatial_dims": 3}, InputError, "is_fake_3d=True gives"),
        ({"spatial_dims": 3, "is_fake_3d": False}, InputError, "pass is_fake_3d=True, or one of MedicalNet's types"),
        ({"channel_wise": True}, InputError, "channel_wise=True needs one of MedicalNet's types, .*'alex' is none"),
        ({"fake_3d_ratio": 0.0}, InputError, "fake_3d_ratio=0.0 is no share"),
        ({"memory_budget": 0}, InputError, "memory_budget=0 holds nothing"),
        ({"pretrained": False, "weights": {}}, InputError, "pretrained=False .* leave one of them out"),
        ({"network_type": "resnet50", "head_weights": {}}, InputError, "head_weights= belong to LPIPS"),
    ],
)
def test_arguments_that_do_not_go_together(arguments: dict[str, Any], kind: type[Exception], match: str) -> None:
    with pytest.raises(kind, match=match):
        PerceptualLoss(**{"spatial_dims": 2, **arguments})


def test_inputs_that_do_not_fit() -> None:
    loss = make({"spatial_dims": 2, "network_type": "squeeze"})
    x = torch.rand(1, 1, 32, 32)
    with pytest.raises(ValueError, match=r"target has shape \(1, 1, 32, 31\) and input \(1, 1, 32, 32\)"):
        loss(x, x[..., 1:])
    with pytest.raises(ValueError, match=r"input has shape \(1, 32, 32\), and spatial_dims=2 wants \(N, C, H, W\)"):
        loss(x[0], x[0])
    with pytest.raises(ValueError, match="input has 2 channels, and network_type='squeeze' sees grey or colour"):
        loss(x.expand(-1, 2, -1, -1), x.expand(-1, 2, -1, -1))
    other = make({"spatial_dims": 2, "network_type": "alex"})
    with pytest.raises(ValueError, match="features of network_type='alex', and this loss looks through 'squeeze'"):
        loss(x, other.target_features(x))


def test_medicalnet_says_what_it_could_do() -> None:
    with pytest.warns(UserWarning, match="channel_wise=True asks for it"):
        make({**VOLUMES, "network_type": "medicalnet_resnet10_23datasets"})
