"""MR images are scaled by what they contain themselves, and back."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from monai_gan.data import ForegroundScale
from monai_gan.errors import InputError
from monai_gan.transforms import ScaleForeground, ScaleForegroundd


def head(margin: int = 8, gain: float = 1.0, offset: float = 0.0) -> torch.Tensor:
    """A ball of tissue from 40 to 100, a few bright voxels, and an empty margin."""
    size = 24 + 2 * margin
    position = torch.arange(size) - (size - 1) / 2
    distance = (position[:, None, None] ** 2 + position[:, None] ** 2 + position**2).sqrt()
    tissue = 40 + 60 * torch.rand(distance.shape, generator=torch.Generator().manual_seed(0))
    image = torch.where(distance < 12, tissue, torch.zeros(()))
    image[size // 2, size // 2, size // 2 - 2 : size // 2 + 2] = 1000.0
    return (gain * image + offset)[None]


def test_brightness_and_margin_do_not_matter():
    base = ScaleForeground()(head())
    assert base.min() == -1
    torch.testing.assert_close(ScaleForeground()(head(gain=7.5, offset=20.0)).as_tensor(), base.as_tensor())
    wide, narrow = (ForegroundScale().fit(head(margin)) for margin in (16, 4))
    assert wide.minimum == narrow.minimum == 0
    assert wide.maximum == pytest.approx(narrow.maximum, rel=0.02)
    assert 95 < narrow.maximum <= 100  # the bright voxels do not decide


def test_inverse_restores_what_lies_between_the_bounds():
    image = MetaTensor(head(gain=3.0), affine=torch.diag(torch.tensor([1.5, 1.5, 1.5, 1.0])))
    chain = Compose([ScaleForegroundd(["image", "target"])])
    sample = chain({"image": image, "target": image * 2})
    assert sample["image"].meta["intensity_scale"]["minimum"] == 0
    torch.testing.assert_close(sample["image"].affine, image.affine)
    restored = chain.inverse(sample)
    bound = ForegroundScale().fit(image).maximum
    torch.testing.assert_close(restored["image"].as_tensor(), image.as_tensor().clamp_max(bound), atol=1e-3, rtol=0)
    assert "intensity_scale" not in restored["image"].meta
    assert set(ScaleForegroundd("image", allow_missing_keys=True)({"other": 1})) == {"other"}


def test_large_volumes_are_thinned_out(monkeypatch):
    whole = ForegroundScale().fit(head())
    monkeypatch.setattr("monai_gan.data.foreground.MOST_VOXELS", 20_000)
    assert ForegroundScale().fit(head()).maximum == pytest.approx(whole.maximum, rel=0.02)
    broken = head()
    broken.view(-1)[1] = float("nan")  # not among those that are left
    with pytest.raises(InputError, match="has 1 values that are not finite"):
        ForegroundScale().fit(broken)


def test_scale_travels_in_metadata():
    scale = ForegroundScale(2.0, 98.0)
    assert ForegroundScale.from_dict(scale.as_dict()) == scale
    with pytest.raises(InputError, match="lacks 'upper'"):
        ForegroundScale.from_dict({"lower": 1})


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(1, 4, 4), "no contrast: its values go from 0 to 0"),
        (torch.zeros(1, 0, 4), "is empty"),
        (torch.tensor([[[1.0, float("nan"), float("inf")]]]), "has 2 values that are not finite"),
    ],
)
def test_bad_images_are_named(image, message):
    with pytest.raises(InputError, match=message):
        ScaleForeground()(image)
    with pytest.raises(InputError, match="upper=101 is no percentile"):
        ForegroundScale(upper=101)
