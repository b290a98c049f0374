"""What this installation can do, and why not more."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "monai", "numpy", "pytorch-ignite", "nibabel", "pynrrd", "pydicom", "pillow", "scipy", "triton")


def diagnose() -> dict[str, Any]:
    """Look at versions, devices, backends, bundles and folders; nothing is changed and nothing is fetched.

    Returns:
        JSON-ready dict: ``monai_gan``, ``python``, ``platform``, ``executable``, ``packages`` (name -> version or
        None), ``devices`` (name -> description), ``default_device``, ``cpu_threads``, ``cuda`` (the version torch was
        built for, or None), ``native`` (whether the compiled module serves anything), ``operations`` (name ->
        {backend, reason} on the default device), ``bundles`` (each {name, version, path}), ``data`` and ``cache`` (each
        {path, ok, note}), and ``problems``: sentences on what keeps the package from working, empty when all is well.
    """
    import torch

    from monai_gan import __version__
    from monai_gan.apps.device import available_devices, resolve_device
    from monai_gan.bundle import cache_dir, list_bundles

    default_device = resolve_device("auto")
    operations, problems = _operations(default_device.type)
    packages = {name: _version(name) for name in PACKAGES}
    bundles = [{"name": info.name, "version": info.version, "path": str(info.path)} for info in list_bundles()]
    cache = _cache(cache_dir())
    data = _data()
    problems += [
        f"{name} is not installed; run: pip install {name}" for name in PACKAGES[:-1] if packages[name] is None
    ]
    problems += [f"{key}: {folder['note']}" for key, folder in (("cache", cache), ("data", data)) if not folder["ok"]]
    if not bundles:
        problems.append("no bundle is found; set MONAI_GAN_BUNDLES to a folder of bundles")
    return {
        "monai_gan": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "executable": sys.executable,
        "packages": packages,
        "devices": available_devices(),
        "default_device": str(default_device),
        "cpu_threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "native": any(one["backend"] == "native" for one in operations.values()),
        "operations": operations,
        "bundles": bundles,
        "data": data,
        "cache": cache,
        "problems": problems,
    }


def _operations(device: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    try:
        from monai_gan.ops import backends

        served = backends(device)
    except (ImportError, RuntimeError, ValueError) as error:  # a backend was demanded and is not there
        return {}, [str(error)]
    return {name: {"backend": one.name, "reason": one.reason} for name, one in served.items()}, []


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _data() -> dict[str, Any]:
    from monai_gan.data.sources import DATA_VARIABLE

    path = os.environ.get(DATA_VARIABLE, "")
    if not path:
        note = f"{DATA_VARIABLE} is not set; it names the folder of data sets for training"
        return {"path": None, "ok": True, "note": note}
    if not Path(path).expanduser().is_dir():
        return {"path": path, "ok": False, "note": f"{DATA_VARIABLE}={path!r} is not a folder; correct or unset it"}
    return {"path": path, "ok": True, "note": "found"}


def _cache(folder: Path) -> dict[str, Any]:
    """Whether the cache can be written, told from the nearest folder that exists: looking must not create it."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        note = f"{str(folder)!r} cannot be written ({error.strerror}); set MONAI_GAN_CACHE to another folder"
        return {"path": str(folder), "ok": False, "note": note}
    return {"path": str(folder), "ok": True, "note": "writable"}
