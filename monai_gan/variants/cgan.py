"""Conditional GAN (Mirza and Osindero 2014, arXiv 1411.1784), with projection discriminator (Miyato and Koyama 2018,
arXiv 1802.05637) or auxiliary classifier (Odena, Olah and Shlens 2017, arXiv 1610.09585)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from monai_gan.losses import AdversarialLoss, GradientPenalty
from monai_gan.variants.base import Batch, LatentGAN
from monai_gan.variants.conditions import Condition, FakeLabels, check_fake_labels, condition_of, fake_condition
from monai_gan.variants.step import Step


class CGAN(LatentGAN):
    """Generator and discriminator both know the class, covariates such as age, or both (Mirza 2014, equation 2).

    The networks decide how: :class:`~monai_gan.networks.nets.ConditionalGenerator` joins latent and embedding,
    ``ConditionalDiscriminator`` projects, concatenates, or tells the class itself. Any networks will do that are called
    ``(image, label)``, or ``(image, label, covariates)`` where there are covariates.

    Args:
        generator: latents (N, Z) and conditions to images (N, C, *S) in [-1, 1]; has ``latent_size``, ``num_classes``
            and, where it takes some, ``num_covariates``.
        discriminator: images and conditions to logits (N, 1); for the classification loss it has ``judge``, which gives
            logits of the classes too.
        objective: name of the adversarial objective; Miyato 2018 uses ``"hinge"``.
        penalties: of the discriminator's gradient, such as R1 or R1 and R2; all with one interval.
        classification_weight: factor of the classification loss of both (Odena 2017, equation 3).
        fake_labels: classes of the generated images, ``"batch"``: those of the batch, or ``"uniform"``.

    Raises:
        ValueError: an unknown objective or ``fake_labels``, or penalties of different intervals.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: str = "hinge",
        penalties: Sequence[GradientPenalty] = (),
        classification_weight: float = 1.0,
        fake_labels: FakeLabels = "batch",
    ) -> None:
        super().__init__(generator, discriminator, AdversarialLoss(objective), penalties)
        check_fake_labels(fake_labels)
        self.num_classes = int(generator.num_classes)  # type: ignore[arg-type]
        self.num_covariates = int(getattr(generator, "num_covariates", 0))
        self.classification_weight = classification_weight
        self.fake_labels: FakeLabels = fake_labels

    def check_batch(self, batch: Batch) -> None:
        self.condition(batch)

    def condition(self, batch: Batch) -> Condition:
        """Classes and covariates of the real images."""
        return condition_of(batch, self.num_classes, self.num_covariates)

    def made(self, batch: Batch, step: Step) -> tuple[Tensor, Condition]:
        """As many images as the batch holds, and their conditions."""
        condition = fake_condition(self.condition(batch), self.fake_labels, self.num_classes, step)
        real = batch["image"]
        latents = step.randn(len(real), int(self.generator.latent_size), device=real.device)  # type: ignore[arg-type]
        return self.generator(latents, *condition.arguments), condition

    def judge(self, images: Tensor, condition: Condition) -> tuple[Tensor, Tensor | None]:
        """Logits (N, 1), and the loss of the classifier if the discriminator has one."""
        if not hasattr(self.discriminator, "judge"):
            return self.discriminator(images, *condition.arguments), None
        logits, classes = self.discriminator.judge(images, *condition.arguments)  # type: ignore[operator]
        if classes is None or condition.label is None or not self.classification_weight:
            return logits, None
        return logits, self.classification_weight * cross_entropy(classes.float(), condition.label)

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        real, condition = batch["image"], self.condition(batch)
        with torch.no_grad():
            fake, fake_condition = self.made(batch, step)
        losses = {}
        if step.main:
            real_logits, real_class = self.judge(real, condition)
            fake_logits, fake_class = self.judge(fake, fake_condition)
            losses.update(self.logit_losses(real_logits, fake_logits))
            if real_class is not None and fake_class is not None:
                losses["classification"] = real_class + fake_class
        if step.regularizer:
            for penalty in self._penalties:
                # Between images of two conditions there is no condition, so such points take that of the real one.
                critic = _Told(self.discriminator, fake_condition if penalty.kind == "r2" else condition)
                losses[penalty.kind] = self.penalise(penalty, critic, real, fake, step)
        return losses

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        if not step.main:
            return {}
        fake, condition = self.made(batch, step)
        fake_logits, fake_class = self.judge(fake, condition)
        real_logits = None
        if self.objective.needs_real:
            real_logits, _ = self.judge(batch["image"], self.condition(batch))
        losses = {"adversarial": self.objective.generator(fake_logits, real_logits)}
        if fake_class is not None:
            losses["classification"] = fake_class
        return losses

    def sample(self, latents: Tensor, labels: Tensor | None = None, covariates: Tensor | None = None) -> Tensor:
        """Images (N, C, *S); without labels of all classes in turn, without covariates of their mean."""
        return self.generator(latents, *Condition(labels, covariates).arguments)


class _Told(nn.Module):
    """The discriminator under one condition, as a function of images alone."""

    def __init__(self, discriminator: nn.Module, condition: Condition) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.arguments = condition.arguments

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(image, *self.arguments)
        return logits
