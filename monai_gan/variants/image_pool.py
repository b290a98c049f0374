"""Generated images of the past (Shrivastava et al. 2017, section 2.3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from monai_gan.variants.step import Step


class ImagePool(nn.Module):
    """Shows a discriminator older results among the newest, so that it does not forget what the generator used to do.

    Until the pool is full every image is kept and shown. Then one in two images takes the place of a kept one, which is
    shown instead. The pool is part of the state dict, so that resumed training repeats an uninterrupted one; under
    several processes each has its own pool, of which a checkpoint keeps the first.

    Args:
        size: images kept; 0 shows the newest only.

    Raises:
        ValueError: when ``size`` is negative.
    """

    def __init__(self, size: int = 50) -> None:
        super().__init__()
        if size < 0:
            raise ValueError(f"size={size} is not possible: give 0 or more images to keep.")
        self.size = size
        self.images: list[Tensor] = []

    def forward(self, images: Tensor, step: Step) -> Tensor:
        """Exchange images with the pool.

        Args:
            images: (N, C, *S), the newest results, without a graph.
            step: gives the random numbers.

        Returns:
            As many images, new and old.

        Raises:
            RuntimeError: within the capture of a CUDA graph, which could not choose anew at each replay.
        """
        if not self.size:
            return images
        if images.is_cuda and torch.cuda.is_current_stream_capturing():
            raise RuntimeError(
                "A pool of images cannot be captured as a CUDA graph: train with cuda_graph=False or pool_size=0."
            )
        shown = []
        for image, (chance, place) in zip(images, step.rand(len(images), 2).tolist(), strict=True):
            if len(self.images) < self.size:
                self.images.append(image.clone())
                shown.append(image)
            elif chance < 0.5:
                shown.append(image)
            else:
                index = int(place * self.size)
                shown.append(self.images[index].to(image))
                self.images[index] = image.clone()
        return torch.stack(shown)

    def get_extra_state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"images": list(self.images)}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`get_extra_state`."""
        self.images = list(state["images"])
