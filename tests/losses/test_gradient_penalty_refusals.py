"""What the penalty refuses, by name and with the remedy, and what it accepts beside that."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from monai_gan.losses import GradientPenalty

KINDS = ["two_sided", "one_sided", "r1", "r2"]


def linear(weight: Sequence[float]) -> nn.Linear:
    """A critic whose gradient is ``weight`` for every image."""
    critic = nn.Linear(len(weight), 1, bias=False)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([weight]))
    return critic


class Blocks(nn.Module):
    """A critic with a chosen normalisation inside a named block."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Conv2d(1, 2, 3), nn.ModuleDict({"norm": norm})])

    def forward(self, image: Tensor) -> Tensor:
        return self.blocks[1]["norm"](self.blocks[0](image)).tanh().flatten(1).sum(1)  # type: ignore[index]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("wrap", [lambda c: c, nn.DataParallel], ids=["bare", "wrapped"])
def test_batch_norm_is_refused_by_name(kind: str, train: bool, wrap: Callable[[nn.Module], nn.Module]) -> None:
    critic = wrap(Blocks(nn.BatchNorm2d(2))).train(train)
    images = torch.randn(2, 1, 4, 4)
    message = r"critic contains BatchNorm2d \('blocks\.1\.norm'\), which couples samples.*allow_batch_norm=True"
    with pytest.raises(ValueError, match=message):
        GradientPenalty(kind)(critic, images, images)
    assert GradientPenalty(kind, allow_batch_norm=True)(critic, images, images).isfinite()


@pytest.mark.parametrize(
    "norm", [nn.InstanceNorm2d(2), nn.GroupNorm(1, 2), nn.Identity()], ids=lambda n: type(n).__name__
)
def test_norms_per_sample_are_accepted(norm: nn.Module) -> None:
    critic = Blocks(norm)
    GradientPenalty()(critic, torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)).backward()
    weight = critic.get_parameter("blocks.0.weight")
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0


def test_an_operation_without_second_derivative_is_refused_instead_of_training_nothing() -> None:
    class Detached(torch.autograd.Function):
        @staticmethod
        def forward(ctx, image: Tensor, weight: Tensor) -> Tensor:  # type: ignore[no-untyped-def, override]
            ctx.save_for_backward(image.detach(), weight.detach())
            return (image @ weight.T).tanh()

        @staticmethod
        def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def, override]
            with torch.no_grad():
                image, weight = (tensor.detach() for tensor in ctx.saved_tensors)
                inner = gradient.detach() * (1 - (image @ weight.T).tanh() ** 2)
                return inner @ weight, inner.T @ image

    class Kernel(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return Detached.apply(input, self.weight)

    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        GradientPenalty()(Kernel(2, 1), torch.randn(3, 2), torch.randn(3, 2))


def test_frozen_critic_is_no_error() -> None:
    critic = linear([3.0, 4.0]).requires_grad_(False)
    assert GradientPenalty("r1", weight=2.0)(critic, torch.randn(3, 2)).item() == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "R1"}, "kind='R1' is not known: choose one of two_sided, one_sided, r1, r2"),
        ({"weight": -1.0}, "weight=-1.0"),
        ({"weight": float("nan")}, "weight=nan"),
        ({"target": -1.0}, "target=-1.0"),
        ({"interval": 0}, "interval=0"),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value)),
)
def test_wrong_settings_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GradientPenalty(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "real", "fake", "options", "message"),
    [
        ("two_sided", 3, None, {}, "fake=None is not enough for kind='two_sided'"),
        ("r2", 3, None, {}, "fake=None is not enough for kind='r2'"),
        ("two_sided", 3, 2, {}, r"real \(3, 2\) and fake \(2, 2\) have no points between them"),
        ("two_sided", 3, 3, {"epsilon": torch.rand(3, 1)}, r"epsilon has shape \(3, 1\)"),
        ("r1", 0, None, {}, "real holds no image"),
        ("r2", 3, 0, {}, "fake holds no image"),
        ("r1", 3, None, {"scale": 0.0}, "scale=0.0 cannot be undone"),
    ],
)
def test_wrong_batches_are_refused(
    kind: str, real: int, fake: int | None, options: dict[str, object], message: str
) -> None:
    images = None if fake is None else torch.randn(fake, 2)
    with pytest.raises(ValueError, match=message):
        GradientPenalty(kind)(linear([3.0, 4.0]), torch.randn(real, 2), images, **options)
