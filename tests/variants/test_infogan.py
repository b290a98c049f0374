"""InfoGAN: codes are read from latents by (seed, i), the losses are the paper's bound, and the bound is measured."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from graph_training import allow_capturable, tapes, train_both
from tiny_training import tiny_trainer

from monai_gan.losses import GradientPenalty
from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator, InfoGANDiscriminator, InfoGANGenerator
from monai_gan.variants import InfoGAN, Phase, Step

SIZES: dict[str, Any] = {"image_size": 12, "channels": 4, "max_channels": 8, "norm": None}
CODES: dict[str, Any] = {"categories": [3, 2], "continuous": 2}
PHASE = Phase("train", None, ("discriminator", "generator"))


def tiny_infogan(spatial_dims: int = 2, codes: dict[str, Any] = CODES, **arguments: Any) -> InfoGAN:
    torch.manual_seed(1)
    generator = InfoGANGenerator(DCGANGenerator(spatial_dims, 16, **SIZES), **codes)
    return InfoGAN(generator, InfoGANDiscriminator(DCGANDiscriminator(spatial_dims, **SIZES), **codes), **arguments)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_losses_are_those_of_the_paper(spatial_dims: int) -> None:
    variant = tiny_infogan(spatial_dims, categorical_weight=0.5, continuous_weight=0.25)
    real = torch.rand(4, 1, *[12] * spatial_dims) * 2 - 1
    latents = Step(3, PHASE).randn(4, 16)
    noise, first, second, continuous = variant.generator.codes(latents).split([9, 3, 2, 2], 1)
    assert torch.equal(noise, latents[:, :9])
    fake = variant.generator.generator(torch.cat([noise, first, second, continuous], 1))
    features = variant.discriminator.discriminator.levels(fake)
    estimate = variant.discriminator.to_estimate(features)
    categorical = F.cross_entropy(estimate[:, :3], first.argmax(1))
    categorical = categorical + F.cross_entropy(estimate[:, 3:5], second.argmax(1))
    gaussian = torch.distributions.Normal(estimate[:, 5:7], estimate[:, 7:].exp())
    logits = {"real": variant.discriminator(real), "fake": variant.discriminator(fake)}
    bounds = {
        "categorical": 0.5 * (categorical - math.log(3) - math.log(2)),
        "continuous": 0.25 * (-gaussian.log_prob(continuous).mean(0).sum() - 2 * math.log(2)),
    }
    expected = {"adversarial": F.softplus(-logits["real"]).mean() + F.softplus(logits["fake"]).mean(), **bounds}
    torch.testing.assert_close(variant.discriminator_losses({"image": real}, Step(3, PHASE)), expected)
    expected = {"adversarial": F.softplus(-logits["fake"]).mean(), **bounds}
    torch.testing.assert_close(variant.generator_losses({"image": real}, Step(3, PHASE)), expected)


def test_codes_are_uniform_and_depend_on_seed_and_index_only() -> None:
    variant = tiny_infogan().eval()
    latents = variant.latents(2000, seed=7)
    assert torch.equal(variant.latents(5, seed=7), latents[:5])
    coded = variant.generator.codes(latents)
    first, second, continuous = coded[:, 9:].split([3, 2, 2], 1)
    for code in (first, second):
        assert torch.equal(code.sum(1), torch.ones(2000))
        torch.testing.assert_close(code.mean(0), torch.full_like(code[0], 1 / code.shape[1]), atol=0.04, rtol=0)
    assert continuous.abs().max() < 1
    quarters = (continuous.flatten() * 2 + 2).long().bincount(minlength=4) / continuous.numel()
    torch.testing.assert_close(quarters, torch.full((4,), 0.25), atol=0.03, rtol=0)
    # Truncation leaves the categories as they are and shrinks the rest.
    truncated = variant.generator.codes(0.5 * latents)
    assert torch.equal(truncated[:, 9:14], coded[:, 9:14])
    assert (truncated[:, 14:].abs() <= coded[:, 14:].abs()).all()
    with pytest.raises(ValueError, match="InfoGAN is unconditional"):
        variant.sample(latents[:1], torch.zeros(1))


def test_a_traversal_changes_one_code() -> None:
    codes = tiny_infogan().generator.codes
    latents = torch.randn(4, 16)
    rows = codes.traverse(latents, steps=5)
    assert [tuple(row.shape) for row in rows] == [(4, 3, 16), (4, 2, 16), (4, 5, 16), (4, 5, 16)]
    where = [slice(9, 12), slice(12, 14), slice(14, 15), slice(15, 16)]
    for row, own in zip(rows, where, strict=True):
        coded = codes(row.flatten(0, 1)).unflatten(0, row.shape[:2])
        others = torch.ones(16, dtype=torch.bool)
        others[own] = False
        assert torch.equal(coded[..., others], codes(latents)[:, None, others].expand_as(coded[..., others]))
    assert torch.equal(codes(rows[0].flatten(0, 1))[:3, 9:12], torch.eye(3))
    steps = codes(rows[3].flatten(0, 1))[:5, 15]
    torch.testing.assert_close(steps, torch.linspace(-0.95, 0.95, 5))


def test_information_is_the_entropy_when_q_knows_and_negative_when_it_errs() -> None:
    variant = tiny_infogan()
    codes = variant.generator.codes
    latents = variant.latents(64, seed=3)
    coded = codes(latents)
    sure = torch.cat([60 * coded[:, 9:14] - 30, coded[:, 14:], torch.full((64, 2), -2.0)], 1)
    bounds = variant.bounds(latents, sure)
    torch.testing.assert_close(bounds[:2], torch.tensor([3.0, 2.0]).log(), atol=1e-4, rtol=0)
    torch.testing.assert_close(bounds[2:], torch.full((2,), math.log(2) + 2 - 0.5 * math.log(2 * math.pi)))
    guess = torch.zeros_like(sure)
    torch.testing.assert_close(variant.bounds(latents, guess)[:2], torch.zeros(2), atol=1e-5, rtol=0)
    wrong = torch.cat([30 - 60 * coded[:, 9:14], sure[:, 5:]], 1)
    assert (variant.bounds(latents, wrong)[:2] < -10).all()

    weights = [p.clone() for p in variant.parameters()]
    variant.train()
    found = variant.information(latents)
    assert list(found) == [*codes.names, "category_0_share", "category_1_share"]
    assert found["category_0_share"] == pytest.approx(found["category_0"] / math.log(3))
    assert found["category_1_share"] == pytest.approx(found["category_1"] / math.log(2))
    assert variant.generator.training
    assert variant.discriminator.training, "measuring must not change the mode of the training"
    assert all(torch.equal(a, b) for a, b in zip(weights, variant.parameters(), strict=True))


def test_penalty_is_a_regularizer_of_the_trunk() -> None:
    variant = tiny_infogan(penalty=GradientPenalty("r1", weight=2.0, interval=4))
    batch = {"image": torch.rand(4, 1, 12, 12)}
    assert variant.lazy_intervals == {"discriminator": 4}
    main = variant.discriminator_losses(batch, Step(0, PHASE, part="main"))
    assert set(main) == {"adversarial", "categorical", "continuous"}
    assert set(variant.discriminator_losses(batch, Step(0, PHASE, part="regularizer"))) == {"gradient_penalty"}
    assert variant.generator_losses(batch, Step(0, PHASE, part="regularizer")) == {}
    assert tiny_infogan().lazy_intervals == {}


@pytest.mark.parametrize(
    ("codes", "losses"),
    [
        pytest.param({"categories": [4], "continuous": 0}, {"categorical"}, id="categorical"),
        pytest.param({"categories": [], "continuous": 1}, {"continuous"}, id="continuous"),
    ],
)
def test_one_kind_of_code_is_enough(codes: dict[str, Any], losses: set[str]) -> None:
    variant = tiny_infogan(codes=codes, objective="relativistic_paired")
    found = variant.generator_losses({"image": torch.rand(4, 1, 12, 12)}, Step(0, PHASE))
    assert set(found) == {"adversarial"} | losses
    assert all(value.isfinite() for value in found.values())


def test_resumed_training_equals_uninterrupted_and_the_average_reads_the_same_codes() -> None:
    whole = tiny_trainer(tiny_infogan(), max_epochs=2)
    whole.run()
    first = tiny_trainer(tiny_infogan(), max_epochs=1)
    first.run()
    second = tiny_trainer(tiny_infogan(), max_epochs=2)
    second.load_state_dict(first.state_dict())
    second.run()
    for mine, theirs in ((whole.variant, second.variant), (whole.ema.variant, second.ema.variant)):
        for (name, a), b in zip(mine.state_dict().items(), theirs.state_dict().values(), strict=True):
            assert torch.equal(a, b), name
    assert whole.ema.variant.discriminator is whole.variant.discriminator
    assert whole.variant.inference_network is whole.variant.generator


def test_steps_are_replayed_as_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)
    trainer = train_both(lambda: tiny_infogan(penalty=GradientPenalty("r1", interval=2)))
    assert (tapes(trainer).captures, tapes(trainer).replays) == (3, 50 - 3 * 3)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        pytest.param({"categories": [1]}, r"categories=\[1\].*2 values or more", id="one-value"),
        pytest.param({"categories": [2], "continuous": -1}, "continuous=-1", id="negative"),
        pytest.param({"categories": [], "continuous": 0}, "give no code", id="none"),
        pytest.param({"categories": [9, 7], "continuous": 0}, "latent_size=16 leaves no.*give 17", id="no-noise"),
    ],
)
def test_impossible_codes_are_named(codes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InfoGANGenerator(DCGANGenerator(2, 16, **SIZES), **codes)


def test_wrong_arguments_are_named() -> None:
    generator = InfoGANGenerator(DCGANGenerator(2, 16, **SIZES), [3], 2)
    discriminator = InfoGANDiscriminator(DCGANDiscriminator(2, **SIZES), [4], 2)
    with pytest.raises(ValueError, match=r"estimates categories=\[4\].*generator has categories=\[3\].*both the same"):
        InfoGAN(generator, discriminator)
    with pytest.raises(ValueError, match="continuous_weight=-1"):
        tiny_infogan(continuous_weight=-1)
    with pytest.raises(ValueError, match="channels=0"):
        InfoGANDiscriminator(DCGANDiscriminator(2, **SIZES), channels=0)
    with pytest.raises(ValueError, match="latent_size=16"):
        generator(torch.zeros(1, 15))
    with pytest.raises(ValueError, match="label"):
        generator(torch.zeros(1, 16), torch.zeros(1))


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_networks_become_torchscript_and_their_states_go_round(spatial_dims: int) -> None:
    variant, other = tiny_infogan(spatial_dims), tiny_infogan(spatial_dims)
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter)
    other.load_state_dict(variant.state_dict(), strict=True)
    latents = variant.latents(2, 0)
    images = variant.sample(latents)
    assert images.shape == (2, 1, *[12] * spatial_dims)
    assert torch.equal(other.sample(latents), images)
    torch.testing.assert_close(torch.jit.script(variant.generator)(latents), images)
    torch.testing.assert_close(torch.jit.script(variant.discriminator)(images), variant.discriminator(images))
