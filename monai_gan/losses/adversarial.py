"""The adversarial objectives of the literature behind one small interface: logits in, float32 scalars out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

Logits = Tensor | Sequence[Tensor]

OBJECTIVES: dict[str, type[Objective]] = {}


class Objective(ABC):
    """One objective on one tensor of logits per side; both losses are minimised.

    Write r for the logits of real images, f for those of generated images and E for the mean over all elements.
    """

    needs_real: ClassVar[bool] = False
    """Whether the generator's loss depends on the logits of real images."""

    paired: ClassVar[bool] = False
    """Whether logit i of one side is compared with logit i of the other, so that both need one shape."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Loss of the discriminator, a scalar."""

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """Loss of the generator, a scalar; ``real`` is a tensor whenever ``needs_real`` is true."""


def register_objective(name: str) -> Callable[[type[Objective]], type[Objective]]:
    """Make an objective available as ``AdversarialLoss(name)``; to be used as a decorator.

    Args:
        name: the name, lower case with underscores.

    Raises:
        ValueError: another class holds the name.
    """

    def add(cls: type[Objective]) -> type[Objective]:
        if name in OBJECTIVES:
            raise ValueError(f"name='{name}' is taken by {OBJECTIVES[name].__name__}: choose another name.")
        OBJECTIVES[name] = cls
        return cls

    return add


def _softplus(x: Tensor) -> Tensor:
    # torch's softplus switches to the identity above 20, which costs half of float64's digits; this form is exact.
    return -logsigmoid(-x)


@register_objective("minimax")
class Minimax(Objective):
    """The game as first stated (Goodfellow et al. 2014, equation 1).

    Discriminator: ``-E[log sigmoid(r)] - E[log(1 - sigmoid(f))]``. Generator: ``E[log(1 - sigmoid(f))]``, whose
    gradient fades as the discriminator rejects with confidence; that is a property of this game, and the reason for
    ``non_saturating``. MONAI's PatchAdversarialLoss has no such generator.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return _softplus(-real).mean() + _softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return logsigmoid(-fake).mean()


@register_objective("non_saturating")
class NonSaturating(Minimax):
    """The minimax discriminator with the generator's heuristic loss (Goodfellow et al. 2014, section 3).

    Generator: ``-E[log sigmoid(f)]``; its gradient tends to -1 per logit as the discriminator rejects with confidence,
    where the gradient of MONAI's ``bce`` vanishes: a float32 sigmoid rounds to 0 or 1 before its logarithm is taken.
    """

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return _softplus(-fake).mean()


@register_objective("hinge")
class Hinge(Objective):
    """The hinge of Lim and Ye 2017 and of Miyato et al. 2018 (spectral normalisation, equations 16 and 17).

    Discriminator: ``E[max(0, 1 - r)] + E[max(0, 1 + f)]``. Generator: ``-E[f]``, without a bound. MONAI's ``hinge``
    passes all logits through tanh and keeps the bound for the generator.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake.mean()


@register_objective("least_squares")
class LeastSquares(Objective):
    """Least squares with labels a = 0, b = c = 1 (Mao et al. 2017, equation 9), halves included.

    Discriminator: ``E[(r - 1)^2] / 2 + E[f^2] / 2``. Generator: ``E[(f - 1)^2] / 2``. MONAI's ``least_squares`` has no
    halves and applies a LeakyReLU to the logits unless told otherwise.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return 0.5 * (fake - 1).square().mean()


@register_objective("wasserstein")
class Wasserstein(Objective):
    """The dual of the Wasserstein-1 distance (Arjovsky et al. 2017, equation 2), for a critic held near 1-Lipschitz.

    Critic: ``E[f] - E[r]``, minus the estimate of the distance. Generator: ``-E[f]``.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake.mean()


@register_objective("relativistic_average")
class RelativisticAverage(Objective):
    """Is a real image more realistic than the average generated one (Jolicoeur-Martineau 2018, RaSGAN)?

    Discriminator: ``-E[log sigmoid(r - E[f])] - E[log(1 - sigmoid(f - E[r]))]``. Generator: the same with r and f
    exchanged. The inner means are over all logits of the batch at hand, which under data parallelism is the local one.
    """

    needs_real = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return _softplus(fake.mean() - real).mean() + _softplus(fake - real.mean()).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        if real is None:
            raise ValueError("real=None is not enough: the relativistic generator loss compares with real logits.")
        return self.discriminator(fake, real)


@register_objective("relativistic_paired")
class RelativisticPaired(Objective):
    """Is each real image more realistic than the generated one beside it (Jolicoeur-Martineau 2018; Huang et al. 2024)?

    Discriminator: ``E[log(1 + exp(f - r))]``. Generator: ``E[log(1 + exp(r - f))]``.
    """

    needs_real = True
    paired = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return _softplus(fake - real).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        if real is None:
            raise ValueError("real=None is not enough: the relativistic generator loss compares with real logits.")
        return _softplus(real - fake).mean()


class AdversarialLoss:
    """The two losses of one adversarial objective, from logits.

    The losses are the textbook ones, written in forms that neither overflow nor lose their gradient at large logits,
    and half precision logits are reduced in float32. This differs from ``monai.losses.PatchAdversarialLoss``, with
    whose ``hinge`` and ``bce`` the generator stops learning from a discriminator that rejects with confidence; each
    objective says how.

    A discriminator may give one tensor of any shape, (N, 1) or patches (N, 1, *S), or a list of them, one per scale;
    the loss is then the mean of the losses of the scales. Give logits only: MONAI's ``PatchDiscriminator`` returns its
    features too, and its logits are the last entry of what it returns.

    Args:
        objective: ``"minimax"``, ``"non_saturating"``, ``"hinge"``, ``"least_squares"``, ``"wasserstein"``,
            ``"relativistic_average"``, ``"relativistic_paired"``, a registered name, or an ``Objective``.

    Raises:
        ValueError: the objective is not known.

    Example:
        >>> import torch
        >>> from monai_gan.losses import AdversarialLoss
        >>> loss = AdversarialLoss("hinge")
        >>> loss.discriminator(torch.tensor([[2.0]]), torch.tensor([[-0.5]]))
        tensor(0.5000)
    """

    def __init__(self, objective: str | Objective = "non_saturating") -> None:
        if isinstance(objective, str):
            if objective not in OBJECTIVES:
                raise ValueError(f"objective='{objective}' is not known: choose one of {', '.join(OBJECTIVES)}.")
            objective = OBJECTIVES[objective]()
        self.objective = objective

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.objective).__name__})"

    @property
    def needs_real(self) -> bool:
        """Whether ``generator`` needs the logits of real images."""
        return self.objective.needs_real

    def discriminator(self, real_logits: Logits, fake_logits: Logits) -> Tensor:
        """Loss of the discriminator.

        Args:
            real_logits: logits of real images, a tensor of any shape or a list of them.
            fake_logits: logits of generated images, alike; paired objectives need equal shapes.

        Returns:
            A scalar, float32 for half precision logits and of the logits' type otherwise.

        Raises:
            ValueError: a tensor is empty, the numbers of scales differ, or a paired objective gets unequal shapes.
        """
        pairs = self._pairs(real_logits, fake_logits)
        return _mean([self.objective.discriminator(real, fake) for real, fake in pairs])

    def generator(self, fake_logits: Logits, real_logits: Logits | None = None) -> Tensor:
        """Loss of the generator.

        Args:
            fake_logits: logits of generated images, a tensor of any shape or a list of them.
            real_logits: logits of real images, needed when ``needs_real`` is true and ignored otherwise.

        Returns:
            A scalar, float32 for half precision logits and of the logits' type otherwise.

        Raises:
            ValueError: as for ``discriminator``, or real logits are needed and not given.
        """
        if not self.needs_real:
            return _mean([self.objective.generator(fake, None) for fake in _scales(fake_logits, "fake_logits")])
        if real_logits is None:
            raise ValueError(
                f"real_logits=None is not enough for {type(self.objective).__name__}: "
                "its generator loss compares with real images, so pass the discriminator's logits of a real batch."
            )
        pairs = self._pairs(real_logits, fake_logits)
        return _mean([self.objective.generator(fake, real) for real, fake in pairs])

    def _pairs(self, real_logits: Logits, fake_logits: Logits) -> list[tuple[Tensor, Tensor]]:
        reals, fakes = _scales(real_logits, "real_logits"), _scales(fake_logits, "fake_logits")
        if len(reals) != len(fakes):
            raise ValueError(
                f"real_logits has {len(reals)} scales and fake_logits {len(fakes)}: "
                "take both from the same discriminator."
            )
        for real, fake in zip(reals, fakes, strict=True):
            if self.objective.paired and real.shape != fake.shape:
                raise ValueError(
                    f"real_logits {tuple(real.shape)} and fake_logits {tuple(fake.shape)} cannot be paired: "
                    f"{type(self.objective).__name__} compares them one by one, so use batches of equal size "
                    "or relativistic_average."
                )
        return list(zip(reals, fakes, strict=True))


def _scales(logits: Logits, name: str) -> list[Tensor]:
    tensors = [logits] if isinstance(logits, Tensor) else list(logits)
    if not tensors or any(tensor.numel() == 0 for tensor in tensors):
        raise ValueError(f"{name} is empty, and the mean of nothing is no loss: use a batch of at least one image.")
    return [_full_precision(tensor) for tensor in tensors]


def _full_precision(logits: Tensor) -> Tensor:
    # A plain tensor: arithmetic on MONAI's MetaTensor also carries metadata, which a loss has no use for.
    return logits.as_subclass(Tensor).to(torch.promote_types(logits.dtype, torch.float32))


def _mean(losses: list[Tensor]) -> Tensor:
    return losses[0] if len(losses) == 1 else torch.stack(losses).mean()
