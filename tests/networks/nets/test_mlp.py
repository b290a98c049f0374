"""The multilayer perceptrons of the first GAN."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_gan.networks.nets import MLPDiscriminator, MLPGenerator


@pytest.mark.parametrize(("dims", "size"), [(2, 5), (2, (7, 4)), (3, 3), (3, (2, 3, 5))], ids=str)
def test_any_size_in_two_and_three_dimensions(dims: int, size: Any) -> None:
    shape = (size,) * dims if isinstance(size, int) else size
    generator = MLPGenerator(dims, 4, 2, size, hidden=(8, 6), norm="batch")
    images = generator(torch.randn(3, 4))
    assert images.shape == (3, 2, *shape)
    assert images.abs().max() <= 1
    logits = MLPDiscriminator(dims, 2, size, hidden=(6,), dropout=0.5)(images)
    assert logits.shape == (3, 1)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


def test_torchscript_and_state_round_trip() -> None:
    generator, other = (MLPGenerator(2, 4, 1, 5, hidden=(8,), norm="batch").eval() for _ in range(2))
    latents = torch.randn(2, 4)
    other.load_state_dict(generator.state_dict(), strict=True)
    torch.testing.assert_close(other(latents), generator(latents))
    torch.testing.assert_close(torch.jit.script(generator)(latents), generator(latents))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"hidden": ()}, r"hidden=\(\) has no layer", id="no-layer"),
        pytest.param({"hidden": (8, 0)}, r"hidden\[1\]=0 is not possible", id="no-width"),
        pytest.param({"image_size": (4, 4, 4)}, "3 axes and spatial_dims is 2", id="axes"),
        pytest.param({"image_size": (4, 0)}, r"image_size\[1\]=0 is not possible", id="no-pixel"),
        pytest.param({"spatial_dims": 1}, "spatial_dims=1 is not supported", id="dims"),
        pytest.param({"norm": "instance"}, "norm='instance' does not fit", id="norm"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLPGenerator(**{"spatial_dims": 2, **arguments})


def test_bad_inputs() -> None:
    with pytest.raises(ValueError, match=r"dropout=1.0 is no share"):
        MLPDiscriminator(2, dropout=1.0)
    discriminator, generator = MLPDiscriminator(2, 1, 4, hidden=(4,)), MLPGenerator(2, 4, 1, 4, hidden=(4,))
    with pytest.raises(ValueError, match="does not fit image_size"):
        discriminator(torch.zeros(1, 1, 5, 4))
    with pytest.raises(ValueError, match="do not fit latent_size=4"):
        generator(torch.zeros(1, 3))
    for network, x in ((discriminator, torch.zeros(1, 1, 4, 4)), (generator, torch.zeros(1, 4))):
        with pytest.raises(ValueError, match="label was given"):
            network(x, torch.zeros(1, dtype=torch.long))
