"""Equalised learning rate: weights that are scaled where they are used, not where they start."""

from __future__ import annotations

import math

from torch import Tensor, nn


class Equalized(nn.Module):
    """A convolution or linear layer whose weights start from N(0, 1) and are scaled by He's constant at every call.

    Adam moves every weight by about its rate, whatever the size of its gradient. With all weights of one spread they
    all learn at one speed (Karras 2018, section 4.1). The input is what is scaled, which is the same and needs nothing
    of the layer.

    Args:
        layer: has ``weight`` (out, in, ...) and perhaps ``bias``; both are set anew.
        gain: of the nonlinearity after it: the root of 2 for rectifiers, 1 for none.
    """

    def __init__(self, layer: nn.Module, gain: float = math.sqrt(2.0)) -> None:
        super().__init__()
        self.layer = layer
        weight: Tensor = layer.weight  # type: ignore[assignment]
        nn.init.normal_(weight)
        if isinstance(layer.bias, Tensor):
            nn.init.zeros_(layer.bias)
        self.scale = gain / math.sqrt(weight[0].numel())

    def forward(self, x: Tensor) -> Tensor:
        """What the layer makes of its input with scaled weights."""
        result: Tensor = self.layer(x * self.scale)
        return result

    def extra_repr(self) -> str:
        return f"scale={self.scale:.4g}"
