"""What a bundle says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_gan.bundle.files import METADATA, WEIGHTS, is_bundle, read_json
from monai_gan.errors import InputError


@dataclass(frozen=True)
class BundleInfo:
    """The metadata of a bundle, with the fields that a person asks for first.

    Args:
        name: the folder's name, by which the bundle is looked up.
        path: the bundle's root.
        metadata: content of ``configs/metadata.json``.
    """

    name: str
    path: Path
    metadata: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_path(cls, path: Path | str) -> BundleInfo:
        """Read a bundle folder.

        Args:
            path: the bundle's root.

        Raises:
            InputError: if the folder is no bundle or its metadata is broken.
        """
        root = Path(path).expanduser().resolve()
        if not is_bundle(root):
            raise InputError(not_a_bundle(root))
        metadata = read_json(root / METADATA)
        extra = metadata.get("monai_gan", {})
        if not isinstance(extra, dict):
            raise InputError(f"'{root / METADATA}': monai_gan is {extra!r}: it must be an object, {{...}}.")
        return cls(name=root.name, path=root, metadata=metadata)

    @property
    def extra(self) -> Mapping[str, Any]:
        """This package's own block of the metadata, key ``monai_gan``; empty for other bundles."""
        return self.metadata.get("monai_gan", {})

    @property
    def version(self) -> str:
        """The bundle's version, ``"0.0.0"`` if it states none."""
        return str(self.metadata.get("version", "0.0.0"))

    @property
    def variant(self) -> str:
        """The kind of GAN, for instance ``"WGAN-GP"``."""
        return str(self.extra.get("variant", ""))

    @property
    def task(self) -> str:
        """``synthesis``, ``translation``, ``enhancement`` or ``anomaly_detection``; empty when unstated."""
        return str(self.extra.get("task", ""))

    @property
    def modality(self) -> str:
        """The modality of the images that come out."""
        return str(self.extra.get("modality_out") or "")

    @property
    def image_size(self) -> tuple[int, ...]:
        """Size of the images that come out; empty when it is not fixed."""
        shape = _lookup(self.metadata, "network_data_format", "outputs", "pred", "spatial_shape")
        if not isinstance(shape, list) or not all(isinstance(n, int) for n in shape):
            return ()
        return tuple(shape)

    @property
    def spatial_dims(self) -> int:
        """2 or 3; 0 when the metadata does not tell."""
        dims = self.extra.get("spatial_dims")
        return dims if isinstance(dims, int) else len(self.image_size)

    @property
    def quality(self) -> str:
        """``release``, ``demo`` or ``untrained``; empty when unstated."""
        return str(self.extra.get("quality", ""))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes or directions that it can be asked for; empty for most."""
        return tuple(str(label) for label in self.extra.get("labels") or ())

    @property
    def takes_truncation(self) -> bool:
        """Whether it can be asked for more typical, less varied images."""
        return self.task == "synthesis" and bool(self.extra.get("truncation", True))

    @property
    def direction_names(self) -> tuple[str, ...]:
        """Names of the directions along which its styles can be shifted; empty for most."""
        return tuple(str(entry["name"]) for entry in self.extra.get("directions") or ())

    @property
    def map_threshold(self) -> float | None:
        """The value of its anomaly maps above which it reports regions; None where it states none."""
        known = (self.extra.get("detection") or {}).get("map_threshold")
        return None if known is None else float(known)

    @property
    def untrained(self) -> bool:
        """Whether this is a configuration only, to be trained on one's own data, and says so."""
        return self.quality == "untrained"

    @property
    def training_command(self) -> str:
        """The command that trains it."""
        return f"monai-gan train {self.name} -o runs/{self.name}"

    @property
    def headline(self) -> Mapping[str, Any] | None:
        """The one figure to show: the first metric that is marked, else the first."""
        metrics = self.extra.get("metrics")
        metrics = [m for m in metrics if isinstance(m, dict)] if isinstance(metrics, list) else []
        return next((m for m in metrics if m.get("mark")), metrics[0] if metrics else None)

    @property
    def headline_text(self) -> str:
        """The headline figure in a few words, for instance ``"FID 31.2 (n=2000)"``; empty without metrics."""
        metric = self.headline
        if metric is None:
            return ""
        value = metric.get("value")
        figure = f"{value:.4g}" if isinstance(value, (int, float)) else str(value)
        count = f" (n={metric['n']})" if "n" in metric else ""
        return f"{metric.get('name', '?')} {figure}{count}"

    @property
    def weights_sha256(self) -> str:
        """Checksum of the weights as the metadata lists it; empty when unlisted."""
        files = self.extra.get("files")
        entries = [f for f in files if isinstance(f, dict)] if isinstance(files, list) else []
        return next((str(f.get("sha256", "")) for f in entries if f.get("path") == WEIGHTS), "")

    @property
    def model_card(self) -> str:
        """Text of ``docs/README.md``; empty when there is none."""
        card = self.path / "docs" / "README.md"
        return card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""

    def as_dict(self) -> dict[str, Any]:
        """The fields of a listing, ready for JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "variant": self.variant,
            "task": self.task,
            "modality": self.modality,
            "spatial_dims": self.spatial_dims,
            "image_size": list(self.image_size),
            "quality": self.quality,
            "headline": dict(self.headline) if self.headline is not None else None,
            "path": str(self.path),
        }


def not_a_bundle(path: Path) -> str:
    """One sentence on why a path is no bundle."""
    if not path.exists():
        return f"The bundle path '{path}' does not exist; `monai-gan list` shows the bundles that are there."
    if not path.is_dir():
        return f"'{path}' is a file: a bundle is a folder with '{METADATA}', or a zip of one."
    inner = sorted(child.name for child in path.iterdir() if child.is_dir() and is_bundle(child))
    if inner:
        return f"'{path}' is not a bundle but holds {len(inner)}: give one of them, for instance '{path / inner[0]}'."
    return f"'{path}' is not a bundle: it lacks '{METADATA}'."


def _lookup(content: Any, *keys: str) -> Any:
    for key in keys:
        if not isinstance(content, Mapping):
            return None
        content = content.get(key)
    return content
