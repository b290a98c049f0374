"""Conditional networks: what the condition does to an image and to a judgement, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from monai_gan.networks.blocks import ConditionEmbedding, spectrally_normalised
from monai_gan.networks.nets import (
    ConditionalDiscriminator,
    ConditionalGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    WGANCritic,
    WGANGenerator,
)

SIZES: dict[str, Any] = {"image_size": 12, "channels": 4, "max_channels": 8}
GENERATORS = [pytest.param(DCGANGenerator, id="dcgan"), pytest.param(WGANGenerator, id="wgan")]
CRITICS = [pytest.param(DCGANDiscriminator, id="dcgan"), pytest.param(WGANCritic, id="wgan")]
DIMS = pytest.mark.parametrize("dims", [2, 3])


def generator(dims: int = 2, kind: Any = DCGANGenerator, **condition: Any) -> ConditionalGenerator:
    return ConditionalGenerator(kind(dims, 12, **SIZES), **{"num_classes": 3, "embedding_size": 4, **condition}).eval()


def critic(dims: int = 2, kind: Any = DCGANDiscriminator, channels: int = 1, **condition: Any) -> Any:
    return ConditionalDiscriminator(kind(dims, channels, norm=None, **SIZES), **{"num_classes": 3, **condition})


@DIMS
@pytest.mark.parametrize("kind", GENERATORS)
def test_the_class_changes_the_image(kind: Any, dims: int) -> None:
    net = generator(dims, kind)
    assert net.latent_size == 8
    latents = torch.randn(3, 8)
    images = net(latents, torch.tensor([0, 1, 2]))
    assert images.shape == (3, 1, *[12] * dims)
    same, other = net(latents, torch.tensor([0, 2, 2])), net(latents, torch.zeros(3, dtype=torch.long))
    torch.testing.assert_close(images[[0, 2]], same[[0, 2]])
    assert (images[1:] - other[1:]).abs().amax(dim=tuple(range(1, dims + 2))).min() > 1e-4


def test_without_a_label_classes_come_in_turn_and_covariates_are_their_mean() -> None:
    net = generator(num_covariates=2)
    latents, labels = torch.randn(5, 8), torch.tensor([0, 1, 2, 0, 1])
    torch.testing.assert_close(net(latents), net(latents, labels, torch.zeros(5, 2)))
    assert not torch.allclose(net(latents, labels, torch.ones(5, 2)), net(latents), rtol=1e-3)


def test_generator_in_torchscript() -> None:
    net = generator(num_covariates=1)
    scripted, latents, labels = torch.jit.script(net), torch.randn(2, 8), torch.tensor([2, 0])
    torch.testing.assert_close(scripted(latents, labels), net(latents, labels))
    torch.testing.assert_close(scripted(latents), net(latents))
    with pytest.raises(torch.jit.Error, match="out of range"):
        scripted(latents, labels + 1)


@DIMS
@pytest.mark.parametrize("kind", CRITICS)
def test_projection_is_the_papers(kind: Any, dims: int) -> None:
    net = critic(dims, kind)
    images, labels = torch.randn(4, 1, *[12] * dims), torch.tensor([0, 1, 2, 0])
    features = net.discriminator.levels(images)
    if kind is WGANCritic:
        features = features.relu()
    inner = (net.embedding.classes.weight[labels] * features.flatten(2).sum(2)).sum(1, keepdim=True)
    torch.testing.assert_close(net(images, labels), net.discriminator(images) + inner)


@DIMS
def test_concatenation_adds_constant_channels(dims: int) -> None:
    net = critic(dims, channels=1 + 2, method="concatenation", embedding_size=2, num_covariates=1)
    assert net.in_channels == 1
    images, labels, ages = torch.randn(2, 1, *[12] * dims), torch.tensor([1, 2]), torch.randn(2, 1)
    maps = net.embedding(labels, ages).reshape(2, 2, *[1] * dims).expand(2, 2, *[12] * dims)
    torch.testing.assert_close(net(images, labels, ages), net.discriminator(torch.cat([images, maps], 1)))


def test_auxiliary_classifier_reads_the_features_alone() -> None:
    net = critic(method="none", classifier=True)
    images = torch.randn(3, 1, 12, 12)
    logits, classes = net.judge(images)
    assert classes.shape == (3, 3)
    torch.testing.assert_close(logits, net.discriminator(images))
    assert critic().judge(images, torch.tensor([0, 1, 2]))[1] is None


def test_perceptrons_take_conditions_too() -> None:
    maker = ConditionalGenerator(MLPGenerator(2, 8, 1, 5, hidden=(6,)), num_classes=2, embedding_size=3)
    judge = ConditionalDiscriminator(MLPDiscriminator(2, 1, 5, hidden=(6,)), num_classes=2)
    labels = torch.tensor([0, 1])
    images = maker(torch.randn(2, maker.latent_size), labels)
    assert images.shape == (2, 1, 5, 5)
    assert (judge(images, labels) - judge(images, 1 - labels)).abs().min() > 0


def test_covariates_alone_are_a_condition() -> None:
    net = generator(num_classes=0, num_covariates=1)
    latents = torch.randn(2, 8)
    assert not torch.allclose(net(latents, None, torch.ones(2, 1)), net(latents), rtol=1e-3)
    judge = critic(num_classes=0, num_covariates=1)
    assert judge(torch.zeros(2, 1, 12, 12), None, torch.randn(2, 1)).shape == (2, 1)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        pytest.param(None, "label is missing: give classes from 0 to 2", id="missing"),
        pytest.param(torch.tensor([0, 3]), "label=3 is out of range: the network knows classes 0 to 2", id="too-large"),
        pytest.param(torch.tensor([-1, 0]), "label=-1 is out of range", id="negative"),
        pytest.param(torch.tensor([0.0, 1.0]), "holds no classes: give whole numbers", id="not-whole"),
        pytest.param(torch.tensor([[0], [1]]), "holds no classes", id="two-axes"),
    ],
)
def test_bad_labels(label: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        critic()(torch.zeros(2, 1, 12, 12), label)
    if label is not None:
        with pytest.raises(ValueError, match=message):
            generator()(torch.zeros(2, 8), label)


def test_bad_conditions() -> None:
    embed, labels = ConditionEmbedding(4, 3, 2), torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"covariates are missing: give \(N, 2\)"):
        embed(labels)
    with pytest.raises(ValueError, match=r"\[2, 3\] do not fit num_covariates=2"):
        embed(labels, torch.zeros(2, 3))
    with pytest.raises(ValueError, match="covariates were given to a network without them"):
        ConditionEmbedding(4, 3)(labels, torch.zeros(2, 1))
    with pytest.raises(ValueError, match="label was given to a network without classes"):
        ConditionEmbedding(4, 0, 2)(labels, torch.zeros(2, 2))
    with pytest.raises(ValueError, match="num_classes=0 and num_covariates=0 give no condition"):
        ConditionEmbedding(4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        pytest.param(lambda: generator(embedding_size=12), "embedding_size=12 leaves no latent", id="no-latent"),
        pytest.param(lambda: critic(method="sum"), "method='sum' is unknown", id="method"),
        pytest.param(lambda: critic(method="none"), "knows no condition", id="no-condition"),
        pytest.param(lambda: critic(num_classes=0, num_covariates=1, classifier=True), "knows no", id="no-classes"),
        pytest.param(lambda: critic(method="concatenation"), "leave no image beside embedding_size=4", id="channels"),
        pytest.param(lambda: spectrally_normalised(nn.ReLU()), "ReLU has no weight matrix", id="no-weights"),
    ],
)
def test_bad_networks(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("kind", CRITICS)
def test_spectral_normalisation_bounds_every_matrix(kind: Any) -> None:
    net = spectrally_normalised(critic(kind=kind))
    images, labels = torch.randn(4, 1, 12, 12), torch.tensor([0, 1, 2, 0])
    for _ in range(50):
        net(images, labels)
    weights = [module.weight.detach().flatten(1) for module in net.modules() if hasattr(module, "parametrizations")]
    assert len(weights) > 3
    assert max(float(torch.linalg.matrix_norm(weight, 2)) for weight in weights) < 1.05
    net(images, labels).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
