"""The reader finds codes that images show, and none in images that do not."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from benchmarks.code_figures import code_figures, code_text
from monai_gan.networks.nets import InfoGANGenerator


class Painter(nn.Module):
    """Images of 12 x 12 pixels whose columns are the last six entries of the latent, or of noise alone."""

    spatial_dims = 2
    latent_size = 12

    def __init__(self, shows: bool) -> None:
        super().__init__()
        self.columns = slice(6, 12) if shows else slice(0, 6)

    def forward(self, latents: Tensor) -> Tensor:
        return latents[:, self.columns].repeat_interleave(2, dim=1)[:, None, None].expand(-1, 1, 12, 12).tanh()


@pytest.mark.parametrize("shows", [True, False])
def test_reader_finds_what_images_show(shows: bool) -> None:
    generator = InfoGANGenerator(Painter(shows), categories=[5], continuous=1)  # type: ignore[arg-type]
    before = torch.random.get_rng_state()
    found = code_figures(generator, n=200, seed=0, steps=60)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert list(found) == ["category_0", "continuous_0", "category_0_share"]
    assert found["category_0_share"] == pytest.approx(found["category_0"] / math.log(5), abs=1e-3)
    if shows:
        assert found["category_0_share"] > 0.9
        assert found["continuous_0"] > 0.5
    else:
        assert found["category_0_share"] < 0.1
        assert found["continuous_0"] < 0.1


def test_table_has_a_row_per_code() -> None:
    lines = code_text({"category_0": 1.6, "continuous_0": 1.2, "category_0_share": 0.9942}).splitlines()
    assert lines[2:4] == ["| category_0 | 1.600 | 0.994 |", "| continuous_0 | 1.200 | - |"]
