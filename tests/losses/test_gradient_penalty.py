"""The penalty against explicit Jacobians and closed forms: value, first and second order, conditions, laziness."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor, nn
from torch.func import functional_call

from monai_gan.losses import GradientPenalty

KINDS = ["two_sided", "one_sided", "r1", "r2"]
SIZES = [(2, 3, 4), (1, 3, 2, 3)]
SIZE_IDS = ["2d", "3d"]


class SmoothCritic(nn.Module):
    """A float64 critic that is differentiable everywhere, with a condition that matters."""

    def __init__(self, channels: int, spatial_dims: int) -> None:
        super().__init__()
        convolution = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        self.features = nn.Sequential(convolution(channels, 3, 2), nn.Tanh(), nn.Flatten(), nn.LazyLinear(4), nn.Tanh())
        self.out = nn.Linear(4, 1)
        self.condition = nn.Embedding(3, 4)
        self.double()

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        features = self.features(image)
        if label is not None:
            features = features * self.condition(label)
        return self.out(features)


def batch(size: tuple[int, ...], n: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    real, fake = torch.randn(2, n, *size, dtype=torch.float64)
    return real, fake, torch.rand(n, dtype=torch.float64)


def smooth_critic(size: tuple[int, ...]) -> SmoothCritic:
    critic = SmoothCritic(size[0], len(size) - 1)
    critic(torch.zeros(1, *size, dtype=torch.float64))
    return critic


def gradient_norms(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The norm of the critic's gradient at each point, (N,)."""
    rows = [
        torch.autograd.functional.jacobian(lambda x: critic(x[None]).squeeze(), p, create_graph=True) for p in points
    ]
    return torch.stack([(row * row).sum() for row in rows]).sqrt()


def mixture(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    return torch.stack([e * r + (1 - e) * f for r, f, e in zip(real, fake, epsilon, strict=True)])


def reference(kind: str, norms: Tensor, target: float) -> Tensor:
    """The definition, from the norm of each sample's gradient."""
    if kind in ("r1", "r2"):
        return norms.square().mean() / 2
    excess = norms - target
    return (excess.clamp(min=0) if kind == "one_sided" else excess).square().mean()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES, ids=SIZE_IDS)
def test_value_and_parameter_gradient_equal_the_explicit_jacobian(kind: str, size: tuple[int, ...]) -> None:
    critic = smooth_critic(size)
    real, fake, epsilon = batch(size)
    norms = gradient_norms(critic, {"r1": real, "r2": fake}.get(kind, mixture(real, fake, epsilon)))
    # Between the norms, so that the one-sided penalty meets both of its sides.
    target = norms.mean().item()
    ours = GradientPenalty(kind, weight=3.0, target=target)(critic, real, fake, epsilon=epsilon)
    expected = 3.0 * reference(kind, norms, target)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-14)
    assert ours > 0
    parameters = list(critic.parameters())
    for actual, wanted in zip(
        torch.autograd.grad(ours, parameters, allow_unused=True),
        torch.autograd.grad(expected, parameters, allow_unused=True),
        strict=True,
    ):
        if wanted is None:
            assert actual is None or not actual.any()
        else:
            torch.testing.assert_close(actual, wanted, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES, ids=SIZE_IDS)
def test_gradcheck_in_the_parameters(kind: str, size: tuple[int, ...]) -> None:
    critic = smooth_critic(size)
    real, fake, epsilon = batch(size, n=2)
    penalty = GradientPenalty(kind, target=gradient_norms(critic, mixture(real, fake, epsilon)).mean().item())
    names = [name for name, _ in critic.named_parameters() if "condition" not in name]
    values = [critic.get_parameter(name).detach().requires_grad_() for name in names]

    def function(*parameters: Tensor) -> Tensor:
        state = dict(zip(names, parameters, strict=True))
        return penalty(lambda image: functional_call(critic, state, (image,)), real, fake, epsilon=epsilon)

    assert torch.autograd.gradcheck(function, values, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, values, fast_mode=True)


def linear(weight: Sequence[float]) -> nn.Linear:
    """A critic whose gradient is ``weight`` for every image."""
    critic = nn.Linear(len(weight), 1, bias=False)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([weight]))
    return critic


@pytest.mark.parametrize(
    ("kind", "weight", "target", "expected", "slope"),
    [
        # Gradient (3, 4) has norm 5; slope is the factor on (3, 4) in the penalty's gradient.
        ("two_sided", 10.0, 1.0, 160.0, 2 * 10 * (1 - 1 / 5)),
        ("two_sided", 10.0, 6.0, 10.0, 2 * 10 * (1 - 6 / 5)),
        ("one_sided", 10.0, 1.0, 160.0, 2 * 10 * (1 - 1 / 5)),
        ("one_sided", 10.0, 6.0, 0.0, 0.0),
        ("two_sided", 2.0, 0.0, 50.0, 4.0),
        ("r1", 10.0, 1.0, 125.0, 10.0),
        ("r2", 4.0, 1.0, 50.0, 4.0),
    ],
)
def test_closed_form_on_a_linear_critic(kind: str, weight: float, target: float, expected: float, slope: float) -> None:
    critic = linear([3.0, 4.0])
    value = GradientPenalty(kind, weight, target)(critic, torch.randn(6, 2), torch.randn(6, 2))
    value.backward()
    assert value.item() == pytest.approx(expected, rel=1e-6)
    assert critic.weight.grad is not None
    assert critic.weight.grad[0].tolist() == pytest.approx([3 * slope, 4 * slope], rel=1e-5)


def test_one_sided_leaves_out_exactly_the_samples_below_the_target() -> None:
    # D(x) = |x|^2 / 2 has the gradient x, so norms are chosen sample by sample.
    norms = torch.tensor([0.2, 0.9, 1.5, 3.0])
    real = torch.zeros(4, 1, 2, 2)
    real[:, 0, 0, 0] = norms

    def critic(image: Tensor) -> Tensor:
        return image.flatten(1).square().sum(1) / 2

    value = GradientPenalty("one_sided", weight=1.0)(critic, real, real)
    assert value.item() == pytest.approx((0.5**2 + 2.0**2) / 4, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_zero_gradient_is_finite_and_sends_zero_back(kind: str) -> None:
    critic = linear([0.0, 0.0])
    value = GradientPenalty(kind)(critic, torch.randn(3, 2), torch.randn(3, 2))
    value.backward()
    assert value.item() == (10.0 if kind == "two_sided" else 0.0)
    assert critic.weight.grad is not None
    assert torch.equal(critic.weight.grad, torch.zeros(1, 2))


def test_norm_is_per_sample_over_all_other_dimensions() -> None:
    # A norm per voxel, or one over the batch, gives other values.
    def critic(image: Tensor) -> Tensor:
        return image.sum(dim=(1, 2, 3))

    images = torch.randn(5, 2, 3, 4)
    value = GradientPenalty(weight=1.0)(critic, images, images)
    assert value.item() == pytest.approx((math.sqrt(24) - 1) ** 2, rel=1e-6)


def test_interpolates_with_the_given_weights() -> None:
    real, fake, epsilon = torch.ones(2, 1, 2), torch.zeros(2, 1, 2), torch.tensor([0.25, 1.0])
    seen = []

    def critic(image: Tensor) -> Tensor:
        seen.append(image.detach())
        return image.square().sum((1, 2))

    GradientPenalty()(critic, real, fake, epsilon=epsilon)
    assert torch.equal(seen[0][:, 0, 0], epsilon)


def test_random_weights_follow_the_seed_and_lie_between_the_images() -> None:
    real, fake = torch.ones(64, 1, 2), torch.zeros(64, 1, 2)
    seen = []

    def critic(image: Tensor) -> Tensor:
        seen.append(image.detach())
        return image.square().sum((1, 2))

    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        GradientPenalty()(critic, real, fake)
    assert ((seen[0] >= 0) & (seen[0] < 1)).all()
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    assert torch.equal(seen[0][:, 0, 0], seen[0][:, 0, 1])


def test_random_weights_differ_from_call_to_call_and_survive_a_copy() -> None:
    real, fake = torch.ones(8, 1, 2), torch.zeros(8, 1, 2)
    seen = []

    def critic(image: Tensor) -> Tensor:
        seen.append(image.detach())
        return image.square().sum((1, 2))

    penalty = GradientPenalty()
    penalty(critic, real, fake)
    twin = copy.deepcopy(penalty)
    penalty(critic, real, fake)
    twin(critic, real, fake)
    assert not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[1], seen[2])


@pytest.mark.parametrize(("kind", "used"), [("r1", 1.0), ("r2", 0.0)])
def test_r1_sees_real_images_and_r2_generated_ones(kind: str, used: float) -> None:
    seen = []

    def critic(image: Tensor) -> Tensor:
        seen.append(image.detach())
        return image.square().sum((1, 2))

    GradientPenalty(kind)(critic, torch.ones(2, 1, 2), torch.zeros(3, 1, 2))
    assert (seen[0] == used).all()
    assert len(seen) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_images_get_no_gradient(kind: str) -> None:
    critic = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    real, fake = torch.randn(3, 2, requires_grad=True), torch.randn(3, 2, requires_grad=True)
    GradientPenalty(kind)(critic, real, fake).backward()
    assert critic[0].weight.grad is not None
    assert real.grad is None
    assert fake.grad is None


def test_without_gradients_the_value_is_the_same_and_keeps_no_graph() -> None:
    critic = smooth_critic((2, 3, 4))
    real, fake, epsilon = batch((2, 3, 4))
    with torch.no_grad():
        value = GradientPenalty()(critic, real, fake, epsilon=epsilon)
    assert not value.requires_grad
    assert torch.equal(value, GradientPenalty()(critic, real, fake, epsilon=epsilon).detach())


class ShapedCritic(nn.Module):
    """One convolution whose output is handed out in one of the forms that critics have."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.convolution = nn.Conv2d(1, 1, 2).double()

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        patches = self.convolution(image).square()
        half = patches[..., :1], patches[..., 1:]
        return {
            "(N, 1, *S)": patches,
            "(N, 1)": patches.flatten(1).sum(1, keepdim=True),
            "(N,)": patches.flatten(1).sum(1),
            "list": [half[0], half[1]],
        }[self.form]


@pytest.mark.parametrize("form", ["(N, 1)", "(N,)", "list"])
def test_outputs_of_every_form_are_summed_per_sample(form: str) -> None:
    critic, patches = ShapedCritic(form), ShapedCritic("(N, 1, *S)")
    critic.load_state_dict(patches.state_dict())
    real, fake, epsilon = batch((1, 4, 4))
    penalty = GradientPenalty()
    ours, expected = (penalty(c, real, fake, epsilon=epsilon) for c in (critic, patches))
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", ["two_sided", "r1", "r2"])
def test_conditional_critic_gets_the_label(kind: str) -> None:
    critic = smooth_critic((2, 3, 4))
    real, fake, epsilon = batch((2, 3, 4))
    label = torch.tensor([0, 2, 1])
    ours = GradientPenalty(kind, weight=1.0)(critic, real, fake, label=label, epsilon=epsilon)
    points = {"r1": real, "r2": fake}.get(kind, mixture(real, fake, epsilon))
    norms = [
        gradient_norms(lambda x, y=y: critic(x, y), point)  # type: ignore[misc]
        for y, point in zip(label.split(1), points.split(1), strict=True)
    ]
    torch.testing.assert_close(ours, reference(kind, torch.cat(norms), 1.0), rtol=1e-12, atol=0)
    assert not torch.allclose(ours, GradientPenalty(kind, weight=1.0)(critic, real, fake, epsilon=epsilon))


def test_r2_uses_the_condition_of_the_generated_images() -> None:
    critic = smooth_critic((2, 3, 4))
    real, fake, _ = batch((2, 3, 4))
    label, fake_label = torch.tensor([0, 0, 0]), torch.tensor([2, 1, 1])
    penalty = GradientPenalty("r2")
    value = penalty(critic, real, fake, label=label, fake_label=fake_label)
    assert torch.equal(value, penalty(critic, real, fake, label=fake_label))
    assert not torch.equal(value, penalty(critic, real, fake, label=label))


def test_pairs_of_unequal_condition_are_left_out_of_the_mean() -> None:
    critic = smooth_critic((2, 3, 4))
    real, fake, epsilon = batch((2, 3, 4), n=4)
    label, fake_label = torch.tensor([0, 1, 2, 1]), torch.tensor([0, 2, 2, 0])
    penalty, keep = GradientPenalty(), [0, 2]
    value = penalty(critic, real, fake, label=label, fake_label=fake_label, epsilon=epsilon)
    expected = penalty(critic, real[keep], fake[keep], label=label[keep], epsilon=epsilon[keep])
    assert torch.equal(value, expected)


def test_continuous_conditions_are_compared_row_by_row() -> None:
    seen = []

    def critic(image: Tensor, label: Tensor) -> Tensor:
        seen.append(label)
        return (image.flatten(1) * label).sum(1)

    label = torch.tensor([[0.5, 1.5], [0.5, 2.0], [3.0, 1.0]])
    fake_label = torch.tensor([[0.5, 1.5], [0.5, 2.5], [3.0, 1.0]])
    GradientPenalty()(critic, torch.randn(3, 1, 2), torch.randn(3, 1, 2), label=label, fake_label=fake_label)
    assert torch.equal(seen[0], label[[0, 2]])


def test_equal_conditions_given_twice_change_nothing() -> None:
    critic = smooth_critic((2, 3, 4))
    real, fake, epsilon = batch((2, 3, 4))
    label = torch.tensor([0, 1, 2])
    values = [
        GradientPenalty()(critic, real, fake, label=label, fake_label=other, epsilon=epsilon)
        for other in (None, label, label.clone())
    ]
    assert values[0] == values[1] == values[2]


def test_no_pair_of_equal_condition_is_an_error_with_the_remedy() -> None:
    critic = smooth_critic((2, 3, 4))
    real, fake, _ = batch((2, 3, 4), n=2)
    label = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="generate the fake images from the conditions of the real ones"):
        GradientPenalty()(critic, real, fake, label=label, fake_label=label.flip(0))
    with pytest.raises(ValueError, match="pass the condition of the real images as label"):
        GradientPenalty()(critic, real, fake, fake_label=label)
    with pytest.raises(ValueError, match=r"label \(2,\) and fake_label \(2, 1\) cannot be compared"):
        GradientPenalty()(critic, real, fake, label=label, fake_label=label[:, None])


@pytest.mark.parametrize("interval", [1, 4])
def test_lazy_penalty_has_the_mean_of_the_plain_one(interval: int) -> None:
    critic = smooth_critic((2, 3, 4))
    real, fake, epsilon = batch((2, 3, 4))
    plain, lazy = GradientPenalty("r1"), GradientPenalty("r1", interval=interval)
    due = [lazy.due(iteration) for iteration in range(8)]
    total = sum(lazy(critic, real, fake, epsilon=epsilon).item() for d in due if d)
    assert due.count(True) == 8 // interval
    assert due[0]
    assert total / 8 == pytest.approx(plain(critic, real, fake, epsilon=epsilon).item(), rel=1e-12)


def test_monai_tensors_are_accepted() -> None:
    critic = smooth_critic((2, 3, 4))
    real, fake, epsilon = batch((2, 3, 4))
    value = GradientPenalty()(critic, MetaTensor(real), fake, epsilon=epsilon)
    assert type(value) is Tensor
    assert torch.equal(value, GradientPenalty()(critic, real, fake, epsilon=epsilon))
