from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_gan.data import ForegroundScale
from monai_gan.data.profile import MEANINGS, ProfileLimits, image_profile


def head(seed: int, brain: float = 0.6, spread: float = 0.15, skull: float = 0.9) -> Tensor:
    """A ball of tissue in a shell, (1, 24, 24, 24), from 0 to about 1000."""
    axes = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    radius = torch.stack(axes).norm(dim=0)
    noise = torch.randn(24, 24, 24, generator=torch.Generator().manual_seed(seed))
    image = torch.where(radius < 0.7, brain + spread * noise, torch.zeros(()))
    image = torch.where((radius > 0.75) & (radius < 0.8), torch.tensor(skull), image)
    return (1000 * image.clamp_min(0) + 10 * noise.abs())[None]


def profile(image: Tensor) -> dict[str, float]:
    return image_profile(image, ForegroundScale().fit(image).to_model(image))


def test_images_of_a_kind_are_familiar_and_others_are_not() -> None:
    limits = ProfileLimits.fit([profile(head(seed)) for seed in range(4)])
    assert set(limits.limits) == set(MEANINGS)
    assert limits.unusual(profile(head(9))) == []
    assert limits.unusual(profile(3.7 * head(9))) == [], "brightness alone must not matter"
    ct = torch.where(head(9) > 300, 40 + 0.02 * head(9), torch.tensor(-1000.0))
    ct[..., :3] = 1500.0
    found = limits.unusual(profile(ct))
    assert any(text.startswith("share of negative values") for text in found)
    assert any(text.startswith("spread of brightness") for text in found)


def test_a_ct_without_negative_values_is_not_taken_for_mr() -> None:
    """Values that were shifted, or cut off at 0, say nothing of Hounsfield units any more."""
    # As of several persons and scanners, and with the brain extracted: brightness and spread vary much.
    kinds = [(0.6, 0.15, 0.9), (0.35, 0.1, 0.9), (0.75, 0.16, 0.95), (0.7, 0.2, 0.0), (0.5, 0.1, 0.6)]
    limits = ProfileLimits.fit([profile(head(seed, *kind)) for seed, kind in enumerate(kinds)])
    assert limits.unusual(profile(head(9, 0.55, 0.14, 0.8))) == []
    # Air is -1000, soft tissue about 40 with little spread, bone up to 1500.
    ct = head(9, 1.04, 0.01, 2.5)
    for shifted in (ct, (ct - 1000).clamp_min(-1000) + 1024):
        found = limits.unusual(profile(shifted))
        assert any("beside its median" in text for text in found)


def test_limits_survive_the_metadata() -> None:
    limits = ProfileLimits.fit([profile(head(0)), profile(head(1))])
    again = ProfileLimits.from_dict(limits.as_dict())
    for name, (low, high) in limits.limits.items():
        assert again.limits[name] == pytest.approx((low, high), abs=1e-4)


def test_edges_are_seen_along_every_axis() -> None:
    for axis in range(1, 4):
        image = torch.zeros(1, 8, 8, 8)
        image.narrow(axis, 4, 4).fill_(1.0)
        assert image_profile(image, 2 * image - 1)["edge_energy"] == pytest.approx(0, abs=1e-6)
        image = torch.zeros(1, 8, 8, 8)
        image.narrow(axis, 3, 1).fill_(1.0)
        assert image_profile(image, 2 * image - 1)["edge_energy"] == pytest.approx(1, abs=1e-6)
