"""Images side by side in one picture, for logs, reports and command-line output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from monai_gan.data.provenance import Provenance
from monai_gan.data.write import write_image


def image_grid(
    images: Tensor, *, columns: int | None = None, value_range: tuple[float, float] = (-1.0, 1.0), padding: int = 2
) -> np.ndarray:
    """Tile images into one 8-bit picture.

    Args:
        images: (N, C, H, W), or (N, C, D, H, W), of which the middle slice of the first axis is shown; one channel is
            shown grey, three in colour, of any other number the first.
        columns: pictures in a row; by default the grid is about square.
        value_range: values shown black and white.
        padding: pixels between pictures.

    Returns:
        uint8 array (rows, columns) or (rows, columns, 3).

    Raises:
        ValueError: if there is no image or its rank is not 4 or 5.
    """
    if images.ndim not in (4, 5) or len(images) == 0:
        raise ValueError(
            f"images of shape {tuple(images.shape)} cannot be shown; give (N, C, *S) with N of at least 1."
        )
    pictures = images.detach().float().cpu()
    if pictures.ndim == 5:
        pictures = pictures[:, :, pictures.shape[2] // 2]
    pictures = pictures if pictures.shape[1] == 3 else pictures[:, :1]
    low, high = value_range
    values = ((pictures - low) / (high - low)).clamp(0, 1).mul(255).round().byte().numpy()
    n, channels, height, width = values.shape
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    canvas = np.zeros((rows * (height + padding) - padding, columns * (width + padding) - padding, channels), np.uint8)
    for i, picture in enumerate(values):
        top, left = (i // columns) * (height + padding), (i % columns) * (width + padding)
        canvas[top : top + height, left : left + width] = picture.transpose(1, 2, 0)
    return canvas if channels == 3 else canvas[..., 0]


def fill_rows(rows: Sequence[Tensor], value: float = -1.0) -> tuple[Tensor, int]:
    """Bring blocks of rows of different lengths to one length, for :func:`image_grid`.

    Args:
        rows: blocks (rows, length, C, *S).
        value: of the images that are added at the end of short rows.

    Returns:
        Images (N, C, *S) row by row, and the number of columns.
    """
    columns = max(block.shape[1] for block in rows)
    filled = []
    for block in rows:
        missing = block.new_full((len(block), columns - block.shape[1], *block.shape[2:]), value)
        filled.append(torch.cat([block, missing], 1).flatten(0, 1))
    return torch.cat(filled), columns


def write_grid(
    path: Path,
    images: Tensor,
    provenance: Provenance,
    *,
    columns: int | None = None,
    value_range: tuple[float, float] = (-1.0, 1.0),
) -> Path:
    """Write synthetic images side by side as a PNG that is marked as synthetic in its header and a JSON sidecar.

    Args:
        path: of the picture; missing parent folders are made.
        images: as for :func:`image_grid`.
        provenance: of the images.
        columns, value_range: as for :func:`image_grid`.

    Returns:
        ``path``.

    Raises:
        InputError: if it cannot be written.
    """
    picture = image_grid(images, columns=columns, value_range=value_range)
    return write_image(path, picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0), provenance=provenance)
