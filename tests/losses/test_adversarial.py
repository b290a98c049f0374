"""Every objective against its closed form, at ordinary and extreme logits, and against MONAI's class."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from monai.data import MetaTensor
from monai.losses import PatchAdversarialLoss
from torch import Tensor

from monai_gan.losses import OBJECTIVES, AdversarialLoss, Objective, register_objective

REALS = [-30.0, -1.7, 0.0, 0.4, 2.5, 25.0]
FAKES = [-25.0, -2.2, -0.3, 0.0, 1.9, 30.0]


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


# name -> (discriminator loss, generator loss) of plain Python lists.
CLOSED_FORMS: dict[
    str, tuple[Callable[[list[float], list[float]], float], Callable[[list[float], list[float]], float]]
] = {
    "minimax": (
        lambda r, f: mean([softplus(-x) for x in r]) + mean([softplus(x) for x in f]),
        lambda r, f: mean([-softplus(x) for x in f]),
    ),
    "non_saturating": (
        lambda r, f: mean([softplus(-x) for x in r]) + mean([softplus(x) for x in f]),
        lambda r, f: mean([softplus(-x) for x in f]),
    ),
    "hinge": (
        lambda r, f: mean([max(0, 1 - x) for x in r]) + mean([max(0, 1 + x) for x in f]),
        lambda r, f: -mean(f),
    ),
    "least_squares": (
        lambda r, f: mean([(x - 1) ** 2 / 2 for x in r]) + mean([x**2 / 2 for x in f]),
        lambda r, f: mean([(x - 1) ** 2 / 2 for x in f]),
    ),
    "wasserstein": (lambda r, f: mean(f) - mean(r), lambda r, f: -mean(f)),
    "relativistic_average": (
        lambda r, f: mean([softplus(mean(f) - x) for x in r]) + mean([softplus(x - mean(r)) for x in f]),
        lambda r, f: mean([softplus(mean(r) - x) for x in f]) + mean([softplus(x - mean(f)) for x in r]),
    ),
    "relativistic_paired": (
        lambda r, f: mean([softplus(y - x) for x, y in zip(r, f, strict=True)]),
        lambda r, f: mean([softplus(x - y) for x, y in zip(r, f, strict=True)]),
    ),
}
NEED_REAL = {"relativistic_average", "relativistic_paired"}


def test_every_objective_has_a_closed_form_here() -> None:
    assert set(OBJECTIVES) == set(CLOSED_FORMS)


@pytest.mark.parametrize("name", CLOSED_FORMS)
@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 1, 3, 1), (1, 1, 3, 2, 1)], ids=["flat", "column", "2d", "3d"])
def test_equals_closed_form_in_float64(name: str, shape: tuple[int, ...]) -> None:
    real = torch.tensor(REALS, dtype=torch.float64).reshape(shape)
    fake = torch.tensor(FAKES, dtype=torch.float64).reshape(shape)
    loss = AdversarialLoss(name)
    discriminator, generator = CLOSED_FORMS[name]
    assert loss.discriminator(real, fake).item() == pytest.approx(discriminator(REALS, FAKES), rel=1e-14)
    assert loss.generator(fake, real).item() == pytest.approx(generator(REALS, FAKES), rel=1e-14)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_first_and_second_derivatives(name: str) -> None:
    loss = AdversarialLoss(name)
    # Away from the corners of the hinge at -1 and 1, where there is no derivative.
    real = torch.tensor([-2.3, 0.1, 0.6, 3.1], dtype=torch.float64, requires_grad=True)
    fake = torch.tensor([-3.0, -0.4, 0.2, 1.4], dtype=torch.float64, requires_grad=True)
    for function in (loss.discriminator, lambda r, f: loss.generator(f, r)):
        assert torch.autograd.gradcheck(function, (real, fake))
        assert torch.autograd.gradgradcheck(function, (real, fake))


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_needs_real_tells_the_truth(name: str) -> None:
    loss = AdversarialLoss(name)
    fake = torch.tensor(FAKES)
    assert loss.needs_real == (name in NEED_REAL)
    if loss.needs_real:
        with pytest.raises(ValueError, match="pass the discriminator's logits of a real batch"):
            loss.generator(fake)
    else:
        assert torch.equal(loss.generator(fake), loss.generator(fake, torch.tensor(REALS)))


@pytest.mark.parametrize("name", CLOSED_FORMS)
@pytest.mark.parametrize("size", [200.0, 1e4])
def test_extreme_logits_stay_finite_with_their_gradient(name: str, size: float) -> None:
    loss = AdversarialLoss(name)
    for real_sign, fake_sign in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        real = torch.tensor([real_sign * size, 0.5], requires_grad=True)
        fake = torch.tensor([fake_sign * size, -0.5], requires_grad=True)
        for value in (loss.discriminator(real, fake), loss.generator(fake, real)):
            gradients = torch.autograd.grad(value, (real, fake), allow_unused=True)
            assert value.isfinite()
            assert all(g is None or g.isfinite().all() for g in gradients)


@pytest.mark.parametrize(
    ("name", "logit", "expected"),
    [
        ("minimax", 200.0, -1.0),
        ("minimax", 0.0, -0.5),
        ("minimax", -200.0, 0.0),
        ("non_saturating", -200.0, -1.0),
        ("non_saturating", 0.0, -0.5),
        ("hinge", -1e4, -1.0),
        ("hinge", 1e4, -1.0),
        ("least_squares", -200.0, -201.0),
        ("wasserstein", -1e4, -1.0),
    ],
)
def test_generator_gradient_is_the_textbook_one(name: str, logit: float, expected: float) -> None:
    fake = torch.tensor([logit], requires_grad=True)
    AdversarialLoss(name).generator(fake).backward()
    assert fake.grad is not None
    assert fake.grad.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", sorted(NEED_REAL))
def test_relativistic_generator_gradient_survives_a_confident_discriminator(name: str) -> None:
    fake = torch.full((2,), -1e4, requires_grad=True)
    AdversarialLoss(name).generator(fake, torch.full((2,), 1e4)).backward()
    assert fake.grad is not None
    assert (fake.grad <= -0.5).all()


def generator_gradients(criterion: str, name: str, logit: float) -> tuple[float, float]:
    """The gradient of the generator's loss with respect to one fake logit: MONAI's, ours."""
    gradients = []
    for function in (
        lambda x: PatchAdversarialLoss(criterion=criterion)(x, target_is_real=True, for_discriminator=False),
        AdversarialLoss(name).generator,
    ):
        fake = torch.full((1, 1, 1, 1), logit, requires_grad=True)
        function(fake).backward()
        assert fake.grad is not None
        gradients.append(fake.grad.item())
    return gradients[0], gradients[1]


@pytest.mark.parametrize(
    ("criterion", "name", "logit"), [("hinge", "hinge", -5.0), ("bce", "non_saturating", -200.0)], ids=["hinge", "bce"]
)
def test_generator_keeps_the_gradient_that_monai_loses(criterion: str, name: str, logit: float) -> None:
    monai, ours = generator_gradients(criterion, name, logit)
    assert abs(monai) < 1e-3
    assert ours == pytest.approx(-1.0, abs=1e-6)


def test_generator_equals_monai_where_both_are_sound() -> None:
    monai, ours = generator_gradients("bce", "non_saturating", 0.7)
    assert ours == pytest.approx(monai, rel=1e-6)


def test_discriminator_keeps_the_gradient_that_monai_loses() -> None:
    fake = torch.tensor([200.0], requires_grad=True)
    monai = PatchAdversarialLoss(criterion="bce")(fake, target_is_real=False, for_discriminator=True)
    (monai_gradient,) = torch.autograd.grad(monai, fake)
    ours = AdversarialLoss("non_saturating").discriminator(torch.tensor([200.0]), fake)
    (gradient,) = torch.autograd.grad(ours, fake)
    assert monai_gradient.item() == 0
    assert ours.item() == pytest.approx(200.0)
    assert gradient.item() == pytest.approx(1.0)


@pytest.mark.parametrize("name", CLOSED_FORMS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_logits_are_reduced_in_float32(name: str, dtype: torch.dtype) -> None:
    loss = AdversarialLoss(name)
    real, fake = torch.randn(2, 4096).to(dtype)
    for half, full in (
        (loss.discriminator(real, fake), loss.discriminator(real.float(), fake.float())),
        (loss.generator(fake, real), loss.generator(fake.float(), real.float())),
    ):
        assert half.dtype == torch.float32
        assert torch.equal(half, full)


def test_half_logits_get_gradients_of_their_type() -> None:
    # Squares of 300 overflow float16, so this fails where the loss is not formed in float32.
    fake = torch.full((4,), 300.0, dtype=torch.float16, requires_grad=True)
    value = AdversarialLoss("least_squares").generator(fake)
    value.backward()
    assert value.item() == pytest.approx(299**2 / 2)
    assert fake.grad is not None
    assert fake.grad.dtype == torch.float16
    assert fake.grad.isfinite().all()


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_scales_are_averaged(name: str) -> None:
    loss = AdversarialLoss(name)
    real = [torch.randn(2, 1, 4, 4), torch.randn(2, 1, 2, 2)]
    fake = [torch.randn(2, 1, 4, 4), torch.randn(2, 1, 2, 2)]
    single = [loss.discriminator(r, f) for r, f in zip(real, fake, strict=True)]
    torch.testing.assert_close(loss.discriminator(real, fake), (single[0] + single[1]) / 2)
    single = [loss.generator(f, r) for r, f in zip(real, fake, strict=True)]
    torch.testing.assert_close(loss.generator(tuple(fake), tuple(real)), (single[0] + single[1]) / 2)


@pytest.mark.parametrize("name", sorted(set(CLOSED_FORMS) - {"relativistic_paired"}))
def test_batch_sizes_may_differ(name: str) -> None:
    loss = AdversarialLoss(name)
    assert loss.discriminator(torch.randn(4, 1), torch.randn(3, 1)).isfinite()
    assert loss.generator(torch.randn(3, 1), torch.randn(4, 1)).isfinite()


@pytest.mark.parametrize(
    ("real", "fake"), [((4, 1), (3, 1)), ((4, 1), (4,))], ids=["unequal batches", "broadcast to 4 x 4"]
)
def test_paired_objective_refuses_what_cannot_be_paired(real: tuple[int, ...], fake: tuple[int, ...]) -> None:
    loss = AdversarialLoss("relativistic_paired")
    with pytest.raises(ValueError, match=r"cannot be paired.*equal size or relativistic_average"):
        loss.discriminator(torch.zeros(real), torch.zeros(fake))
    with pytest.raises(ValueError, match="cannot be paired"):
        loss.generator(torch.zeros(fake), torch.zeros(real))


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match=r"objective='bce' is not known: choose one of minimax, non_saturating"):
        AdversarialLoss("bce")
    loss = AdversarialLoss("hinge")
    with pytest.raises(ValueError, match="real_logits has 2 scales and fake_logits 1"):
        loss.discriminator([torch.zeros(2, 1), torch.zeros(2, 1)], [torch.zeros(2, 1)])
    with pytest.raises(ValueError, match="fake_logits is empty"):
        loss.generator(torch.zeros(0, 1))
    with pytest.raises(ValueError, match="real_logits is empty"):
        loss.discriminator([], [])


@pytest.mark.parametrize("name", sorted(NEED_REAL))
def test_a_bare_objective_also_says_that_it_needs_real_logits(name: str) -> None:
    with pytest.raises(ValueError, match="real=None"):
        OBJECTIVES[name]().generator(torch.zeros(2), None)


def test_metadata_of_monai_tensors_is_dropped() -> None:
    fake = MetaTensor(torch.zeros(2, 1)).requires_grad_()
    value = AdversarialLoss("wasserstein").generator(fake)
    value.backward()
    assert type(value) is Tensor
    assert torch.equal(torch.as_tensor(fake.grad), torch.full((2, 1), -0.5))


def test_own_objectives_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_gan.losses.adversarial.OBJECTIVES", dict(OBJECTIVES))

    @register_objective("linear")
    class Linear(Objective):
        def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
            return (fake - real).mean()

        def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
            return -fake.mean()

    assert AdversarialLoss("linear").generator(torch.tensor([3.0])).item() == -3
    assert repr(AdversarialLoss(Linear())) == "AdversarialLoss(Linear)"
    with pytest.raises(ValueError, match="name='linear' is taken by Linear"):
        register_objective("linear")(Linear)
    assert "linear" not in OBJECTIVES
