"""The penalty in half precision: under autocast, with a GradScaler, and where numbers overflow or vanish."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from monai_gan.losses import AdversarialLoss, GradientPenalty

KINDS = ["two_sided", "one_sided", "r1", "r2"]


def network(width: int = 8) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, width, 3), nn.LeakyReLU(0.2), nn.Conv2d(width, width, 3), nn.Flatten(), nn.LazyLinear(1)
    )


def images(n: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    real, fake = torch.randn(2, n, 1, 8, 8)
    return real, fake, torch.rand(n)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_gives_a_float32_penalty_near_the_float32_one(kind: str, dtype: torch.dtype) -> None:
    critic, (real, fake, epsilon) = network(), images()
    critic(real)
    penalty = GradientPenalty(kind, target=0.0)
    expected = penalty(critic, real, fake, epsilon=epsilon)
    with torch.autocast("cpu", dtype):
        value = penalty(critic, real, fake, epsilon=epsilon)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected.item(), rel=0.05)
    assert value.item() != expected.item(), "the critic did not run in half precision"
    value.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.parameters())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [3, 4], ids=["scale not divisible", "scale divisible"])
def test_scale_is_undone(kind: str, n: int) -> None:
    critic, (real, fake, epsilon) = network().double(), images(n)
    real, fake = real.double(), fake.double()
    critic(real)
    penalty = GradientPenalty(kind, target=0.1)
    plain, scaled = (penalty(critic, real, fake, epsilon=epsilon, scale=s) for s in (1.0, 65536.0))
    torch.testing.assert_close(scaled, plain, rtol=1e-12, atol=0)
    parameters = [p for p in critic.parameters() if p.ndim > 1]
    for a, b in zip(torch.autograd.grad(scaled, parameters), torch.autograd.grad(plain, parameters), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-14)


def test_scale_saves_a_gradient_that_vanishes_in_float16() -> None:
    # Slopes of 1e-4 twice: their product of 1e-8 is below float16's smallest number.
    critic = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.fill_(1e-4)
    real, penalty = torch.randn(4, 2), GradientPenalty("r1", weight=2e16)
    expected = penalty(critic, real).item()
    with torch.autocast("cpu", torch.float16):
        lost = penalty(critic, real).item()
        kept = penalty(critic, real, scale=65536.0).item()
    assert lost == 0
    assert kept == pytest.approx(expected, rel=0.01)


def test_initial_scale_of_the_scaler_does_not_overflow_by_itself() -> None:
    # The gradient of a sum, times 65536, is infinite in float16; that of the batch mean is not.
    critic, (real, fake, epsilon) = network(), images()
    critic(real)
    with torch.autocast("cpu", torch.float16):
        assert GradientPenalty()(critic, real, fake, epsilon=epsilon, scale=65536.0).isfinite()


@pytest.mark.parametrize(("scale", "skipped"), [(2.0**10, False), (2.0**40, True)], ids=["fits", "overflows"])
def test_scaler_steps_or_skips(scale: float, skipped: bool) -> None:
    critic, (real, fake, epsilon) = network(), images()
    critic(real)
    before = [p.detach().clone() for p in critic.parameters()]
    optimizer, scaler = torch.optim.SGD(critic.parameters(), lr=0.1), GradScaler("cpu", init_scale=scale)
    scaler.scale(torch.zeros(()))  # the scaler makes its scale on first use
    with torch.autocast("cpu", torch.float16):
        loss = AdversarialLoss("wasserstein").discriminator(critic(real), critic(fake))
        loss = loss + GradientPenalty()(critic, real, fake, epsilon=epsilon, scale=scaler.get_scale())
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    changed = any(not torch.equal(p, b) for p, b in zip(critic.parameters(), before, strict=True))
    assert changed != skipped
    assert all(p.isfinite().all() for p in critic.parameters())
    assert (scaler.get_scale() < scale) == skipped


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_images_and_weights_are_reduced_in_float32(kind: str, dtype: torch.dtype) -> None:
    # 4096 slopes of 16: the sum of squares, 2 ** 20, overflows float16 and is exact in float32.
    critic = nn.Linear(4096, 1, bias=False).to(dtype)
    nn.init.constant_(critic.weight, 16.0)
    real, fake = torch.randn(2, 2, 4096).to(dtype)
    value = GradientPenalty(kind, weight=1.0, target=0.0)(critic, real, fake)
    assert value.dtype == torch.float32
    assert value.item() == 2.0 ** (19 if kind in ("r1", "r2") else 20)


def test_generated_images_may_be_narrower_than_real_ones() -> None:
    critic, (real, fake, epsilon) = network(), images()
    critic(real)
    half = fake.to(torch.bfloat16)
    value = GradientPenalty()(critic, real, half, epsilon=epsilon)
    assert torch.equal(value, GradientPenalty()(critic, real, half.float(), epsilon=epsilon))
