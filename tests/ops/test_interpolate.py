"""The per-sample mixture: every backend against the definition, derivatives, random weights, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_gan.ops import counter_state, counter_uniform, interpolate
from monai_gan.ops.interpolate import reference

CASES = [
    pytest.param((1,), id="scalar_samples"),
    pytest.param((3, 1, 1, 1), id="one_pixel"),
    pytest.param((2, 5, 7, 9), id="odd"),
    pytest.param((4, 1, 16, 16), id="gray_2d"),
    pytest.param((2, 3, 4, 5, 6), id="3d"),
    pytest.param((5, 1027), id="longer_than_a_vector_register"),
]


def batch(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype), torch.rand(shape[0], dtype=dtype)


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.bfloat16], ids=["float32", "float64", "bfloat16"]
)
@pytest.mark.parametrize("shape", CASES)
def test_every_backend_has_the_bits_of_the_definition(shape: tuple[int, ...], dtype: torch.dtype, backend: str) -> None:
    real, fake, weights = batch(*shape, dtype=dtype)
    rtol = last_bit(backend, dtype)
    torch.testing.assert_close(interpolate(real, fake, weights), reference(real, fake, weights), rtol=rtol, atol=0)


def last_bit(backend: str, dtype: torch.dtype) -> float:
    """Triton's interpreter cuts bfloat16 off where the hardware rounds."""
    return 2.0**-7 if backend == "triton" and dtype == torch.bfloat16 else 0.0


def test_each_sample_has_its_own_weight(backend: str) -> None:
    mixed = interpolate(torch.full((3, 2), 4.0), torch.zeros(3, 2), torch.tensor([0.0, 0.25, 1.0]))
    assert mixed.tolist() == [[0.0, 0.0], [1.0, 1.0], [4.0, 4.0]]


def test_half_precision_is_rounded_once(backend: str) -> None:
    real, fake, weights = batch(3, 50, dtype=torch.bfloat16)
    wide = weights.float()[:, None] * real.float() + (1 - weights.float()[:, None]) * fake.float()
    rtol = last_bit(backend, torch.bfloat16)
    torch.testing.assert_close(interpolate(real, fake, weights.float()), wide.to(torch.bfloat16), rtol=rtol, atol=0)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4, 5, 6)], ids=["2d", "3d"])
def test_channels_last_is_kept(shape: tuple[int, ...], backend: str) -> None:
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    real, fake, weights = batch(*shape)
    real, fake = real.to(memory_format=layout), fake.to(memory_format=layout)
    mixed = interpolate(real, fake, weights)
    assert mixed.is_contiguous(memory_format=layout)
    torch.testing.assert_close(mixed, reference(real, fake, weights), rtol=0, atol=0)


def test_strided_and_mixed_layouts_are_right(backend: str) -> None:
    real, fake, weights = batch(4, 3, 8, 8)
    for a, b, w in [
        (real[:, :, ::2, ::2], fake[:, :, ::2, ::2], weights),
        (real, fake.to(memory_format=torch.channels_last), weights),
        (real[:1].expand(4, -1, -1, -1), fake, weights),
        (real.transpose(0, 1), fake.transpose(0, 1), torch.rand(6)[::2]),
        (real[1:], fake[1:], weights[1:]),
        (real, fake, weights[:1].expand(4)),
    ]:
        torch.testing.assert_close(interpolate(a, b, w), reference(a, b, w), rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(0, 1, 4, 4), (2, 0)], ids=["no_samples", "no_pixels"])
def test_empty_batch_gives_an_empty_batch(shape: tuple[int, ...], backend: str) -> None:
    real, fake, weights = batch(*shape)
    assert interpolate(real, fake, weights).shape == shape
    assert interpolate(real, fake, state=counter_state(0)).shape == shape


def test_nan_and_infinity_come_through(backend: str) -> None:
    real = torch.tensor([[float("nan"), 1.0, float("inf")]])
    mixed = interpolate(real, torch.zeros(1, 3), torch.tensor([0.5]))
    assert mixed.isnan().tolist() == [[True, False, False]]
    assert mixed[0, 2] == float("inf")
    # A weight of zero does not hide a bad pixel.
    assert interpolate(real, torch.zeros(1, 3), torch.zeros(1)).isnan().tolist() == [[True, False, True]]


@pytest.mark.parametrize("which", [0, 1, 2], ids=["real", "fake", "weights"])
def test_gradients_are_those_of_the_definition(which: int, backend: str) -> None:
    arguments = list(batch(2, 3, 2, dtype=torch.float64))
    arguments[which].requires_grad_()
    assert torch.autograd.gradcheck(interpolate, arguments)
    assert torch.autograd.gradgradcheck(interpolate, arguments)


def test_forward_mode_tangent_is_kept(backend: str) -> None:
    real, fake, weights = batch(2, 3)
    _, tangent = torch.func.jvp(lambda x: interpolate(x, fake, weights), (real,), (torch.ones_like(real),))
    torch.testing.assert_close(tangent, weights[:, None].expand(2, 3))


def test_tensor_with_metadata_goes_through(backend: str) -> None:
    real, fake, weights = batch(2, 3)
    mixed = interpolate(MetaTensor(real), fake, weights)
    torch.testing.assert_close(mixed.as_subclass(Tensor), reference(real, fake, weights), rtol=0, atol=0)


def test_state_draws_what_it_announces_and_moves_on(backend: str) -> None:
    real, fake, _ = batch(5, 2, 3)
    state = counter_state(2**40 + 3)
    seen = []
    for step in range(3):
        weights = counter_uniform(state, 5)
        torch.testing.assert_close(interpolate(real, fake, state=state), reference(real, fake, weights), rtol=0, atol=0)
        assert state.tolist() == [2**40 + 3, step + 1]
        seen.append(weights)
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])


def test_random_weights_carry_gradients_to_the_images(backend: str) -> None:
    real, fake, _ = (tensor.requires_grad_() for tensor in batch(3, 4, dtype=torch.float64))
    state = counter_state(1)
    weights = counter_uniform(state, 3).double()
    to_real, to_fake = torch.autograd.grad(interpolate(real, fake, state=state).sum(), (real, fake))
    torch.testing.assert_close(to_real, weights[:, None].expand(3, 4))
    torch.testing.assert_close(to_fake, 1 - weights[:, None].expand(3, 4))


@pytest.mark.usefixtures("fused_kernels")
def test_registration_is_sound() -> None:
    real, fake, weights = (tensor.requires_grad_() for tensor in batch(3, 2, 2, dtype=torch.float64))
    torch.library.opcheck(torch.ops.monai_gan.interpolate.default, (real, fake, weights))
    torch.library.opcheck(torch.ops.monai_gan.interpolate_random.default, (real, fake, counter_state(3)))


@pytest.mark.usefixtures("fused_kernels")
def test_compiled_step_draws_new_weights_each_time() -> None:
    real, fake, _ = batch(3, 4)
    compiled = torch.compile(lambda r, f, s: interpolate(r, f, state=s), fullgraph=True, backend="aot_eager")
    state, twin = counter_state(9), counter_state(9)
    for _ in range(3):
        torch.testing.assert_close(compiled(real, fake, state), interpolate(real, fake, state=twin), rtol=0, atol=0)
    assert state.tolist() == twin.tolist() == [9, 3]


ONES = torch.ones(2, 3)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        pytest.param((1, ONES, ONES[:, 0]), {}, TypeError, "real is a int", id="no_tensor"),
        pytest.param(
            (ONES, torch.ones(3, 2), ONES[:, 0]), {}, ValueError, "give two batches of one shape", id="shapes"
        ),
        pytest.param((ONES, ONES, ONES), {}, ValueError, "one weight per sample, shape (2,)", id="weights_shape"),
        pytest.param((ONES, ONES.double(), ONES[:, 0]), {}, TypeError, "convert both to one type", id="types"),
        pytest.param((ONES, ONES, ONES[:, 0].double()), {}, TypeError, "convert weights to torch.float32", id="wide"),
        pytest.param((ONES.long(), ONES.long(), ONES[:, 0]), {}, TypeError, "real is torch.int64", id="integers"),
        pytest.param((ONES, ONES.to("meta"), ONES[:, 0]), {}, ValueError, "fake on meta; move both", id="devices"),
        pytest.param((ONES, ONES), {}, ValueError, "neither is given", id="no_weights"),
        pytest.param((ONES, ONES, ONES[:, 0]), {"state": counter_state(0)}, ValueError, "both is given", id="both"),
        pytest.param((ONES, ONES), {"state": torch.zeros(2)}, ValueError, "make it with counter_state", id="state"),
    ],
)
def test_error_names_argument_value_and_remedy(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        interpolate(*arguments, **options)
    assert text in str(caught.value)
    assert str(caught.value).startswith("interpolate: ")


def test_seed_has_64_bits() -> None:
    assert counter_state(-1).tolist() == [-1, 0]
    with pytest.raises(ValueError, match="more than 64 bits"):
        counter_state(2**63)
