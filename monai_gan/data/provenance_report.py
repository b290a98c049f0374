"""What an image and the JSON file beside it say together of where the image comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_gan.data.formats import is_dicom
from monai_gan.data.marks import Marks, read_marks
from monai_gan.data.provenance import sidecar_path


@dataclass(frozen=True)
class ProvenanceReport:
    """The statements of a file, of its sidecar, and how they fit.

    Args:
        path: the file that was asked for.
        marks: what the file itself says.
        sidecar: the JSON file beside it; None when there is none, or when ``path`` is a JSON file itself.
        sidecar_marks: what that says.
        differences: entries on which the two disagree, each with both values; None where one lacks the entry.
    """

    path: Path
    marks: Marks
    sidecar: Path | None = None
    sidecar_marks: Marks = field(default_factory=Marks)
    differences: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def synthetic(self) -> bool:
        """Whether the file or its sidecar says that the image is synthetic; False does not mean that it is real."""
        return bool(self.marks.found or self.sidecar_marks.found)

    @property
    def consistent(self) -> bool:
        """Whether nothing contradicts anything else."""
        return not self.differences and not self.marks.against

    @property
    def origin(self) -> Mapping[str, Any]:
        """The provenance: the file's own, else the sidecar's; empty when neither carries one."""
        return self.marks.values or self.sidecar_marks.values or {}

    def sentences(self) -> list[str]:
        """The findings, most important first, one sentence each."""
        return [self._verdict(), *self._gaps(), *self.contradictions()]

    def contradictions(self) -> list[str]:
        """What does not fit, one sentence each."""
        found = [f"The file contradicts itself: {statement}." for statement in self.marks.against]
        if self.sidecar is not None and self.differences:
            parts = (f"{key} ({own!r} and {beside!r})" for key, (own, beside) in self.differences.items())
            found.append(f"The file and '{self.sidecar.name}' disagree on {', '.join(parts)}.")
        return found

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        return {
            "file": str(self.path),
            "synthetic": self.synthetic,
            "consistent": self.consistent,
            "marks": dict(self.marks.found),
            "missing": list(self.marks.missing),
            "sidecar": None if self.sidecar is None else str(self.sidecar),
            "sidecar_synthetic": bool(self.sidecar_marks.found),
            "provenance": dict(self.origin),
            "differences": {key: list(pair) for key, pair in self.differences.items()},
            "findings": self.sentences(),
        }

    def _verdict(self) -> str:
        name = self.path.name
        if self.marks.found:
            return f"'{name}' says that it is synthetic."
        if self.sidecar is not None and self.sidecar_marks.found:
            return f"'{name}' carries no mark itself; only '{self.sidecar.name}' beside it says that it is synthetic."
        return f"'{name}' carries no mark that it is synthetic; that alone does not make it a real image."

    def _gaps(self) -> list[str]:
        gaps = [f"The file lacks the mark {place}." for place in self.marks.missing]
        if not self.marks.found or self.path.suffix == ".json":
            return gaps
        if self.sidecar is None:
            gaps.append("No JSON file lies beside it.")
        elif not self.sidecar_marks.found:
            gaps.append(f"'{self.sidecar.name}' beside it says nothing of it.")
        return gaps


def check_provenance(path: str | Path) -> ProvenanceReport:
    """Read what an image file says of its origin, and compare it with the JSON file beside it.

    Args:
        path: a NIfTI, NRRD, PNG, TIFF, JPEG, BMP or DICOM file, a folder with the slices of one DICOM series, or a JSON
            file beside an image.

    Returns:
        The report.

    Raises:
        InputError: a file is missing, damaged, or of a format that is not known.
    """
    path = Path(path)
    marks = read_marks(path)
    sidecar = _sidecar(path)
    beside = Marks() if sidecar is None else read_marks(sidecar)
    differences: dict[str, tuple[Any, Any]] = {}
    if marks.values is not None and beside.values is not None:
        keys = dict.fromkeys([*marks.values, *beside.values])
        pairs = {key: (marks.values.get(key), beside.values.get(key)) for key in keys}
        differences = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    return ProvenanceReport(path, marks, sidecar, beside, differences)


def _sidecar(path: Path) -> Path | None:
    """The JSON file beside an image or, for a slice of a DICOM series, beside its folder."""
    if path.suffix.lower() == ".json":
        return None
    places = [sidecar_path(path)]
    if path.is_file() and is_dicom(path):
        places.append(sidecar_path(path.resolve().parent))
    return next((place for place in places if place.is_file()), None)
