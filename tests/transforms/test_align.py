"""A target that lies beside its image is found and brought back; one that lies well is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter

from monai_gan.data.rigid import move, moved_places
from monai_gan.transforms import AlignRigidd

SPACING = (1.5, 1.0, 2.0)


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """Smooth random tissue within a ball."""
    noise = gaussian_filter(np.random.RandomState(0).standard_normal((40, 48, 32)), 2.5)
    position = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in noise.shape], indexing="ij"))
    return np.where(np.linalg.norm(position, axis=0) < 0.8, 5 + noise / noise.std(), 0).astype(np.float32)


def volume(values: np.ndarray) -> MetaTensor:
    return MetaTensor(
        torch.from_numpy(np.ascontiguousarray(values))[None], affine=torch.diag(torch.tensor([*SPACING, 1]))
    )


def contrast(values: np.ndarray) -> np.ndarray:
    """Another contrast of the same tissue, not a monotonous function of it."""
    other: np.ndarray = np.where(values > 0, 4 + (values - 4.5) ** 2, 0)
    return other


def test_a_moved_target_is_brought_back(head: np.ndarray) -> None:
    target = contrast(head)
    off = np.array([2.0, -1.5, 1.0, 1.5, -2.0, 1.0])
    sample = {"image": volume(head), "target": volume(move(target, off, SPACING))}
    result = AlignRigidd("target")(sample)["target"]
    motion = np.array(result.meta["rigid_motion"])
    places = np.argwhere(head > 0)
    # What is left after both motions, in mm.
    back = moved_places(moved_places(places, motion, head.shape, SPACING), off, head.shape, SPACING)
    assert np.linalg.norm((back - places) * SPACING, axis=1).max() < 0.5
    inside = head > 0
    before, after = (np.abs(np.asarray(one)[0] - target)[inside].mean() for one in (sample["target"], result))
    assert after < 0.3 * before


def test_a_target_that_lies_well_is_left_alone(head: np.ndarray) -> None:
    sample = {"image": volume(head), "target": volume(contrast(head)), "mask": volume(head > 0)}
    assert AlignRigidd("target")(sample)["target"] is sample["target"]


def test_the_same_pair_is_searched_once(head: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    monkeypatch.setattr(
        "monai_gan.transforms.align.rigid_fit", lambda *arguments: searched.append(1) or np.array([3.0, 0, 0, 0, 0, 0])
    )
    align = AlignRigidd("target")
    one, other = ({"image": volume(head), "target": volume(contrast(head)), "margin": m} for m in (0.0, 4.5))
    assert torch.equal(align(one)["target"], align(other)["target"])
    assert len(searched) == 1
    align({"image": volume(head), "target": volume(head)})
    assert len(searched) == 2
