"""The class probe, on patterns that are easy to tell apart and on the shipped bundles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from monai_gan.apps import load
from monai_gan.data import ImageDataset, IntensityScale
from monai_gan.metrics import ClassProbe


def stripes(n: int) -> tuple[Tensor, Tensor]:
    """Horizontal, vertical and no stripes, with noise."""
    labels = torch.arange(n) % 3
    pattern = (torch.arange(16) % 4 < 2).float() * 2 - 1
    kinds = torch.stack([pattern[:, None].expand(16, 16), pattern[None].expand(16, 16), torch.zeros(16, 16)])
    return kinds[labels][:, None] + 0.5 * torch.randn(n, 1, 16, 16), labels


def test_finds_the_classes_and_their_shares() -> None:
    before = torch.get_rng_state()
    images, labels = stripes(300)
    state = torch.get_rng_state()
    probe = ClassProbe(images, labels, ["rows", "columns", "none"], epochs=8)
    assert torch.equal(torch.get_rng_state(), state), "the global generator is left alone"
    assert not torch.equal(before, state)
    test, truth = stripes(90)
    assert probe.accuracy(test, truth) > 0.95
    only_rows = test[truth == 0]
    assert probe.fractions(only_rows)["rows"] > 0.9
    assert sum(probe.fractions(test).values()) == pytest.approx(1)


def test_labels_must_fit() -> None:
    images, labels = stripes(9)
    with pytest.raises(ValueError, match=r"9 of 9 images, the largest 2, for 2 names"):
        ClassProbe(images, labels, ["rows", "columns"])


@pytest.mark.learning
def test_shipped_bundles_make_chest_x_rays(data_root: Path) -> None:
    train, test = (ImageDataset("mednist64", split) for split in ("train", "test"))
    images, labels = (
        torch.stack([torch.as_tensor(train[i][key]) for i in range(0, len(train), 2)]) for key in ("image", "label")
    )
    probe = ClassProbe(images, labels, train.label_names, epochs=2)
    held_out = [test[i] for i in range(0, len(test), 2)]
    found = probe.accuracy(torch.stack([s["image"] for s in held_out]), torch.tensor([s["label"] for s in held_out]))
    assert found > 0.9, "a probe that cannot tell the classes proves nothing"
    for bundle in ("chest_xray_dcgan", "chest_xray_wgan_gp"):
        samples = IntensityScale(0, 255).to_model(load(bundle, device="cpu").sample(200, seed=0))
        assert probe.fractions(samples)["CXR"] >= 0.95, bundle
