"""Pixelwise normalisation of feature vectors."""

from __future__ import annotations

from torch import Tensor, nn


class PixelNorm(nn.Module):
    """Divide the feature vector of every pixel by the root of the mean of its squares (Karras 2018, section 4.2).

    Args:
        eps: added to that mean.
    """

    def __init__(self, eps: float = 1e-8) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, *S) to the same shape and type; the mean is taken in float32."""
        scale = (x.float().square().mean(1, keepdim=True) + self.eps).rsqrt()
        return x * scale.to(x.dtype)
