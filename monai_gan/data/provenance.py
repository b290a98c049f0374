"""Where a synthetic image comes from, as every output states it in its header and in a JSON sidecar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai_gan import __version__
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

    def description(self) -> str:
        """A header's short text: begins with SYNTHETIC, at most 79 ASCII characters."""
        parts = [f"v{self.version}"]
        parts += [f"seed {self.seed}"] if self.seed is not None else []
        parts += [f"index {self.index}"] if self.index is not None else []
        ending = " ".join(parts).encode("ascii", "replace").decode()[:40]
        name = self.bundle.encode("ascii", "replace").decode()
        return f"SYNTHETIC {name[: _DESCRIPTION_BYTES - len(ending) - 11]} {ending}"


def sidecar_path(path: Path) -> Path:
    """The sidecar of an image: ``scan.nii.gz`` has ``scan.json``."""
    name = path.name
    stem = name[: -len(".nii.gz")] if name.lower().endswith(".nii.gz") else path.stem
    return path.with_name(stem + ".json")


def read_provenance(path: str | Path) -> Provenance | None:
    """Read the provenance out of a written image, or out of a sidecar.

    Args:
        path: a NIfTI, NRRD or PNG file, or a ``.json`` sidecar.

    Returns:
        The provenance, or None when the file carries none.

    Raises:
        InputError: the file is missing, damaged, or of another format.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"'{path}' does not exist.")
    name = path.name.lower()
    try:
        if name.endswith(".json"):
            text: str | None = path.read_text(encoding="utf-8")
        elif name.endswith((".nii", ".nii.gz")):
            text = _from_nifti(path)
        elif name.endswith(".nrrd"):
            text = _from_nrrd(path)
        elif name.endswith(".png"):
            text = _from_png(path)
        else:
            raise InputError(f"'{path}' has a format without provenance: give .nii, .nii.gz, .nrrd, .png or .json.")
        values = json.loads(text) if text else None
    except InputError:
        raise
    except Exception as error:  # the libraries raise all kinds of errors on damaged files
        raise InputError(f"the provenance of '{path}' cannot be read ({error}); the file is damaged.") from error
    return Provenance.from_dict(values) if isinstance(values, dict) and values.get("synthetic") else None


def _from_nifti(path: Path) -> str | None:
    import nibabel

    for extension in nibabel.Nifti1Image.from_filename(path).header.extensions:
        content = extension.get_content()
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
        if text.lstrip().startswith("{"):
            return text.rstrip("\0 \n")
    return None


def _from_nrrd(path: Path) -> str | None:
    import nrrd

    return nrrd.read_header(str(path)).get("provenance")


def _from_png(path: Path) -> str | None:
    from PIL import Image

    with Image.open(path) as image:
        return image.text.get("provenance")  # type: ignore[attr-defined]
