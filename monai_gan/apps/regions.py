"""Connected regions of an anomaly map: how large, where and how strong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

#: More regions are noise, and nobody reads on.
MOST_REGIONS = 20


def find_regions(
    values: np.ndarray, threshold: float, affine: np.ndarray, *, spacing_known: bool
) -> list[dict[str, Any]]:
    """List the regions above a threshold, the strongest first.

    Args:
        values: map (X, Y, Z).
        threshold: of the map.
        affine: (4, 4) from indices to millimetres in RAS.
        spacing_known: False gives no volumes and no positions in millimetres.

    Returns:
        For each ``voxels``, ``volume_ml``, ``centroid_index``, ``centroid_mm`` (RAS) and ``mean_score``, the latter the
        mean of the map there; volumes and millimetres are None where the spacing is unknown.
    """
    import numpy as np
    from scipy import ndimage

    labels, count = ndimage.label(values > threshold)
    numbers = range(1, count + 1)
    sizes = ndimage.sum_labels(np.ones_like(values), labels, numbers)
    means = ndimage.mean(values, labels, numbers)
    centres = ndimage.center_of_mass(np.ones_like(values), labels, numbers)
    millilitres = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    regions: list[dict[str, Any]] = []
    for size, mean, centre in zip(sizes, means, centres, strict=True):
        place = affine[:3, :3] @ np.asarray(centre) + affine[:3, 3]
        regions.append(
            {
                "voxels": int(size),
                "volume_ml": round(float(size) * millilitres, 4) if spacing_known else None,
                "centroid_index": [round(float(c), 2) for c in centre],
                "centroid_mm": [round(float(c), 2) for c in place] if spacing_known else None,
                "mean_score": round(float(mean), 6),
            }
        )
    return sorted(regions, key=lambda region: -region["mean_score"] * region["voxels"])[:MOST_REGIONS]
