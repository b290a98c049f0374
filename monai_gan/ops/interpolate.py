"""Per-sample mixture of two batches, as gradient penalties need it.

Orders of differentiation: all, by plain torch; the compiled form serves values only.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import _get_current_dispatch_mode

from monai_gan.ops import _native

_FUNCTIONS = {torch.float32: "interpolate_float32", torch.float64: "interpolate_float64"}


def reference(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    """The definition in plain torch: ``weights * real + (1 - weights) * fake`` per sample.

    Args:
        real: first batch, (N, ...).
        fake: second batch, the shape of ``real``.
        weights: share of ``real`` in each sample, (N,).

    Returns:
        The mixture, the shape of ``real``.
    """
    share = weights.reshape(-1, *(1,) * (real.ndim - 1))
    return share * real + (1 - share) * fake


def interpolate(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    """Mix two batches sample by sample: ``weights * real + (1 - weights) * fake``.

    Gulrajani et al. 2017, algorithm 1, line 6. Differentiable to any order in all three arguments. The compiled module
    serves CPU tensors where no gradient is asked for and gives the same bits as :func:`reference`. NaN and infinity
    propagate; an empty batch gives an empty batch.

    Args:
        real: first batch, (N, ...), floating point.
        fake: second batch with the shape, dtype and device of ``real``.
        weights: share of ``real`` in each sample, (N,), with the dtype and device of ``real``; usually in [0, 1].

    Returns:
        The mixture, with the shape, dtype and device of ``real``.

    Raises:
        TypeError: an argument is not a tensor, or the dtypes are not one floating-point dtype.
        ValueError: shapes or devices do not fit together.
    """
    _check(real, fake, weights)
    if _native.module is None or not _native_serves(real, fake, weights):
        return reference(real, fake, weights)
    memory_format = _shared_layout(real, fake)
    if memory_format is None:
        return reference(real, fake, weights)
    weights = weights.contiguous()
    out = torch.empty(real.shape, dtype=real.dtype, device=real.device, memory_format=memory_format)
    if out.numel():
        function = getattr(_native.module, _FUNCTIONS[real.dtype])
        inner = real.numel() // real.shape[0]
        function(real.data_ptr(), fake.data_ptr(), weights.data_ptr(), out.data_ptr(), real.shape[0], inner)
    return out


def _check(real: Tensor, fake: Tensor, weights: Tensor) -> None:
    for name, value in (("real", real), ("fake", fake), ("weights", weights)):
        if not isinstance(value, Tensor):
            raise TypeError(f"interpolate: {name} is a {type(value).__name__}; give a torch.Tensor.")
    if real.ndim < 1 or real.shape != fake.shape:
        raise ValueError(
            f"interpolate: real has shape {tuple(real.shape)} and fake {tuple(fake.shape)}; "
            "give two batches of one shape (N, ...)."
        )
    if weights.shape != real.shape[:1]:
        raise ValueError(
            f"interpolate: weights has shape {tuple(weights.shape)}; "
            f"give one weight per sample, shape ({real.shape[0]},)."
        )
    if not real.is_floating_point() or not real.dtype == fake.dtype == weights.dtype:
        raise TypeError(
            f"interpolate: real is {real.dtype}, fake {fake.dtype}, weights {weights.dtype}; "
            "convert all three to one floating-point dtype with .to()."
        )
    if not real.device == fake.device == weights.device:
        raise ValueError(
            f"interpolate: real is on {real.device}, fake on {fake.device}, weights on {weights.device}; "
            "move all three to one device with .to()."
        )


def _native_serves(*tensors: Tensor) -> bool:
    """Whether reading the addresses of these tensors is safe and loses no gradient, tangent or trace."""
    first = tensors[0]
    if first.device.type != "cpu" or first.dtype not in _FUNCTIONS or torch.compiler.is_compiling():
        return False
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return False
    # A dispatch mode watches or replaces operations (tracing, counting): it has to see plain ones.
    return _get_current_dispatch_mode() is None and all(_is_plain(t) for t in tensors)


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is just numbers in memory: no subclass, no ``torch.func`` wrapper, nothing lazy, no tangent."""
    return (
        type(tensor) in (Tensor, torch.nn.Parameter)
        and tensor.layout is torch.strided
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        and not tensor.is_neg()
        and not torch._is_zerotensor(tensor)
        and forward_ad.unpack_dual(tensor).tangent is None
    )


def _shared_layout(real: Tensor, fake: Tensor) -> torch.memory_format | None:
    """The dense layout with the batch outermost that both tensors have, if there is one."""
    formats = [torch.contiguous_format]
    if real.ndim in (4, 5):
        formats.append(torch.channels_last if real.ndim == 4 else torch.channels_last_3d)
    for memory_format in formats:
        if real.is_contiguous(memory_format=memory_format) and fake.is_contiguous(memory_format=memory_format):
            return memory_format
    return None
