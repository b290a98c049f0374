"""One picture of an image with what is anomalous laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

#: Slices of a volume that are shown, those with the highest map.
SHOWN = 4
#: Pixels of the longer side of a picture, at least.
LEAST_SIDE = 256


def overview(image: Tensor, anomaly: Tensor, highest: float | None = None) -> np.ndarray:
    """Image above, and below it the image with the map in red.

    Args:
        image: (1, rows, columns) or (1, X, Y, Z) in any units.
        anomaly: the map, of the same size.
        highest: value of the map that is shown in full red; by default its highest.

    Returns:
        uint8 array (rows, columns, 3).
    """
    import numpy as np

    grey, heat = _slices(image), _slices(anomaly)
    if len(grey) > 1:
        strongest = np.sort(np.argsort([-one.max() for one in heat], kind="stable")[:SHOWN])
        grey, heat = [grey[i] for i in strongest], [heat[i] for i in strongest]
    low, high = np.percentile(np.stack(grey), [0.5, 99.5])
    full = float(highest or max(one.max() for one in heat)) or 1.0
    columns = []
    for picture, red in zip(grey, heat, strict=True):
        shade = np.clip((picture - low) / max(high - low, 1e-9), 0, 1)[..., None].repeat(3, axis=-1)
        share = np.clip(red / full, 0, 1)[..., None]
        laid = shade * (1 - 0.7 * share) + np.array([1.0, 0.1, 0.0]) * 0.7 * share
        columns.append(np.concatenate([shade, laid]))
    canvas = np.concatenate(columns, axis=1)
    factor = max(1, -(-LEAST_SIDE // max(grey[0].shape)))
    return np.round(255 * canvas).astype(np.uint8).repeat(factor, 0).repeat(factor, 1)


def _slices(image: Tensor) -> list[np.ndarray]:
    """Pictures (rows, columns); of a volume those perpendicular to its last axis, upright for a viewer."""
    values = image.float().numpy()[0]
    if values.ndim == 2:
        return [values]
    return [values[:, :, i].T[::-1] for i in range(values.shape[2])]
