"""BEGAN: the balance of the errors is the paper's, is logged, and goes on exactly after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from graph_training import allow_capturable, tapes, train_both
from ignite.engine import Events
from tiny_training import tiny_trainer
from torch import Tensor

from monai_gan.handlers import CheckpointHandler, LossLogHandler
from monai_gan.networks.nets import BEGANDiscriminator, BEGANGenerator
from monai_gan.variants import BEGAN, Phase, Step

PHASE = Phase("train", None, ("discriminator", "generator"))


def tiny_began(spatial_dims: int = 2, exponent: int = 1, skip: bool = True, **arguments: Any) -> BEGAN:
    torch.manual_seed(1)
    sizes: dict[str, Any] = {"image_size": 12, "channels": 4, "skip": skip}
    generator = BEGANGenerator(spatial_dims, 8, **sizes)
    discriminator = BEGANDiscriminator(spatial_dims, hidden_size=6, exponent=exponent, **sizes)
    return BEGAN(generator, discriminator, **arguments)


def error(variant: BEGAN, images: Tensor, exponent: int = 1) -> Tensor:
    """L(v) of the paper, the mean over a batch."""
    reconstruction = variant.discriminator.reconstruct(images)  # type: ignore[operator]
    return (images - reconstruction).abs().pow(exponent).mean()


@pytest.mark.parametrize("exponent", [1, 2])
@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_losses_and_balance_are_those_of_the_paper(spatial_dims: int, exponent: int) -> None:
    variant = tiny_began(spatial_dims, exponent, gamma=0.6, rate=0.5)
    variant.k.fill_(0.3)
    real = torch.rand(4, 1, *[12] * spatial_dims) * 2 - 1
    fake = variant.generator(Step(3, PHASE).randn(4, 8)).detach()
    real_error, fake_error = error(variant, real, exponent), error(variant, fake, exponent)
    losses = variant.discriminator_losses({"image": real}, Step(3, PHASE))
    torch.testing.assert_close(losses, {"adversarial": real_error - 0.3 * fake_error})
    losses["adversarial"].backward()
    assert all(p.grad is None for p in variant.generator.parameters())
    generator = variant.generator_losses({"image": real}, Step(3, PHASE))
    torch.testing.assert_close(generator, {"adversarial": fake_error})

    variant.project("generator")
    assert float(variant.k) == pytest.approx(0.3)
    variant.project("discriminator")
    balance = 0.6 * real_error - fake_error
    torch.testing.assert_close(variant.k, (0.3 + 0.5 * balance).clamp(0, 1).detach())
    torch.testing.assert_close(variant.convergence, (real_error + balance.abs()).detach())
    assert set(variant.figures) == {"k", "convergence"}


def test_k_stays_between_zero_and_one() -> None:
    variant = tiny_began(rate=1e3)
    for real, fake, end in ((-0.9, -0.1, 1.0), (-0.1, -0.9, 0.0)):
        variant.logit_losses(torch.full((4, 1), real), torch.full((4, 1), fake))
        variant.project("discriminator")
        assert float(variant.k) == end


def test_micro_batches_count_as_one_step_and_an_overflow_does_not_spoil_k() -> None:
    variant, other = tiny_began(rate=0.5), tiny_began(rate=0.5)
    variant.k.fill_(0.5)
    other.k.fill_(0.5)
    scores = -torch.rand(2, 4, 1)
    variant.logit_losses(*scores)
    variant.project("discriminator")
    for part in scores.split(2, dim=1):
        other.logit_losses(*part)
    other.project("discriminator")
    torch.testing.assert_close(other.state_dict(), variant.state_dict())
    before = variant.k.clone()
    variant.logit_losses(torch.full((4, 1), -torch.inf), scores[1])
    variant.project("discriminator")
    assert torch.equal(variant.k, before)


def test_interrupted_training_goes_on_exactly_and_its_log_tells_balance_and_convergence(tmp_path: Path) -> None:
    def trainer(folder: str) -> Any:
        handlers = [CheckpointHandler(tmp_path / folder), LossLogHandler(tmp_path / folder, iterations=1)]
        # A rate that moves k in every step.
        return tiny_trainer(tiny_began(gamma=1.0, rate=0.5), max_epochs=2, n_critic=2, train_handlers=handlers)

    whole = trainer("whole")
    whole.run()
    first = trainer("parts")
    first.add_event_handler(Events.ITERATION_COMPLETED(once=2), lambda t: t.terminate(skip_completed=True))
    first.run()
    second = trainer("parts")
    assert second.state.iteration == 2
    assert torch.equal(second.variant.k, first.variant.k)
    assert torch.equal(second.variant.convergence, first.variant.convergence)
    second.run()
    for name, value in whole.state_dict()["variant"].items():
        assert torch.equal(value, second.variant.state_dict()[name]), name
    for a, b in zip(whole.ema.variant.parameters(), second.ema.variant.parameters(), strict=True):
        assert torch.equal(a, b)
    logs = [[json.loads(line) for line in (tmp_path / run / "losses.jsonl").open()] for run in ("whole", "parts")]
    told = [[(line["k"], line["convergence"]) for line in log] for log in logs]
    assert told[0] == told[1]
    assert len(set(told[0])) > 1
    assert all(0 <= k <= 1 and measure > 0 for k, measure in told[0])


def test_replayed_steps_move_k_as_the_steps_themselves_do(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_capturable(monkeypatch)
    trainer = train_both(lambda: tiny_began(gamma=1.0, rate=0.5), accumulation_steps=2)
    assert (tapes(trainer).captures, tapes(trainer).replays) == (2, 40 - 3 * 2)


def test_sample_depends_on_seed_and_index_only() -> None:
    variant = tiny_began().eval()
    assert torch.equal(variant.latents(3, seed=7), variant.latents(9, seed=7)[:3])
    images = variant.sample(variant.latents(3, seed=7))
    assert images.shape == (3, 1, 12, 12)
    assert images.abs().max() <= 1
    assert images.std(0).max() > 0


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("skip", [True, False])
def test_networks_become_torchscript_and_their_states_go_round(spatial_dims: int, skip: bool) -> None:
    variant, other = tiny_began(spatial_dims, skip=skip), tiny_began(spatial_dims, skip=skip)
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter)
    other.load_state_dict(variant.state_dict(), strict=True)
    latents = variant.latents(2, 0)
    images = variant.sample(latents)
    assert torch.equal(other.sample(latents), images)
    scores = variant.discriminator(images)
    assert scores.shape == (2, 1)
    assert (scores < 0).all()
    torch.testing.assert_close(torch.jit.script(variant.generator)(latents), images)
    torch.testing.assert_close(torch.jit.script(variant.discriminator)(images), scores)
    for network, result in ((variant.generator, images), (variant.discriminator, scores)):
        gradients = torch.autograd.grad(result.square().sum(), list(network.parameters()))
        assert all(gradient.abs().max() > 0 for gradient in gradients)


def test_generator_and_decoder_are_one_architecture() -> None:
    generator = BEGANGenerator(2, 6, image_size=12, channels=4)
    decoder = BEGANDiscriminator(2, image_size=12, channels=4, hidden_size=6).decoder
    ours, theirs = ({k: v.shape for k, v in network.state_dict().items()} for network in (generator, decoder))
    assert ours == theirs


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tiny_began(gamma=0.0), "gamma=0.0 asks"),
        (lambda: tiny_began(rate=0.0), "rate=0.0 would leave k"),
        (lambda: tiny_began(exponent=3), "exponent=3"),
        (lambda: BEGANDiscriminator(2, hidden_size=0), "hidden_size=0"),
        (lambda: BEGANGenerator(2, image_size=17), "image_size=17 cannot be reached"),
        (lambda: tiny_began().discriminator(torch.zeros(1, 2, 12, 12)), "in_channels=1"),
        (lambda: tiny_began().discriminator(torch.zeros(1, 1, 12, 12), torch.zeros(1)), "label was given"),
        (lambda: tiny_began().sample(torch.zeros(1, 8), torch.zeros(1)), "BEGAN is unconditional"),
    ],
)
def test_wrong_arguments_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
