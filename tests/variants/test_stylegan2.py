"""StyleGAN2 as a variant: its losses against their formulas, exact resume, step graphs, conditions and bad input."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from graph_training import allow_capturable, assert_same, outcome, tapes, train_both
from tiny_training import Images, tiny_trainer
from torch import Tensor

from monai_gan.engines import GANTrainer
from monai_gan.errors import InputError
from monai_gan.losses import GradientPenalty, SpectrumLoss
from monai_gan.networks.nets import StyleGAN2Discriminator, StyleGAN2Generator
from monai_gan.variants import AdaptiveAugment, Augmentation, Phase, Step, StyleGAN2
from monai_gan.variants.step import Part

TRAIN = Phase("train", None, ("generator", "discriminator"))


def tiny_stylegan2(
    ada: bool = True, size: Any = 12, dims: int = 2, add_noise: bool = True, **condition: int
) -> StyleGAN2:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": size, "channels": 4, "max_channels": 8, "mapping_layers": 2}
    augment = AdaptiveAugment(Augmentation(dims), start=0.3, thousands=0.1) if ada else None
    return StyleGAN2(
        StyleGAN2Generator(dims, 8, **sizes, add_noise=add_noise, **condition),
        StyleGAN2Discriminator(dims, **sizes, **condition),
        augment,
        GradientPenalty("r1", weight=1.0, interval=2),
        path_interval=2,
    )


def step(part: Part = "all", iteration: int = 0) -> Step:
    return Step(iteration, TRAIN, part=part)


def batch(n: int = 8) -> dict[str, Tensor]:
    return {"image": torch.stack([Images()[i]["image"] for i in range(n)]), "label": torch.arange(n) % 2}


def test_main_losses_are_the_non_saturating_ones() -> None:
    variant = tiny_stylegan2(ada=False)
    losses = variant.discriminator_losses(batch(), step("main"))
    assert set(losses) == {"adversarial"}
    ws = variant.styles(None, again := step("main"), 8, torch.device("cpu"))
    fake, real = variant.synthesize(ws, again), batch()["image"]
    softplus = torch.nn.functional.softplus
    expected = softplus(-variant.discriminator(real)).mean() + softplus(variant.discriminator(fake)).mean()
    torch.testing.assert_close(losses["adversarial"], expected)
    torch.testing.assert_close(
        variant.generator_losses(batch(), step("main"))["adversarial"], softplus(-variant.discriminator(fake)).mean()
    )


def test_r1_is_taken_at_the_images_before_they_are_augmented() -> None:
    variant = tiny_stylegan2()
    value = variant.discriminator_losses(batch(), step("regularizer"))["r1"]
    real = batch()["image"].requires_grad_(True)
    (gradient,) = torch.autograd.grad(variant.judge(real, None, step("regularizer")).sum(), real)
    torch.testing.assert_close(value, 2 * 0.5 * gradient.square().sum((1, 2, 3)).mean())


def test_path_length_follows_its_mean_and_trains_the_generator() -> None:
    variant = tiny_stylegan2()
    first = variant.generator_losses(batch(), step("regularizer"))["path_length"]
    mean = variant.path_mean.item()
    assert mean > 0
    # From a mean of 0 it moved by a hundredth of the batch's mean length, which its square cannot be below.
    assert first.item() >= 2.0 * 2 * (99 * mean) ** 2 * 0.99
    first.backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0
        for name, p in variant.generator.named_parameters()
        if "affine" in name
    )


def test_spectra_are_compared_as_images_are_given_out() -> None:
    variant = tiny_stylegan2(ada=False)
    assert "spectrum" not in variant.generator_losses(batch(), step("main"))
    variant.spectrum_weight = 3.0
    value = variant.generator_losses(batch(), step("main"))["spectrum"]
    fake = variant.synthesize(variant.styles(None, again := step("main"), 8, torch.device("cpu")), again)
    torch.testing.assert_close(value, 3 * SpectrumLoss()(fake.clamp(-1, 1), batch()["image"]))


def test_contrast_is_that_of_the_images_seen_in_training() -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": 12, "channels": 4, "max_channels": 8, "mapping_layers": 2}
    networks = StyleGAN2Generator(2, 8, **sizes), StyleGAN2Discriminator(2, **sizes)
    trainer = tiny_trainer(StyleGAN2(*networks, match_contrast=True))
    trainer.run()
    variant = trainer.ema.variant
    assert isinstance(variant, StyleGAN2)
    real = torch.stack([Images()[i]["image"] for i in range(48)])
    torch.testing.assert_close(variant.real_moments[:, 0], torch.stack([real.mean(), real.square().mean()]))

    def gap() -> float:
        images = trainer.sample(variant.latents(400, seed=1))
        return float((images.mean() - real.mean()).abs() + (images.std() - real.std()).abs())

    before = gap()
    variant.settle()
    assert gap() < min(0.05, before)
    once = {name: value.clone() for name, value in variant.generator.state_dict().items()}
    variant.settle()
    for name, value in variant.generator.state_dict().items():
        torch.testing.assert_close(value, once[name], atol=1e-3, rtol=1e-3)


@pytest.mark.filterwarnings("error")
def test_a_warm_up_trains_the_discriminator_alone() -> None:
    variant = tiny_stylegan2()
    variant.warm_up_iterations = 2
    before = {name: value.clone() for name, value in variant.state_dict().items()}
    tiny_trainer(variant, epoch_length=2, max_epochs=1).run()
    moved = {name.split(".")[0] for name, value in variant.state_dict().items() if not torch.equal(value, before[name])}
    assert "discriminator" in moved
    assert "generator" not in moved
    tiny_trainer(variant, epoch_length=3, max_epochs=1).run()
    assert not torch.equal(variant.generator.mapping.average, before["generator.mapping.average"])


def test_styles_are_mixed_at_random_layers_or_not_at_all() -> None:
    variant = tiny_stylegan2()
    variant.mixing = 0.5
    ws = variant.styles(None, step(), 200, torch.device("cpu"))
    changes = (ws[:, 1:] != ws[:, :-1]).any(2).sum(1)
    assert set(changes.tolist()) == {0, 1}
    assert 0.35 < changes.float().mean() < 0.65
    variant.mixing = 0.0
    ws = variant.styles(None, step(), 20, torch.device("cpu"))
    assert torch.equal(ws, ws[:, :1].expand_as(ws))


def test_the_log_tells_the_state_of_augmentation() -> None:
    trainer = tiny_trainer(tiny_stylegan2(), max_epochs=1, epoch_length=2)
    trainer.run()
    output, augment = trainer.state.output[0], trainer.variant.augment  # type: ignore[union-attr]
    assert output["augment/probability"] == augment.probability != 0.3
    assert output["augment/overfitting"] == augment.overfitting
    assert tiny_stylegan2(ada=False).figures == {}


def test_resumed_training_equals_uninterrupted_with_the_state_of_augmentation() -> None:
    def trainer(epochs: int) -> GANTrainer:
        made = tiny_trainer(tiny_stylegan2(), max_epochs=epochs, epoch_length=2)
        made.state.losses = []
        return made

    whole, first = trainer(3), trainer(1)
    whole.run()
    first.run()
    second = trainer(3)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    second.run()
    assert_same(outcome(whole), outcome(second))
    assert whole.variant.augment.probability != 0.3, "the probability moved"  # type: ignore[union-attr]


def test_training_goes_on_without_the_noise_that_it_began_with() -> None:
    first = tiny_trainer(tiny_stylegan2(), max_epochs=1, epoch_length=2)
    first.run()
    strengths = {name: value for name, value in first.variant.state_dict().items() if name.endswith("noise_strength")}
    assert any(value != 0 for value in strengths.values())
    second = tiny_trainer(tiny_stylegan2(add_noise=False), max_epochs=3, epoch_length=2)
    second.load_state_dict(first.state_dict())
    second.run()
    trained = second.variant.state_dict()
    assert all(torch.equal(trained[name], value) for name, value in strengths.items())
    assert not torch.equal(trained["generator.blocks.0.conv1.weight"], first.variant.generator.blocks[0].conv1.weight)
    # Without noise an image is decided by its style alone, in training as afterwards.
    variant = second.variant
    ws = variant.generator.styles(torch.randn(2, 8))
    assert torch.equal(variant.synthesize(ws, step()), variant.generator.synthesize(ws))


def test_step_graphs_train_as_the_steps_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)
    trainer = train_both(tiny_stylegan2, max_epochs=2)
    assert tapes(trainer).captures == 4, "losses and regularizers of both halves"


def test_step_graphs_follow_spectra_contrast_and_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> StyleGAN2:
        plain = tiny_stylegan2()
        options: dict[str, Any] = {"spectrum_weight": 1.0, "match_contrast": True, "warm_up_iterations": 2}
        return StyleGAN2(plain.generator, plain.discriminator, plain.augment, plain.r1, path_interval=2, **options)

    allow_capturable(monkeypatch)
    assert tapes(train_both(build)).replays > 0


def test_samples_depend_on_seed_and_number_alone_and_survive_a_round_trip() -> None:
    variant = tiny_stylegan2().eval()
    latents = variant.latents(4, seed=1)
    images = variant.sample(latents)
    assert torch.equal(images, variant.sample(variant.latents(4, seed=1)))
    torch.testing.assert_close(images[2:], variant.sample(latents[2:]), rtol=1e-4, atol=1e-5)
    twin = tiny_stylegan2()
    with torch.no_grad():
        twin.generator.blocks[0].conv1.noise.zero_()  # type: ignore[union-attr,operator]
    twin.load_state_dict(variant.state_dict())
    assert torch.equal(twin.sample(latents), images)


def test_three_dimensions_train() -> None:
    variant = tiny_stylegan2(size=(8, 12, 8), dims=3)
    volumes = {"image": torch.rand(4, 1, 8, 12, 8) * 2 - 1}
    for losses in (variant.discriminator_losses(volumes, step()), variant.generator_losses(volumes, step())):
        sum(losses.values()).backward()  # type: ignore[union-attr]
    assert all(p.grad is not None for p in variant.parameters())


def test_classes_and_covariates_reach_both_networks() -> None:
    variant = tiny_stylegan2(num_classes=2, num_covariates=1)
    given = {**batch(), "covariates": torch.linspace(-1, 1, 8).unsqueeze(1)}
    condition = variant.condition(given)
    assert condition is not None
    assert torch.equal(condition[:, :2].argmax(1), given["label"])
    assert torch.equal(condition[:, 2:], given["covariates"])
    for losses in (variant.discriminator_losses(given, step()), variant.generator_losses(given, step())):
        assert all(torch.isfinite(value) for value in losses.values())
    classes = tiny_stylegan2(num_classes=2)
    latents = classes.latents(4, seed=0)
    assert torch.equal(classes.sample(latents), classes.sample(latents, torch.tensor([0, 1, 0, 1]))), "turns by default"


def test_bad_input_is_named_with_a_remedy() -> None:
    with pytest.raises(InputError, match="The batch has no 'covariates'"):
        tiny_stylegan2(num_covariates=1).discriminator_losses(batch(), step())
    with pytest.raises(InputError, match="batch_size=2 is too small for adaptive augmentation"):
        tiny_stylegan2().discriminator_losses(batch(2), step())
    one, other = tiny_stylegan2(num_classes=2), tiny_stylegan2()
    with pytest.raises(ValueError, match="the generator has 2 classes and 0 covariates, the discriminator 0 and 0"):
        StyleGAN2(one.generator, other.discriminator)
    with pytest.raises(ValueError, match="path_share=0 is not possible"):
        StyleGAN2(other.generator, other.discriminator, path_share=0)
    with pytest.raises(ValueError, match="warm_up_iterations=-1 is not possible"):
        StyleGAN2(other.generator, other.discriminator, warm_up_iterations=-1)
