"""What generators from image to image share: checks and the form that bundles call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from monai_gan.networks.blocks.resolution import check_no_label, check_positive


class ImageGenerator(nn.Module):
    """Image to image of any size through ``body``, which a subclass makes.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input; neighbouring slices count as channels.
        out_channels: channels of the result.

    Raises:
        ValueError: when a number is not positive or ``spatial_dims`` is neither 2 nor 3.
    """

    if TYPE_CHECKING:  # TorchScript cannot read annotations of modules
        body: nn.Module

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims={spatial_dims!r} is not supported: use 2 for images or 3 for volumes.")
        check_positive(in_channels=in_channels, out_channels=out_channels)
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.out_channels = out_channels

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Translate images.

        Args:
            image: (N, in_channels, *S).
            label: must be None, the network has no classes.

        Returns:
            Images (N, out_channels, *S'), S' is S times the scale factor of super-resolution, else S.

        Raises:
            ValueError: when axes or channels do not fit or a label is given.
        """
        if image.dim() != self.spatial_dims + 2 or image.shape[1] != self.in_channels:
            raise ValueError(
                f"an image of shape {list(image.shape)} does not fit spatial_dims={self.spatial_dims} and "
                f"in_channels={self.in_channels}: give {self.spatial_dims + 2} axes, (N, {self.in_channels}, *S)."
            )
        check_no_label(label)
        translated: Tensor = self.body(image)
        return translated
