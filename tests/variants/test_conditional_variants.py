"""The conditional variant and the first GAN: losses of the papers, conditions that reach both networks, and exact
resumption."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny_training import Images
from torch import Tensor

from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.errors import InputError
from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets import (
    ConditionalDiscriminator,
    ConditionalGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
)
from monai_gan.variants import CGAN, Condition, Phase, Step, VanillaGAN, fake_condition

PHASE = Phase("train", None, ("discriminator", "generator"))
SIZES: dict[str, Any] = {"image_size": 12, "channels": 4, "max_channels": 8, "norm": None}


def cgan(dims: int = 2, covariates: int = 0, head: dict[str, Any] | None = None, **arguments: Any) -> CGAN:
    torch.manual_seed(1)
    generator = ConditionalGenerator(DCGANGenerator(dims, 12, **SIZES), 3, covariates, embedding_size=4)
    discriminator = ConditionalDiscriminator(DCGANDiscriminator(dims, **SIZES), 3, covariates, **(head or {}))
    return CGAN(generator, discriminator, **arguments)


def batch(dims: int = 2, covariates: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(3)
    found = {"image": torch.rand(4, 1, *[12] * dims, generator=generator) * 2 - 1, "label": torch.tensor([0, 2, 1, 2])}
    return {**found, "covariates": torch.randn(4, covariates, generator=generator)} if covariates else found


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("covariates", [0, 2])
def test_hinge_losses_under_the_conditions_of_the_batch(dims: int, covariates: int) -> None:
    variant, data = cgan(dims, covariates), batch(dims, covariates)
    conditions = [data["label"], *([data["covariates"]] if covariates else [])]
    fake = variant.generator(Step(3, PHASE).randn(4, 8), *conditions)
    real_logits = variant.discriminator(data["image"], *conditions)
    fake_logits = variant.discriminator(fake, *conditions)
    losses = variant.discriminator_losses(data, Step(3, PHASE))
    assert set(losses) == {"adversarial"}
    torch.testing.assert_close(losses["adversarial"], F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean())
    torch.testing.assert_close(variant.generator_losses(data, Step(3, PHASE))["adversarial"], -fake_logits.mean())


def test_relativistic_pairs_are_of_one_class() -> None:
    penalties = [GradientPenalty("r1", 0.5, interval=4), GradientPenalty("r2", 0.5, interval=4)]
    variant, data = cgan(objective="relativistic_paired", penalties=penalties), batch()
    assert variant.lazy_intervals == {"discriminator": 4}
    real = data["image"].clone().requires_grad_()
    fake = variant.generator(Step(3, PHASE).randn(4, 8), data["label"]).detach().requires_grad_()
    real_logits, fake_logits = (variant.discriminator(image, data["label"]) for image in (real, fake))
    losses = variant.discriminator_losses(data, Step(3, PHASE))
    torch.testing.assert_close(losses["adversarial"], F.softplus(fake_logits - real_logits).mean())
    for name, image, logits in (("r1", real, real_logits), ("r2", fake, fake_logits)):
        (gradient,) = torch.autograd.grad(logits.sum(), image)
        torch.testing.assert_close(losses[name], 4 * 0.25 * gradient.square().flatten(1).sum(1).mean())
    assert set(variant.discriminator_losses(data, Step(3, PHASE, part="main"))) == {"adversarial"}
    assert set(variant.discriminator_losses(data, Step(3, PHASE, part="regularizer"))) == {"r1", "r2"}


def test_auxiliary_classifier_is_trained_on_real_and_generated_images() -> None:
    head = {"method": "none", "classifier": True}
    variant, data = cgan(head=head, objective="non_saturating", classification_weight=0.5), batch()
    fake = variant.generator(Step(3, PHASE).randn(4, 8), data["label"])
    entropies = [F.cross_entropy(variant.discriminator.judge(x)[1], data["label"]) for x in (data["image"], fake)]
    losses = variant.discriminator_losses(data, Step(3, PHASE))
    torch.testing.assert_close(losses["classification"], 0.5 * (entropies[0] + entropies[1]))
    losses = variant.generator_losses(data, Step(3, PHASE))
    torch.testing.assert_close(losses["classification"], 0.5 * entropies[1])


@pytest.mark.parametrize("covariates", [0, 1])
def test_every_weight_of_both_networks_learns(covariates: int) -> None:
    variant, data = cgan(2, covariates, penalties=[GradientPenalty("two_sided")]), batch(2, covariates)
    losses = variant.discriminator_losses(data, Step(0, PHASE))
    assert set(losses) == {"adversarial", "two_sided"}
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is None for p in variant.generator.parameters())
    assert all(p.grad is not None for p in variant.discriminator.parameters())
    variant.generator_losses(data, Step(0, PHASE))["adversarial"].backward()
    assert all(p.grad is not None for p in variant.generator.parameters())


def test_uniform_labels_of_fakes_are_repeatable_and_cover_the_classes() -> None:
    real = Condition(torch.zeros(600, dtype=torch.long), torch.randn(600, 1))
    drawn = fake_condition(real, "uniform", 3, Step(5, PHASE, seed=2))
    assert torch.equal(drawn.label, fake_condition(real, "uniform", 3, Step(5, PHASE, seed=2)).label)
    assert min(torch.bincount(drawn.label, minlength=3).tolist()) > 150
    assert drawn.covariates is real.covariates
    assert fake_condition(real, "batch", 3, Step(5, PHASE)) is real
    halves = [
        fake_condition(Condition(real.label[:300]), "uniform", 3, Step(5, PHASE, seed=2, rank=rank, world_size=2)).label
        for rank in range(2)
    ]
    assert torch.equal(torch.cat(halves), drawn.label)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"label": None}, "no 'label', but the variant has 3 classes", id="no-label"),
        pytest.param({"label": torch.tensor([0, 1, 2, 3])}, "label=3 is out of range.*Set num_classes", id="range"),
        pytest.param({"label": torch.tensor([0, -1, 2, 1])}, "label=-1 is out of range", id="negative"),
        pytest.param({"label": torch.rand(4)}, "holds no classes", id="not-whole"),
        pytest.param({"covariates": None}, r"needs 'covariates' \(N, 2\), the batch has none", id="no-covariates"),
        pytest.param({"covariates": torch.zeros(4, 3)}, r"has the shape \(4, 3\)", id="covariates"),
        pytest.param({"covariates": torch.full((4, 2), torch.nan)}, "hold NaN", id="nan"),
    ],
)
def test_bad_batches(change: dict[str, Any], message: str) -> None:
    variant, data = cgan(covariates=2), {**batch(2, 2), **change}
    data = {key: value for key, value in data.items() if value is not None}
    for use in (variant.check_batch, lambda b: variant.discriminator_losses(b, Step(0, PHASE))):
        with pytest.raises(InputError, match=message):
            use(data)


def test_labels_as_a_column_are_taken() -> None:
    variant, data = cgan(), batch()
    column = {**data, "label": data["label"][:, None]}
    expected, found = (variant.generator_losses(one, Step(0, PHASE)) for one in (data, column))
    torch.testing.assert_close(found, expected)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="fake_labels='real' is unknown: choose one of batch, uniform"):
        cgan(fake_labels="real")
    with pytest.raises(ValueError, match=r"penalties have the intervals \[1, 4\]: give all the same"):
        cgan(penalties=[GradientPenalty("r1"), GradientPenalty("r2", interval=4)])


def test_samples_by_class_depend_on_seed_and_index_only() -> None:
    variant = cgan(covariates=1).eval()
    latents = variant.latents(5, seed=7)
    assert torch.equal(latents[:2], variant.latents(2, seed=7))
    ones = torch.ones(5, dtype=torch.long)
    torch.testing.assert_close(variant.sample(latents, ones)[:2], variant.sample(latents[:2], ones[:2]))
    turn = torch.tensor([0, 1, 2, 0, 1])
    torch.testing.assert_close(variant.sample(latents), variant.sample(latents, turn, torch.zeros(5, 1)))
    with pytest.raises(ValueError, match="label=3 is out of range"):
        variant.sample(latents, ones * 3)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("objective", ["minimax", "non_saturating"])
def test_the_first_gan_has_the_papers_losses(objective: str, dims: int) -> None:
    variant = VanillaGAN(MLPGenerator(dims, 8, 1, 5, (6,)), MLPDiscriminator(dims, 1, 5, (6,)), objective)
    real = torch.rand(4, 1, *[5] * dims)
    d_real = variant.discriminator(real).sigmoid()
    d_fake = variant.discriminator(variant.generator(Step(3, PHASE).randn(4, 8))).sigmoid()
    losses = variant.discriminator_losses({"image": real}, Step(3, PHASE))
    torch.testing.assert_close(losses["adversarial"], -(d_real.log().mean() + (1 - d_fake).log().mean()))
    expected = (1 - d_fake).log().mean() if objective == "minimax" else -d_fake.log().mean()
    torch.testing.assert_close(variant.generator_losses({"image": real}, Step(3, PHASE))["adversarial"], expected)


class LabelledImages(Images):
    """The tiny images with three classes, or with labels of one's own."""

    def __init__(self, labels: tuple[int, ...] = (0, 1, 2)) -> None:
        super().__init__()
        self.labels = labels

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**super().__getitem__(index), "label": self.labels[index % len(self.labels)]}


def trainer(variant: Any, iterations: int, labels: tuple[int, ...] = (0, 1, 2), **arguments: Any) -> GANTrainer:
    optimizers = {
        name: torch.optim.Adam(net.parameters(), 1e-3, betas=(0.0, 0.9)) for name, net in variant.networks.items()
    }
    loader = StreamLoader(LabelledImages(labels), 8)
    return GANTrainer("cpu", iterations, loader, variant, optimizers, epoch_length=1, **arguments)


@pytest.mark.parametrize("kind", ["cgan", "vanilla"])
def test_resumed_training_equals_uninterrupted_training(kind: str) -> None:
    def build() -> Any:
        penalties = [GradientPenalty("r1", interval=2)]
        if kind == "cgan":
            return cgan(penalties=penalties, fake_labels="uniform", head={"classifier": True})
        torch.manual_seed(1)
        return VanillaGAN(MLPGenerator(2, 8, 1, 12, (6,)), MLPDiscriminator(2, 1, 12, (6,)), penalties=penalties)

    whole, first, second = trainer(build(), 5), trainer(build(), 3), trainer(build(), 5)
    whole.run()
    first.run()
    second.load_state_dict(first.state_dict())
    second.run()
    for expected, found in zip(whole.variant.parameters(), second.variant.parameters(), strict=True):
        assert torch.equal(expected, found)
    latents = whole.variant.latents(3, 0)
    assert torch.equal(whole.sample(latents), second.sample(latents))
    assert not torch.equal(whole.sample(latents), whole.variant.sample(latents)), "the samples are not of the averages"


def test_the_trainer_refuses_labels_out_of_range_before_they_reach_a_network() -> None:
    with pytest.raises(InputError, match="label=3 is out of range"):
        trainer(cgan(), 1, labels=(0, 3)).run()
