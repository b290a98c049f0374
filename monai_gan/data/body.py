"""Where in an image there is a body, and where only air."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

#: Brightness in [-1, 1] by which a body at least exceeds the air around it.
MARGIN = 0.12


def body_mask(image: Tensor, threshold: float | None = None) -> Tensor:
    """The largest connected part that is brighter than the background, without holes.

    Air is easily told from tissue, so that figures over whole images flatter; they belong inside this mask.

    Args:
        image: (C, *S) in [-1, 1], 2-D or 3-D.
        threshold: of the image, smoothed over a pixel; what is above is body. By default a little above the darkest
            twentieth, because air is not black everywhere.

    Returns:
        (1, *S), bool. All of the image where nothing, or nearly everything, is above the threshold: an image without
        air has no outline to find.
    """
    values = image.detach().as_subclass(Tensor).mean(0).cpu().float().numpy()
    smooth = ndimage.gaussian_filter(values, 1.0)
    above = smooth > (np.quantile(smooth, 0.05) + MARGIN if threshold is None else threshold)
    if not 0.02 < above.mean() < 0.98:
        return torch.ones(1, *values.shape, dtype=torch.bool)
    parts, _ = ndimage.label(above)
    largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return torch.from_numpy(ndimage.binary_fill_holes(largest))[None]
