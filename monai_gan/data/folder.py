"""Folders of images: which files are images, and what their names say of class and subject."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monai_gan.data.formats import EXTENSIONS, dicom_files, has_extension, is_dicom
from monai_gan.data.images import read_image
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError


class FileImages:
    """Images that are read when asked for.

    Args:
        paths: files, or folders of DICOM series.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        """Read image (C, *S)."""
        return read_image(self.paths[index]).as_tensor().numpy()


def read_folder(folder: Path, *, spatial_dims: int = 2) -> ImageTable:
    """List the images of a folder and its subfolders, sorted by path.

    - In 3-D, a folder with DICOM files is one image, its series; in 2-D each DICOM file is one.
    - Class: when the images lie in two or more subfolders, each first-level subfolder is a class, unless the subfolders
      are subjects: all named ``sub-...`` as in BIDS, or more of them than there are file names (``anna/T1.nii.gz``,
      ``anna/T2.nii.gz``, ``bert/T1.nii.gz`` ...).
    - Subject: ``sub-...`` in the path, else the DICOM patient number, else the subfolder where subfolders are subjects,
      else the file name up to the first ``_`` (``patient007_slice12.png``). When that is the same for all images
      (``IMG_0001.png``), each image is its own subject.

    Args:
        folder: the folder.
        spatial_dims: 2 or 3.

    Raises:
        InputError: the folder holds no image that can be read.
    """
    paths = _find(folder, spatial_dims)
    if not paths:
        raise InputError(f"'{folder}' holds no image: give a folder with {', '.join(EXTENSIONS)} files, or an .npz.")
    top = [_first_level(path, folder) for path in paths]
    classes = tuple(sorted(set(top)))
    by_person = len({path.name for path in paths}) < len(classes)
    labelled = len(classes) > 1 and not by_person and not all(name.startswith("sub-") for name in top)
    subjects = np.array([_subject(path, folder, by_person) for path in paths])
    if len(set(subjects)) == 1:
        subjects = np.array([str(path) for path in paths])
    return ImageTable(
        name=str(folder),
        images=FileImages(paths),
        labels=np.array([classes.index(name) for name in top]) if labelled else None,
        label_names=classes if labelled else (),
        subjects=subjects,
        names=[f"'{path}'" for path in paths],
    )


def _find(folder: Path, spatial_dims: int) -> list[Path]:
    paths: set[Path] = set()
    for path in folder.rglob("*"):
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if is_dicom(path):
            paths.add(path.parent if spatial_dims == 3 else path)
        elif has_extension(path, EXTENSIONS):
            paths.add(path)
    return sorted(paths)


def _first_level(path: Path, folder: Path) -> str:
    """The first subfolder that an image lies in, empty at the top; of a series, a folder, what holds it counts."""
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else ""


def _subject(path: Path, folder: Path, by_person: bool) -> str:
    parts = path.relative_to(folder).parts
    for part in parts:
        if part.startswith("sub-"):
            return part.split("_")[0].split(".")[0]
    if path.is_dir() or is_dicom(path):
        return _patient(path) or str(path)
    if by_person:
        return parts[0]
    return path.name.split(".")[0].split("_")[0]


def _patient(path: Path) -> str:
    """The patient number of a DICOM file or series, empty when anonymised away or unreadable."""
    import pydicom

    file = next(iter(dicom_files(path)), path) if path.is_dir() else path
    try:
        return str(
            pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["PatientID"]).get("PatientID", "") or ""
        )
    except Exception:  # reading the image itself will say what is wrong with the file
        return ""
