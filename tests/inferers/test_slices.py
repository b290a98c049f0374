"""A 2-D network sees every slice of a volume once, with its neighbours, whatever the batch and the windows."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.inferers import StackedSliceInferer
from monai_gan.networks.nets import SRResNet, UNetGenerator


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_every_slice_goes_through_with_its_neighbours(axis, batch_size):
    volume = torch.randn(2, 2, 5, 6, 7)

    def network(stack: Tensor) -> Tensor:
        assert stack.shape[1] == 6
        assert len(stack) <= 2 * batch_size
        before, middle, after = stack.unflatten(1, (2, 3)).unbind(2)
        return before - 2 * middle + after

    result = StackedSliceInferer(axis, 3, batch_size, divisor=1)(volume, network)
    along = volume.movedim(axis + 2, 2)
    ends = torch.cat([along[:, :, :1], along, along[:, :, -1:]], 2)
    expected = (ends[:, :, :-2] - 2 * along + ends[:, :, 2:]).movedim(2, axis + 2)
    torch.testing.assert_close(result, expected)


def test_odd_sizes_are_padded_and_cut_back():
    torch.manual_seed(0)
    network = UNetGenerator(2, 3, 1, features=(4, 4, 4, 4, 4, 4)).eval()
    result = StackedSliceInferer(num_slices=3)(torch.randn(1, 1, 37, 41, 4), network)
    assert result.shape == (1, 1, 37, 41, 4)


def test_windows_join_without_seams():
    volume = F.interpolate(torch.rand(1, 1, 6, 6, 2), size=(64, 48, 2), mode="trilinear")
    pointwise = StackedSliceInferer(roi_size=(32, 32), overlap=0.5)(volume, lambda x: 2 * x + 1)
    torch.testing.assert_close(pointwise, 2 * volume + 1)
    blur = nn.Conv2d(1, 1, 5, padding=2, padding_mode="replicate", bias=False)
    nn.init.constant_(blur.weight, 1 / 25)
    blur.requires_grad_(False)
    whole = StackedSliceInferer()(volume, blur)
    error = {
        overlap: float((StackedSliceInferer(roi_size=(32, 32), overlap=overlap)(volume, blur) - whole).abs().max())
        for overlap in (0.0, 0.5)
    }
    # Gaussian weights leave a window's border, where the blur misses its neighbours, little say.
    assert error[0.5] < 0.5 * error[0.0]


def test_resolution_grows_within_slices_only():
    network = SRResNet(2, channels=4, num_blocks=1).eval()
    volume = torch.randn(1, 1, 9, 10, 3)
    for roi_size in (None, (8, 8)):
        result = StackedSliceInferer(divisor=4, roi_size=roi_size)(volume, network)
        assert result.shape == (1, 1, 18, 20, 3)


def test_bad_arguments_are_named():
    for options, message in (
        ({"axis": 3}, "axis=3"),
        ({"num_slices": 2}, "num_slices=2 is not possible: give an odd number"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"divisor": 0}, "divisor=0"),
        ({"overlap": 1.0}, "overlap=1.0"),
    ):
        with pytest.raises(InputError, match=message):
            StackedSliceInferer(**options)
    with pytest.raises(InputError, match=r"shape \(1, 4, 4\): give five axes"):
        StackedSliceInferer()(torch.zeros(1, 4, 4), nn.Identity())
