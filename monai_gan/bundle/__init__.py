"""Bundles: find, read and check them, load their networks and configurations, pack, download and push them.

Importing this room is cheap: torch, MONAI and jsonschema are imported by the functions that need them.
"""

from __future__ import annotations

from monai_gan.bundle.archive import pack_bundle, unpack_bundle
from monai_gan.bundle.cache import cache_dir
from monai_gan.bundle.checksums import check_files, write_checksums
from monai_gan.bundle.config import load_config
from monai_gan.bundle.download import download_bundle, read_index
from monai_gan.bundle.export import export_weights
from monai_gan.bundle.hub import push_to_hub
from monai_gan.bundle.index import BundleIndex, Release
from monai_gan.bundle.info import BundleInfo
from monai_gan.bundle.locate import find_bundle, is_packaged, list_bundles
from monai_gan.bundle.network import load_network
from monai_gan.bundle.overrides import parse_overrides
from monai_gan.bundle.push import push_bundle
from monai_gan.bundle.transfer import Retry
from monai_gan.bundle.verify import Check, verify_bundle
from monai_gan.bundle.weights import load_state, save_weights

__all__ = [
    "BundleIndex",
    "BundleInfo",
    "Check",
    "Release",
    "Retry",
    "cache_dir",
    "check_files",
    "download_bundle",
    "export_weights",
    "find_bundle",
    "is_packaged",
    "list_bundles",
    "load_config",
    "load_network",
    "load_state",
    "pack_bundle",
    "parse_overrides",
    "push_bundle",
    "push_to_hub",
    "read_index",
    "save_weights",
    "unpack_bundle",
    "verify_bundle",
    "write_checksums",
]
