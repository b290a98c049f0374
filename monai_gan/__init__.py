"""Generative adversarial networks for medical images, as a plugin for MONAI and 3D Slicer.

Importing this package is cheap: it loads neither torch nor MONAI. The rooms are reached as attributes and load on first
use, so ``import monai_gan`` followed by ``monai_gan.losses.AdversarialLoss()`` works.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

_ROOMS = frozenset(
    {
        "apps",
        "augment",
        "bundle",
        "cli",
        "data",
        "engines",
        "errors",
        "handlers",
        "inferers",
        "losses",
        "metrics",
        "mrml",
        "networks",
        "ops",
        "transforms",
        "variants",
        "viewer",
    }
)

try:
    __version__ = version("monai-gan")
except PackageNotFoundError:  # a source tree on the path that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]


def __getattr__(name: str) -> ModuleType:
    """Import a room the first time that it is asked for."""
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'; its rooms are {', '.join(sorted(_ROOMS))}.")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
