"""Open a bundle as the object that does its task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_gan.errors import InputError

TASKS = ("synthesis", "translation", "enhancement", "anomaly_detection")


def load(name_or_path: str | Path, device: str = "auto", trust: bool = False) -> Any:
    """Load a bundle for use from Python.

    Args:
        name_or_path: name of a bundle, or path of a bundle folder or zip.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.

    Returns:
        A `Synthesizer`, `Translator`, `Enhancer` or `AnomalyDetector`, as the bundle's metadata tells by
        ``monai_gan.task``.

    Raises:
        InputError: unknown bundle, task or device.
        WeightsError: weights missing, altered or unsafe.

    Example:
        >>> from monai_gan.apps import load
        >>> images = load("chest_xray_wgan_gp").sample(n=2, seed=0)
        >>> t2 = load("brain_t1_to_t2_pix2pix")(t1)
    """
    from monai_gan.apps.anomaly_detector import AnomalyDetector
    from monai_gan.apps.device import resolve_device
    from monai_gan.apps.synthesizer import Synthesizer
    from monai_gan.apps.volume_model import Enhancer, Translator
    from monai_gan.bundle import BundleInfo, find_bundle, load_network

    path = find_bundle(name_or_path)
    info = BundleInfo.from_path(path)
    check_task(info, TASKS)
    target = resolve_device(device)
    kinds: dict[str, Any] = {
        "synthesis": Synthesizer,
        "translation": Translator,
        "enhancement": Enhancer,
        "anomaly_detection": AnomalyDetector,
    }
    return kinds[info.task](info, load_network(path, device=str(target), trust=trust), target)


def check_task(info: object, tasks: tuple[str, ...]) -> None:
    """Refuse a bundle that does another task.

    Args:
        info: `monai_gan.bundle.BundleInfo` of the bundle.
        tasks: tasks that the caller can do.

    Raises:
        InputError: naming the bundle's task and those possible.
    """
    name, task = getattr(info, "name", "?"), getattr(info, "task", None)
    if task in tasks:
        return
    if not task:
        raise InputError(f"Bundle {name!r} names no task: add monai_gan.task to its metadata.json.")
    raise InputError(f"Bundle {name!r} is for {task!r}, which cannot be done here; possible: {', '.join(tasks)}.")
