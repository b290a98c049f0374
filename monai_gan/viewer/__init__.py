"""The viewer in a browser: images, tasks and results over 3D Slicer's scene, served to one person.

Names are reached lazily; importing this room needs none of the packages of the extra ``viewer``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai_gan.lazy import lazy_names

if TYPE_CHECKING:
    from monai_gan.viewer.address import Address, check_address
    from monai_gan.viewer.server import serve

_HOMES = {"Address": "address", "check_address": "address", "serve": "server"}

__all__ = ["Address", "check_address", "serve"]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
