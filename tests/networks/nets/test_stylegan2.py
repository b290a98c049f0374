"""StyleGAN2's networks: what their parts do, shapes in two and three dimensions, conditions and bad input."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.networks.blocks.minibatch_std import MinibatchStd
from monai_gan.networks.blocks.style import StyleConv
from monai_gan.networks.blocks.style_layers import TAPS, EqualConv, EqualLinear
from monai_gan.networks.nets import StyleGAN2Discriminator, StyleGAN2Generator
from monai_gan.ops import bias_act, modulated_conv, upfirdn

SMALL: dict[str, Any] = {"channels": 4, "max_channels": 8, "mapping_layers": 2}
SHAPES = [pytest.param(2, (12, 8), 1, id="2d"), pytest.param(3, (8, 6, 8), 2, id="3d-two-channels")]


def networks(dims: int, size: Any, channels: int = 1, **condition: int) -> tuple[Any, Any]:
    torch.manual_seed(0)
    return (
        StyleGAN2Generator(dims, 8, channels, size, **SMALL, **condition),
        StyleGAN2Discriminator(dims, channels, size, **SMALL, **condition),
    )


@pytest.mark.parametrize(("dims", "size", "channels"), SHAPES)
def test_image_and_logit_shapes(dims: int, size: tuple[int, ...], channels: int) -> None:
    generator, critic = networks(dims, size, channels)
    images = generator(torch.randn(3, 8))
    assert images.shape == (3, channels, *size)
    assert images.abs().max() <= 1
    assert critic(images).shape == (3, 1)
    assert generator.noise_sizes[-1] == size
    assert len(generator.noise_sizes) == generator.num_styles - 1


@pytest.mark.parametrize("dims", [2, 3])
def test_changes_of_resolution_equal_filter_and_convolution(dims: int) -> None:
    """Upsampling: zeros between, convolution, filter; halving: filter, convolution of stride 2 (NVIDIA's order)."""
    torch.manual_seed(0)
    size = (6, 4, 4)[:dims]
    convolve = F.conv2d if dims == 2 else F.conv3d
    spread = F.conv_transpose2d if dims == 2 else F.conv_transpose3d
    taps = torch.tensor(TAPS)
    x = torch.randn(2, 3, *size)

    down = EqualConv(dims, 3, 5, down=2)
    filtered = upfirdn(x, taps, padding=2)
    expected = bias_act(convolve(filtered, down.weight / 9 ** (dims / 4) / 3**0.5, stride=2), down.bias)
    torch.testing.assert_close(down(x), expected, rtol=1e-4, atol=1e-5)

    up = StyleConv(dims, 3, 5, 8, [2 * s for s in size], up=2)
    w = torch.randn(2, 8)
    style = up.affine(w)
    kernels = up.weight * style.reshape(2, 1, 3, *(1,) * dims)
    kernels = kernels / kernels.square().flatten(2).sum(2).sqrt().reshape(2, 5, *(1,) * (dims + 1))
    rows = [spread(one[None], kernel.transpose(0, 1), stride=2) for one, kernel in zip(x, kernels, strict=True)]
    expected = bias_act(upfirdn(torch.cat(rows), taps, padding=1, gain=2.0**dims), up.bias)
    torch.testing.assert_close(up(x, w), expected, rtol=1e-4, atol=1e-4)


def test_equalised_layers_keep_the_variance_and_move_at_their_rate() -> None:
    torch.manual_seed(0)
    layer = EqualLinear(256, 256, rate=0.01)
    assert layer.weight.std().item() == pytest.approx(100, rel=0.02)
    assert 0.9 < layer(torch.randn(256, 256)).std().item() < 1.1
    assert 0.9 < EqualConv(2, 64, 64, activation="identity")(torch.randn(2, 64, 16, 16)).std().item() < 1.1


def test_spread_of_a_batch_is_that_of_its_groups() -> None:
    x = torch.randn(6, 2, 3, 3)
    result = MinibatchStd(3)(x)
    assert torch.equal(result[:, :2], x)
    groups = x.reshape(3, 2, 18)  # images 0, 2, 4 and 1, 3, 5, as NVIDIA's weights expect
    expected = groups.std(0, correction=0).mean(1)
    torch.testing.assert_close(result[:, 2, 0, 0], expected.repeat(3))
    assert MinibatchStd()(torch.ones(4, 1, 2, 2))[:, 1].max() < 1e-3


def test_noise_is_fixed_unless_given_and_counts_when_its_strength_is_not_zero() -> None:
    generator, _ = networks(2, 8)
    latents = torch.randn(2, 8)
    with torch.no_grad():
        for block in generator.blocks:
            block.conv1.noise_strength.fill_(0.5)
    assert torch.equal(generator(latents), generator(latents))
    assert torch.allclose(generator(latents)[:1], generator(latents[:1]), atol=1e-5)
    ws = generator.styles(latents)
    first, second = (
        generator.synthesize(ws, [torch.randn(2, 1, *size) for size in generator.noise_sizes]) for _ in range(2)
    )
    assert not torch.allclose(first, second)


def test_noise_can_follow_from_the_latent() -> None:
    torch.manual_seed(0)
    generator = StyleGAN2Generator(2, 8, 1, 16, channels=4, max_channels=8, mapping_layers=2, vary_noise=True)
    with torch.no_grad():
        for block in generator.blocks:
            block.conv1.noise_strength.fill_(0.5)
    latents = torch.randn(3, 8)
    noise = generator.noise_of(latents)
    assert [tuple(one.shape[2:]) for one in noise] == generator.noise_sizes
    fixed = [module.noise.flatten() for module in generator.modules() if isinstance(module, StyleConv)]
    for one, layer in zip(noise, fixed, strict=True):
        assert all(torch.equal(image.flatten().sort().values, layer.sort().values) for image in one)
    assert not torch.equal(noise[-1][0], noise[-1][1])
    mean_images = generator(latents, truncation=0.0)
    assert not torch.allclose(mean_images[0], mean_images[1])
    torch.testing.assert_close(mean_images[1:2], generator(latents[1:2], truncation=0.0))


@pytest.mark.parametrize(("dims", "size"), [(2, 16), (3, (8, 16, 8))])
def test_a_network_without_noise_takes_weights_with_it_and_leaves_it_out(dims: int, size: Any) -> None:
    noisy, plain = (
        StyleGAN2Generator(
            dims, 8, 1, size, channels=4, max_channels=8, mapping_layers=2, add_noise=add, vary_noise=True
        )
        for add in (True, False)
    )
    plain.load_state_dict(noisy.state_dict())
    latents = torch.randn(2, 8)
    torch.testing.assert_close(plain(latents), noisy(latents))
    before = plain(latents)
    for generator in (noisy, plain):
        with torch.no_grad():
            for layer in (module for module in generator.modules() if isinstance(module, StyleConv)):
                layer.noise_strength.fill_(0.5)
    assert not torch.allclose(noisy(latents), before)
    torch.testing.assert_close(plain(latents), before)
    plain(latents).sum().backward()
    untrained = {name for name, parameter in plain.named_parameters() if parameter.grad is None}
    assert untrained == {name for name, _ in plain.named_parameters() if name.endswith("noise_strength")}


def test_truncation_leads_from_the_image_to_the_mean_image() -> None:
    generator, _ = networks(2, 8)
    generator.mapping.average.normal_()
    latents = torch.randn(4, 8)
    spread = [generator(latents, truncation=psi).std(0).mean().item() for psi in (1.0, 0.5, 0.0)]
    assert spread[0] > spread[1] > spread[2] == pytest.approx(0, abs=1e-5)


def test_conditions_by_class_vector_and_covariate() -> None:
    generator, critic = networks(2, 8, num_classes=3)
    latents, images = torch.randn(2, 8), torch.randn(2, 1, 8, 8)
    classes = torch.tensor([0, 2])
    vectors = torch.tensor([[1.0, 0, 0], [0, 0, 1]])
    for network, given in ((generator, latents), (critic, images)):
        assert torch.equal(network(given, classes), network(given, vectors))
        assert not torch.allclose(network(given, classes), network(given, 1 - classes.clamp(max=1)))
    assert torch.equal(generator(latents), generator(latents, torch.tensor([0, 1]))), "the classes in turn by default"
    generator, critic = networks(2, 8, num_classes=2, num_covariates=1)
    young, old = (torch.tensor([[1.0, 0.0, age]] * 2) for age in (-1.0, 1.0))
    assert not torch.allclose(generator(latents, young), generator(latents, old))
    assert not torch.allclose(critic(images, young), critic(images, old))


def test_the_fold_of_the_network_equals_a_kernel_per_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, _ = networks(2, 8)
    latents = torch.randn(3, 8)
    expected = generator(latents)

    def grouped(*arguments: Tensor, **options: Any) -> Tensor:
        return modulated_conv(*arguments, **options, form="grouped")

    monkeypatch.setattr("monai_gan.networks.blocks.style.modulated_conv", grouped)
    torch.testing.assert_close(generator(latents), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("condition", "label", "text"),
    [
        ({}, torch.tensor([0, 0]), "without a condition"),
        ({"num_classes": 2}, None, r"label is missing: give class numbers \(2,\) below 2"),
        ({"num_classes": 2}, torch.tensor([0, 2]), r"numbers outside 0 .. 1"),
        ({"num_classes": 2}, torch.zeros(2, 3), "does not fit: give class numbers"),
        ({"num_covariates": 2}, torch.tensor([0, 1]), r"give vectors \(2, 2\) of 0 one-hot values and 2 covariates"),
    ],
)
def test_conditions_that_do_not_fit(condition: dict[str, int], label: Tensor | None, text: str) -> None:
    _, critic = networks(2, 8, **condition)
    with pytest.raises(ValueError, match=text):
        critic(torch.zeros(2, 1, 8, 8), label)


def test_bad_numbers_and_shapes() -> None:
    with pytest.raises(ValueError, match="mapping_layers=0 is not possible"):
        StyleGAN2Generator(2, 8, 1, 8, mapping_layers=0)
    with pytest.raises(ValueError, match="num_classes=-1 is not possible"):
        StyleGAN2Generator(2, 8, 1, 8, num_classes=-1)
    with pytest.raises(ValueError, match="cannot be reached"):
        StyleGAN2Discriminator(2, 1, 17)
    generator, critic = networks(2, 8)
    with pytest.raises(ValueError, match="do not fit latent_size=8"):
        generator(torch.zeros(2, 9))
    with pytest.raises(ValueError, match="does not fit image_size"):
        critic(torch.zeros(2, 1, 12, 12))
