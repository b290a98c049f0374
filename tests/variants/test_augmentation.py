"""Augmentation of what a discriminator sees, and the probability that follows its overfitting."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.variants import AdaptiveAugment, Augmentation, Phase, Step

OFF: dict[str, Any] = {"translate": 0.0, "scale": 0.0, "brightness": 0.0, "contrast": 0.0}
ALL: dict[str, Any] = {"flip_safe": True, "turn_safe": True, "noise": 0.1, "cutout": 0.5}


def numbers(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, Augmentation.count, generator=torch.Generator().manual_seed(seed))


def corners(n: int) -> Tensor:
    """Images of which no two turned or mirrored forms are equal."""
    return torch.arange(9.0).reshape(1, 1, 3, 3).expand(n, 1, 3, 3)


def forms(images: Tensor) -> set[tuple[float, ...]]:
    return {tuple(image.flatten().tolist()) for image in images}


@pytest.mark.parametrize("shape", [(8, 2, 6, 6), (8, 1, 4, 6, 6)], ids=["2d", "3d"])
def test_probability_zero_leaves_images_bit_for_bit(shape: tuple[int, ...]) -> None:
    images = torch.randn(shape)
    assert torch.equal(Augmentation(len(shape) - 2, **ALL)(images, numbers(8), 0.0), images)


def test_turns_are_the_four_and_flips_exchange_the_last_axis_alone() -> None:
    turned = Augmentation(2, turn_safe=True, **OFF)(corners(64), numbers(64), 1.0)
    assert forms(turned) == {tuple(torch.rot90(corners(1)[0, 0], k).flatten().tolist()) for k in range(4)}
    flipped = Augmentation(2, flip_safe=True, **OFF)(corners(64), numbers(64), 1.0)
    assert forms(flipped) == forms(torch.cat([corners(1), corners(1).flip(-1)]))


def test_the_default_never_mirrors_or_turns() -> None:
    """A bright spot left of the centre stays left of it when nothing is moved."""
    changed = Augmentation(2, translate=0.0)(corners(256), numbers(256), 1.0)
    assert (changed[:, 0, 0, 2] > changed[:, 0, 0, 0]).all()
    assert (changed[:, 0, 2, 0] > changed[:, 0, 0, 0]).all()


def test_translation_moves_by_whole_pixels_and_mirrors_at_the_border() -> None:
    image = torch.arange(8.0).reshape(1, 1, 1, 8).repeat(64, 1, 8, 1)
    moved = Augmentation(2, **{**OFF, "translate": 0.25})(image, numbers(64), 1.0)
    allowed = {tuple(torch.cat([image[0, 0, 0, :k].flip(0), image[0, 0, 0, : 8 - k]]).tolist()) for k in range(3)}
    allowed |= {tuple(torch.cat([image[0, 0, 0, k:], image[0, 0, 0, 8 - k :].flip(0)]).tolist()) for k in range(3)}
    assert {tuple(one.tolist()) for one in moved[:, 0, 0]} == allowed


def test_scaling_keeps_a_flat_image_and_the_centre() -> None:
    augment = Augmentation(2, **{**OFF, "scale": 0.3})
    flat = torch.full((16, 1, 9, 9), 0.5)
    torch.testing.assert_close(augment(flat, numbers(16), 1.0), flat)
    ramp = torch.linspace(-1, 1, 9).reshape(1, 1, 1, 9).expand(16, 1, 9, 9)
    centres = augment(ramp, numbers(16), 1.0)[:, 0, 4, 4]
    torch.testing.assert_close(centres, torch.zeros(16), atol=1e-6, rtol=0)


def test_share_of_changed_images_is_the_probability() -> None:
    images = torch.randn(2000, 1, 2, 2)
    changed = Augmentation(2, **{**OFF, "brightness": 0.2})(images, numbers(2000), torch.tensor(0.3))
    assert abs(float((changed != images).flatten(1).any(1).float().mean()) - 0.3) < 0.04


def test_cutout_and_noise() -> None:
    cut = Augmentation(2, cutout=0.5, **OFF)(torch.ones(200, 1, 8, 8), numbers(200), 1.0)
    assert set(cut.unique().tolist()) == {0.0, 1.0}
    assert 4 <= float((cut == 0).float().flatten(1).sum(1).max()) <= 25
    noisy = Augmentation(2, noise=0.1, **OFF)(torch.zeros(200, 1, 8, 8), numbers(200), 1.0)
    assert 0.05 < float(noisy.std()) < 0.15


@pytest.mark.parametrize("shape", [(3, 1, 3, 3), (2, 1, 2, 3, 3)], ids=["2d", "3d"])
def test_derivatives_of_two_orders(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    augment, u = Augmentation(len(shape) - 2, **ALL), numbers(shape[0]).double()
    images = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: augment(x, u, 0.9), (images,))
    assert torch.autograd.gradgradcheck(lambda x: augment(x.square(), u, 0.9), (images,))


def test_probability_follows_the_signs_of_real_logits() -> None:
    augment = AdaptiveAugment(Augmentation(2), thousands=0.1)
    sure = torch.ones(8, 1)
    for _ in range(5):
        augment.follow(sure)
    # 0.76 after five batches: above 0.6 only in the last two of them.
    assert augment.overfitting.item() == pytest.approx(1 - 0.75**5)
    assert augment.probability.item() == pytest.approx(2 * 8 / 100)
    for _ in range(30):
        augment.follow(sure)
    assert augment.probability.item() == pytest.approx(0.8), "it never exceeds its maximum"
    for _ in range(40):
        augment.follow(-sure)
    assert augment.probability.item() == 0.0
    fixed = AdaptiveAugment(Augmentation(2), start=0.5, adapt=False)
    fixed.follow(sure)
    assert fixed.probability.item() == 0.5


def test_numbers_of_a_step_give_the_same_images_again() -> None:
    augment = AdaptiveAugment(Augmentation(2), start=0.8)
    images = torch.randn(4, 1, 6, 6)
    first, again, other = (augment(images, Step(i, Phase("train", None, ()))) for i in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Augmentation(4), ValueError, "spatial_dims=4 is not supported"),
        (lambda: Augmentation(2, noise=-1.0), ValueError, "noise=-1.0 is not possible"),
        (lambda: Augmentation(3)(torch.zeros(1, 1, 4, 4), numbers(1), 0.5), ValueError, "give 5 axes"),
        (
            lambda: Augmentation(2, turn_safe=True)(torch.zeros(1, 1, 4, 6), numbers(1), 0.5),
            ValueError,
            "cannot be turned",
        ),
        (lambda: AdaptiveAugment(Augmentation(2), maximum=0.9), ValueError, "above 0.8 augmentations leak"),
        (lambda: AdaptiveAugment(Augmentation(2), start=0.9), ValueError, "start=0.9 is out of range"),
        (lambda: AdaptiveAugment(Augmentation(2), target=2.0), ValueError, "no mean of signs"),
        (lambda: AdaptiveAugment(Augmentation(2), thousands=0.0), ValueError, "thousands=0.0 is not possible"),
        (
            lambda: AdaptiveAugment(Augmentation(2)).follow(torch.zeros(2, 1)),
            InputError,
            "batch_size=2 is too small for adaptive augmentation",
        ),
    ],
)
def test_bad_input_is_named_with_a_remedy(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
