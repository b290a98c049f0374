"""Multilayer perceptrons as generator and discriminator (Goodfellow et al. 2014, arXiv 1406.2661)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monai.networks.layers.factories import Norm
from torch import Tensor, nn

from monai_gan.networks.blocks.layers import LayerSpec, act_layer
from monai_gan.networks.blocks.resolution import check_image, check_latent, check_no_label, check_positive


class MLPGenerator(nn.Module):
    """Latent to image by fully connected layers; every pixel has weights of its own.

    The paper's has rectifiers and a sigmoid; images in [-1, 1] ask for tanh instead.

    Args:
        spatial_dims: 2 or 3.
        latent_size: length of a latent vector.
        out_channels: channels of the image.
        image_size: pixels per axis, any number; one number stands for all axes.
        hidden: widths of the hidden layers.
        norm: ``"batch"`` or None, after each hidden layer.
        act: MONAI activation specification.
        out_act: MONAI activation specification of the image, or None.

    Raises:
        ValueError: when a number is not positive, there is no hidden layer or the size has another number of axes.
    """

    def __init__(
        self,
        spatial_dims: int,
        latent_size: int = 100,
        out_channels: int = 1,
        image_size: int | Sequence[int] = 28,
        hidden: Sequence[int] = (256, 512),
        norm: str | None = None,
        act: LayerSpec = "relu",
        out_act: LayerSpec = "tanh",
    ) -> None:
        super().__init__()
        check_positive(latent_size=latent_size, out_channels=out_channels)
        self.spatial_dims = spatial_dims
        self.latent_size = latent_size
        self.out_channels = out_channels
        self.image_size = _image_size(spatial_dims, image_size)
        self.layers = _hidden_layers(latent_size, hidden, norm, act, 0.0)
        self.to_image = nn.Sequential(
            nn.Linear(hidden[-1], out_channels * math.prod(self.image_size)),
            act_layer(out_act),
            nn.Unflatten(1, (out_channels, *self.image_size)),
        )

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Generate images.

        Args:
            image: latents (N, latent_size), standard normal.
            label: must be None, the network has no classes.

        Returns:
            Images (N, out_channels, *image_size), in [-1, 1] with the default ``out_act``.

        Raises:
            ValueError: when the latents have another width or a label is given.
        """
        check_latent(image, self.latent_size)
        check_no_label(label)
        generated: Tensor = self.to_image(self.layers(image))
        return generated


class MLPDiscriminator(nn.Module):
    """Image to one logit by fully connected layers.

    The paper's has maxout units and dropout; leaky rectifiers have taken the place of maxout since.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        image_size: pixels per axis, any number; one number stands for all axes.
        hidden: widths of the hidden layers.
        act: MONAI activation specification.
        dropout: share of the hidden units that is left out in training, 0 to below 1.

    Raises:
        ValueError: as for :class:`MLPGenerator`.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        image_size: int | Sequence[int] = 28,
        hidden: Sequence[int] = (512, 256),
        act: LayerSpec = ("leakyrelu", {"negative_slope": 0.2}),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_positive(in_channels=in_channels)
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.image_size = _image_size(spatial_dims, image_size)
        self._size = list(self.image_size)  # TorchScript compares shapes as lists
        self.layers = nn.Sequential(
            nn.Flatten(), *_hidden_layers(in_channels * math.prod(self.image_size), hidden, None, act, dropout)
        )
        self.width = hidden[-1]
        self.to_logit = nn.Linear(self.width, 1)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judge images.

        Args:
            image: images (N, in_channels, *image_size).
            label: must be None, the network has no classes.

        Returns:
            Logits (N, 1), higher for images taken to be real.

        Raises:
            ValueError: when the images have another shape or a label is given.
        """
        check_no_label(label)
        return self.features_and_logit(image)[1]

    def features_and_logit(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The last hidden layer (N, width, 1), and the logits (N, 1)."""
        check_image(image, self.in_channels, self._size)
        features: Tensor = self.layers(image)
        return features.unsqueeze(2), self.to_logit(features)


def _image_size(spatial_dims: int, image_size: int | Sequence[int]) -> tuple[int, ...]:
    if spatial_dims not in (2, 3):
        raise ValueError(f"spatial_dims={spatial_dims!r} is not supported: use 2 for images or 3 for volumes.")
    size = tuple(image_size) if isinstance(image_size, Sequence) else (image_size,) * spatial_dims
    if len(size) != spatial_dims:
        raise ValueError(
            f"image_size={size} has {len(size)} axes and spatial_dims is {spatial_dims}: "
            f"give one number or {spatial_dims} of them."
        )
    check_positive(**{f"image_size[{axis}]": pixels for axis, pixels in enumerate(size)})
    return size


def _hidden_layers(
    in_features: int, hidden: Sequence[int], norm: str | None, act: LayerSpec, dropout: float
) -> nn.Sequential:
    if not hidden:
        raise ValueError("hidden=() has no layer: give at least one width.")
    check_positive(**{f"hidden[{layer}]": width for layer, width in enumerate(hidden)})
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout={dropout} is no share of units: give 0 to below 1.")
    if norm not in (None, "batch"):
        raise ValueError(f"norm={norm!r} does not fit fully connected layers: use 'batch' or None.")
    layers = nn.Sequential()
    for width in hidden:
        layers.append(nn.Linear(in_features, width))
        if norm:
            layers.append(Norm[Norm.BATCH, 1](width))
        layers.append(act_layer(act))
        if dropout:
            layers.append(nn.Dropout(dropout))
        in_features = width
    return layers
