"""What all four networks promise."""

from __future__ import annotations

import re

import pytest
import torch

from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator, WGANCritic, WGANGenerator

NARROW = {"channels": 4, "max_channels": 8}
GENERATORS = [
    pytest.param(DCGANGenerator, {}, id="dcgan_transposed"),
    pytest.param(DCGANGenerator, {"upsample": "resize"}, id="dcgan_resize"),
    pytest.param(WGANGenerator, {}, id="wgan"),
]
CRITICS = [pytest.param(DCGANDiscriminator, {}, id="dcgan"), pytest.param(WGANCritic, {}, id="wgan")]
SIZES = [
    pytest.param(2, 28, id="2d_odd_base"),
    pytest.param(2, 64, id="2d_the_papers_size"),
    pytest.param(2, (24, 40), id="2d_not_square"),
    pytest.param(3, (12, 16, 12), id="3d_not_cubic"),
]


def sizes(spatial_dims, image_size):
    return (image_size,) * spatial_dims if isinstance(image_size, int) else image_size


def example(network, n=2):
    """A random input for either kind of network."""
    generator = torch.Generator().manual_seed(0)
    if hasattr(network, "latent_size"):
        return torch.randn(n, network.latent_size, generator=generator)
    return torch.rand(n, network.in_channels, *network.image_size, generator=generator) * 2 - 1


def settled(network):
    """The network in eval mode with running statistics that differ from their start."""
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(example(network, 4))
    return network.eval()


@pytest.mark.parametrize(("kind", "options"), GENERATORS)
@pytest.mark.parametrize(("dims", "size"), SIZES)
@pytest.mark.parametrize("channels", [1, 3], ids=["one_channel", "three_channels"])
def test_generator_shape_and_range(kind, options, dims, size, channels):
    torch.manual_seed(0)
    network = kind(dims, latent_size=7, out_channels=channels, image_size=size, **NARROW, **options)
    image = network(example(network))
    assert image.shape == (2, channels, *sizes(dims, size))
    assert image.abs().max() <= 1
    assert image.std(0).max() > 0, "two latents gave one image"
    assert (network.spatial_dims, network.latent_size, network.out_channels) == (dims, 7, channels)
    assert network.image_size == sizes(dims, size)


@pytest.mark.parametrize(("kind", "options"), CRITICS)
@pytest.mark.parametrize(("dims", "size"), SIZES)
@pytest.mark.parametrize("channels", [1, 3], ids=["one_channel", "three_channels"])
def test_critic_shape(kind, options, dims, size, channels):
    network = kind(dims, in_channels=channels, image_size=size, **NARROW, **options)
    assert network(example(network, 3)).shape == (3, 1)
    assert (network.spatial_dims, network.in_channels, network.image_size) == (dims, channels, sizes(dims, size))


@pytest.mark.parametrize(("kind", "options"), GENERATORS + CRITICS)
@pytest.mark.parametrize("norm", [None, "batch", "instance", "layer", ("group", {"num_groups": 2})], ids=str)
def test_gradients_reach_every_parameter(kind, options, norm):
    torch.manual_seed(0)
    network = kind(2, image_size=12, norm=norm, **NARROW, **options)
    out = network(example(network, 4))
    (out * torch.randn_like(out)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(("kind", "options"), GENERATORS + CRITICS)
@pytest.mark.parametrize(("dims", "size"), [(2, 12), (3, 12)], ids=["2d", "3d"])
def test_torchscript_equals_eager(kind, options, dims, size, tmp_path):
    torch.manual_seed(0)
    network = settled(kind(dims, image_size=size, **NARROW, **options))
    torch.jit.script(network).save(str(tmp_path / "network.ts"))
    scripted, x = torch.jit.load(str(tmp_path / "network.ts")), example(network)
    with torch.no_grad():
        torch.testing.assert_close(scripted(x), network(x))
        torch.testing.assert_close(scripted(x, None), network(x))
    with pytest.raises(torch.jit.Error, match="label was given"):
        scripted(x, torch.zeros(2, dtype=torch.long))
    with pytest.raises(torch.jit.Error, match=r"latent_size=|in_channels="):
        scripted(torch.cat([x, x], 1))


@pytest.mark.parametrize(("kind", "options"), GENERATORS + CRITICS)
def test_sample_in_eval_mode_does_not_depend_on_its_batch(kind, options):
    torch.manual_seed(0)
    network = settled(kind(2, image_size=12, **NARROW, **options))
    x = example(network, 5)
    with torch.no_grad():
        alone = torch.cat([network(row) for row in x.split(1)])
        torch.testing.assert_close(network(x), alone, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(network(x.flip(0)).flip(0), alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kind", "options"), GENERATORS + CRITICS)
def test_strict_state_round_trip(kind, options):
    torch.manual_seed(0)
    network, other = (settled(kind(2, image_size=12, **NARROW, **options)) for _ in range(2))
    x = example(network)
    assert not torch.equal(network(x), other(x))
    other.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(network(x), other(x))


@pytest.mark.parametrize(("kind", "options"), GENERATORS + CRITICS)
@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_bf16_autocast_stays_near_float32(kind, options, norm):
    torch.manual_seed(0)
    network = kind(2, image_size=12, norm=norm, **NARROW, **options)
    x = example(network, 4)
    with torch.no_grad():
        exact = network(x)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(x)
    assert rough.dtype == torch.bfloat16
    error = (rough.float() - exact).square().mean().sqrt() / exact.square().mean().sqrt()
    assert error < 0.05


@pytest.mark.parametrize(("kind", "options"), GENERATORS + CRITICS)
def test_channels_last_gives_the_same(kind, options):
    torch.manual_seed(0)
    network = settled(kind(2, image_size=12, **NARROW, **options))
    x = example(network)
    with torch.no_grad():
        expected = network(x)
        network.to(memory_format=torch.channels_last)
        moved = x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
        torch.testing.assert_close(network(moved), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kind", "options"), GENERATORS + CRITICS)
@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        pytest.param("spatial_dims", 1, "spatial_dims=1", id="signals"),
        pytest.param("image_size", 50, "image_size=50 cannot be reached", id="size"),
        pytest.param("channels", 0, "channels=0", id="no_channels"),
        pytest.param("max_channels", -1, "max_channels=-1", id="negative_cap"),
        pytest.param("channels", 2.5, "channels=2.5", id="fraction"),
        pytest.param("norm", "bath", "norm='bath'", id="norm"),
        pytest.param("act", "rellu", "act='rellu'", id="act"),
    ],
)
def test_bad_argument_is_named(kind, options, argument, value, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        kind(**{"spatial_dims": 2, "image_size": 12, **NARROW, **options, argument: value})


@pytest.mark.parametrize(("kind", "options"), GENERATORS)
def test_bad_latents_are_named(kind, options):
    for argument in ("latent_size", "out_channels"):
        with pytest.raises(ValueError, match=f"{argument}=0"):
            kind(2, image_size=12, **NARROW, **options, **{argument: 0})
    network = kind(2, latent_size=7, image_size=12, **NARROW, **options)
    for shape in ((2, 6), (7,), (2, 7, 1, 1)):
        with pytest.raises(ValueError, match=re.escape(f"{list(shape)} do not fit latent_size=7")):
            network(torch.zeros(shape))


@pytest.mark.parametrize(("kind", "options"), CRITICS)
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        pytest.param((2, 3, 12, 12), "3 channels does not fit in_channels=1", id="channels"),
        pytest.param((2, 1, 12, 24), "[12, 24] does not fit image_size=[12, 12]", id="size"),
        pytest.param((2, 1, 12, 12, 12), "does not fit spatial_dims=2", id="volume"),
        pytest.param((1, 12, 12), "does not fit spatial_dims=2", id="no_batch"),
    ],
)
def test_bad_images_are_named(kind, options, shape, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        kind(2, image_size=12, **NARROW, **options)(torch.zeros(shape))
    with pytest.raises(ValueError, match="in_channels=0"):
        kind(2, in_channels=0, image_size=12, **NARROW, **options)


@pytest.mark.parametrize(("kind", "options"), GENERATORS + CRITICS)
def test_label_is_refused(kind, options):
    network = kind(2, image_size=12, **NARROW, **options)
    with pytest.raises(ValueError, match="label was given to a network without classes"):
        network(example(network), torch.zeros(2, dtype=torch.long))


@pytest.mark.parametrize("kind", [DCGANDiscriminator, WGANCritic])
@pytest.mark.parametrize("norm", [None, "instance", "layer"])
@pytest.mark.parametrize("dims", [2, 3])
def test_double_backward(kind, norm, dims):
    torch.manual_seed(0)
    network = kind(dims, image_size=12, norm=norm, **NARROW).double()
    x = example(network).double().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    penalty = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    weight = next(p for p in network.parameters() if p.dim() > 1)
    (analytic,) = torch.autograd.grad(penalty, weight)
    # One step along the gradient changes the penalty by its squared norm, to first order.
    step = 1e-6 / analytic.norm()
    values = []
    for sign in (1, -1):
        moved = {next(n for n, p in network.named_parameters() if p is weight): weight + sign * step * analytic}
        y = torch.func.functional_call(network, moved, x)
        (moved_gradient,) = torch.autograd.grad(y.sum(), x)
        values.append((moved_gradient.flatten(1).norm(dim=1) - 1).square().mean())
    assert ((values[0] - values[1]) / (2 * step)).item() == pytest.approx(analytic.square().sum().item(), rel=1e-3)
