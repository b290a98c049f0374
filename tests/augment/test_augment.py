"""Augmentation of batches on the device: the same for the same seed, each sample for itself, and within the range."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import CacheDataset
from monai.transforms import Compose
from torch import Tensor

from monai_gan.augment import AugmentedBatch, DegradeBatch, Draws, MirrorBatch, RandWordd, ScannerBatch, WarpBatch
from monai_gan.data import StreamLoader
from monai_gan.errors import InputError
from monai_gan.transforms import CompactSlicesd, KSpaceTruncate, RandStackedSliced

CPU = torch.device("cpu")


def draws(seed: int = 0) -> Draws:
    return Draws(seed, CPU)


def smooth(n: int = 4, channels: int = 1, size: tuple[int, ...] = (40, 48)) -> Tensor:
    """Different smooth images in [-1, 1] on a dark background."""
    noise = torch.randn(n, channels, *[s // 8 for s in size], generator=torch.Generator().manual_seed(1))
    mode = "bicubic" if len(size) == 2 else "trilinear"
    return torch.nn.functional.interpolate(noise, size, mode=mode).clamp(-1, 1)


def batch(words: int = 4) -> dict[str, Any]:
    return {"image": smooth(channels=3).half(), "target": smooth().half(), "word": torch.arange(words)}


AUGMENTATIONS = [WarpBatch(["image", "target"], (32, 40)), ScannerBatch(["image"])]


def test_a_seed_decides_everything() -> None:
    prepare = AugmentedBatch(AUGMENTATIONS)
    one, same = prepare(batch(), CPU), prepare(batch(), CPU)
    other = prepare({**batch(), "word": torch.tensor([9, 1, 2, 3])}, CPU)
    assert {name: (value.shape, value.dtype) for name, value in one.items()} == {
        "image": ((4, 3, 32, 40), torch.float32),
        "target": ((4, 1, 32, 40), torch.float32),
    }
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["image"], other["image"])
    assert all(value.min() >= -1 and value.max() <= 1.001 for value in one.values())


def test_images_of_a_sample_are_warped_alike_and_samples_differently() -> None:
    image = smooth(1).expand(4, -1, -1, -1)
    result = WarpBatch(["image", "target"], (32, 40), prob=1.0)({"image": image, "target": image}, draws())
    torch.testing.assert_close(result["image"], result["target"])
    assert (result["image"][0] - result["image"][1]).abs().max() > 0.1


def test_without_a_warp_whole_pixels_are_cut_out() -> None:
    image = torch.rand(6, 1, 10, 12) * 2 - 1
    result = WarpBatch(["image"], (7, 9), prob=0.0, mirror=None)({"image": image}, draws())["image"]
    for before, after in zip(image[:, 0], result[:, 0], strict=True):
        windows = before.unfold(0, 7, 1).unfold(1, 9, 1)
        assert min(float((window - after).abs().max()) for row in windows for window in row) < 1e-4


def test_beyond_the_border_is_background() -> None:
    result = WarpBatch(["image"], (40, 40), prob=0.0)({"image": torch.ones(1, 1, 20, 20)}, draws())["image"]
    assert (result < -0.999).float().mean() == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("size", [(24, 32), (16, 16, 12)])
def test_a_scanner_changes_contrast_but_not_what_is_dark(size: tuple[int, ...]) -> None:
    image = torch.full((16, 2, *size), -1.0)
    image[:, :, 4:-4, 4:-4] = 0.2
    changed = ScannerBatch(["image"], blur=0.0, noise=0.0)({"image": image}, draws())["image"]
    torch.testing.assert_close(changed[image == -1], image[image == -1])
    inside = changed[:, :, 6, 6].flatten(1)
    assert inside.std() > 0.1
    torch.testing.assert_close(changed[:, 0], changed[:, 1])


def test_a_scanner_without_any_amount_changes_nothing() -> None:
    image = smooth()
    nothing = ScannerBatch(["image"], bias=0, gamma=(1, 1), curve=0, blur=0, gain=0, noise=0)
    torch.testing.assert_close(nothing({"image": image}, draws())["image"], image)
    # Probability 0 leaves out what the amounts allow.
    torch.testing.assert_close(ScannerBatch(["image"], prob=0.0)({"image": image}, draws())["image"], image)


def test_curves_rise() -> None:
    ramp = torch.linspace(-1, 1, 100).expand(8, 1, 1, 100)
    curve = ScannerBatch(["image"], prob=1.0, bias=0, gamma=(1, 1), curve=1.0, blur=0, gain=0, noise=0)
    changed = curve({"image": ramp}, draws())["image"]
    assert (changed.diff(dim=-1) >= 0).all()
    assert (changed - ramp).abs().amax(dim=(1, 2, 3)).min() > 0.01


def test_mirroring_is_alike_within_a_sample() -> None:
    image = torch.rand(64, 1, 4, 5, 6)
    result = MirrorBatch(["image", "target"], (0, 2))({"image": image, "target": image}, draws())
    assert torch.equal(result["image"], result["target"])
    forms = {axes: image.flip(axes) if axes else image for axes in ((), (2,), (4,), (2, 4))}
    found = [next(k for k, v in forms.items() if torch.equal(v[i], result["image"][i])) for i in range(64)]
    assert set(found) == set(forms)


@pytest.mark.parametrize(("size", "factor"), [((32, 40), 2), ((8, 10, 12), (1, 1, 2))])
def test_degradation_is_that_of_a_scan(size: tuple[int, ...], factor: int | tuple[int, ...]) -> None:
    target = smooth(3, 1, size) if len(size) == 2 else torch.rand(3, 1, *size) * 2 - 1
    result = DegradeBatch(factor)({"target": target}, draws())
    expected = (KSpaceTruncate(factor)((target[1] + 1) / 2).as_tensor().clamp_min(0)) * 2 - 1
    torch.testing.assert_close(result["image"][1], expected)
    noisy = DegradeBatch(1, noise=0.2)({"target": torch.full((64, 1, 16, 16), -1.0)}, draws())["image"]
    # Of a Rayleigh distribution, whose deviation is drawn from 0 to 0.2: the mean is 1.25 deviations.
    assert (noisy.mean() + 1) / 2 == pytest.approx(0.125, abs=0.02)


def test_a_target_alone_becomes_a_pair() -> None:
    prepare = AugmentedBatch([DegradeBatch(2, noise=0.1)])
    result = prepare({"target": smooth().half(), "word": [1, 2, 3, 4]}, CPU)
    assert {name: tuple(value.shape) for name, value in result.items()} == {
        "target": (4, 1, 40, 48),
        "image": (4, 1, 20, 24),
    }


def test_a_resumed_stream_augments_alike() -> None:
    volume = torch.rand(1, 12, 14, 9) * 2 - 1
    steps = Compose([CompactSlicesd(["image"]), RandStackedSliced("image", 3), RandWordd()])
    data = CacheDataset([{"image": volume}] * 8, steps, progress=False)
    prepare = AugmentedBatch([WarpBatch(["image"], (8, 8)), ScannerBatch(["image"])])

    def images(start: int) -> Tensor:
        loader = StreamLoader(data, 2)
        loader.load_state_dict({"position": start})
        stream = loader.stream()
        return torch.cat([prepare(next(stream), CPU)["image"] for _ in range(6 - start)])

    torch.testing.assert_close(images(2), images(0)[4:])


def test_compact_slices_are_the_volume() -> None:
    volume = torch.rand(2, 5, 6, 7)
    for axis in range(3):
        compact = CompactSlicesd("image", axis)({"image": volume, "name": "x"})
        assert set(compact) == {"image"}
        torch.testing.assert_close(compact["image"].float(), volume, atol=1e-3, rtol=0)
        assert compact["image"].movedim(axis + 1, 0).is_contiguous()
    with pytest.raises(InputError, match="axis=3"):
        CompactSlicesd("image", 3)
    with pytest.raises(InputError, match="give a volume"):
        CompactSlicesd("image")({"image": volume[0]})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: WarpBatch(["image"], (0, 2)), "size="),
        (lambda: WarpBatch(["image"], (2, 2), zoom=(1, 0.5)), "zoom="),
        (lambda: WarpBatch(["image"], (2, 2), bend=-1), "bend=-1"),
        (lambda: WarpBatch(["image"], (2, 2), mirror=2), "mirror=2"),
        (lambda: ScannerBatch(["image"], gamma=(0, 1)), "gamma="),
        (lambda: ScannerBatch(["image"], curve=2), "curve=2"),
        (lambda: AugmentedBatch([])({"image": torch.zeros(1, 1, 2, 2)}, CPU), "RandWordd"),
        (
            lambda: AUGMENTATIONS[0]({"image": torch.zeros(1, 1, 4, 4), "target": torch.zeros(1, 1, 4, 5)}, draws()),
            "alike",
        ),
    ],
)
def test_faults_are_named(make: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        make()
