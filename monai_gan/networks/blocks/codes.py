"""Codes with a known meaning inside a latent, and how well an estimate of them fits (Chen et al. 2016, InfoGAN)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

#: A traversal stops short of the ends of a continuous code, where hardly any sample of the training lay.
REACH = 0.95
# Bounds of the estimated log standard deviation: a code that is read perfectly must not make the likelihood infinite.
LOG_DEVIATION = (-4.0, 2.0)


class LatentCodes(nn.Module):
    """Reads codes from the last entries of a standard normal latent: noise, then categories, then continuous codes.

    A categorical code of K values is the largest of K entries, as one of K numbers 0 or 1; a continuous code is an
    entry z as ``erf(z / sqrt(2))``, uniform in [-1, 1]. So the latents of a model with codes are those of any other,
    drawn by (seed, i), and truncation keeps the categories and draws the continuous codes to their middle.

    Args:
        latent_size: entries of a latent, noise and codes together.
        categories: number of values of each categorical code, 2 or more.
        continuous: number of continuous codes.

    Attributes:
        names: ``"category_0"`` ..., ``"continuous_0"`` ..., in the order of the codes.
        entropies: H(c) of each code in nats, (codes,): log K and log 2.
        noise: entries that stay noise.
        estimate_size: numbers that describe an estimate: K logits per category, mean and log standard deviation per
            continuous code.

    Raises:
        ValueError: there is no code, a number is out of range, or the codes leave no noise.
    """

    def __init__(self, latent_size: int, categories: Sequence[int] = (10,), continuous: int = 0) -> None:
        super().__init__()
        self.categories = [int(size) for size in categories]
        self.continuous = continuous
        if min(self.categories, default=2) < 2:
            raise ValueError(f"categories={self.categories} is not possible: each code needs 2 values or more.")
        if continuous < 0:
            raise ValueError(f"continuous={continuous} is not possible: give 0 or more.")
        if not self.categories and not continuous:
            raise ValueError("categories=[] and continuous=0 give no code: ask for one, or use a model without codes.")
        self.noise = latent_size - sum(self.categories) - continuous
        if self.noise < 1:
            raise ValueError(
                f"latent_size={latent_size} leaves no noise beside categories={self.categories} and "
                f"continuous={continuous}: give {latent_size + 1 - self.noise} or more."
            )
        self.latent_size = latent_size
        self.estimate_size = sum(self.categories) + 2 * continuous
        self.names = [f"category_{i}" for i in range(len(self.categories))]
        self.names += [f"continuous_{i}" for i in range(continuous)]
        self.entropies: Tensor
        entropies = [math.log(size) for size in [*self.categories, *[2] * continuous]]
        self.register_buffer("entropies", torch.tensor(entropies), persistent=False)

    def forward(self, latents: Tensor) -> Tensor:
        """Turn latents (N, latent_size) into noise and codes, of the same shape."""
        parts = [latents[:, : self.noise]]
        start = self.noise
        for size in self.categories:
            entries = latents[:, start : start + size]
            # Not one_hot, which looks at the values, so that the host would wait for the device.
            parts.append(torch.zeros_like(entries).scatter(1, entries.argmax(1, keepdim=True), 1.0))
            start += size
        parts.append(torch.erf(latents[:, start:] / 2.0**0.5))
        return torch.cat(parts, 1)

    def log_likelihood(self, coded: Tensor, estimate: Tensor) -> Tensor:
        """log Q(c|x) of each code in nats, (N, codes), float32.

        Args:
            coded: what :meth:`forward` returned.
            estimate: (N, estimate_size), categories first, then all means, then all log standard deviations.
        """
        estimate = estimate.float()
        values = []
        start, first = self.noise, 0
        for size in self.categories:
            chosen = coded[:, start : start + size]
            values.append((chosen * estimate[:, first : first + size].log_softmax(1)).sum(1, keepdim=True))
            start, first = start + size, first + size
        mean, deviation = estimate[:, first:].chunk(2, dim=1)
        deviation = deviation.clamp(*LOG_DEVIATION)
        distance = (coded[:, start:] - mean) / deviation.exp()
        values.append(-0.5 * distance.square() - deviation - 0.5 * math.log(2 * math.pi))
        return torch.cat(values, 1)

    def traverse(self, latents: Tensor, steps: int = 9) -> list[Tensor]:
        """Latents that differ in one code: for each code (n, values, latent_size), the others as in ``latents``.

        Args:
            latents: (n, latent_size).
            steps: values of a continuous code, from -0.95 to 0.95; a categorical code takes all its values.
        """
        rows = []
        start = self.noise
        for size in self.categories:
            row = latents.unsqueeze(1).repeat(1, size, 1)
            row[:, :, start : start + size] = torch.eye(size, dtype=latents.dtype, device=latents.device)
            rows.append(row)
            start += size
        ends = torch.linspace(-REACH, REACH, steps, dtype=latents.dtype, device=latents.device)
        for entry in range(start, self.latent_size):
            row = latents.unsqueeze(1).repeat(1, steps, 1)
            row[:, :, entry] = 2.0**0.5 * torch.erfinv(ends)
            rows.append(row)
        return rows
