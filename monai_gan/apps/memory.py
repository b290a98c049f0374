"""Recognise "out of memory" in its several disguises, and know how much memory is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai_gan.errors import GPUMemoryError, HostMemoryError, MonaiGanError

if TYPE_CHECKING:
    import torch


def memory_error(error: BaseException) -> MonaiGanError | None:
    """Translate an out-of-memory error, without importing torch.

    Args:
        error: any exception.

    Returns:
        `GPUMemoryError` or `HostMemoryError` with a remedy, or None when the exception is about something else.
    """
    text = str(error)
    # By name: torch.OutOfMemoryError, also spelt torch.cuda.OutOfMemoryError; Apple's is a plain RuntimeError.
    if type(error).__name__ == "OutOfMemoryError" or "MPS backend out of memory" in text:
        return GPUMemoryError(
            "The GPU ran out of memory: use a smaller batch_size or device=cpu, or close other programs."
        )
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in text:
        return HostMemoryError(
            "The computer ran out of memory: ask for fewer images or a smaller batch_size, or close other programs."
        )
    return None


def free_bytes(device: torch.device) -> int:
    """Memory that new tensors can take on a device."""
    import psutil
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
