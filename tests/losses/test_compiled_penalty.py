"""A compiled penalty is the uncompiled one, or says that it is not compiled."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from monai_gan.losses import GradientPenalty
from monai_gan.losses.compiled_penalty import CompiledPenalty, traced_autograd
from monai_gan.networks.nets import DCGANDiscriminator
from monai_gan.ops import _native, use_backend

# Compiles the graphs without a code generator, in a fraction of the time.
COMPILER = "aot_eager"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test compiles anew and compares once."""
    monkeypatch.setattr(CompiledPenalty, "_compared", False)
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.fixture(params=["functional", "traced"])
def route(request: pytest.FixtureRequest) -> Iterator[str]:
    """The route for torch's operations, and the one that keeps fused ones."""
    if request.param == "traced" and _native.module is None:
        pytest.skip(_native.missing_reason)
    with use_backend("torch" if request.param == "functional" else "native"):
        yield request.param


def critic() -> nn.Module:
    torch.manual_seed(0)
    return DCGANDiscriminator(2, 1, 12, channels=4, norm="layer")


def images() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    real, fake = (torch.randn(3, 1, 12, 12, generator=generator) for _ in range(2))
    return real, fake, torch.rand(3, generator=generator)


def step(penalty: GradientPenalty, network: nn.Module, scale: float = 1.0) -> list[Tensor]:
    """Value and gradients of one critic step."""
    real, fake, epsilon = images()
    network.zero_grad()
    value = penalty(network, real, fake, epsilon=epsilon)
    (scale * value + network(real).mean()).backward()
    return [value.detach(), *(parameter.grad.clone() for parameter in network.parameters())]


@pytest.mark.parametrize("kind", ["two_sided", "one_sided", "r1", "r2"])
def test_compiled_step_is_the_eager_step(kind: str, route: str) -> None:
    network = critic()
    expected = step(GradientPenalty(kind), network, scale=2.0)
    compiled = GradientPenalty(kind, compile=COMPILER)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            for ours, theirs in zip(step(compiled, network, scale=2.0), expected, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert compiled._compiled._routes[0].__name__ == f"_{route}"


def test_compiled_penalty_follows_the_weights(route: str) -> None:
    network, compiled = critic(), GradientPenalty(compile=COMPILER)
    for _ in range(2):
        for ours, theirs in zip(step(compiled, network), step(GradientPenalty(), network), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.5)


def test_autocast_is_respected(route: str) -> None:
    network = critic()
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = step(GradientPenalty(compile=COMPILER), network), step(GradientPenalty(), network)
    for one, other in zip(ours, theirs, strict=True):
        assert float((one - other).norm()) <= 5e-2 * float(other.norm()) + 1e-3


@pytest.mark.learning
def test_default_compiler_agrees(route: str) -> None:
    network = critic()
    for ours, theirs in zip(
        step(GradientPenalty(compile=True), network), step(GradientPenalty(), network), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


class ReadsValues(nn.Module):
    """No single graph can hold what depends on values."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).square() * (2.0 if float(x.detach().sum()) > 0 else 1.0)


def test_failure_is_loud_and_training_goes_on() -> None:
    network, compiled = ReadsValues(), GradientPenalty(compile=COMPILER)
    real, fake, epsilon = torch.randn(3, 4), torch.randn(3, 4), torch.rand(3)
    with pytest.warns(UserWarning, match="compile was asked for, but the functional route failed") as caught:
        value = compiled(network, real, fake, epsilon=epsilon)
    assert "going on uncompiled" in str(caught[-1].message)
    torch.testing.assert_close(value, GradientPenalty()(network, real, fake, epsilon=epsilon))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(network, real, fake, epsilon=epsilon).backward()


def test_a_critic_that_is_no_module_is_not_compiled() -> None:
    real, fake, epsilon = torch.randn(3, 4), torch.randn(3, 4), torch.rand(3)
    with pytest.warns(UserWarning, match="a critic that is a function cannot be compiled"):
        GradientPenalty(compile=COMPILER)(lambda x: x.square().sum(1), real, fake, epsilon=epsilon)


@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_debug_mode_compares_once(wrong: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONAI_GAN_DEBUG", "1")
    compiled, network = GradientPenalty(compile=COMPILER), critic()
    if wrong:
        right = CompiledPenalty._functional

        def off_by_a_tenth(self: CompiledPenalty, *arguments: Any) -> Tensor:
            return 1.1 * right(self, *arguments)

        monkeypatch.setattr(CompiledPenalty, "_functional", off_by_a_tenth)
    with use_backend("torch"):
        if wrong:
            with pytest.raises(RuntimeError, match=r"differ by 1\.0e-01 at the value; leave compile out"):
                step(compiled, network)
        else:
            step(compiled, network)
    assert CompiledPenalty._compared


def test_setting_of_torch_is_restored() -> None:
    import torch._dynamo

    before = torch._dynamo.config.trace_autograd_ops
    with traced_autograd():
        assert torch._dynamo.config.trace_autograd_ops
    assert torch._dynamo.config.trace_autograd_ops == before


def test_penalty_travels_without_its_graphs(route: str) -> None:
    compiled, network = GradientPenalty(compile=COMPILER), critic()
    expected = step(compiled, network)
    for twin in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
        torch.testing.assert_close(step(twin, network)[0], expected[0])
