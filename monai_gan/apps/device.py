"""Choose the device that a person asked for, or say which ones there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai_gan.errors import InputError

if TYPE_CHECKING:
    import torch

KINDS = ("auto", "cpu", "cuda", "mps")


def available_devices() -> dict[str, str]:
    """List the devices of this machine.

    Returns:
        Name as accepted by `resolve_device` -> description, for instance ``{"cpu": "CPU", "cuda:0": "NVIDIA H200"}``.
    """
    import torch

    devices = {"cpu": "CPU"}
    if torch.cuda.is_available():
        devices |= {f"cuda:{i}": torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
    if torch.backends.mps.is_available():
        devices["mps"] = "Apple GPU"
    return devices


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a device name into a device of this machine.

    Args:
        name: "auto" (the first CUDA device, else the CPU), "cpu", "cuda", "cuda:1", "mps". Apple's GPU is taken only
            when asked for, since it lacks several 3-D operations.

    Returns:
        The device, with an index for CUDA.

    Raises:
        InputError: when the name is unknown or the device is absent; names what is there.
    """
    import torch

    if name == "cpu":  # without a look at the GPUs, which a forked process must leave alone
        return torch.device("cpu")
    devices = available_devices()
    if name == "auto":
        return torch.device("cuda:0" if "cuda:0" in devices else "cpu")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted in devices:
        return torch.device(wanted)
    listed = ", ".join(f"{key} ({text})" if text != "CPU" else key for key, text in devices.items())
    if name.partition(":")[0] not in KINDS:
        raise InputError(f"device={name!r} is unknown: choose auto, cpu, cuda, cuda:N or mps (here: {listed}).")
    raise InputError(f"device={name!r} is not there: this machine has {listed}; choose one of these or auto.")
