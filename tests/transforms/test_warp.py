"""A warp moves all images alike, keeps what it should, and interpolates only where it must."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from monai_gan.errors import InputError
from monai_gan.transforms import RandWarpd


def blob(height: int = 48, width: int = 64) -> torch.Tensor:
    """A smooth spot on -1, off the middle."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    squared = (rows - 20.0) ** 2 + ((columns - 36.0) / 1.3) ** 2
    return 2 * torch.exp(-squared / 60)[None] - 1


def warp(sample: dict[str, Any], seed: int = 0, size: tuple[int, int] = (48, 64), **arguments: Any) -> dict[Any, Any]:
    transform = RandWarpd(list(sample), size, **arguments)
    transform.set_random_state(seed=seed)
    return transform(sample)


def test_images_stay_registered_and_in_their_range() -> None:
    image = blob()
    for seed in range(5):
        result = warp({"image": torch.cat([image] * 3), "target": MetaTensor(image)}, seed, prob=1.0)
        torch.testing.assert_close(result["image"][1:2], result["target"].as_tensor())
        assert result["target"].min() >= -1
        assert result["target"].max() <= image.max()
        assert not torch.allclose(result["image"][:1], image, atol=0.1)


@pytest.mark.parametrize("size", [(48, 64), (31, 33), (60, 70)])
def test_without_a_warp_pixels_are_only_shifted_and_mirrored(size: tuple[int, int]) -> None:
    image = torch.randint(0, 9, (1, 48, 64), generator=torch.Generator().manual_seed(0)).float()
    result = warp({"image": image}, size=size, prob=0.0, background=0.0)["image"]
    assert tuple(result.shape[1:]) == size
    torch.testing.assert_close(result, result.round(), atol=1e-3, rtol=0)
    if size[0] <= 48:
        windows = image.unfold(1, size[0], 1).unfold(2, size[1], 1).flatten(0, 2)
        either = [windows, windows.flip(1)]
        assert any(((window - result[0]).abs().amax((1, 2)) < 1e-3).any() for window in either)


def test_zoom_enlarges() -> None:
    image = blob()
    areas = [
        int((warp({"image": image}, prob=1.0, zoom=(zoom, zoom), stretch=0, bend=0, mirror=None)["image"] > 0).sum())
        for zoom in (0.75, 1.0, 1.35)
    ]
    assert areas[0] / areas[1] == pytest.approx(0.75**2, rel=0.1)
    assert areas[2] / areas[1] == pytest.approx(1.35**2, rel=0.1)


def test_it_is_repeated_by_its_random_state() -> None:
    image = blob()
    torch.testing.assert_close(warp({"image": image}, 7), warp({"image": image}, 7), rtol=0, atol=0)
    assert not torch.equal(warp({"image": image}, 7)["image"], warp({"image": image}, 8)["image"])


def test_errors() -> None:
    with pytest.raises(InputError, match=r"zoom=\(2, 1\) is not possible"):
        RandWarpd("image", (8, 8), zoom=(2, 1))
    with pytest.raises(InputError, match=r"size=\(8,\) is not possible"):
        RandWarpd("image", (8,))
    with pytest.raises(InputError, match="mirror=2 is not possible"):
        RandWarpd("image", (8, 8), mirror=2)
    with pytest.raises(InputError, match="stretch=1"):
        RandWarpd("image", (8, 8), stretch=1)
    with pytest.raises(InputError, match="have shapes"):
        warp({"image": torch.zeros(1, 8, 8), "target": torch.zeros(1, 8, 9)})


def test_beyond_the_border_of_a_bright_image_is_background() -> None:
    result = RandWarpd("image", (40, 40), prob=0.0)({"image": torch.ones(1, 20, 20)})["image"]
    assert float((result < -0.999).float().mean()) == pytest.approx(0.75, abs=0.01)
