"""Growing networks: sizes, fades, and what a stop in the middle of growth leaves."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_gan.networks.nets import PGGANDiscriminator, PGGANGenerator

NARROW = {"channels": 4, "max_channels": 8}
SIZES = [
    pytest.param(2, 24, id="2d"),
    pytest.param(2, (12, 20), id="2d_not_square"),
    pytest.param(3, (12, 16, 12), id="3d_not_cubic"),
]


def networks(dims: int = 2, size: int | tuple[int, ...] = 24) -> tuple[PGGANGenerator, PGGANDiscriminator]:
    torch.manual_seed(0)
    return PGGANGenerator(dims, 6, 1, size, **NARROW), PGGANDiscriminator(dims, 1, size, **NARROW)


def latents(n: int = 4) -> Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("dims", "size"), SIZES)
def test_every_growth_has_its_size(dims, size):
    generator, critic = networks(dims, size)
    base, depth = generator.resolution.base, generator.resolution.levels
    real = torch.rand(4, 1, *generator.image_size)
    for growth in [0.0, 0.25, 1.0, depth - 0.5, float(depth)]:
        level = -int(-growth // 1)
        expected = (4, 1, *(pixels * 2**level for pixels in base))
        image = generator.generate(latents(), growth)
        assert image.shape == expected
        assert image.abs().max() <= 1
        assert critic.shrink(real, growth).shape == expected
        assert critic.judge(image, growth).shape == (4, 1)
    full = generator(latents())
    assert full.shape == (4, 1, *generator.image_size)
    torch.testing.assert_close(critic(full), critic.judge(full, float(depth)))


def test_fade_mixes_the_doubled_coarse_image_with_the_fine_one():
    generator, critic = networks()
    generator.out_act = torch.nn.Identity()
    coarse, mixed, fine = (generator.generate(latents(), growth) for growth in (1.0, 1.25, 2.0))
    torch.testing.assert_close(mixed, 0.75 * F.interpolate(coarse, scale_factor=2.0) + 0.25 * fine)
    real = torch.rand(4, 1, 24, 24)
    low = F.avg_pool2d(real, 4)
    torch.testing.assert_close(critic.shrink(real, 1.0), low)
    expected = 0.75 * F.interpolate(low, scale_factor=2.0) + 0.25 * F.avg_pool2d(real, 2)
    torch.testing.assert_close(critic.shrink(real, 1.25), expected)


def test_growth_is_continuous():
    generator, critic = networks()
    for whole in (1.0, 2.0):
        before, after = (generator.generate(latents(), whole + change) for change in (0.0, 1e-6))
        torch.testing.assert_close(F.interpolate(before, scale_factor=2.0), after, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(critic.judge(before, whole), critic.judge(after, whole + 1e-6), rtol=1e-3, atol=1e-4)


def test_gradients_reach_what_is_in_use_and_nothing_else():
    generator, critic = networks()
    critic.judge(generator.generate(latents(), 1.5), 1.5).sum().backward()

    def reached(network: torch.nn.Module, part: str) -> list[bool]:
        layers = getattr(network, part)
        return [all(p.grad is not None for p in layer.parameters()) for layer in layers]

    assert reached(generator, "levels") == [True, True, False]
    assert reached(generator, "to_images") == [False, True, True, False]
    assert reached(critic, "levels") == [False, True, True]
    assert reached(critic, "from_images") == [False, True, True, False]


def test_network_of_an_unfinished_training_gives_full_images_of_its_growth():
    generator, _ = networks()
    generator.growth.fill_(1.5)
    twin = PGGANGenerator(2, 6, 1, 24, **NARROW)
    twin.load_state_dict(generator.state_dict())
    image = twin(latents())
    assert image.shape == (4, 1, 24, 24)
    torch.testing.assert_close(image, F.interpolate(generator.generate(latents(), 1.5), size=24))


@pytest.mark.parametrize(("dims", "size"), [(2, 12), (3, 12)], ids=["2d", "3d"])
def test_torchscript_equals_eager(dims, size):
    generator, critic = networks(dims, size)
    image = generator.eval()(latents())
    torch.testing.assert_close(torch.jit.script(generator)(latents()), image)
    torch.testing.assert_close(torch.jit.script(critic.eval())(image), critic(image))


def test_sample_does_not_depend_on_its_batch():
    generator, _ = networks()
    generator.eval()
    alone = torch.cat([generator(latent) for latent in latents().split(1)])
    torch.testing.assert_close(generator(latents()), alone, rtol=1e-4, atol=1e-5)


def test_bad_input_is_refused():
    generator, critic = networks()
    for kind in (PGGANGenerator, PGGANDiscriminator):
        with pytest.raises(ValueError, match=r"image_size=50 cannot be reached: .* try 48 or 52"):
            kind(2, image_size=50, **NARROW)
        with pytest.raises(ValueError, match="channels=0"):
            kind(2, image_size=24, channels=0)
    with pytest.raises(ValueError, match="latent_size=6"):
        generator(torch.zeros(2, 5))
    with pytest.raises(ValueError, match="label was given"):
        generator(latents(), torch.zeros(4, dtype=torch.long))
    with pytest.raises(ValueError, match="image_size"):
        critic.shrink(torch.zeros(2, 1, 12, 12), 1.0)
    with pytest.raises(ValueError, match="batch of 1"):
        critic(torch.zeros(1, 1, 24, 24))
