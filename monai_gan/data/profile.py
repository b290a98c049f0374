"""A few numbers that tell a familiar kind of image from others: another modality, a mask, an empty scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from monai_gan.data.foreground import MOST_VOXELS

#: What each number says, in the words of a warning.
MEANINGS = {
    "foreground_share": "share of voxels brighter than the mean",
    "foreground_median": "median brightness of the foreground",
    "foreground_spread": "spread of brightness in the foreground",
    "background_level": "brightness of the background",
    "negative_share": "share of negative values",
    "edge_energy": "sharpness of edges",
    "relative_spread": "spread of brightness beside its median",
    "relative_edges": "sharpness of edges beside the median brightness",
}
#: Ratios, which the extraction of the brain and the brightest structures change little: in CT, soft tissue is far more
#: uniform beside its brightness than in MR, whatever is added to the values. Their limits can be close.
RATIOS = ("relative_spread", "relative_edges")
#: How far the limits of ratios lie beyond what was seen, as a share of it.
_RATIO_MARGIN = 0.1
#: Least distance of the limits from what was seen, for sets of a few images that are much alike.
_LEAST_MARGIN = 0.05


def image_profile(image: Tensor, scaled: Tensor) -> dict[str, float]:
    """Measure an image.

    Args:
        image: any shape, in its own units.
        scaled: (C, *S), the same image in [-1, 1], as the network gets it.

    Returns:
        Name to value, see ``MEANINGS``. All but ``negative_share`` are of ``scaled`` brought to [0, 1]: the foreground
        is what is brighter than the mean, its spread the distance of its quartiles, and the edge energy the mean
        difference of neighbours there; both are also given as a share of its median.
    """
    values = (scaled.float() + 1) / 2
    differences = torch.zeros_like(values)
    for axis in range(1, values.ndim):
        if values.shape[axis] > 1:
            step = values.diff(dim=axis, append=values.narrow(axis, values.shape[axis] - 1, 1)).abs()
            differences = torch.maximum(differences, step)
    thinned = slice(None, None, max(1, -(-values.numel() // MOST_VOXELS)))
    flat, edges = values.flatten()[thinned], differences.flatten()[thinned]
    bright = flat > flat.mean()
    foreground = flat[bright] if bright.any() else flat
    quarter, median, three_quarters = foreground.quantile(torch.tensor([0.25, 0.5, 0.75])).tolist()
    energy = float(edges[bright].mean()) if bright.any() else 0.0
    least = torch.finfo(torch.float32).eps
    return {
        "foreground_share": float(bright.float().mean()),
        "foreground_median": median,
        "foreground_spread": three_quarters - quarter,
        "background_level": float(flat[~bright].median()),
        "negative_share": float((image < 0).float().mean()),
        "edge_energy": energy,
        "relative_spread": (three_quarters - quarter) / max(median, least),
        "relative_edges": energy / max(median, least),
    }


@dataclass(frozen=True)
class ProfileLimits:
    """Between which limits the profile of a familiar image lies.

    Args:
        limits: name to (lowest, highest); see ``MEANINGS``.
    """

    limits: Mapping[str, tuple[float, float]]

    @classmethod
    def fit(cls, profiles: Sequence[Mapping[str, float]], margin: float = 0.5) -> ProfileLimits:
        """Limits around the profiles of training images.

        Args:
            profiles: of at least one image.
            margin: how far beyond, as a share of the distance between the lowest and the highest; ratios have a fixed
                margin, a tenth of the value.
        """
        limits = {}
        for name in MEANINGS:
            values = [profile[name] for profile in profiles]
            low, high = min(values), max(values)
            if name in RATIOS:
                limits[name] = (low * (1 - _RATIO_MARGIN), high * (1 + _RATIO_MARGIN))
                continue
            beyond = max(margin * (high - low), _LEAST_MARGIN)
            limits[name] = (low - beyond, high + beyond)
        return cls(limits)

    def unusual(self, profile: Mapping[str, float]) -> list[str]:
        """What lies beyond the limits, each as a phrase with its value and the limits."""
        return [
            f"{MEANINGS.get(name, name)} {profile[name]:.2f} instead of {low:.2f} to {high:.2f}"
            for name, (low, high) in self.limits.items()
            if name in profile and not low <= profile[name] <= high
        ]

    def as_dict(self) -> dict[str, list[float]]:
        """The form kept in a bundle's metadata, key ``familiar``."""
        return {name: [round(low, 4), round(high, 4)] for name, (low, high) in self.limits.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[float]]) -> ProfileLimits:
        """Read what ``as_dict`` gives."""
        return cls({name: (float(low), float(high)) for name, (low, high) in values.items()})
