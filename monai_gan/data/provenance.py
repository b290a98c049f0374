"""Where a synthetic image comes from, as every output states it in its header and in a JSON sidecar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai_gan import __version__
from monai_gan.data.marks import WORD, read_marks
from monai_gan.errors import InputError

# NIfTI's `descrip` field holds 80 bytes, the last one a zero.
_DESCRIPTION_BYTES = 79


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Provenance:
    """What is needed to tell that an image is synthetic and to make it again.

    Args:
        bundle: name of the bundle.
        version: its version.
        checksum: SHA-256 of its weights.
        seed: seed of the series; None where nothing was drawn.
        index: number of the image in the series.
        task: ``"synthesis"``, ``"translation"`` ...
        label: the class asked for.
        truncation: factor on the latents.
        source: name of the input, for tasks that have one.
        date: UTC, ISO 8601; the time of creation unless given.
        package_version: version of this package.
        extra: anything else that JSON can hold.
    """

    bundle: str
    version: str
    checksum: str = ""
    seed: int | None = None
    index: int | None = None
    task: str = "synthesis"
    label: int | str | None = None
    truncation: float | None = None
    source: str | None = None
    date: str = field(default_factory=_now)
    package_version: str = __version__
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The sidecar's content: ``synthetic: true`` and every field that is set."""
        return {"synthetic": True} | {key: value for key, value in asdict(self).items() if value not in (None, {})}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Provenance:
        """Read what ``to_dict`` gives; keys that this version does not know are ignored.

        Raises:
            InputError: the bundle or its version is missing.
        """
        known = {f.name for f in fields(cls)}
        try:
            return cls(**{key: value for key, value in values.items() if key in known})
        except TypeError as error:
            raise InputError(f"this is no provenance of a synthetic image: {error}.") from error

    def to_json(self, indent: int | None = None) -> str:
        """The dictionary as ASCII JSON, on one line unless ``indent`` is given."""
        return json.dumps(self.to_dict(), indent=indent)

    def description(self, length: int = _DESCRIPTION_BYTES) -> str:
        """A header's short text: begins with SYNTHETIC, at most ``length`` ASCII characters, of which 60 are needed."""
        parts = [f"v{self.version}"]
        parts += [f"seed {self.seed}"] if self.seed is not None else []
        parts += [f"index {self.index}"] if self.index is not None else []
        ending = " ".join(parts).encode("ascii", "replace").decode()[:40]
        name = self.bundle.encode("ascii", "replace").decode()
        return f"{WORD} {name[: length - len(ending) - len(WORD) - 2]} {ending}"


def sidecar_path(path: Path) -> Path:
    """The sidecar of an image: ``scan.nii.gz`` has ``scan.json``, and so has a folder ``scan`` of DICOM slices."""
    name = path.name
    if path.is_dir():
        return path.with_name(name + ".json")
    stem = name[: -len(".nii.gz")] if name.lower().endswith(".nii.gz") else path.stem
    return path.with_name(stem + ".json")


def read_provenance(path: str | Path) -> Provenance | None:
    """Read the provenance out of a written image, or out of a sidecar.

    Args:
        path: a NIfTI, NRRD, PNG or DICOM file, a folder of DICOM slices, or a ``.json`` sidecar.

    Returns:
        The provenance, or None when the file carries none.

    Raises:
        InputError: the file is missing, damaged, or of another format.
    """
    values = read_marks(path).values
    return None if values is None else Provenance.from_dict(values)
