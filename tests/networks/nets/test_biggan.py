"""BigGAN's networks: classes, pieces of the latent, spectral norm, and what they refuse."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from monai_gan.networks.nets import BigGANDiscriminator, BigGANGenerator
from monai_gan.networks.standing import standing_statistics

NARROW = {"channels": 4, "max_channels": 8, "attention_level": 1}
SIZES = [
    pytest.param(2, 12, id="2d"),
    pytest.param(2, (12, 20), id="2d_not_square"),
    pytest.param(3, (12, 16, 12), id="3d_not_cubic"),
]


def generator(dims: int = 2, size: int | tuple[int, ...] = 12, **options: object) -> BigGANGenerator:
    torch.manual_seed(0)
    return BigGANGenerator(dims, 3, 12, 1, size, embedding_size=5, **{**NARROW, **options})  # type: ignore[arg-type]


def critic(dims: int = 2, size: int | tuple[int, ...] = 12) -> BigGANDiscriminator:
    torch.manual_seed(0)
    return BigGANDiscriminator(dims, 3, 1, size, **NARROW)  # type: ignore[arg-type]


def latents(n: int = 4) -> Tensor:
    return torch.randn(n, 12, generator=torch.Generator().manual_seed(1))


LABELS = torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(("dims", "size"), SIZES)
def test_shapes(dims, size):
    image = generator(dims, size)(latents(), LABELS)
    assert image.shape == (4, 1, *((size,) * dims if isinstance(size, int) else size))
    assert image.abs().max() <= 1
    assert critic(dims, size)(image, LABELS).shape == (4, 1)


def test_class_and_every_piece_of_the_latent_count():
    network = generator().eval()
    first = network(latents(), LABELS)
    assert not torch.allclose(first, network(latents(), 2 - LABELS))
    for piece in range(3):
        changed = latents()
        changed[:, 4 * piece : 4 * piece + 4] += 1
        assert not torch.allclose(first, network(changed, LABELS)), piece


def test_without_labels_the_classes_come_in_turn():
    network = generator().eval()
    assert torch.equal(network(latents()), network(latents(), torch.tensor([0, 1, 2, 0])))


def test_projection_adds_the_product_of_class_and_features():
    network = critic().eval()
    image = torch.rand(4, 1, 12, 12)
    features = network.levels(image).flatten(2).sum(2)
    expected = network.to_logit(features)[:, 0] + (network.embedding.weight[LABELS] * features).sum(1)
    torch.testing.assert_close(network(image, LABELS)[:, 0], expected)


@pytest.mark.parametrize("build", [generator, critic], ids=["generator", "discriminator"])
def test_spectral_norms_are_one_wherever_there_is_a_matrix(build):
    network = build()
    arguments = (latents(), LABELS) if build is generator else (torch.rand(4, 1, 12, 12), LABELS)
    for _ in range(20):
        network(*arguments)
    network.eval()
    bare = {"embedding"} if build is generator else set()
    for name, module in network.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.dim() > 1 and name not in bare:
            norm = torch.linalg.matrix_norm(weight.detach().flatten(1), 2)
            assert abs(float(norm) - 1) < 1e-2, name


def test_gradients_reach_every_parameter():
    torch.manual_seed(1)
    network, judge = generator(), critic()
    for module in (*network.modules(), *judge.modules()):
        if hasattr(module, "share"):
            nn.init.ones_(module.share)
    logits = judge(network(latents(), LABELS), LABELS)
    (logits * torch.randn_like(logits)).sum().backward()
    for part in (network, judge):
        for name, parameter in part.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


def test_standing_statistics_are_those_of_the_batches_and_nothing_else_moves():
    network = generator()
    torch.manual_seed(3)
    batches = [(torch.randn(8, 12), torch.arange(8) % 3) for _ in range(3)]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    means: list[Tensor] = []
    norm = network.to_image[0]
    handle = norm.register_forward_hook(lambda _, inputs, __: means.append(inputs[0].mean((0, 2, 3))))
    standing_statistics(network, batches)
    handle.remove()
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0))
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert all("running_" in name or "num_batches" in name for name in moved)
    assert network.training
    assert norm.momentum == 0.1


def test_state_dict_round_trip():
    network, twin = generator(), generator()
    for parameter in twin.parameters():
        nn.init.normal_(parameter)
    twin.load_state_dict(network.state_dict())
    assert torch.equal(network.eval()(latents(), LABELS), twin.eval()(latents(), LABELS))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="image_size=50 cannot be reached"):
        BigGANGenerator(2, 3, image_size=50)
    with pytest.raises(ValueError, match=r"latent_size=13 cannot be cut into 3 equal pieces.*try 12"):
        BigGANGenerator(2, 3, 13, image_size=12)
    for kind in (BigGANGenerator, BigGANDiscriminator):
        with pytest.raises(ValueError, match=r"attention_level=2 is not possible .*give 0 to 1, or None"):
            kind(2, 3, image_size=12, attention_level=2, **({"latent_size": 12} if kind is BigGANGenerator else {}))
        with pytest.raises(ValueError, match="num_classes=0"):
            kind(2, 0, image_size=12, attention_level=1, **({"latent_size": 12} if kind is BigGANGenerator else {}))
    assert generator(attention_level=None)(latents(), LABELS).shape == (4, 1, 12, 12)
    image = torch.zeros(4, 1, 12, 12)
    with pytest.raises(ValueError, match="label is missing"):
        critic()(image)
    for label in (torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, -1, 2])):
        with pytest.raises(ValueError, match=r"label=(3|-1) is out of range"):
            generator()(latents(), label)
        with pytest.raises(ValueError, match=r"label=(3|-1) is out of range"):
            critic()(image, label)
