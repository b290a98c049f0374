"""Write measured figures into a bundle's metadata and model card."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from monai_gan.bundle.files import METADATA, read_json, write_json

#: Digits of the figures in the metadata.
DIGITS = 4
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def add_version_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a command the arguments of a new version."""
    parser.add_argument("--version", help="new version of the bundles")
    parser.add_argument("--change", help="what the changelog says of it")


def check_version_arguments(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse one without the other."""
    if (arguments.version is None) != (arguments.change is None):
        parser.error("--version and --change belong together")


def write_metrics(bundle: Path, metrics: list[dict[str, Any]], version: str | None, change: str | None) -> None:
    """Put figures, and perhaps a new version, into the metadata."""
    metadata = read_json(bundle / METADATA)
    metadata["monai_gan"]["metrics"] = metrics
    if version is not None:
        metadata["version"] = version
        metadata["changelog"] = {version: change, **metadata["changelog"]}
    write_json(bundle / METADATA, metadata)


def write_card(bundle: Path, text: str) -> None:
    """Put a text between the marks of the model card."""
    card = bundle / "docs" / "README.md"
    before, rest = card.read_text(encoding="utf-8").split(BEGIN)
    card.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
