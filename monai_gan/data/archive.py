"""Read `.npz` archives of images: `images` with what is known of each, or the layout of MedMNIST."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monai_gan.data.splits import SPLITS
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError


def read_archive(path: Path) -> ImageTable:
    """Read one archive.

    ``images`` is (N, *S) or (N, C, *S). ``labels`` (N,) are class numbers (an array of another shape, such as a
    segmentation, is no label of a class), named by ``label_names``; ``split`` (N,) is 0, 1, 2 or "train", "val",
    "test"; ``subject`` (N,) is anything that tells persons apart; ``covariates`` (N,) or (N, K) are continuous values
    such as age, named by ``covariate_names``; ``masks``, one per image, mark what is not normal (an array of other
    length is left alone). MedMNIST's ``train_images``, ``train_labels``, ``val_images`` ... are read as well.

    Raises:
        InputError: the file is missing, damaged, needs pickle, or holds no images.
    """
    if not path.is_file():
        raise InputError(f"'{path}' does not exist: give an .npz file that holds 'images'.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            known = ("images", "labels", "label_names", "masks", "split", "subject")
            wanted = (*known, "covariates", "covariate_names")
            medmnist = tuple(f"{part}_{what}" for part in SPLITS for what in ("images", "labels"))
            arrays = {key: archive[key] for key in archive.files if key in wanted + medmnist}
            found = ", ".join(archive.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise InputError(
            f"'{path}' cannot be read as .npz ({error}); write it with numpy.savez, without objects."
        ) from error
    if "images" not in arrays:
        arrays |= _join_medmnist(arrays)
    if "images" not in arrays or arrays["images"].ndim < 3 or not len(arrays["images"]):
        raise InputError(f"'{path}' holds no array 'images' (N, *spatial), only: {found or 'nothing'}.")
    images = arrays["images"]
    if images.dtype.kind not in "uifb":
        raise InputError(f"'images' of '{path}' has the type {images.dtype}: give numbers.")
    labels = arrays.get("labels")
    if labels is not None:
        labels = labels.squeeze(-1) if labels.shape == (len(images), 1) else labels
        labels = labels.astype(np.int64) if labels.shape == (len(images),) else None
    masks = arrays.get("masks")
    for key in ("split", "subject"):
        if key in arrays and arrays[key].shape != (len(images),):
            raise InputError(
                f"'{key}' of '{path}' has the shape {arrays[key].shape}, but there are {len(images)} images: "
                "give one per image."
            )
    return ImageTable(
        name=str(path),
        images=images,
        labels=labels,
        label_names=tuple(str(name) for name in arrays.get("label_names", ())),
        subjects=arrays.get("subject"),
        splits=_split_numbers(arrays["split"], path) if "split" in arrays else None,
        covariates=_covariates(arrays["covariates"], len(images), path) if "covariates" in arrays else None,
        covariate_names=tuple(str(name) for name in arrays.get("covariate_names", ())),
        masks=masks if masks is not None and len(masks) == len(images) else None,
    )


def join_classes(paths: Sequence[Path]) -> ImageTable:
    """Read several archives as one source in which each file is a class, named by its stem, numbered by sorted name."""
    tables = [read_archive(path) for path in sorted(paths)]
    folder = paths[0].parent
    shapes = {np.asarray(table.images[0]).shape for table in tables}
    if len(shapes) > 1:
        raise InputError(
            f"the archives in '{folder}' hold images of the shapes {sorted(shapes)}: "
            f"name one of them, such as '{paths[0]}'."
        )
    known = [table.splits for table in tables if table.splits is not None]
    people = [table.subjects for table in tables if table.subjects is not None]
    values = [table.covariates for table in tables if table.covariates is not None]
    alike = len(values) == len(tables) and len({one.shape[1] for one in values}) == 1
    return ImageTable(
        name=str(folder),
        images=np.concatenate([np.asarray(table.images) for table in tables]),
        labels=np.repeat(np.arange(len(tables)), [len(table) for table in tables]),
        label_names=tuple(Path(table.name).stem for table in tables),
        subjects=np.concatenate(people) if len(people) == len(tables) else None,
        splits=np.concatenate(known) if len(known) == len(tables) else None,
        covariates=np.concatenate(values) if alike else None,
        covariate_names=tables[0].covariate_names if alike else (),
    )


def _join_medmnist(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    parts = [part for part in SPLITS if f"{part}_images" in arrays]
    if not parts:
        return {}
    counts = [len(arrays[f"{part}_images"]) for part in parts]
    joined = {
        "images": np.concatenate([arrays[f"{part}_images"] for part in parts]),
        "split": np.repeat([SPLITS.index(part) for part in parts], counts),
    }
    if all(f"{part}_labels" in arrays for part in parts):
        joined["labels"] = np.concatenate([arrays[f"{part}_labels"] for part in parts])
    return joined


def _covariates(values: np.ndarray, n: int, path: Path) -> np.ndarray:
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != n or values.dtype.kind not in "uifb":
        raise InputError(
            f"'covariates' of '{path}' have the shape {values.shape} and type {values.dtype}: give numbers ({n}, K), "
            "one row per image."
        )
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        first = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise InputError(f"'covariates' of '{path}' are not finite for image {first}: fill them or leave it out.")
    return values


def _split_numbers(split: np.ndarray, path: Path) -> np.ndarray:
    if split.dtype.kind in "US":
        numbers = np.array([SPLITS.index(str(s)) if str(s) in SPLITS else -1 for s in split])
    else:
        numbers = split.astype(np.int64)
    if ((numbers < 0) | (numbers > 2)).any():
        raise InputError(f"'split' of '{path}' has other values than 0, 1, 2 (or train, val, test).")
    return numbers
