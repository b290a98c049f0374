"""The bundle that is being verified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from monai_gan.bundle.files import METADATA, read_json


class RuleError(Exception):
    """A bundle breaks a rule; the text says how and what to correct."""


@dataclass(frozen=True)
class Subject:
    """A bundle under verification.

    Args:
        path: its root.
        trusted: whether its configurations may run code.
    """

    path: Path
    trusted: bool

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Content of ``configs/metadata.json``."""
        return read_json(self.path / METADATA)

    @property
    def untrained(self) -> bool:
        """Whether the bundle says that it is a configuration without weights."""
        extra = self.metadata.get("monai_gan")
        return isinstance(extra, dict) and extra.get("quality") == "untrained"

    def config(self, name: str) -> dict[str, Any]:
        """A configuration with the metadata below ``_meta_``, as MONAI's parser holds it."""
        return {"_meta_": self.metadata, **read_json(self.path / "configs" / f"{name}.json")}

    @property
    def config_files(self) -> list[Path]:
        """All JSON files of ``configs`` but the metadata."""
        return sorted(file for file in (self.path / "configs").glob("*.json") if file != self.path / METADATA)
