"""Directions of styles and the styles of an image, on a generator whose answers are known."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_gan.errors import InputError
from monai_gan.networks import project_image, style_directions, style_shift
from monai_gan.networks.nets import StyleGAN2Generator


def small_generator(**options: Any) -> StyleGAN2Generator:
    torch.manual_seed(0)
    return StyleGAN2Generator(2, 6, 1, 8, channels=4, max_channels=8, mapping_layers=2, **options)


def test_the_first_direction_is_the_one_that_the_layers_weigh_most() -> None:
    generator = small_generator()
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith("affine.weight"):
                parameter.mul_(0.1)
                parameter[:, 3] += 5.0
    directions = style_directions(generator, 6)
    unit = directions / directions.norm(dim=1, keepdim=True)
    assert unit[0, 3] > 0.99
    torch.testing.assert_close(unit @ unit.T, torch.eye(6), atol=1e-5, rtol=0)
    w = generator.styles(torch.randn(4000, 6))[:, 0]
    torch.testing.assert_close((w @ unit.T).std(0), directions.norm(dim=1), rtol=0.1, atol=0)


def test_layers_choose_whose_weights_count_and_which_are_shifted() -> None:
    generator = small_generator()
    assert not torch.allclose(style_directions(generator, 1, [0, 1]), style_directions(generator, 1, [3]))
    shift = style_shift(generator, torch.ones(6), 2.0, [1])
    assert shift.tolist() == [[2.0 if layer == 1 else 0.0] * 6 for layer in range(4)]
    latents = torch.randn(2, 6)
    torch.testing.assert_close(generator(latents, shift=torch.zeros(4, 6)), generator(latents))
    assert not torch.allclose(generator(latents, shift=style_shift(generator, torch.ones(6), 1.0)), generator(latents))


@pytest.mark.parametrize("classes", [0, 2])
def test_an_image_of_the_generator_is_found_again(classes: int) -> None:
    generator = small_generator(num_classes=classes)
    label = torch.tensor([1]) if classes else None
    target = generator(torch.randn(1, 6), label).detach()[0]
    found = project_image(generator, target, label, steps=150)
    assert found.distance < 0.2 * found.start
    assert found.ws.shape == (4, 6)
    torch.testing.assert_close(generator.synthesize(found.ws[None])[0].clamp(-1, 1), found.image, rtol=1e-3, atol=1e-4)
    assert all(parameter.grad is None for parameter in generator.parameters())
    again = project_image(generator, target, label, steps=5)
    assert torch.equal(again.ws, project_image(generator, target, label, steps=5).ws)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda g: style_directions(g, 7), "count=7 is out of range: the generator has 6 directions"),
        (lambda g: style_directions(g, 1, [4]), r"layers=\[4\] is not possible: give numbers from 0 to 3"),
        (lambda g: style_shift(g, torch.ones(6), 1.0, []), r"layers=\[\] is not possible"),
        (lambda g: project_image(g, torch.zeros(1, 9, 8)), r"the generator makes images of shape \(1, 8, 8\)"),
        (lambda g: project_image(g, torch.zeros(3, 8, 8)), "or choose its channels"),
        (lambda g: project_image(g, torch.full((1, 8, 8), torch.nan)), "holds NaN"),
        (lambda g: project_image(g, torch.zeros(1, 8, 8), steps=0), "steps=0 is not possible"),
    ],
)
def test_bad_input_is_named_with_a_remedy(call: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        call(small_generator())
