"""The shipped WGAN-GP trains with the fused operations as it trains in plain torch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ignite.engine import Engine, Events
from torch import Tensor

from monai_gan.bundle import find_bundle, load_config
from monai_gan.data import StreamLoader
from monai_gan.engines import GANTrainer
from monai_gan.ops import _native, use_backend

pytestmark = pytest.mark.learning
STEPS, BATCH_SIZE, WINDOW = 200, 4, 50


def loss_curves(backend: str) -> dict[str, Tensor]:
    """The losses of every step, from the bundle's own networks, optimizers, rates and data."""
    # The penalty at every step, so that all of its curve can be compared.
    overrides = {"device": "cpu", "batch_size": BATCH_SIZE, "max_epochs": 1, "variant::penalty::interval": 1}
    with use_backend(backend):
        torch.manual_seed(0)
        config = load_config(find_bundle("chest_xray_wgan_gp"), "train", overrides)
        variant = config.get_parsed_content("variant")
        loader = StreamLoader(config.get_parsed_content("train#dataset"), BATCH_SIZE)
        # In float32, whose rounding leaves the first steps alike; bfloat16 would part them at once.
        trainer = GANTrainer(
            "cpu", 1, loader, variant, config.get_parsed_content("optimizers"), epoch_length=STEPS, precision="fp32"
        )
        rows: list[dict[str, float]] = []

        def note(engine: Engine) -> None:
            rows.append({name: float(value) for name, value in engine.state.output[0].items()})

        trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
        trainer.run()
    return {name: torch.tensor([row[name] for row in rows]) for name in rows[0]}


def test_200_steps_with_and_without_the_operations_give_the_same_curves(data_root: Path) -> None:
    if _native.module is None:
        pytest.skip(_native.missing_reason)
    plain, fused = loss_curves("torch"), loss_curves("native")
    for name, expected in plain.items():
        assert len(expected) == STEPS
        spread = float(expected.std())
        # The first steps are the same one by one. Then rounding errors grow tenfold a step, because Adam begins with
        # steps of one size whatever the gradient, so that later only the course of the curves can be compared.
        assert float((fused[name] - expected)[:2].abs().max()) < 1e-3 * spread, name
        windows = [curve.unfold(0, WINDOW, WINDOW).mean(1) for curve in (plain[name], fused[name])]
        assert float((windows[0] - windows[1]).abs().max()) < 0.25 * spread, name
