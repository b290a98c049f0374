"""EfficientNet-Lite 0 to 4 (Tan and Le 2019; Lite: 2020) under the names of their published PyTorch state dicts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

#: Kernel, stride, expansion, output channels and number of blocks of each stage of the smallest network.
STAGES = [(3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3)]
STAGES += [(5, 2, 6, 192, 4), (3, 1, 6, 320, 1)]
#: Factors of width and depth by the number in the network's name.
FACTORS = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8))


class SameConv2d(nn.Conv2d):
    """Convolution whose padding is TensorFlow's "SAME": the odd pixel goes to the right and to the bottom."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, C, H, W)."""
        sides: list[int] = []
        for length, kernel, stride in zip(
            reversed(x.shape[2:]), self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            missing = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            sides += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(x, sides))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution and projection, with a skip connection where the shape stays."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = in_channels * expansion
        if expansion != 1:
            self._expand_conv = SameConv2d(in_channels, width, 1)
            self._bn0 = _norm(width)
        self._depthwise_conv = SameConv2d(width, width, kernel, stride, groups=width)
        self._bn1 = _norm(width)
        self._project_conv = SameConv2d(width, out_channels, 1)
        self._bn2 = _norm(out_channels)
        self.expands, self.skips = expansion != 1, stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H', W')."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skips else y


def scaled_stages(size: int) -> list[tuple[int, int, int, int, int]]:
    """The stages of a larger network: widths rounded to multiples of 8; the outer stages keep their depth."""
    width, depth = FACTORS[size]
    scaled = []
    for number, (kernel, stride, expansion, channels, repeats) in enumerate(STAGES):
        wanted = channels * width
        rounded = max(8, int(wanted + 4) // 8 * 8)
        rounded += 8 if rounded < 0.9 * wanted else 0
        inner = 0 < number < len(STAGES) - 1
        scaled.append((kernel, stride, expansion, rounded, math.ceil(depth * repeats) if inner else repeats))
    return scaled


class EfficientNetLite(nn.Module):
    """An EfficientNet-Lite up to its pooled features.

    Images (N, 3, H, W) in about [-1, 1] (0..255 minus 127, over 128) give features (N, 1280); ``classify`` gives the
    logits of the 1000 ImageNet classes from them, and ``stages`` the feature maps on the way.

    Args:
        size: 0 to 4, the number in the network's name.
    """

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, 2)
        self._bn0 = _norm(32)
        blocks, channels = [], 32
        self.ends: list[int] = []
        for kernel, stride, expansion, width, repeats in scaled_stages(size):
            for number in range(repeats):
                blocks.append(InvertedBottleneck(channels, width, kernel, 1 if number else stride, expansion))
                channels = width
            self.ends.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv2d(channels, 1280, 1)
        self._bn1 = _norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def stages(self, x: Tensor, last: int = len(STAGES) - 1) -> list[Tensor]:
        """The output (N, C, H', W') of each stage from the first to the ``last``, counted from 0."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        maps = []
        for number in range(self.ends[last] + 1):
            x = self._blocks[number](x)
            if number in self.ends:
                maps.append(x)
        return maps

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, 1280)."""
        return F.relu6(self._bn1(self._conv_head(self.stages(x)[-1]))).mean(dim=(2, 3))

    def classify(self, features: Tensor) -> Tensor:
        """Logits (N, 1000) from features."""
        return self._fc(features)


class EfficientNetLite0(EfficientNetLite):
    """The smallest one, which metrics see images with."""

    def __init__(self) -> None:
        super().__init__(0)


class StageFeatures(EfficientNetLite):
    """Some stages of an EfficientNet-Lite as feature maps.

    Args:
        size: 0 to 4, the number in the network's name.
        taps: numbers of the stages, from 0 to 6.
    """

    stem = "_conv_stem"
    minimum = 1

    def __init__(self, size: int, taps: Sequence[int]) -> None:
        super().__init__(size)
        self.taps = tuple(taps)

    @property
    def normalised(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a convolution and the normalisation behind it, by name."""
        pairs = [("_conv_stem", "_bn0")]
        for number, block in enumerate(self._blocks):
            inner = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            inner += [("_expand_conv", "_bn0")] if block.expands else []
            pairs += [(f"_blocks.{number}.{first}", f"_blocks.{number}.{second}") for first, second in inner]
        return tuple(pairs)

    def forward(self, x: Tensor) -> list[Tensor]:  # type: ignore[override]
        """Images (N, 3, H, W) to a feature map (N, C, H', W') per tap."""
        maps = self.stages(x, self.taps[-1])
        return [maps[tap] for tap in self.taps]
