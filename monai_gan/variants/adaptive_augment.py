"""Adaptive discriminator augmentation (Karras et al. 2020b, "Training generative adversarial networks with limited
data", arXiv 2006.06676)."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.variants.augmentation import Augmentation
from monai_gan.variants.step import Step


class AdaptiveAugment(nn.Module):
    """Augments all that a discriminator sees, with a probability that follows its overfitting.

    A discriminator that knows its training images by heart is sure of them: the mean of the signs of its logits for
    real images, r_t, rises from 0 towards 1 (equation 1, right). The probability p of each augmentation rises while r_t
    is above its target and falls while it is below. Below a p of about 0.8 augmentations do not leak into the generated
    images (section 2.2).

    Both numbers are buffers, so that a checkpoint holds them, and are moved on the device.

    Args:
        augmentation: what is done to the images.
        target: of r_t.
        maximum: of p, at most 0.8.
        thousands: thousands of real images within which p could rise from 0 to 1 (500 in the paper).
        start: p at the beginning.
        adapt: whether p follows r_t; without, it stays at ``start``.

    Attributes:
        probability: p.
        overfitting: r_t, a running mean over about four batches.

    Raises:
        ValueError: an option is out of range.
    """

    probability: Tensor
    overfitting: Tensor
    #: Fewer logits than these tell no share of signs.
    fewest = 4

    def __init__(
        self,
        augmentation: Augmentation,
        target: float = 0.6,
        maximum: float = 0.8,
        thousands: float = 500.0,
        start: float = 0.0,
        adapt: bool = True,
    ) -> None:
        super().__init__()
        if not 0 <= maximum <= 0.8:
            raise ValueError(f"maximum={maximum} is out of range: above 0.8 augmentations leak; give 0 to 0.8.")
        if not 0 <= start <= maximum:
            raise ValueError(f"start={start} is out of range: give 0 to maximum={maximum}.")
        if not -1 < target < 1:
            raise ValueError(f"target={target} is no mean of signs: give a number between -1 and 1, such as 0.6.")
        if not thousands > 0:
            raise ValueError(f"thousands={thousands} is not possible: give a number above 0.")
        self.augmentation = augmentation
        self.target = target
        self.maximum = maximum
        self.thousands = thousands
        self.adapt = adapt
        self.register_buffer("probability", torch.tensor(float(start)))
        self.register_buffer("overfitting", torch.tensor(0.0))

    def forward(self, images: Tensor, step: Step) -> Tensor:
        """Augment images (N, C, *S), with the random numbers of the step."""
        numbers = step.rand(len(images), self.augmentation.count, device=images.device)
        return self.augmentation(images, numbers, self.probability)  # type: ignore[no-any-return]

    @torch.no_grad()
    def follow(self, real_logits: Tensor) -> None:
        """Move p by what the discriminator said of augmented real images, (N, 1).

        Raises:
            InputError: a batch has too few images to tell anything.
        """
        n = len(real_logits)
        if n < self.fewest:
            raise InputError(
                f"batch_size={n} is too small for adaptive augmentation, which counts signs: give {self.fewest} or "
                "more images per batch, or leave augment out."
            )
        signs = real_logits.float().sign().mean()
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            dist.all_reduce(signs)
            signs = signs / dist.get_world_size()
            n *= dist.get_world_size()
        self.overfitting.lerp_(signs, 0.25)
        if self.adapt:
            move = (self.overfitting - self.target).sign() * (n / (1000 * self.thousands))
            self.probability.add_(move).clamp_(0.0, self.maximum)
