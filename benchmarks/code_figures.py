"""What the images of an InfoGAN tell of its codes: a bound of their mutual information, by a reader trained for it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from benchmarks.cards import DIGITS
from monai_gan.data import seeded_latents
from monai_gan.networks.nets import DCGANDiscriminator, InfoGANDiscriminator, InfoGANGenerator
from monai_gan.variants import InfoGAN

STEPS, BATCH, RATE = 600, 64, 1e-3
#: Seed of the latents that the reader is asked about, far from those of its training.
HELD_OUT = 2**61
SHARE = "_share"


def code_figures(generator: InfoGANGenerator, n: int, seed: int, steps: int = STEPS) -> dict[str, float]:
    """L_I of each code in nats, and for a categorical one ``"<code>_share"`` of H(c).

    A bundle has no head Q, so that a fresh one learns to read the codes. The bound holds for any reader: a better one
    could only find more.

    Args:
        generator: with codes, in eval mode.
        n: latents that the reader is asked about.
        seed: of its weights and of the latents that it learns from.
        steps: of its training.
    """
    codes = generator.codes
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        variant = InfoGAN(generator, _reader(generator))
        optimizer = torch.optim.Adam(variant.discriminator.parameters(), lr=RATE)
        for step in range(steps):
            latents = seeded_latents(BATCH, codes.latent_size, seed, step * BATCH)
            with torch.no_grad():
                images = generator(latents)
            _, estimate = variant.discriminator.judge(images)
            optimizer.zero_grad()
            (-variant.bounds(latents, estimate).sum()).backward()
            optimizer.step()
    found = variant.information(variant.latents(n, HELD_OUT))
    return {name: round(value, DIGITS) for name, value in found.items()}


def _reader(generator: InfoGANGenerator) -> InfoGANDiscriminator:
    with torch.no_grad():
        _, channels, *size = generator(torch.zeros(1, generator.latent_size)).shape
    critic = DCGANDiscriminator(len(size), channels, size, channels=16, max_channels=64, norm="layer")
    return InfoGANDiscriminator(critic, generator.codes.categories, generator.codes.continuous)


def code_text(found: Mapping[str, float]) -> str:
    """The figures as a Markdown table, and how they were measured."""
    lines = ["| code | L_I in nats | as a share of H(c); 1 is best |", "|---|---|---|"]
    for name in (name for name in found if not name.endswith(SHARE)):
        share = found.get(name + SHARE)
        lines.append(f"| {name} | {found[name]:.3f} | {'-' if share is None else f'{share:.3f}'} |")
    return "\n".join(lines) + (
        "\n\nL_I is a lower bound of the mutual information of a code and the images. It was measured on held-out "
        f"samples by a network that had learned from {STEPS * BATCH} others to read the codes. The bound of a "
        "continuous code has no upper limit; 0 is what a guess gives."
    )
