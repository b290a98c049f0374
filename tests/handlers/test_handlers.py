"""The handlers: what they write, what they warn of, and that a resumed run leaves one consistent record."""

from __future__ import annotations

import errno
import io
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Events
from PIL import Image
from rich.console import Console
from tiny_training import Images, tiny_trainer, tiny_variant
from torch import Tensor

from monai_gan.data import read_provenance
from monai_gan.errors import InputError, NonFiniteLossError
from monai_gan.handlers import (
    CheckpointHandler,
    LossLogHandler,
    ModeCollapseHandler,
    ProgressHandler,
    SampleGridHandler,
    SlicedWassersteinHandler,
    load_checkpoint,
    save_checkpoint,
)


def stop_after(trainer: Any, iterations: int) -> None:
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=iterations), lambda t: t.terminate(skip_completed=True))


def test_checkpoint_is_written_on_termination_and_resumed_by_attaching(tmp_path: Path) -> None:
    handlers = lambda: [CheckpointHandler(tmp_path), LossLogHandler(tmp_path, iterations=1)]  # noqa: E731
    first = tiny_trainer(tiny_variant(), max_epochs=2, train_handlers=handlers())
    stop_after(first, 4)
    first.run()
    assert load_checkpoint(tmp_path / "checkpoint.pt")["iteration"] == 4
    assert first.guard.last_checkpoint == str(tmp_path / "checkpoint.pt")

    second = tiny_trainer(tiny_variant(), max_epochs=2, train_handlers=handlers())
    assert second.state.iteration == 4
    second.run()
    assert [json.loads(line)["iteration"] for line in (tmp_path / "losses.jsonl").open()] == list(range(1, 13))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "losses.jsonl"]


def test_log_drops_the_lines_that_a_resumed_run_repeats(tmp_path: Path) -> None:
    """A run that died between two checkpoints has logged more than it kept."""
    first = tiny_trainer(tiny_variant(), max_epochs=2)
    LossLogHandler(tmp_path, iterations=1).attach(first)
    stop_after(first, 5)
    first.run()
    second = tiny_trainer(tiny_variant(), max_epochs=1)
    second.state.iteration = 3
    LossLogHandler(tmp_path, iterations=1).attach(second)
    second.run()
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").open()]
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert {"d_loss", "g_loss", "discriminator/adversarial", "generator/adversarial"} < lines[0].keys()
    assert all(line["images_per_second"] > 0 for line in lines)


def test_a_state_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of training is the end of an epoch as well."""
    written: list[int] = []
    monkeypatch.setattr(
        "monai_gan.handlers.checkpoint.save_checkpoint", lambda state, path: written.append(state["iteration"])
    )
    tiny_trainer(tiny_variant(), max_epochs=2, train_handlers=[CheckpointHandler(tmp_path)]).run()
    assert written == [6, 12]


def test_failing_write_keeps_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint({"variant": 1}, path)

    class FullDisk(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    save = torch.save

    def full_disk(state: Any, file: Any) -> None:
        file.write(b"half")
        save(state, FullDisk())

    monkeypatch.setattr("monai_gan.handlers.checkpoint.torch.save", full_disk)
    with pytest.raises(InputError, match="cannot be written: No space"):
        save_checkpoint({"variant": 2}, path)
    assert load_checkpoint(path) == {"variant": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_spoilt_weights_do_not_replace_the_last_good_checkpoint(tmp_path: Path) -> None:
    """A finite loss can have a gradient that is not, as the root of zero has."""
    variant = tiny_variant("wgan_gp")
    original = variant.generator_losses

    def losses(batch: Any, step: Any) -> dict[str, Tensor]:
        found = original(batch, step)
        return {"root": (found["adversarial"] * 0).sqrt()} if step.iteration == 3 else found

    variant.generator_losses = losses  # type: ignore[method-assign]
    trainer = tiny_trainer(variant, max_epochs=3, epoch_length=2, train_handlers=[CheckpointHandler(tmp_path)])
    with pytest.raises(NonFiniteLossError, match=r"'generator' are no longer finite after iteration 4.*checkpoint\.pt"):
        trainer.run()
    kept = load_checkpoint(tmp_path / "checkpoint.pt")
    assert kept["iteration"] == 2
    assert all(tensor.isfinite().all() for tensor in kept["variant"].values())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken zip", b"."])
def test_damaged_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged or unsafe.*delete it"):
        tiny_trainer(tiny_variant(), train_handlers=[CheckpointHandler(tmp_path)])


def test_file_of_something_else_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(2)}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="not a checkpoint of a training"):
        tiny_trainer(tiny_variant(), train_handlers=[CheckpointHandler(tmp_path)])


def test_mode_collapse_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    trainer = tiny_trainer(tiny_variant(), max_epochs=3, train_handlers=[ModeCollapseHandler(n=16, patience=2)])
    trainer.sample = lambda latents, labels=None: torch.zeros(len(latents), 1, 12, 12)  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING, logger="monai_gan"):
        trainer.run()
    assert trainer.state.metrics["diversity"] == 0
    assert "Mode collapse suspected at epoch 1" not in caplog.text, "an untrained generator is no alarm"
    assert "Mode collapse suspected at epoch 2" in caplog.text


def test_healthy_diversity_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    real = torch.stack([Images()[i]["image"] for i in range(48)])
    trainer = tiny_trainer(tiny_variant(), max_epochs=1, train_handlers=[ModeCollapseHandler(n=24, patience=1)])
    trainer.sample = lambda latents, labels=None: real[: len(latents)]  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING, logger="monai_gan"):
        trainer.run()
    assert trainer.state.metrics["diversity"] == pytest.approx(1, abs=0.15)
    assert not caplog.text


def test_diversity_needs_two_images() -> None:
    with pytest.raises(ValueError, match="n=1: diversity needs"):
        ModeCollapseHandler(n=1)


def test_sample_grids_show_the_averaged_generator(tmp_path: Path) -> None:
    handler = SampleGridHandler(tmp_path / "grids", n=5, interval=2)
    trainer = tiny_trainer(tiny_variant(), max_epochs=2, train_handlers=[handler])
    trainer.run()
    assert sorted(p.name for p in (tmp_path / "grids").glob("*.png")) == ["samples_0000.png", "samples_0002.png"]
    assert read_provenance(tmp_path / "grids" / "samples_0002.png").extra == {"overview_of": 5, "iteration": 12}
    picture = np.asarray(Image.open(tmp_path / "grids" / "samples_0002.png"))
    assert picture.shape == (2 * 14 - 2, 3 * 14 - 2)
    first = trainer.sample(trainer.variant.latents(5, 0))[0, 0]
    assert np.abs(picture[:12, :12] / 127.5 - 1 - first.numpy()).max() < 0.01


def test_distance_is_followed_from_the_untrained_networks_on() -> None:
    real = torch.stack([Images()[i]["image"] for i in range(16)])
    handler = SlicedWassersteinHandler(real, iterations=2)
    trainer = tiny_trainer(tiny_variant(), max_epochs=1, train_handlers=[handler])
    trainer.run()
    assert [iteration for iteration, _ in handler.history] == [0, 2, 4, 6]
    assert trainer.state.metrics["sliced_wasserstein"] == handler.history[-1][1] > 0


def test_progress_shows_losses_and_speed_and_ends_on_error() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=160)
    trainer = tiny_trainer(tiny_variant(), max_epochs=1, train_handlers=[ProgressHandler(console, interval=0.0)])
    trainer.run()
    assert "d_loss" in screen.getvalue()
    assert "images/s" in screen.getvalue()

    broken = tiny_trainer(tiny_variant(), max_epochs=1, train_handlers=[ProgressHandler(console)])

    def fail(batch: Any, step: Any) -> dict[str, Tensor]:
        raise RuntimeError("broken")

    broken.variant.generator_losses = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="broken"):
        broken.run()
