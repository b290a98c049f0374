"""AlexNet, VGG16 and SqueezeNet 1.1 as sequences of layers of which some outputs are taken; names as in torchvision."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SequenceFeatures(nn.Module):
    """The convolutional part of a classifier, with the outputs that LPIPS compares (Zhang et al. 2018, appendix).

    Args:
        layers: under ``features``, numbered as in the published state dict.
        taps: numbers of the layers whose outputs are features; what follows the last is left out.
        minimum: smallest side of an image.
    """

    stem = "features.0"
    normalised: tuple[tuple[str, str], ...] = ()

    def __init__(self, layers: Sequence[nn.Module], taps: Sequence[int], minimum: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers[: taps[-1] + 1])
        self.taps = tuple(taps)
        self.minimum = minimum

    def forward(self, x: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) to a feature map (N, C, H', W') per tap."""
        maps = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.taps:
                maps.append(x)
        return maps


class Fire(nn.Module):
    """A narrow layer of one pixel, then wide ones of one and of nine pixels side by side (Iandola et al. 2016)."""

    def __init__(self, in_channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) to (N, 2 expanded, H, W)."""
        x = self.squeeze(x).relu_()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu_()


def _with_relu(in_channels: int, out_channels: int, kernel: int, stride: int = 1, padding: int = 0) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, out_channels, kernel, stride, padding), nn.ReLU(inplace=True)]


def alexnet() -> SequenceFeatures:
    """AlexNet (Krizhevsky 2014), five maps of 64 to 384 channels."""
    layers = _with_relu(3, 64, 11, stride=4, padding=2)
    layers += [nn.MaxPool2d(3, 2), *_with_relu(64, 192, 5, padding=2)]
    layers += [nn.MaxPool2d(3, 2), *_with_relu(192, 384, 3, padding=1)]
    layers += [*_with_relu(384, 256, 3, padding=1), *_with_relu(256, 256, 3, padding=1)]
    return SequenceFeatures(layers, (1, 4, 7, 9, 11), minimum=31)


def vgg16() -> SequenceFeatures:
    """VGG16 (Simonyan and Zisserman 2015), five maps of 64 to 512 channels."""
    layers: list[nn.Module] = []
    channels = 3
    for width, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(repeats):
            layers += _with_relu(channels, width, 3, padding=1)
            channels = width
        layers.append(nn.MaxPool2d(2, 2))
    return SequenceFeatures(layers, (3, 8, 15, 22, 29), minimum=16)


def squeezenet() -> SequenceFeatures:
    """SqueezeNet 1.1 (Iandola et al. 2016), seven maps of 64 to 512 channels."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers = [*_with_relu(3, 64, 3, stride=2), pool(), Fire(64, 16, 64), Fire(128, 16, 64)]
    layers += [pool(), Fire(128, 32, 128), Fire(256, 32, 128)]
    layers += [pool(), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)]
    return SequenceFeatures(layers, (1, 4, 7, 9, 10, 11, 12), minimum=17)
