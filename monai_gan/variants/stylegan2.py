"""StyleGAN2 (Karras et al. 2020, arXiv 1912.04958), with adaptive augmentation (Karras et al. 2020b, arXiv 2006.06676)
for small sets of images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.losses import AdversarialLoss, GradientPenalty, SpectrumLoss
from monai_gan.networks.contrast import match_contrast
from monai_gan.networks.nets import StyleGAN2Discriminator, StyleGAN2Generator
from monai_gan.ops import counter_normal
from monai_gan.variants.adaptive_augment import AdaptiveAugment
from monai_gan.variants.base import Batch, Half, LatentGAN
from monai_gan.variants.step import Phase, Step


class StyleGAN2(LatentGAN):
    """Non-saturating loss, lazy R1 penalty, lazy path length penalty, style mixing; augmentation if asked for.

    The paper's recipe: Adam with a rate of 2e-3 and betas (0, 0.99), averaged weights.

    Args:
        generator: latents to images by way of styles.
        discriminator: images to logits (N, 1), with the condition of the generator.
        augment: changes real and generated images before the discriminator, in all steps; None for large sets.
        r1: the gradient penalty at real images; weight 10 every 16th step by default. A rule for the weight is
            0.0002 times the pixels of an image over the batch size (Karras et al. 2020b, their code).
        path_weight: weight of the path length penalty (section 3.2); 0 for none.
        path_interval: generator steps between path length penalties.
        path_share: share of the batch that the penalty is computed for.
        mixing: share of images whose styles come from two latents (Karras et al. 2019, section 3.1).
        spectrum_weight: weight of the :class:`~monai_gan.losses.SpectrumLoss` between generated and real images, which
            keeps noise and sharpness right where a discriminator is too young to see them; 0 for none, as in the paper.
        match_contrast: whether the averaged generator is given the mean and deviation of the real images' pixels before
            it is exported, see :func:`~monai_gan.networks.match_contrast`.
        warm_up_iterations: iterations that train the discriminator alone at first: a new one would lead a generator
            that was trained before astray.

    Raises:
        ValueError: generator and discriminator do not have one condition, or an option is out of range.
    """

    generator: StyleGAN2Generator
    discriminator: StyleGAN2Discriminator
    path_mean: Tensor
    real_moments: Tensor
    real_batches: Tensor

    def __init__(
        self,
        generator: StyleGAN2Generator,
        discriminator: StyleGAN2Discriminator,
        augment: AdaptiveAugment | None = None,
        r1: GradientPenalty | None = None,
        path_weight: float = 2.0,
        path_interval: int = 4,
        path_share: float = 0.5,
        mixing: float = 0.9,
        spectrum_weight: float = 0.0,
        match_contrast: bool = False,
        warm_up_iterations: int = 0,
    ) -> None:
        super().__init__(generator, discriminator, AdversarialLoss("non_saturating"))
        mine, theirs = generator.condition, discriminator.condition
        if (mine.num_classes, mine.num_covariates) != (theirs.num_classes, theirs.num_covariates):
            raise ValueError(
                f"the generator has {mine.num_classes} classes and {mine.num_covariates} covariates, the discriminator "
                f"{theirs.num_classes} and {theirs.num_covariates}: build both with the same numbers."
            )
        if not 0 < path_share <= 1:
            raise ValueError(f"path_share={path_share} is not possible: give a share above 0 and at most 1.")
        if warm_up_iterations < 0:
            raise ValueError(f"warm_up_iterations={warm_up_iterations} is not possible: give 0 or more.")
        self.augment = augment
        self.r1 = r1 or GradientPenalty("r1", weight=10.0, interval=16)
        self.path_weight = path_weight
        self.path_interval = path_interval
        self.path_share = path_share
        self.mixing = mixing
        self.spectrum = SpectrumLoss()
        self.spectrum_weight = spectrum_weight
        self.match_contrast = match_contrast
        self.warm_up_iterations = warm_up_iterations
        self.register_buffer("path_mean", torch.tensor(0.0))
        # Mean and mean square of the real images' pixels, and of how many batches.
        self.register_buffer("real_moments", torch.zeros(2, generator.out_channels) if match_contrast else None)
        self.register_buffer("real_batches", torch.tensor(0.0) if match_contrast else None)

    @property
    def phases(self) -> Sequence[Phase]:
        if not self.warm_up_iterations:
            return super().phases
        return Phase("warm-up", self.warm_up_iterations, tuple(self.discriminator_names)), *super().phases

    @property
    def lazy_intervals(self) -> dict[Half, int]:
        intervals: dict[Half, int] = {"discriminator": self.r1.interval}
        if self.path_weight:
            intervals["generator"] = self.path_interval
        return intervals

    @property
    def figures(self) -> dict[str, Tensor]:
        """Probability and sign of adaptive augmentation, which tell whether a discriminator overfits."""
        if self.augment is None:
            return {}
        return {"augment/probability": self.augment.probability, "augment/overfitting": self.augment.overfitting}

    def condition(self, batch: Batch) -> Tensor | None:
        """The condition of a batch: None, its ``"label"``, or vectors that hold its ``"covariates"`` (N, K) as well."""
        wanted = self.generator.condition
        if not wanted.size:
            return None
        keys = [*(["label"] if wanted.num_classes else []), *(["covariates"] if wanted.num_covariates else [])]
        for key in keys:
            if key not in batch:
                raise InputError(
                    f"The batch has no '{key}', which the networks are conditioned on; give data with '{key}', or "
                    "build the networks without num_classes and num_covariates."
                )
        if not wanted.num_covariates:
            return batch["label"]  # type: ignore[no-any-return]
        parts = [wanted.one_hot(batch["label"])] if wanted.num_classes else []
        return torch.cat([*parts, batch["covariates"].to(torch.float32)], 1)

    def judge(self, images: Tensor, condition: Tensor | None, step: Step) -> Tensor:
        """The discriminator's logits (N, 1) for images, augmented where that is asked for."""
        if self.augment is not None:
            images = self.augment(images, step)
        return self.discriminator(images, condition)

    def styles(self, condition: Tensor | None, step: Step, n: int, device: torch.device) -> Tensor:
        """Styles (n, num_styles, style_size) of fresh latents, some of them mixed at a random layer."""
        ws, others = (
            self.generator.styles(step.randn(n, self.generator.latent_size, device=device), condition) for _ in range(2)
        )
        numbers = step.rand(n, 2, device=device)
        count = ws.shape[1]
        cut = 1 + (numbers[:, 0] * (count - 1)).floor()
        cut = cut.masked_fill(numbers[:, 1] >= self.mixing, count)
        return torch.where(torch.arange(count, device=device).unsqueeze(1) < cut.reshape(-1, 1, 1), ws, others)

    def synthesize(self, ws: Tensor, step: Step) -> Tensor:
        """Images of styles, with fresh noise in every layer that adds any."""
        if not self.generator.add_noise:
            return self.generator.synthesize(ws)
        sizes = self.generator.noise_sizes
        counts = [math.prod(size) for size in sizes]
        noise = counter_normal(step.rand(len(ws), 2, device=ws.device), sum(counts)).split(counts, 1)
        return self.generator.synthesize(
            ws, [part.reshape(-1, 1, *size) for part, size in zip(noise, sizes, strict=True)]
        )

    def discriminator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        real, condition = batch["image"], self.condition(batch)
        losses = {}
        if step.main:
            with torch.no_grad():
                fake = self.synthesize(self.styles(condition, step, len(real), real.device), step)
            real_logits = self.judge(real, condition, step)
            losses["adversarial"] = self.objective.discriminator(real_logits, self.judge(fake, condition, step))
            if self.augment is not None:
                self.augment.follow(real_logits)
            if self.match_contrast:
                self._follow_contrast(real)
        if step.regularizer:
            losses["r1"] = self.r1(lambda image: self.judge(image, condition, step), real, scale=step.scale)
        return losses

    def generator_losses(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        real, condition = batch["image"], self.condition(batch)
        losses = {}
        if step.main:
            ws = self.styles(condition, step, len(real), real.device)
            self.generator.mapping.follow(ws[:, 0])
            fake = self.synthesize(ws, step)
            losses["adversarial"] = self.objective.generator(self.judge(fake, condition, step))
            if self.spectrum_weight:
                # As images are given out: real ones are cut off at the ends of the range as well.
                losses["spectrum"] = self.spectrum_weight * self.spectrum(fake.clamp(-1, 1), real)
        if step.regularizer and self.path_weight:
            n = max(1, round(self.path_share * len(real)))
            losses["path_length"] = self._path_length(None if condition is None else condition[:n], step, n, real)
        return losses

    def _path_length(self, condition: Tensor | None, step: Step, n: int, real: Tensor) -> Tensor:
        """How far a small change of the styles moves the image should be the same everywhere (equation 4)."""
        ws = self.styles(condition, step, n, real.device)
        images = self.synthesize(ws, step).float()
        directions = step.randn(n, *images.shape[1:], device=real.device) / math.sqrt(math.prod(images.shape[2:]))
        (gradient,) = torch.autograd.grad((images * directions).sum() * step.scale, ws, create_graph=True)
        lengths = (gradient.float() / step.scale).square().sum(2).mean(1).sqrt()
        with torch.no_grad():
            self.path_mean.lerp_(lengths.mean(), 0.01)
        # The mean moves slowly on the way and as a constant: only the lengths are trained.
        return self.path_weight * self.path_interval * (lengths - self.path_mean.clone()).square().mean()

    @torch.no_grad()
    def _follow_contrast(self, real: Tensor) -> None:
        pixels = real.float().transpose(0, 1).flatten(1)
        self.real_batches.add_(1)
        self.real_moments.lerp_(torch.stack([pixels.mean(1), pixels.square().mean(1)]), 1 / self.real_batches)

    def settle(self) -> None:
        """Give the generator the contrast of the real images that training has seen, if asked to."""
        if self.match_contrast and self.real_batches > 0:
            mean, square = self.real_moments
            match_contrast(self.generator, mean, (square - mean.square()).clamp_min(1e-12).sqrt())

    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images in [-1, 1]; where classes are needed and none are given, the latents take turns at them."""
        return self.generator(latents, labels)  # type: ignore[no-any-return]
