"""Operations with a readable definition in plain torch and, where it pays, a compiled form with the same values."""

from __future__ import annotations

from monai_gan.ops.backends import Backend, backends
from monai_gan.ops.interpolate import interpolate

__all__ = ["Backend", "backends", "interpolate"]
