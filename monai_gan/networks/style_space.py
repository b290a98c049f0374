"""Directions in the space of StyleGAN2's styles, and the styles of a given image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.networks.blocks.style import StyleBlock
from monai_gan.networks.blocks.style_layers import EqualLinear
from monai_gan.networks.nets.stylegan2 import StyleGAN2Generator

#: Latents from which the mean and spread of styles are estimated, and their seed.
SAMPLES, SEED = 1024, 0


@torch.no_grad()
def style_directions(generator: StyleGAN2Generator, count: int, layers: Sequence[int] | None = None) -> Tensor:
    """The directions in which a step of the style changes the layers' kernels most.

    Closed-form factorisation (Shen and Zhou 2021, "Closed-form factorization of latent semantics in GANs", equation 5):
    the eigenvectors of A^T A with the largest eigenvalues, where A stacks the maps from w to the scales of the layers'
    kernels. No image and no label is needed; what a direction means is for a person to see.

    Args:
        generator: trained.
        count: number of directions, at most the length of w.
        layers: numbers of the styles, 0 to ``num_styles - 1``, whose layers count; all by default. Few coarse layers
            give changes of shape, fine ones changes of texture.

    Returns:
        Directions (count, style_size), float32, on the CPU, the strongest first; each as long as the standard deviation
        of w along it, its largest component positive.

    Raises:
        InputError: ``count`` or a layer is out of range.
    """
    if not 1 <= count <= generator.style_size:
        raise InputError(f"count={count} is out of range: the generator has {generator.style_size} directions.")
    _check_layers(generator, layers)
    wanted = range(generator.num_styles) if layers is None else layers
    maps = [affine.weight * affine.gain for number, affine in _affines(generator) if number in wanted]
    stacked = torch.cat(maps).double().cpu()
    vectors = torch.linalg.eigh(stacked.T @ stacked).eigenvectors.T.flip(0)[:count]
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    vectors = vectors * largest.sign()
    w = _many_styles(generator).double().cpu()
    spread = ((w - w.mean(0)) @ vectors.T).std(0)
    return (vectors * spread.unsqueeze(1)).float()


def style_shift(
    generator: StyleGAN2Generator, direction: Tensor, strength: float, layers: Sequence[int] | None = None
) -> Tensor:
    """What ``forward`` takes as ``shift``: a direction (style_size,) times a strength, in the layers that are named.

    Returns:
        (num_styles, style_size).

    Raises:
        InputError: a layer is out of range.
    """
    _check_layers(generator, layers)
    shift = torch.zeros(generator.num_styles, generator.style_size)
    shift[slice(None) if layers is None else list(layers)] = strength * direction.float().cpu()
    return shift


class Projection(NamedTuple):
    """The styles that come nearest to an image.

    Attributes:
        ws: styles (num_styles, style_size), equal in all layers.
        image: what the generator makes of them, (C, *S).
        distance: of that image to the one that was given.
        start: distance of the mean image, with which the search began.
    """

    ws: Tensor
    image: Tensor
    distance: float
    start: float


def project_image(
    generator: StyleGAN2Generator,
    image: Tensor,
    label: Tensor | None = None,
    *,
    steps: int = 300,
    rate: float = 0.1,
    seed: int = 0,
    distance: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Projection:
    """Find the style whose image is nearest to a real one (Karras et al. 2020, section 5 and appendix D).

    The search begins at the mean of w and adds noise to w that fades within the first three quarters of the steps. The
    layers' noise stays fixed, so that the style has to explain the image. How near the image comes tells how well
    the generator knows such images; that of a training image can come nearer than that of a new one.

    Args:
        generator: trained; its weights and gradients are left alone.
        image: (C, *S) in [-1, 1], of the generator's size and channels.
        label: its class (1,) or condition vector (1, K), where the generator has a condition.
        steps: of Adam, at least 1.
        rate: largest learning rate.
        seed: of the noise.
        distance: of two batches (1, C, *S), a scalar; by default the mean squared difference over a pyramid of
            resolutions.

    Returns:
        The best of all steps.

    Raises:
        InputError: the image has another size or other channels, is not finite, or ``steps`` is below 1.
    """
    wanted = (generator.out_channels, *generator.image_size)
    if tuple(image.shape) != wanted:
        raise InputError(
            f"image of shape {tuple(image.shape)} cannot be projected: the generator makes images of shape {wanted} "
            "(C, *S); resize it, or choose its channels."
        )
    if not torch.isfinite(image).all():
        raise InputError("image holds NaN or infinite values: repair it before it is projected.")
    if steps < 1:
        raise InputError(f"steps={steps} is not possible: give 1 or more.")
    measure = distance or _pyramid_distance
    device = next(generator.parameters()).device
    target = image.as_subclass(Tensor).detach().float().to(device).unsqueeze(0)
    cloud = _many_styles(generator, label)
    mean, spread = cloud.mean(0, keepdim=True), (cloud - cloud.mean(0)).square().sum(1).mean().sqrt()
    w = mean.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([w], rate, betas=(0.9, 0.999))
    random = torch.Generator().manual_seed(seed)

    def draw(style: Tensor) -> Tensor:
        return generator.synthesize(style.unsqueeze(1).expand(-1, generator.num_styles, -1))

    with torch.no_grad():
        best, made = w.detach().clone(), draw(w)
        nearest = start = measure(made, target).item()
    for step in range(steps):
        done = step / steps
        optimizer.param_groups[0]["lr"] = rate * min(1.0, (1 - done) / 0.25, 0.05 + done / 0.05)
        noise = torch.randn(w.shape, generator=random).to(device) * spread * 0.05 * max(0.0, 1 - done / 0.75) ** 2
        with torch.enable_grad():
            image_now = draw(w + noise)
            loss = measure(image_now, target)
            (w.grad,) = torch.autograd.grad(loss, w)
        if (value := loss.item()) < nearest:
            nearest, best, made = value, (w + noise).detach(), image_now.detach()
        optimizer.step()
    return Projection(best.expand(generator.num_styles, -1).clone(), made[0].clamp(-1, 1), nearest, start)


@torch.no_grad()
def _many_styles(generator: StyleGAN2Generator, label: Tensor | None = None) -> Tensor:
    """w of many latents, (SAMPLES, style_size); without a label, of all classes in turn."""
    from monai_gan.data import seeded_latents

    weight = next(generator.parameters())
    latents = seeded_latents(SAMPLES, generator.latent_size, SEED).to(weight)
    if label is None:
        label = generator.condition.turns(latents)
    else:
        label = label.expand(SAMPLES, *label.shape[1:]).to(weight.device)
    return generator.styles(latents, label)[:, 0].float()


def _affines(generator: StyleGAN2Generator) -> list[tuple[int, EqualLinear]]:
    """The maps from w to a layer's scales, each with the number of its style."""
    found: list[tuple[int, EqualLinear]] = []
    first = 0
    for module in generator.blocks:
        block = cast(StyleBlock, module)
        count = block.convolutions
        layers = [block.conv1] if count == 1 else [block.conv0, block.conv1]
        affines = [*(layer.affine for layer in layers), block.to_image.affine]
        found += [(first + number, affine) for number, affine in enumerate(affines)]
        first += count
    return found


def _check_layers(generator: StyleGAN2Generator, layers: Sequence[int] | None) -> None:
    if layers is not None and (not len(layers) or not all(0 <= layer < generator.num_styles for layer in layers)):
        raise InputError(
            f"layers={list(layers)} is not possible: give numbers from 0 to {generator.num_styles - 1}, or "
            "leave it out."
        )


def _pyramid_distance(image: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference at the image's resolution, its half, quarter... as far as all axes allow."""
    pool = F.avg_pool2d if image.ndim == 4 else F.avg_pool3d
    total, levels = (image - target).square().mean(), 1
    while min(image.shape[2:]) >= 8:
        image, target = pool(image, 2), pool(target, 2)
        total, levels = total + (image - target).square().mean(), levels + 1
    return total / levels
