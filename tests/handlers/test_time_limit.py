"""A training that ends by the clock, with rates that fall by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_training import tiny_trainer, tiny_variant

from monai_gan.handlers import CheckpointHandler, TimeLimitHandler, load_checkpoint


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


@pytest.mark.parametrize("values", [{"seconds": 0}, {"seconds": 1, "hold": 1}, {"seconds": 1, "end_factor": 2}])
def test_impossible_numbers_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        TimeLimitHandler(**values)
