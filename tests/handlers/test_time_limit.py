"""A training that ends by the clock, with rates that fall by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ignite.engine import Events
from tiny_training import tiny_trainer, tiny_variant

from monai_gan.engines import GANTrainer
from monai_gan.handlers import CheckpointHandler, TimeLimitHandler, load_checkpoint
from monai_gan.variants import SRGAN


def test_rates_are_held_and_then_fall() -> None:
    limit = TimeLimitHandler(100, hold=0.5, end_factor=0.1)
    assert [limit.factor(at) for at in (0, 50, 75, 100, 120)] == pytest.approx([1, 1, 0.55, 0.1, 0.1])


def test_training_ends_in_time_with_a_checkpoint(tmp_path: Path) -> None:
    handlers = [CheckpointHandler(tmp_path), TimeLimitHandler(0.2, end_factor=0.02)]
    trainer = tiny_trainer(tiny_variant(), max_epochs=100_000, train_handlers=handlers)
    rates = [group["lr"] for optimizer in trainer.optimizers.values() for group in optimizer.param_groups]
    trainer.run()
    ended = [group["lr"] for optimizer in trainer.optimizers.values() for group in optimizer.param_groups]
    assert ended == pytest.approx([0.02 * rate for rate in rates])
    assert load_checkpoint(tmp_path / "checkpoint.pt")["iteration"] == trainer.state.iteration < 100_000
    assert 0.2 <= trainer.seconds < 5


def test_a_resumed_training_goes_on_with_the_time_that_is_left(tmp_path: Path) -> None:
    def resumed(seconds: float) -> int:
        handlers = [CheckpointHandler(tmp_path), TimeLimitHandler(seconds)]
        trainer = tiny_trainer(tiny_variant(), max_epochs=100_000, train_handlers=handlers)
        trainer.run()
        return int(trainer.state.iteration)

    first = resumed(0.1)
    # Its time is up, which the next iteration finds.
    assert resumed(0.1) == first + 1
    assert resumed(0.2) > first + 1


def test_pretraining_ends_by_the_clock() -> None:
    variant = SRGAN(torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.Conv2d(1, 1, 3), pretraining_iterations=100_000)
    batch = {"image": torch.rand(2, 1, 8, 8), "target": torch.rand(2, 1, 8, 8)}
    optimizers = {name: torch.optim.SGD(part.parameters(), lr=1e-3) for name, part in variant.networks.items()}
    seen: list[set[str]] = []
    trainer = GANTrainer(
        "cpu", 100_000, [batch], variant, optimizers, train_handlers=[TimeLimitHandler(0.4, pretraining=0.5)]
    )
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: seen.append(set(engine.state.output[0])))
    trainer.run()
    assert "generator/pixel" in seen[0]
    assert "generator/adversarial" in seen[-1]
    assert 1 < variant.pretraining_iterations < len(seen)
    with pytest.raises(ValueError, match="has no pretraining"):
        TimeLimitHandler(1, pretraining=0.5).attach(tiny_trainer(tiny_variant()))
    with pytest.raises(ValueError, match="pretraining=0 is not possible"):
        TimeLimitHandler(1, pretraining=0)


@pytest.mark.parametrize("values", [{"seconds": 0}, {"seconds": 1, "hold": 1}, {"seconds": 1, "end_factor": 2}])
def test_impossible_numbers_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        TimeLimitHandler(**values)
