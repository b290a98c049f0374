"""Precision, recall, density and coverage on points that can be drawn on paper."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import density_coverage, neighbours, precision_recall

#: On a line, the nearest other real point is 1 away from the first three and 6 from the last.
REAL = torch.tensor([[0.0], [1.0], [2.0], [8.0]])
FAKE = torch.tensor([[0.5], [1.5], [7.5], [20.0], [21.0]])


def test_by_hand() -> None:
    """Fakes 0.5, 1.5 and 7.5 lie in real balls. Fake balls reach 1, 1, 6, 1, 1: all real points but none beyond."""
    assert precision_recall(REAL, FAKE, k=1) == pytest.approx((3 / 5, 4 / 4))
    # 0.5 lies in the balls of 0 and 1, 1.5 in those of 1 and 2, 7.5 in that of 8; all four reach a fake.
    assert density_coverage(REAL, FAKE, k=1) == pytest.approx((5 / 5, 4 / 4))
    far = FAKE + 100
    assert precision_recall(REAL, far, k=1) == (0, 0)
    assert density_coverage(REAL, far, k=1) == (0, 0)


def test_roles_are_exchanged_with_the_sets() -> None:
    x, y = torch.randn(60, 3), torch.randn(50, 3) + 0.5
    assert precision_recall(x, y) == precision_recall(y, x)[::-1]


@pytest.mark.parametrize("block", [1, 100, 2**23], ids=["row-by-row", "some-rows", "at-once"])
def test_blocks_do_not_show(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = torch.randn(60, 3), torch.randn(50, 3) + 0.5
    expected = precision_recall(x, y), density_coverage(x, y)
    monkeypatch.setattr(neighbours, "BLOCK", block)
    assert (precision_recall(x, y), density_coverage(x, y)) == expected


def test_equal_distributions_and_lost_modes() -> None:
    real = torch.cat([torch.randn(150, 8), torch.randn(150, 8) + 10])
    same = torch.cat([torch.randn(150, 8), torch.randn(150, 8) + 10])
    one_mode = torch.randn(300, 8)
    equal, lost = precision_recall(real, same), precision_recall(real, one_mode)
    assert min(equal) > 0.7
    assert lost.precision > 0.7
    assert lost.recall < 0.55
    assert density_coverage(real, same).density == pytest.approx(1, abs=0.2)
    assert density_coverage(real, same).coverage > 0.9
    assert density_coverage(real, one_mode).coverage < 0.55


def test_an_outlier_disturbs_density_less_than_precision() -> None:
    real = torch.cat([torch.randn(200, 4), torch.full((1, 4), 40.0)])
    nonsense = torch.randn(200, 4) + 20
    assert precision_recall(real, nonsense, 5).precision > 0.9
    assert density_coverage(real, nonsense, 5).density <= 0.2


@pytest.mark.parametrize(
    ("real", "fake", "k", "match"),
    [
        (torch.randn(5, 2), torch.randn(9, 2), 5, "real: 5 images are too few; give at least 6"),
        (torch.randn(9, 2), torch.randn(9, 2), 0, "k=0 neighbours make no ball"),
        (torch.zeros(9, 2), torch.randn(9, 2), 3, "real: all images have the same features"),
        (torch.randn(9, 2), torch.full((9, 2), float("nan")), 3, "fake: 9 of 9 images have features that are NaN"),
    ],
)
def test_unfit_features_are_refused(real: Tensor, fake: Tensor, k: int, match: str) -> None:
    for figure in (precision_recall, density_coverage):
        with pytest.raises(InputError, match=match):
            figure(real, fake, k)


def test_a_collapsed_generator_is_measured_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="fake: all images have the same features"):
        assert precision_recall(torch.randn(50, 2), torch.zeros(50, 2)).recall == 0
