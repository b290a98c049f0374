"""The averaged networks: which of their tensors are averaged, which are copied, and that a state brings them back."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from tiny_training import tiny_variant
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from monai_gan.engines import EMA
from monai_gan.variants import WGAN


class Generator(nn.Sequential):
    """Batch norm between a plain and a spectrally normalised layer."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 6), nn.BatchNorm1d(6), spectral_norm(nn.Linear(6, 3)))


def moved(ema: EMA, updates: int) -> None:
    """Move weights and statistics at random before each update."""
    generator = ema.source.get_submodule("generator").train()
    for _ in range(updates):
        with torch.no_grad():
            for parameter in generator.parameters():
                parameter.add_(torch.randn_like(parameter))
        generator(torch.randn(8, 4))
        ema.update()


def test_statistics_are_averaged_with_the_weights_and_other_buffers_copied() -> None:
    source = WGAN(Generator(), nn.Linear(3, 1))
    ema = EMA(source, decay=0.5)
    moved(ema, 1)
    before = {name: tensor.clone() for name, tensor in ema.variant.generator.state_dict().items()}  # type: ignore[union-attr]
    moved(ema, 1)
    weights = source.generator.state_dict()
    for name, average in ema.variant.generator.state_dict().items():  # type: ignore[union-attr]
        averaged = not name.endswith(("num_batches_tracked", "._u", "._v"))
        # The second update of the ramp has a decay of 2 / 11.
        expected = torch.lerp(before[name], weights[name], 9 / 11) if averaged else weights[name]
        torch.testing.assert_close(average, expected, msg=name)
        assert not torch.equal(average, before[name])


def test_state_goes_on_with_the_same_average() -> None:
    ema = EMA(tiny_variant(), decay=0.9)
    for _ in range(3):
        ema.update()
    again = EMA(tiny_variant("dcgan"), decay=0.9)
    again.load_state_dict(deepcopy(ema.state_dict()))
    assert again.updates == 3
    for one in (ema, again):
        nn.init.ones_(next(iter(one.source.generator.parameters())))  # type: ignore[union-attr]
        one.update()
    for a, b in zip(ema.variant.parameters(), again.variant.parameters(), strict=True):
        assert torch.equal(a, b)


def test_averages_follow_on_without_a_graph() -> None:
    ema = EMA(tiny_variant())
    ema.update()
    generator = ema.variant.generator
    assert not generator.training  # type: ignore[union-attr]
    assert not any(parameter.requires_grad for parameter in generator.parameters())  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"ema_decay=-0\.1 must be at least 0"):
        EMA(tiny_variant(), decay=-0.1)
