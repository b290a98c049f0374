"""Random numbers that depend on a seed and a counter only, kept together in a tensor on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_gan.ops._torch.philox import normal, uniform


def counter_state(seed: int, device: torch.device | str = "cpu") -> Tensor:
    """A state for :func:`interpolate`, which advances it by one at each call.

    The state lies on the device, so that a captured CUDA graph draws other numbers at each replay, and equal states
    give equal numbers on every backend.

    Args:
        seed: any integer of 64 bits.
        device: where the images are.

    Returns:
        int64 (2,): the seed and an offset of 0.

    Raises:
        ValueError: the seed has more than 64 bits.
    """
    if not -(2**63) <= seed < 2**63:
        raise ValueError(f"counter_state: seed={seed} has more than 64 bits; give one from -2**63 to 2**63 - 1.")
    return torch.tensor([seed, 0], dtype=torch.int64, device=device)


@torch.no_grad()
def advance(state: Tensor) -> None:
    """Move a state on by one, on its device."""
    state.select(0, 1).add_(1)


def counter_uniform(state: Tensor, n: int) -> Tensor:
    """The weights that the next :func:`interpolate` with this state draws; the state is left as it is.

    Args:
        state: of :func:`counter_state`.
        n: samples in the batch.

    Returns:
        float32 (n,), multiples of 2^-24 in [0, 1), by Philox4x32-10 (Salmon et al. 2011).
    """
    return uniform(state, n)


def counter_normal(keys: Tensor, n: int) -> Tensor:
    """Standard normal numbers on the device, each row a function of its key alone.

    Noise for whole feature maps is cheaper to make on a GPU than to draw on the CPU and copy.

    Args:
        keys: (N, 2), uniform in [0, 1), of which 24 bits count.
        n: numbers per row.

    Returns:
        float32 (N, n), by Philox4x32-10 (Salmon et al. 2011) and Box and Muller's method.
    """
    return normal(keys, n)
