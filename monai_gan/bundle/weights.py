"""Weights on disk: half precision, compressed, tensors only."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.atomic import write_atomic
from monai_gan.errors import InvalidResultError, WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn


#: Significant bits of float16 and of bfloat16.
HALF_BITS, BFLOAT_BITS = 11, 8


def save_weights(weights: nn.Module | Mapping[str, Tensor], path: Path | str, bits: int = HALF_BITS) -> Path:
    """Save a network's weights as a plain state dict, floating tensors in half precision, atomically.

    The same weights give the same bytes. MONAI's ``load`` and ``torch.load(weights_only=True)`` read the file; it is
    deflated, which ``mmap=True`` cannot read.

    Args:
        weights: a module or its state dict.
        path: the file, in a bundle ``models/model.pt``.
        bits: significant bits that floating values keep, 2 to 11. With those of bfloat16, 8, a file is smaller by a
            quarter.

    Returns:
        The file.

    Raises:
        ValueError: if ``bits`` is out of range.
        InvalidResultError: if a value is NaN, infinite or beyond half precision (65504).
        InputError: if the file cannot be written.
    """
    import torch

    if not 2 <= bits <= HALF_BITS:
        raise ValueError(f"bits={bits} is not possible: give 2 to {HALF_BITS}.")
    state = weights.state_dict() if isinstance(weights, torch.nn.Module) else weights
    buffer = io.BytesIO()
    # A plain dict of tensors that own their storage: no views, whose whole storage would be saved.
    torch.save({name: _rounded(_halved(name, tensor), bits) for name, tensor in state.items()}, buffer)
    target = Path(path)
    write_atomic(target, _deflated(buffer))
    return target


def load_state(path: Path | str) -> dict[str, Tensor]:
    """Load a state dict without ever running code from the file.

    Args:
        path: the file.

    Returns:
        Tensors by name, on the CPU, as stored (floating ones in half precision).

    Raises:
        WeightsError: if the file is missing, damaged, holds anything but tensors by name or would run code.
    """
    import torch

    source = Path(path)
    try:
        state: Any = torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"The weights '{source}' are missing; get the bundle again.") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"The weights '{source}' were refused: they hold objects other than tensors, which could run code, or are "
            "damaged; ask their author for a plain state dict."
        ) from error
    except Exception as error:  # torch raises many kinds for a damaged file
        raise WeightsError(f"The weights '{source}' are truncated or damaged; get the bundle again.") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise WeightsError(
            f"The weights '{source}' are not a state dict of tensors; a training checkpoint is another file."
        )
    return state


def load_weights(network: nn.Module, path: Path | str) -> None:
    """Load a state dict into a network, strictly.

    Args:
        network: whose parameters and buffers are filled, each in its own precision.
        path: the file.

    Raises:
        WeightsError: as :func:`load_state`, and if names or shapes do not match.
    """
    check_state(network, load_state(path), f"The weights '{path}'")


def check_state(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Load ``state`` into ``network`` strictly; the error begins with ``what`` and names the first mismatches.

    Raises:
        WeightsError: if names or shapes do not match.
    """
    own = network.state_dict()
    wrong = [f"lack '{name}'" for name in own if name not in state]
    wrong += [f"have '{name}' too much" for name in state if name not in own]
    wrong += [
        f"give '{name}' the shape {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    if wrong:
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        raise WeightsError(
            f"{what} do not fit network_def: they {', '.join(wrong[:3])}{more}; they belong to another one."
        )
    network.load_state_dict(dict(state), strict=True)


def _halved(name: str, tensor: Tensor) -> Tensor:
    import torch

    value = tensor.detach().to("cpu")
    if not value.is_floating_point():
        return value.clone(memory_format=torch.contiguous_format)
    half = value.to(torch.float16, copy=True, memory_format=torch.contiguous_format)
    if not torch.isfinite(half).all():
        largest = value.abs().max().item()
        raise InvalidResultError(
            f"The weights '{name}' cannot be saved in half precision: their largest magnitude is {largest:g}, and only "
            "finite values up to 65504 fit; train again with clipping or a lower rate."
        )
    return half


def _rounded(half: Tensor, bits: int) -> Tensor:
    """A tensor with ``bits`` significant bits, to the nearest; what would round to infinity is cut off instead."""
    import torch

    drop = HALF_BITS - bits
    if half.dtype != torch.float16 or not drop:
        return half
    pattern = half.view(torch.int16).to(torch.int32) & 0xFFFF
    size = pattern & 0x7FFF
    size = (size + (1 << (drop - 1))).clamp_max(0x7BFF) >> drop << drop
    return (pattern & 0x8000 | size).to(torch.int16).view(torch.float16)


def _deflated(buffer: io.BytesIO) -> bytes:
    """The archive that ``torch.save`` wrote, with compressed members and no trace of the time."""
    compressed = io.BytesIO()
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(compressed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(member, source.read(name), compresslevel=9)
    return compressed.getvalue()
