"""BigGAN: losses, orthogonal regularisation, truncation, standing statistics, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from graph_training import allow_capturable, train_both
from resuming import assert_resumes
from tiny_training import Images, tiny_trainer
from torch import Tensor

from monai_gan.data import StreamLoader, seeded_latents, truncate_latents
from monai_gan.engines import GANTrainer
from monai_gan.errors import InputError
from monai_gan.networks.nets import BigGANDiscriminator, BigGANGenerator
from monai_gan.variants import BigGAN, Phase, Step

PHASE = Phase("train", None, ("discriminator", "generator"))


class Labelled(Images):
    """The tiny images, of three classes in turn."""

    label_names = ("head", "chest", "hand")

    def __init__(self) -> None:
        super().__init__()
        self.labels = torch.arange(len(self)).remainder(3).numpy()

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**super().__getitem__(index), "label": int(self.labels[index])}


def tiny_biggan(dims: int = 2, **options: Any) -> BigGAN:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": 12, "channels": 4, "max_channels": 8, "attention_level": 1}
    generator = BigGANGenerator(dims, 3, 12, embedding_size=5, **sizes)
    return BigGAN(generator, BigGANDiscriminator(dims, 3, **sizes), **options)


def trainer(variant: BigGAN, loader: Any = None, **arguments: Any) -> GANTrainer:
    optimizers = {name: torch.optim.Adam(n.parameters(), 1e-3, (0.0, 0.9)) for name, n in variant.networks.items()}
    return GANTrainer(
        "cpu", 2, loader or StreamLoader(Labelled(), 8), variant, optimizers, epoch_length=3, ema_decay=0.9, **arguments
    )


def batch(dims: int = 2) -> dict[str, Tensor]:
    image = torch.rand(4, 1, *[12] * dims, generator=torch.Generator().manual_seed(2)) * 2 - 1
    return {"image": image, "label": torch.tensor([0, 2, 1, 2])}


@pytest.mark.parametrize("dims", [2, 3])
def test_losses_are_those_of_the_paper(dims: int) -> None:
    variant, data = tiny_biggan(dims, orthogonal_weight=0.5), batch(dims)
    # In eval mode no power iteration moves the norms between two calls.
    variant.eval()
    losses = variant.discriminator_losses(data, Step(3, PHASE))
    fake = variant.generator(Step(3, PHASE).randn(4, 12), data["label"])
    real_logits, fake_logits = (variant.discriminator(images, data["label"]) for images in (data["image"], fake))
    expected = (1 - real_logits).relu().mean() + (1 + fake_logits).relu().mean()
    torch.testing.assert_close(losses["adversarial"], expected, rtol=1e-4, atol=1e-5)
    generated = variant.generator_losses(data, Step(3, PHASE))
    torch.testing.assert_close(generated["adversarial"], -fake_logits.mean(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(generated["orthogonal"], 0.5 * variant.likeness())


def test_orthogonal_regularisation_sums_the_products_of_different_filters() -> None:
    variant = tiny_biggan()
    expected = 0.0
    for name, weight in variant.generator.named_parameters():
        if weight.dim() > 1 and name != "embedding.weight":
            rows = weight.detach().flatten(1).double()
            expected += sum(float(a @ b) ** 2 for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j)
    assert float(variant.likeness().detach()) == pytest.approx(expected, rel=1e-4)
    assert "orthogonal" not in tiny_biggan(orthogonal_weight=0.0).generator_losses(batch(), Step(0, PHASE))


def test_relativistic_objective_gets_real_logits() -> None:
    losses = tiny_biggan(objective="relativistic_paired").generator_losses(batch(), Step(0, PHASE))
    assert torch.isfinite(losses["adversarial"])


def test_fake_classes_are_those_of_the_batch_or_uniform() -> None:
    _, label = tiny_biggan().made(batch(), Step(0, PHASE))
    assert torch.equal(label, batch()["label"])
    many = {"image": torch.zeros(300, 1, 12, 12), "label": torch.zeros(300, dtype=torch.long)}
    _, label = tiny_biggan(fake_labels="uniform").made(many, Step(0, PHASE))
    assert label.bincount(minlength=3).min() > 70


def test_training_resumes_bit_for_bit() -> None:
    assert_resumes(lambda: trainer(tiny_biggan(), n_critic=2), 4)


def test_step_graphs_serve_it(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)
    for module in ("networks.nets.biggan", "variants.conditions"):  # on a GPU the range of labels is not looked at
        monkeypatch.setattr(f"monai_gan.{module}.check_label", lambda *_: None)
    loader = StreamLoader(Labelled(), 8)
    graphs = train_both(tiny_biggan, lambda _: loader.load_state_dict({"position": 0}), loader=loader, max_epochs=2)
    assert graphs.step_graphs._recorder.captures == 2  # type: ignore[union-attr, attr-defined]


def test_averages_keep_statistics_and_settle_measures_them_anew() -> None:
    run = trainer(tiny_biggan(standing_batches=2))
    run.run()
    averaged = run.ema.variant
    assert isinstance(averaged, BigGAN)
    before = {name: value.clone() for name, value in averaged.generator.state_dict().items()}
    averaged.settle()
    after = averaged.generator.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("running_" in name or "num_batches" in name for name in moved)
    again = {name: value.clone() for name, value in after.items()}
    averaged.settle()
    torch.testing.assert_close(averaged.generator.state_dict(), again)


def test_samples_depend_on_seed_index_and_class() -> None:
    variant = tiny_biggan().eval()
    latents, labels = variant.latents(4, seed=7), torch.tensor([2, 1, 0, 2])
    images = variant.sample(latents, labels)
    torch.testing.assert_close(images[:1], variant.sample(variant.latents(1, seed=7), labels[:1]), rtol=1e-4, atol=1e-6)
    assert torch.equal(variant.sample(latents), variant.sample(latents, torch.tensor([0, 1, 2, 0])))


def test_truncated_latents_are_normal_ones_cut_off() -> None:
    latents = seeded_latents(400, 50, seed=0)
    cut = truncate_latents(latents, 0.8)
    assert cut.abs().max() <= 0.8
    assert torch.equal(cut.argsort(0), latents.argsort(0)), "ranks stay"
    redrawn = latents[latents.abs() <= 0.8]
    for share in (0.1, 0.3, 0.7, 0.9):
        assert abs(float(cut.quantile(share) - redrawn.quantile(share))) < 0.02
    torch.testing.assert_close(truncate_latents(latents, 8.0), latents, rtol=1e-5, atol=1e-5)
    variant = tiny_biggan(truncation=0.8)
    torch.testing.assert_close(variant.latents(3, seed=1), truncate_latents(seeded_latents(3, 12, 1), 0.8))


def test_bad_input_is_refused() -> None:
    variant = tiny_biggan()
    with pytest.raises(InputError, match="The batch has no 'label', but the variant has 3 classes"):
        variant.check_batch({"image": batch()["image"]})
    with pytest.raises(InputError, match="label=3 is out of range"):
        variant.check_batch({**batch(), "label": torch.tensor([0, 1, 2, 3])})
    with pytest.raises(InputError, match="The batch has no 'label'"):
        tiny_trainer(variant).run()
    for options, message in (
        ({"truncation": 0.0}, "truncation=0.0 leaves no latent"),
        ({"orthogonal_weight": -1.0}, "orthogonal_weight=-1.0"),
        ({"fake_labels": "none"}, "fake_labels='none' is unknown"),
        ({"objective": "none"}, "objective='none' is not known"),
    ):
        with pytest.raises(ValueError, match=message):
            tiny_biggan(**options)
    with pytest.raises(InputError, match="threshold=0 is not possible"):
        truncate_latents(torch.zeros(1), 0)


def test_class_without_an_image_is_refused_before_training() -> None:
    data = Labelled()
    data.labels[data.labels == 1] = 2
    with pytest.raises(InputError, match=r"Class 1 \('chest'\) of 3 has no image in the training data"):
        trainer(tiny_biggan(), StreamLoader(data, 8))
