"""Image formats, told by a file's name or its first bytes."""

from __future__ import annotations

from pathlib import Path

NIFTI = (".nii", ".nii.gz")
NRRD = (".nrrd", ".nhdr")
PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
DICOM = (".dcm", ".dicom", ".ima")
EXTENSIONS = NIFTI + NRRD + PICTURES + DICOM


def has_extension(path: Path, extensions: tuple[str, ...]) -> bool:
    """Whether the name ends with one of some extensions, in either case."""
    return path.name.lower().endswith(extensions)


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM: by its name or, as many have no extension, by its preamble."""
    if has_extension(path, DICOM):
        return True
    if has_extension(path, EXTENSIONS) or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def dicom_files(folder: Path) -> list[Path]:
    """The DICOM files of a folder, without its subfolders, sorted by name."""
    return sorted(file for file in folder.iterdir() if is_dicom(file))
