"""The contract between a GAN variant, which says what its losses are, and the trainer, which knows how to step them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from monai_gan.data import seeded_latents
from monai_gan.losses import AdversarialLoss, GradientPenalty
from monai_gan.variants.step import Phase, Step

Half = Literal["discriminator", "generator"]
Batch = Mapping[str, Any]
Module = TypeVar("Module", bound=nn.Module)


class Variant(nn.Module, ABC):
    """A GAN of the literature: its networks, losses and schedule.

    A subclass assigns its networks as attributes and names them in ``discriminator_names`` and ``generator_names``;
    each named network has an optimizer. State beyond the weights belongs in registered buffers, so that a checkpoint is
    complete. A loss never calls ``backward`` and never draws from the global random generator: ``step`` has its own.
    """

    discriminator_names: Sequence[str] = ("discriminator",)
    generator_names: Sequence[str] = ("generator",)

    @property
    def averaged_names(self) -> Sequence[str]:
        """Networks of which an exponential moving average is kept for inference."""
        return self.generator_names

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks that have an optimizer, by name."""
        return {name: self.get_submodule(name) for name in (*self.discriminator_names, *self.generator_names)}

    @property
    def phases(self) -> Sequence[Phase]:
        """The schedule; one phase that trains everything unless a variant says otherwise."""
        return (Phase("train", None, tuple(self.networks)),)

    @property
    def lazy_intervals(self) -> dict[Half, int]:
        """Every how many steps the regularizers of a half are due; above 1 they get an optimizer step of their own."""
        return {}

    @property
    def figures(self) -> dict[str, Tensor]:
        """Named scalars besides the losses that the log should tell, such as the balance of BEGAN."""
        return {}

    @property
    def inference_network(self) -> nn.Module:
        """The module whose weights a bundle ships; by default the first generator."""
        return self.get_submodule(self.generator_names[0])

    @abstractmethod
    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        """Named scalars, already weighted, that the discriminators minimise.

        Args:
            batch: ``"image"`` (N, C, *S) in [-1, 1] and, where the data has it, ``"label"``.
            step: tells the part that is asked for and gives random numbers.
        """

    @abstractmethod
    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        """Named scalars, already weighted, that the generators minimise; arguments as for the discriminators."""

    def check_batch(self, batch: Batch) -> None:
        """Refuse a batch that the losses cannot use. The trainer asks before a batch goes to the device, where looking
        at its values would wait for the GPU.

        Raises:
            InputError: the batch lacks something, or holds values that are not possible.
        """

    def project(self, half: Half) -> None:
        """Put the weights back into their allowed set after an optimizer step (weight clipping, for instance)."""

    def check_data(self, dataset: Any) -> None:
        """Refuse training data that the variant cannot learn from; the trainer asks once, before it trains.

        Args:
            dataset: of the loader; None where the loader tells none.

        Raises:
            InputError: the data lack something.
        """

    def settle(self) -> None:
        """Ready the weights for sampling, once, before they are exported; called on the variant with the averages."""

    @abstractmethod
    def latents(self, n: int, seed: int) -> Tensor:
        """Inputs for :meth:`sample`; row i depends on (seed, i) only."""

    @abstractmethod
    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, *S) in [-1, 1] for latents of :meth:`latents`."""

    def averaged_copy(self) -> Variant:
        """A variant that shares everything with this one but has its own copy of the averaged networks."""
        twin = _shallow(self)
        for name in self.averaged_names:
            network = copy.deepcopy(self.get_submodule(name)).eval().requires_grad_(False)
            *path, last = name.split(".")
            parent: nn.Module = twin
            for part in path:
                child = _shallow(parent.get_submodule(part))
                parent._modules[part] = child
                parent = child
            parent._modules[last] = network
        return twin


def _shallow(module: Module) -> Module:
    """A copy that shares its parameters, buffers and children, of which it can be given others."""
    twin = copy.copy(module)
    twin.__dict__["_modules"] = dict(module._modules)
    return twin


class LatentGAN(Variant):
    """A generator from latents, a discriminator and one adversarial objective: the trunk of the unconditional variants.

    Args:
        generator: maps latents (N, Z) to images; has ``latent_size``.
        discriminator: maps images to logits.
        objective: the adversarial losses of both.
        penalties: of the discriminator's gradient, such as R1 or R1 and R2; all with one interval.

    Raises:
        ValueError: the penalties have different intervals.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: AdversarialLoss,
        penalties: Sequence[GradientPenalty] = (),
    ) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.objective = objective
        self.penalties = nn.ModuleList(penalties)
        intervals = sorted({penalty.interval for penalty in penalties})
        if len(intervals) > 1:
            raise ValueError(f"penalties have the intervals {intervals}: give all the same.")

    @property
    def lazy_intervals(self) -> dict[Half, int]:
        return {"discriminator": self._penalties[0].interval} if self.penalties else {}

    @property
    def _penalties(self) -> list[GradientPenalty]:
        return list(self.penalties)  # type: ignore[arg-type]

    def fresh_latents(self, batch: Batch, step: Step) -> Tensor:
        """As many latents as the batch holds images."""
        real = batch["image"]
        return step.randn(len(real), int(self.generator.latent_size), device=real.device)  # type: ignore[arg-type]

    def fake(self, batch: Batch, step: Step) -> Tensor:
        """As many images as the batch holds, from fresh latents."""
        fake: Tensor = self.generator(self.fresh_latents(batch, step))
        return fake

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        real = batch["image"]
        with torch.no_grad():
            fake = self.fake(batch, step)
        losses = {}
        if step.main:
            losses.update(self.logit_losses(self.discriminator(real), self.discriminator(fake)))
        if step.regularizer:
            losses.update(self.discriminator_regularizers(real, fake, step))
        return losses

    def logit_losses(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """The discriminator's losses that need its logits alone."""
        return {"adversarial": self.objective.discriminator(real_logits, fake_logits)}

    def discriminator_regularizers(self, real: Tensor, fake: Tensor, step: Step) -> dict[str, Tensor]:
        """The penalties of the discriminator, by their kind."""
        return {
            penalty.kind: self.penalise(penalty, self.discriminator, real, fake, step) for penalty in self._penalties
        }

    def penalise(self, penalty: GradientPenalty, critic: nn.Module, real: Tensor, fake: Tensor, step: Step) -> Tensor:
        """One penalty; where it is taken between images, at points that a resumed run repeats."""
        epsilon = None if penalty.kind in ("r1", "r2") else step.rand(len(real), device=real.device)
        return penalty(critic, real, fake, epsilon=epsilon, scale=step.scale)  # type: ignore[no-any-return]

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        fake_logits = self.discriminator(self.fake(batch, step))
        real_logits = self.discriminator(batch["image"]) if self.objective.needs_real else None
        return {"adversarial": self.objective.generator(fake_logits, real_logits)}

    def latents(self, n: int, seed: int) -> Tensor:
        return seeded_latents(n, int(self.generator.latent_size), seed)  # type: ignore[arg-type]

    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is not None:
            raise ValueError(f"{type(self).__name__} is unconditional: leave labels out (got {len(labels)}).")
        return self.generator(latents)
