"""Translate or enhance the images of an `.npz` archive, each for itself, into another archive."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.apps.jobs import CancelCheck, ProgressCallback, Reporter
from monai_gan.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from monai_gan.apps.volume_model import VolumeModel
    from monai_gan.data import ImageTable, Provenance

ARCHIVE = ".npz"


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name."""
    return path.suffix.lower() == ARCHIVE


def archive_name(source: Path, output: Path, bundle: str) -> tuple[Path, str]:
    """Folder and file name of the result: ``output`` if it is an archive, else one in that folder."""
    if is_archive(output) and not output.is_dir():
        return output.parent, output.name
    return output, f"{source.stem}_{bundle}{ARCHIVE}"


def convert_table(
    table: ImageTable,
    model: VolumeModel,
    *,
    label: int | str | None = None,
    batch_size: int | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> tuple[np.ndarray, Provenance]:
    """The results of all images of a table.

    Args:
        table: images (N, rows, columns), (N, X, Y, Z), or with the channels of the model after N.
        model: a translator or enhancer.
        label: as in :func:`~monai_gan.apps.translate`.
        batch_size: likewise.
        progress: told after each image.
        cancel: asked after each image.

    Returns:
        Results in the form of the images, and the provenance of all: its report is that of the first image, with the
        warnings of all of them and how many images have each.
    """
    import dataclasses

    import numpy as np
    import torch

    images = np.asarray(table.images)
    channels = model.form.in_channels
    grey = images.ndim == 3 or (images.ndim == 4 and images.shape[1] != channels)
    reporter = Reporter(len(images), progress, cancel, phase=model.info.task)
    results, counts, first = [], dict[str, int](), None
    for image in images[:, None] if grey else images:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are gathered
            found = model.run(torch.from_numpy(image.copy()), label=label, batch_size=batch_size)
        first = first or found
        for warning in found.report["warnings"]:
            counts[warning] = counts.get(warning, 0) + 1
        results.append(found.image.numpy()[0] if grey else found.image.numpy())
        reporter.advance(1, f"image {len(results)} of {len(images)}")
    if first is None:
        raise InputError("The archive holds no images.")
    gathered = [f"{text} ({count} of {len(images)} images)" for text, count in counts.items()]
    for text in gathered:
        warnings.warn(text, UserWarning, stacklevel=2)
    report = {**first.report, "images": len(images), "warnings": gathered}
    source = Path(table.name).name
    return np.stack(results), dataclasses.replace(first.provenance, source=source, extra={"report": report})


def write_archive(path: Path, images: np.ndarray, table: ImageTable, provenance: Provenance) -> list[str]:
    """Write results beside what the table knows of its images, with a sidecar; the archive says that it is synthetic.

    Returns:
        The name of the archive.
    """
    import numpy as np

    from monai_gan.data.provenance import sidecar_path

    known: dict[str, Any] = {"labels": table.labels, "subject": table.subjects, "split": table.splits}
    if table.label_names:
        known["label_names"] = np.array(table.label_names)
    arrays = {name: values for name, values in known.items() if values is not None}
    np.savez_compressed(
        path, images=images, synthetic=np.array(True), provenance=np.array(provenance.to_json()), **arrays
    )
    sidecar_path(path).write_text(provenance.to_json(indent=2) + "\n", encoding="utf-8")
    return [path.name]
