"""How the public sets of brain images with several contrasts lie in their folders."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: The names under which every layout gives masks of the head or brain, and of lesions.
MASK, LESION = "mask", "lesion"


@dataclass(frozen=True)
class Session:
    """The images of one person at one date.

    Attributes:
        subject: the person.
        session: the date, or empty where a set has one per person.
        files: the images by contrast, in lower case.
        split: the part that the set's own table puts the person into, or None.
    """

    subject: str
    session: str
    files: dict[str, Path] = field(default_factory=dict)
    split: str | None = None


def read_sessions(root: Path) -> Iterator[Session]:
    """A table ``sessions.tsv`` and ``<subject>/<session>/<contrast>.nii.gz``."""
    table = root / "sessions.tsv"
    if not table.is_file():
        return
    with table.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            subject, session = row.get("subject") or "", row.get("session") or ""
            files = {_stem(path): path for path in _images(root / subject / session)}
            if "brainmask" in files:
                files[MASK] = files.pop("brainmask")
            yield Session(subject, session, files, row.get("split"))


def read_ixi(root: Path) -> Iterator[Session]:
    """IXI: ``IXI-T1/IXI002-Guys-0828-T1.nii.gz``, a folder per contrast."""
    found: dict[str, dict[str, Path]] = {}
    for folder in sorted(root.glob("IXI-*")):
        for path in _images(folder):
            if match := re.fullmatch(r"(IXI\d+)-.*-([A-Za-z0-9]+)", path.name.partition(".")[0]):
                found.setdefault(match[1], {})[match[2].lower()] = path
    for subject, files in sorted(found.items()):
        yield Session(subject, "", files)


#: Ends of file names of BraTS up to 2021 and since 2023.
BRATS_NAMES = {
    **{"t1": "t1", "t1ce": "t1c", "t2": "t2", "flair": "flair", "seg": LESION},
    **{"t1n": "t1", "t1c": "t1c", "t2w": "t2", "t2f": "flair"},
}


def read_brats(root: Path) -> Iterator[Session]:
    """BraTS: a folder per examination with ``<folder>_t1.nii.gz`` or, since 2023, ``<folder>-t1n.nii.gz``."""
    for folder in sorted({path.parent for path in _images(root, "**/")}):
        files = {}
        for path in _images(folder):
            end = re.split("[-_]", _stem(path))[-1]
            if path.name.startswith(folder.name) and end in BRATS_NAMES:
                files[BRATS_NAMES[end]] = path
        if files:
            # Since 2023 the name ends in the number of the examination, BraTS-GLI-00005-001.
            dated = re.fullmatch(r"(BraTS-[A-Za-z]+-\w+)-(\d+)", folder.name)
            subject, session = (dated[1], dated[2]) if dated else (folder.name, "")
            yield Session(subject, session, files)


def read_synthrad(root: Path) -> Iterator[Session]:
    """SynthRAD 2023: ``Task1/brain/<id>/mr.nii.gz`` with ``ct.nii.gz`` and ``mask.nii.gz``."""
    brain = next((folder for folder in (root / "Task1" / "brain", root / "brain") if folder.is_dir()), root)
    for folder in sorted(path for path in brain.iterdir() if path.is_dir()):
        files = {_stem(path): path for path in _images(folder)}
        if files:
            yield Session(folder.name, "", files)


LAYOUTS: dict[str, Callable[[Path], Iterator[Session]]] = {
    "sessions": read_sessions,
    "ixi": read_ixi,
    "brats": read_brats,
    "synthrad": read_synthrad,
}


def _images(folder: Path, below: str = "") -> list[Path]:
    return sorted(folder.glob(f"{below}*.nii.gz")) + sorted(folder.glob(f"{below}*.nii"))


def _stem(path: Path) -> str:
    return path.name.partition(".nii")[0].lower()
