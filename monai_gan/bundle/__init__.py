"""Bundles: find them, read them, check them, load their networks and configurations, pack them.

Importing this room is cheap: torch, MONAI and jsonschema are imported by the functions that need them.
"""

from __future__ import annotations

from monai_gan.bundle.archive import pack_bundle, unpack_bundle
from monai_gan.bundle.cache import cache_dir
from monai_gan.bundle.checksums import check_files, write_checksums
from monai_gan.bundle.config import load_config
from monai_gan.bundle.export import export_weights
from monai_gan.bundle.info import BundleInfo
from monai_gan.bundle.locate import find_bundle, is_packaged, list_bundles
from monai_gan.bundle.network import load_network
from monai_gan.bundle.overrides import parse_overrides
from monai_gan.bundle.verify import Check, verify_bundle
from monai_gan.bundle.weights import load_state, save_weights

__all__ = [
    "BundleInfo",
    "Check",
    "cache_dir",
    "check_files",
    "export_weights",
    "find_bundle",
    "is_packaged",
    "list_bundles",
    "load_config",
    "load_network",
    "load_state",
    "pack_bundle",
    "parse_overrides",
    "save_weights",
    "unpack_bundle",
    "verify_bundle",
    "write_checksums",
]
