"""Inception V3 (Szegedy et al. 2016) as it is used for the FID, under the names of its published PyTorch state dict.

The weights come from the TensorFlow network of 2015 on which the FID was defined. It differs from the paper: average
pools leave the padding out, and the last block pools by the maximum.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kernel = int | tuple[int, int]
#: Name, output channels, kernel and stride of a convolution.
Layer = tuple[str, int, Kernel, int]
#: Layers that all see what came before; their outputs are stacked.
Step = tuple[Layer, ...]


class NormalisedConv(nn.Module):
    """Convolution, batch normalisation and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: Kernel, stride: int = 1, pad: bool = True) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if pad else (0, 0)
        self.conv = nn.Conv2d(in_channels, out_channels, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H', W')."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Mixed(nn.Module):
    """Parallel chains of convolutions whose outputs are stacked; those that stride do without padding.

    Args:
        in_channels: channels of the input.
        chains: the steps of each chain.
        pool: ``"average"`` or ``"max"`` keeps the size, ``"stride"`` halves it.
        pooled: channels of the convolution after the pool, which comes last; 0 for none.
    """

    def __init__(self, in_channels: int, *chains: list[Step], pool: str, pooled: int = 0) -> None:
        super().__init__()
        self.pool = pool
        self.chains: list[list[list[str]]] = []
        for chain in chains:
            channels = in_channels
            for step in chain:
                for name, width, kernel, stride in step:
                    self.add_module(name, NormalisedConv(channels, width, kernel, stride, pad=stride == 1))
                channels = sum(width for _, width, _, _ in step)
            self.chains.append([[name for name, _, _, _ in step] for step in chain])
        self.branch_pool = NormalisedConv(in_channels, pooled, 1) if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) to (N, sum of the chains' channels, H', W')."""
        parts = []
        for chain in self.chains:
            y = x
            for names in chain:
                y = torch.cat([self.get_submodule(name)(y) for name in names], dim=1)
            parts.append(y)
        if self.pool == "average":
            y = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        else:
            y = F.max_pool2d(x, 3, 1, 1) if self.pool == "max" else F.max_pool2d(x, 3, 2)
        parts.append(y if self.branch_pool is None else self.branch_pool(y))
        return torch.cat(parts, dim=1)


def _conv(name: str, width: int, kernel: Kernel = 1, stride: int = 1) -> Step:
    return ((name, width, kernel, stride),)


def _double(stride: int) -> list[Step]:
    """Two 3 x 3 convolutions in place of one of 5 x 5."""
    last = _conv("branch3x3dbl_3", 96, 3, stride)
    return [_conv("branch3x3dbl_1", 64), _conv("branch3x3dbl_2", 96, 3), last]


def _a(channels: int, pooled: int) -> Mixed:
    wide = [_conv("branch5x5_1", 48), _conv("branch5x5_2", 64, 5)]
    return Mixed(channels, [_conv("branch1x1", 64)], wide, _double(1), pool="average", pooled=pooled)


def _b(channels: int) -> Mixed:
    return Mixed(channels, [_conv("branch3x3", 384, 3, 2)], _double(2), pool="stride")


def _c(channels: int, width: int) -> Mixed:
    row, column = (1, 7), (7, 1)
    single = [_conv("branch7x7_1", width), _conv("branch7x7_2", width, row), _conv("branch7x7_3", 192, column)]
    double = [_conv(f"branch7x7dbl_{i}", width, k) for i, k in ((1, 1), (2, column), (3, row), (4, column))]
    double.append(_conv("branch7x7dbl_5", 192, row))
    return Mixed(channels, [_conv("branch1x1", 192)], single, double, pool="average", pooled=192)


def _d(channels: int) -> Mixed:
    single = [_conv("branch3x3_1", 192), _conv("branch3x3_2", 320, 3, 2)]
    wide = [_conv(f"branch7x7x3_{i}", 192, k) for i, k in ((1, 1), (2, (1, 7)), (3, (7, 1)))]
    return Mixed(channels, single, [*wide, _conv("branch7x7x3_4", 192, 3, 2)], pool="stride")


def _e(channels: int, pool: str) -> Mixed:
    def fork(name: str) -> Step:
        return (f"{name}a", 384, (1, 3), 1), (f"{name}b", 384, (3, 1), 1)

    single = [_conv("branch3x3_1", 384), fork("branch3x3_2")]
    double = [_conv("branch3x3dbl_1", 448), _conv("branch3x3dbl_2", 384, 3), fork("branch3x3dbl_3")]
    return Mixed(channels, [_conv("branch1x1", 320)], single, double, pool=pool, pooled=192)


class InceptionV3(nn.Module):
    """Inception V3 up to its last average pool.

    Images (N, 3, H, W) in [-1, 1], 299 x 299 by convention, give features (N, 2048); ``classify`` gives the logits of
    1008 classes from them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = NormalisedConv(3, 32, 3, 2, pad=False)
        self.Conv2d_2a_3x3 = NormalisedConv(32, 32, 3, pad=False)
        self.Conv2d_2b_3x3 = NormalisedConv(32, 64, 3)
        self.Conv2d_3b_1x1 = NormalisedConv(64, 80, 1)
        self.Conv2d_4a_3x3 = NormalisedConv(80, 192, 3, pad=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _a(192, 32), _a(256, 64), _a(288, 64)
        self.Mixed_6a = _b(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = (_c(768, w) for w in (128, 160, 160, 192))
        self.Mixed_7a = _d(768)
        self.Mixed_7b, self.Mixed_7c = _e(1280, "average"), _e(2048, "max")
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, 2048)."""
        for name, block in self.named_children():
            if name == "fc":
                break
            x = block(x)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                x = F.max_pool2d(x, 3, 2)
        return x.mean(dim=(2, 3))

    def classify(self, features: Tensor) -> Tensor:
        """Logits (N, 1008) from features."""
        return self.fc(features)
