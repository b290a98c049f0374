"""The handler of an InfoGAN's codes: what it measures, on which networks, and what its picture shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import tiny_trainer, tiny_variant

from monai_gan.data import read_provenance
from monai_gan.errors import InputError
from monai_gan.handlers import CodesHandler, LossLogHandler
from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator, InfoGANDiscriminator, InfoGANGenerator
from monai_gan.variants import InfoGAN


def tiny_infogan() -> InfoGAN:
    torch.manual_seed(0)
    generator = InfoGANGenerator(DCGANGenerator(2, 8, 1, 12, channels=4, max_channels=8), [3], 1)
    critic = DCGANDiscriminator(2, 1, 12, channels=4, max_channels=8)
    return InfoGAN(generator, InfoGANDiscriminator(critic, [3], 1))


def test_information_is_logged_and_the_picture_has_a_row_per_code_and_sample(tmp_path: Path) -> None:
    handlers = [CodesHandler(tmp_path, n=32, rows=2, interval=2, steps=5), LossLogHandler(tmp_path, iterations=6)]
    trainer = tiny_trainer(tiny_infogan(), max_epochs=3, train_handlers=handlers)
    trainer.run()
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["traversal_0002.png"]
    assert read_provenance(tmp_path / "traversal_0002.png").extra == {
        "traversal_of": ["category_0", "continuous_0"],
        "iteration": 12,
    }
    picture = np.asarray(Image.open(tmp_path / "traversal_0002.png"))
    assert picture.shape == (4 * 14 - 2, 5 * 14 - 2)
    # Three categories leave two places empty in each of the first two rows.
    assert picture[: 2 * 14 - 2, 3 * 14 :].max() == 0
    assert picture[:, : 3 * 14].std() > 0
    last = json.loads((tmp_path / "losses.jsonl").read_text().splitlines()[-1])
    assert {name for name in last if name.startswith("information")} == {
        "information_category_0",
        "information_category_0_share",
        "information_continuous_0",
    }


def test_the_averaged_generator_is_measured_on_latents_of_its_own(tmp_path: Path) -> None:
    trainer = tiny_trainer(tiny_infogan(), ema_decay=0.0)
    handler = CodesHandler(tmp_path, n=16, rows=0)
    handler.attach(trainer)
    trainer.run()
    assert not list(tmp_path.glob("*.png"))
    assert isinstance(trainer.ema.variant, InfoGAN)
    found = trainer.ema.variant.information(trainer.variant.latents(16, 2**62))
    assert trainer.state.metrics["information_category_0"] == pytest.approx(found["category_0"])


def test_a_variant_without_codes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="CodesHandler needs an InfoGAN, not DCGAN"):
        CodesHandler(tmp_path).attach(tiny_trainer(tiny_variant()))
