"""The per-sample mixture: the compiled form against the definition, its derivatives, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_gan.ops import _native, interpolate
from monai_gan.ops.interpolate import reference

CASES = [
    pytest.param((1,), id="scalar_samples"),
    pytest.param((3, 1, 1, 1), id="one_pixel"),
    pytest.param((2, 5, 7, 9), id="odd"),
    pytest.param((4, 1, 16, 16), id="gray_2d"),
    pytest.param((2, 3, 4, 5, 6), id="3d"),
    pytest.param((5, 1027), id="longer_than_a_vector_register"),
]


@pytest.fixture(params=["torch", "native"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test without and with the compiled module."""
    if request.param == "torch":
        monkeypatch.setattr(_native, "module", None)
    elif _native.module is None:
        pytest.skip(_native.missing_reason)
    return request.param


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the calls of the compiled module."""
    if _native.module is None:
        pytest.skip(_native.missing_reason)
    seen: list[str] = []
    compiled = _native.module

    class Spy:
        def __getattr__(self, name: str) -> object:
            seen.append(name)
            return getattr(compiled, name)

    monkeypatch.setattr(_native, "module", Spy())
    return seen


def batch(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype), torch.rand(shape[0], dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("shape", CASES)
def test_compiled_form_has_the_bits_of_the_definition(
    shape: tuple[int, ...], dtype: torch.dtype, calls: list[str]
) -> None:
    real, fake, weights = batch(*shape, dtype=dtype)
    torch.testing.assert_close(interpolate(real, fake, weights), reference(real, fake, weights), rtol=0, atol=0)
    assert len(calls) == 1


def test_each_sample_has_its_own_weight(backend: str) -> None:
    mixed = interpolate(torch.full((3, 2), 4.0), torch.zeros(3, 2), torch.tensor([0.0, 0.25, 1.0]))
    assert mixed.tolist() == [[0.0, 0.0], [1.0, 1.0], [4.0, 4.0]]


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4, 5, 6)], ids=["2d", "3d"])
def test_channels_last_is_served_and_kept(shape: tuple[int, ...], calls: list[str]) -> None:
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    real, fake, weights = batch(*shape)
    real, fake = real.to(memory_format=layout), fake.to(memory_format=layout)
    mixed = interpolate(real, fake, weights)
    assert calls
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
    mixed = interpolate(*batch(*shape))
    assert mixed.shape == shape


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


def test_parameters_are_served_without_a_graph(calls: list[str]) -> None:
    real, fake, weights = batch(2, 4)
    with torch.no_grad():
        mixed = interpolate(torch.nn.Parameter(real), fake, weights)
    assert calls
    assert not mixed.requires_grad
    torch.testing.assert_close(mixed, reference(real, fake, weights), rtol=0, atol=0)


def test_forward_mode_tangent_is_kept(backend: str) -> None:
    real, fake, weights = batch(2, 3)
    _, tangent = torch.func.jvp(lambda x: interpolate(x, fake, weights), (real,), (torch.ones_like(real),))
    torch.testing.assert_close(tangent, weights[:, None].expand(2, 3))


def test_dual_tensor_keeps_its_tangent_without_grad_mode(backend: str) -> None:
    real, fake, weights = batch(2, 3)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(real, torch.ones_like(real))
        tangent = torch.autograd.forward_ad.unpack_dual(interpolate(dual, fake, weights)).tangent
    torch.testing.assert_close(tangent, weights[:, None].expand(2, 3))


def test_vmap_gives_what_a_loop_gives(backend: str) -> None:
    real, fake, weights = torch.randn(3, 2, 4), torch.randn(3, 2, 4), torch.rand(3, 2)
    mixed = torch.func.vmap(interpolate)(real, fake, weights)
    torch.testing.assert_close(mixed, torch.stack([reference(*a) for a in zip(real, fake, weights, strict=True)]))


def test_compiled_graph_has_no_break_and_no_address(backend: str) -> None:
    real, fake, weights = batch(2, 4)
    traced = torch.compile(interpolate, backend="eager", fullgraph=True)
    torch.testing.assert_close(traced(real, fake, weights), reference(real, fake, weights), rtol=0, atol=0)
    torch.testing.assert_close(traced(fake, real, weights), reference(fake, real, weights), rtol=0, atol=0)


def test_traced_graph_depends_on_its_inputs(backend: str) -> None:
    from torch.fx.experimental.proxy_tensor import make_fx

    real, fake, weights = batch(2, 4)
    graph = make_fx(interpolate)(real, fake, weights)
    torch.testing.assert_close(graph(fake, real, weights), reference(fake, real, weights))


def test_subclass_stays_a_subclass(backend: str) -> None:
    real, fake, weights = batch(2, 1, 4, 4)
    mixed = interpolate(MetaTensor(real), MetaTensor(fake), weights)
    assert isinstance(mixed, MetaTensor)
    torch.testing.assert_close(mixed.as_tensor(), reference(real, fake, weights))


def test_lazily_negated_tensor_keeps_its_sign(backend: str) -> None:
    negated = torch.randn(2, 3, dtype=torch.complex64).conj().imag
    assert negated.is_neg()
    fake, weights = torch.zeros(2, 3), torch.ones(2)
    torch.testing.assert_close(interpolate(negated, fake, weights), negated.resolve_neg())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_half_precision_is_served_by_torch(dtype: torch.dtype) -> None:
    real, fake, weights = batch(2, 4, dtype=dtype)
    assert interpolate(real, fake, weights).dtype == dtype


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        pytest.param((torch.ones(2, 3), torch.ones(2, 4), torch.ones(2)), ValueError, "one shape", id="shapes"),
        pytest.param((torch.ones(()), torch.ones(()), torch.ones(1)), ValueError, "one shape", id="no_batch_axis"),
        pytest.param((torch.ones(2, 3), torch.ones(2, 3), torch.ones(3)), ValueError, r"shape \(2,\)", id="weights"),
        pytest.param(
            (torch.ones(2, 3), torch.ones(2, 3), torch.ones(2, 1)), ValueError, r"shape \(2,\)", id="weights_2d"
        ),
        pytest.param(
            (torch.ones(2, 3), torch.ones(2, 3).double(), torch.ones(2)), TypeError, "floating-point dtype", id="mixed"
        ),
        pytest.param(
            (torch.ones(2, 3).int(), torch.ones(2, 3).int(), torch.ones(2).int()), TypeError, r"\.to\(\)", id="integer"
        ),
        pytest.param((torch.ones(2, 3), [1.0], torch.ones(2)), TypeError, "fake is a list", id="not_a_tensor"),
        pytest.param(
            (torch.ones(2, 3), torch.ones(2, 3, device="meta"), torch.ones(2)), ValueError, "one device", id="device"
        ),
    ],
)
def test_error_names_the_argument_and_the_remedy(
    arguments: tuple[torch.Tensor, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        interpolate(*arguments)
