"""Residual networks whose last feature map is compared: MONAI's, with the details of three published ones."""

from __future__ import annotations

from typing import Literal

from monai.networks.nets import ResNetFeatures as Trunk
from monai.networks.nets.resnet import ResNetBottleneck
from torch import Tensor, nn

Kind = Literal["torchvision", "keras", "medicalnet"]


class LastFeatures(Trunk):
    """MONAI's ResNet without pooling and classifier.

    Args:
        depth: 10 or 50.
        kind: details in which the published networks differ. ``"torchvision"``: 2-D, the second convolution of a block
            has the stride. ``"keras"``: 2-D, the first one has it, convolutions have biases and normalisations another
            constant, as RadImageNet's file wants. ``"medicalnet"``: 3-D and one channel; the last two stages are
            dilated by 2 and 4 and keep the resolution (Chen et al. 2019).
    """

    stem = "conv1"
    minimum = 1

    def __init__(self, depth: int, kind: Kind) -> None:
        volumes = kind == "medicalnet"
        super().__init__(
            f"resnet{depth}", pretrained=False, spatial_dims=3 if volumes else 2, in_channels=1 if volumes else 3
        )
        if kind == "medicalnet":
            _dilate(self.layer3, 2)
            _dilate(self.layer4, 4)
        elif kind == "keras":
            _like_keras(self)

    @property
    def normalised(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a convolution and the normalisation behind it, by name."""
        names = [name for name, module in self.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        return tuple((_convolution_before(name), name) for name in names)

    def forward(self, inputs: Tensor) -> list[Tensor]:  # type: ignore[override]
        """Images (N, 3, H, W), or volumes (N, 1, D, H, W), to one map of much shorter sides."""
        return super().forward(inputs)[-1:]


def _convolution_before(name: str) -> str:
    """``layer1.0.bn2`` follows ``layer1.0.conv2``, and ``downsample.1`` follows ``downsample.0``."""
    place, _, last = name.rpartition(".")
    return f"{place}.0" if last == "1" else f"{place}.{last.replace('bn', 'conv')}".removeprefix(".")


def _convolutions(module: nn.Module) -> list[nn.Conv3d]:
    return [child for child in module.modules() if isinstance(child, nn.Conv3d)]


def _dilate(stage: nn.Module, dilation: int) -> None:
    """Keep the resolution and spread the kernels instead."""
    for convolution in _convolutions(stage):
        convolution.stride = (1, 1, 1)
        if convolution.kernel_size != (1, 1, 1):
            convolution.dilation = convolution.padding = (dilation,) * 3


def _like_keras(network: nn.Module) -> None:
    for module in list(network.modules()):
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1.001e-5
        elif isinstance(module, ResNetBottleneck):
            module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d):
                setattr(module, name, _with_bias(child))


def _with_bias(convolution: nn.Conv2d) -> nn.Conv2d:
    return nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type]
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
    )
