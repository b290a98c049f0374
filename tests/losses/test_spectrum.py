"""Loss between power spectra: against a plain computation, its gradient, and what it teaches a generator."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from monai_gan.losses import SpectrumLoss
from monai_gan.losses.spectrum import ring_power


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_ring_power(images: Tensor) -> np.ndarray:
    """The same with loops over frequencies."""
    sizes = images.shape[2:]
    x = images.numpy()
    for axis, size in enumerate(sizes):
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
        x = x * window.reshape(-1, *(1,) * (len(sizes) - 1 - axis))
    power = (np.abs(np.fft.fftn(x, axes=range(2, x.ndim))) ** 2 / math.prod(sizes)).mean(0)
    last = math.ceil(min(sizes) / 2)
    sums, counts = np.zeros((len(power), last + 1)), np.zeros(last + 1)
    for place in np.ndindex(*sizes):
        cycles = [min(k, size - k) / size for k, size in zip(place, sizes, strict=True)]
        ring = min(round(math.hypot(*cycles) * min(sizes)), last)
        sums[:, ring] += power[(slice(None), *place)]
        counts[ring] += 1
    return (sums / counts)[:, 1:]  # type: ignore[no-any-return]


@pytest.mark.parametrize("shape", [(3, 2, 8, 8), (2, 1, 7, 12), (2, 2, 6, 8, 5)])
def test_power_is_that_of_a_plain_computation(shape: tuple[int, ...]) -> None:
    images = noise(*shape)
    expected = plain_ring_power(images)
    np.testing.assert_allclose(ring_power(images), expected, rtol=1e-10)
    np.testing.assert_allclose(ring_power(images.float()), expected, rtol=1e-4)
    loss = SpectrumLoss()(images, other := noise(*shape, seed=1))
    gap = np.log(expected + 1e-8) - np.log(plain_ring_power(other) + 1e-8)
    assert loss.item() == pytest.approx((gap**2).mean())


def test_half_precision_is_computed_in_single() -> None:
    images = noise(2, 1, 16, 16)
    torch.testing.assert_close(ring_power(images.bfloat16()), ring_power(images.bfloat16().float()))


@pytest.mark.parametrize("shape", [(2, 1, 6, 6), (1, 1, 4, 5, 4)])
def test_gradient(shape: tuple[int, ...]) -> None:
    target = noise(*shape, seed=1)
    loss = SpectrumLoss()
    assert torch.autograd.gradcheck(lambda x: loss(x, target), noise(*shape).requires_grad_())
    assert torch.autograd.gradgradcheck(lambda x: loss(x, target), noise(*shape).requires_grad_())


def test_order_does_not_count_but_noise_and_blur_do() -> None:
    images = noise(8, 1, 32, 32).cumsum(2).cumsum(3) / 32
    loss = SpectrumLoss()
    assert loss(images.flip(0), images).item() == pytest.approx(0, abs=1e-20)
    blurred = torch.nn.functional.avg_pool2d(images, 3, 1, 1)
    little, more = (loss(images + scale * noise(8, 1, 32, 32, seed=1), images).item() for scale in (0.1, 0.4))
    assert 0.05 < little < more
    assert loss(blurred, images).item() > 0.5


def test_it_teaches_how_much_noise_there_is() -> None:
    def images(strength: float | Tensor, seed: int) -> Tensor:
        return noise(32, 1, 16, 16, seed=seed).cumsum(2).cumsum(3) + strength * noise(32, 1, 16, 16, seed=seed + 1)

    strength = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([strength], 0.05)
    for k in range(120):
        loss = SpectrumLoss()(images(strength, seed=2 * k), images(0.5, seed=2 * k + 1000))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert 0.4 < strength.abs().item() < 0.6


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"input of shape \(2, 1, 8, 8\) and target of \(2, 1, 8, 9\) do not fit"):
        SpectrumLoss()(noise(2, 1, 8, 8), noise(2, 1, 8, 9))
    with pytest.raises(ValueError, match=r"give \(N, C, H, W\) or"):
        SpectrumLoss()(noise(2, 8), noise(2, 8))
    with pytest.raises(ValueError, match="eps=0 is not possible"):
        SpectrumLoss(eps=0)
