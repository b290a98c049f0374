"""The way of an image into a network: range, channels, size, slices; and that nothing leaks out or in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.metrics import FeatureExtractor


class Seen(nn.Module):
    """Gives the mean of each channel and keeps what it was given."""

    def forward(self, x: Tensor) -> Tensor:
        self.input = x
        return x.flatten(2).mean(dim=2)


def seen(images: Tensor, **arguments: Any) -> Tensor:
    network = Seen()
    FeatureExtractor(network, "seen", **arguments)(images)
    return network.input


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 255.0), (-1000.0, 400.0)])
def test_values_arrive_scaled_and_normalised(value_range: tuple[float, float]) -> None:
    low, high = value_range
    images = torch.rand(2, 1, 6, 6) * (high - low) + low
    unit = (images - low) / (high - low)
    torch.testing.assert_close(seen(images, value_range=value_range), unit)
    found = seen(images, value_range=value_range, channels=3, mean=(0.1, 0.2, 0.3), std=0.5)
    expected = torch.cat([(unit - mean) / 0.5 for mean in (0.1, 0.2, 0.3)], dim=1)
    torch.testing.assert_close(found, expected)


def test_each_image_by_itself() -> None:
    found = seen(torch.rand(3, 1, 4, 5, 6) * torch.tensor([0.1, 0.5, 1.0])[:, None, None, None, None], **VOLUMES)
    torch.testing.assert_close(found.flatten(1).mean(1), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.flatten(1).std(1), torch.ones(3))
    assert torch.equal(seen(torch.full((1, 1, 4, 4, 4), 0.5), **VOLUMES), torch.zeros(1, 1, 4, 4, 4)), "no NaN"


VOLUMES: dict[str, Any] = {"spatial_dims": 3, "per_image": True, "channels": 1}


def test_resizing_keeps_fractions_and_does_not_alias() -> None:
    """A grid finer than the target turns grey; a plain bilinear filter or rounding to 8 bits would show it or steps."""
    stripes = (torch.arange(64) % 2).float().expand(1, 1, 64, 64) * 2 - 1
    small = seen(stripes, image_size=16)
    assert small.shape == (1, 1, 16, 16)
    torch.testing.assert_close(small, torch.full_like(small, 0.5), rtol=0, atol=0.04)
    ramp = torch.linspace(-1, -0.99, 8).expand(1, 1, 8, 8)
    assert len(seen(ramp, image_size=32).unique()) > 20
    assert seen(torch.zeros(2, 1, 6, 6, 6), image_size=(3, 4, 5), spatial_dims=3).shape == (2, 1, 3, 4, 5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_volumes_are_the_mean_of_their_slices(axis: int) -> None:
    class Brightest(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.amax(dim=(2, 3))

    volumes = torch.rand(2, 1, 3, 4, 5) * 2 - 1
    found = FeatureExtractor(Brightest(), "brightest", slice_axis=axis)(volumes)
    others = [a for a in (2, 3, 4) if a != axis + 2]
    torch.testing.assert_close(found, (volumes.amax(dim=others).mean(dim=2) + 1) / 2)


def test_maps_are_averaged_over_space() -> None:
    extractor = FeatureExtractor(nn.Conv2d(1, 5, 3), "maps")
    found = extractor(torch.rand(4, 1, 8, 8))
    assert found.shape == (4, 5)
    assert found.dtype == torch.float32
    assert extractor.size == 5


def test_measures_and_never_trains() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    extractor = FeatureExtractor(network, "frozen").train()
    images = torch.rand(6, 1, 8, 8, requires_grad=True)
    first = extractor(images)
    assert not first.requires_grad
    assert not any(p.requires_grad for p in extractor.parameters())
    torch.testing.assert_close(extractor(images[:2]), first[:2], msg="features depend on the rest of the batch")


def test_extract_goes_in_batches_over_tensors_and_loaders() -> None:
    extractor = FeatureExtractor(nn.Conv2d(1, 4, 3), "conv")
    images = torch.rand(7, 1, 8, 8)
    expected = extractor(images)
    torch.testing.assert_close(extractor.extract(images, batch_size=3), expected)
    torch.testing.assert_close(extractor.extract(iter(images.split(2))), expected)
    with pytest.raises(InputError, match="there are no images"):
        extractor.extract(images[:0])


def test_checksum_tells_the_weights() -> None:
    network = nn.Conv2d(1, 4, 3)
    extractor = FeatureExtractor(network, "conv")
    before = extractor.sha256
    assert FeatureExtractor(network, "other").sha256 == before
    assert FeatureExtractor(nn.Conv2d(1, 4, 3), "conv").sha256 != before
    with torch.no_grad():
        network.weight[0, 0, 0, 0] += 1e-6
    assert extractor.sha256 != before


def test_description_says_what_decides_about_the_features() -> None:
    extractor = FeatureExtractor(nn.Conv2d(3, 4, 3), "conv", image_size=32, channels=3, value_range=(0, 1), mean=0.5)
    described = extractor.describe()
    assert described["size"] == 4
    assert described["image_size"] == [32, 32]
    assert described["value_range"] == [0.0, 1.0]
    assert described["channel_handling"] == "one channel is repeated"
    assert described["normalisation"] == {"mean": [0.5], "std": [1.0], "of": "values in [0, 1]"}
    assert len(described["sha256"]) == 64


@pytest.mark.parametrize(
    ("images", "match"),
    [
        (torch.full((2, 3, 8, 8), 200.0), r"values from 200 to 200 are outside of value_range=\(-1, 1\)"),
        (torch.full((2, 3, 8, 8), float("nan")), "the images hold NaN or infinite values"),
        (torch.zeros(2, 3, 8, 8, 8), r"images \(2, 3, 8, 8, 8\) for a network in 2 dimensions; .*slice_axis="),
        (torch.zeros(2, 2, 8, 8), "images of 2 channels for a network of 3; give images of 3 channels or of one"),
        (torch.zeros(3, 8, 8), r"\(3, 8, 8\) is no batch of images"),
        ("text", "str is no batch of images"),
    ],
    ids=["range", "nan", "volume", "channels", "no-batch", "no-tensor"],
)
def test_unfit_images_are_refused(images: Any, match: str) -> None:
    with pytest.raises(InputError, match=f"tiny: .*{match}"):
        FeatureExtractor(nn.Conv2d(3, 4, 3), "tiny", channels=3)(images)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"name": "Not a name"}, "name='Not a name' cannot be part of a figure's name"),
        ({"value_range": (1, -1)}, r"value_range=\(1.0, -1.0\) is no range"),
        ({"spatial_dims": 3, "slice_axis": 0}, "spatial_dims=3 with slice_axis=0 is not possible"),
        ({"image_size": (3, 4, 5)}, r"image_size=\(3, 4, 5\) is no size in 2 dimensions"),
    ],
)
def test_unfit_arguments_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        FeatureExtractor(nn.Conv2d(1, 4, 3), **{"name": "tiny", **arguments})


def test_networks_that_give_no_features_are_refused() -> None:
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    with pytest.raises(InputError, match="the network gives tuple; wrap it"):
        FeatureExtractor(Pair(), "pair")(torch.zeros(1, 1, 4, 4))
    with pytest.raises(InputError, match=r"slice_axis=1 needs volumes, not \(1, 1, 4, 4\)"):
        FeatureExtractor(Pair(), "pair", slice_axis=1)(torch.zeros(1, 1, 4, 4))
