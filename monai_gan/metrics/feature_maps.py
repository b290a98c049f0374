"""Feature maps of EfficientNet-Lite0 for detectors that compare local features, in the manner of PatchCore."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.data.resize import resize
from monai_gan.errors import InputError
from monai_gan.metrics.extractors import KNOWN, load_extractor

#: Stages whose features are joined, counted from 0: strides of 8 and 16 pixels of the enlarged image.
STAGES = (2, 4)


class EfficientNetMaps(nn.Module):
    """Middle features of EfficientNet-Lite0, averaged over neighbours, those of the coarser stage enlarged
    (Roth et al. 2022, section 3.1); to be given to :class:`~monai_gan.metrics.NearestFeatures`.

    Args:
        path: its published state dict; by default the one that the extra ``metrics`` brings.
        image_size: side that images are resized to.

    Raises:
        MissingExtraError: the extra ``metrics`` is missing and no path is given.
        WeightsError: the file is damaged, or belongs to another network.
    """

    def __init__(self, path: Path | str | None = None, image_size: int = 128) -> None:
        super().__init__()
        extractor = load_extractor("efficientnet_lite0", path)
        self.network = extractor.network
        self.image_size = image_size

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Maps (N, F, *S') of images (N, 1, H, W) in [-1, 1]; volumes (N, 1, X, Y, Z) by their slices along Z.

        Raises:
            InputError: images of another form.
        """
        if image.ndim not in (4, 5) or image.shape[1] != 1:
            raise InputError(f"images {tuple(image.shape)} have no feature maps here: give (N, 1, H, W) or volumes.")
        if image.ndim == 5:
            slices = self(image.movedim(4, 1).flatten(0, 1))
            return slices.unflatten(0, (len(image), image.shape[4])).movedim(1, 4)
        large = resize(image[:, 0].float(), (self.image_size, self.image_size))[:, None].expand(-1, 3, -1, -1)
        prepared = KNOWN["efficientnet_lite0"].preparation
        normal = ((large + 1) / 2 - prepared["mean"]) / prepared["std"]
        stages = self.network.stages(normal, STAGES[-1])  # type: ignore[operator]
        maps = [F.avg_pool2d(stages[number], 3, 1, 1) for number in STAGES]
        return torch.cat([maps[0], *(F.interpolate(one, maps[0].shape[2:], mode="bilinear") for one in maps[1:])], 1)
