"""Look for anomalies in files: a map and a picture for each, and one table of scores."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.apps.jobs import CancelCheck, Progress, ProgressCallback, check_cancel
from monai_gan.apps.load import check_task, load
from monai_gan.apps.staging import OutputFolder
from monai_gan.errors import InputError

if TYPE_CHECKING:
    from monai.data.meta_tensor import MetaTensor
    from torch import Tensor

    from monai_gan.apps.anomaly_detector import AnomalyDetector, AnomalyResult
    from monai_gan.bundle import BundleInfo

#: Columns of the table; a volume's slices are in the JSON alone.
COLUMNS = ("name", "score", "percentile", "p_value", "threshold", "is_anomalous", "regions", "warnings")


def detect(
    bundle: str | Path,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    rate: float | None = None,
    device: str = "auto",
    batch_size: int = 16,
    trust: bool = False,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> list[Path]:
    """Judge images by a detection bundle.

    Each input gets ``<stem>_anomaly.nii.gz``, the map on its grid, with a JSON sidecar, and ``<stem>_anomaly.png``, an
    overview; all together ``scores.json`` and ``scores.csv``. Files appear together at the end; a failed or cancelled
    run leaves the output folder as it was.

    Args:
        bundle: name or path of a detection bundle.
        inputs: NIfTI, NRRD, PNG, TIFF or DICOM files, folders with a DICOM series, or ``.npz`` archives with
            ``images``, of which each is judged.
        output: folder of the results.
        rate: false-positive rate of the threshold; by default the bundle's.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        batch_size: slices at once.
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.
        progress: told as the work goes on.
        cancel: asked after each batch.

    Returns:
        ``scores.json``, ``scores.csv``, then map and picture of each image.

    Raises:
        InputError: an argument or an image cannot be used, or the output cannot be written.
        WeightsError: weights missing, altered or unsafe.
        InvalidResultError: a result is not finite.
        Cancelled: ``cancel`` answered True.
    """
    from monai_gan.bundle import BundleInfo, find_bundle

    info = BundleInfo.from_path(find_bundle(bundle))
    check_task(info, ("anomaly_detection",))
    sources = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    if not sources:
        raise InputError("inputs is empty: give at least one image.")
    paths = [Path(source).expanduser() for source in sources]
    total = sum(_count(path) for path in paths)

    def report(fraction: float, phase: str, message: str = "") -> None:
        check_cancel(cancel)
        if progress is not None:
            progress(Progress(fraction, phase, message, None))

    names: list[str] = []
    records: list[dict[str, Any]] = []
    with OutputFolder(output) as place:
        report(0.0, "loading", f"Loading {info.name}")
        detector: AnomalyDetector = load(info.path, device=device, trust=trust)
        for stem, image in _images(paths, info.spatial_dims):
            if any(record["name"] == stem for record in records):
                raise InputError(f"Two inputs are called '{stem}', so that their results would be one: rename one.")
            try:
                result = detector(image, rate=rate, batch_size=batch_size, cancel=cancel)
            except InputError as error:
                raise InputError(f"'{stem}': {error}") from error
            with place.writing():
                names += _write(place.staging, stem, image, result)
            records.append(_record(stem, result))
            report(len(records) / total, info.task, stem)
        with place.writing():
            names = _write_tables(place.staging, info, records) + names
        place.publish()
    return [place.output / name for name in names]


def _count(path: Path) -> int:
    from monai_gan.data.archive import read_archive

    return len(read_archive(path)) if path.suffix == ".npz" else 1


def _images(paths: Sequence[Path], spatial_dims: int) -> Iterator[tuple[str, Tensor]]:
    """Each image with the stem of its results."""
    import torch

    from monai_gan.data import read_image
    from monai_gan.data.archive import read_archive

    for path in paths:
        stem = path.name.split(".")[0] or path.name
        if path.suffix != ".npz":
            yield stem, read_image(path)
            continue
        images = read_archive(path).images
        digits = max(4, len(str(len(images) - 1)))
        for number in range(len(images)):
            array = torch.from_numpy(images[number].copy())
            # Without a channel axis, or with one: what is left beside it are the axes of an image or a volume.
            channels = array.ndim > spatial_dims and array.ndim > 2 and array.shape[0] <= 4
            yield f"{stem}_{number:0{digits}d}", array if channels else array[None]


def _write(folder: Path, stem: str, image: Tensor, result: AnomalyResult) -> list[str]:
    from PIL import Image

    from monai_gan.apps.overview import overview
    from monai_gan.data import write_image

    name = f"{stem}_anomaly"
    written = write_image(folder / f"{name}.nii.gz", result.map, provenance=result.provenance)
    shown = overview(_to_look_at(image, result.map), _to_look_at(result.map, result.map))
    Image.fromarray(shown).save(folder / f"{name}.png")
    return [written.name, f"{name}.png"]


def _to_look_at(image: Tensor | MetaTensor, grid: MetaTensor) -> Tensor:
    """The image; a volume with the patient's left on the right, the front above, as radiologists look at slices."""
    from torch import Tensor

    from monai_gan.data.orientation import Orientation

    plain = image.detach().as_subclass(Tensor)
    return plain if plain.ndim == 3 else Orientation.of(grid.affine.numpy(), "LAS").apply(plain)


def _record(stem: str, result: AnomalyResult) -> dict[str, Any]:
    return {
        "name": stem,
        "score": result.score,
        "percentile": result.percentile,
        "p_value": result.p_value,
        "threshold": result.threshold,
        "is_anomalous": result.is_anomalous,
        "regions": result.regions,
        "slices": result.slices,
        "report": result.report,
    }


def _write_tables(folder: Path, info: BundleInfo, records: list[dict[str, Any]]) -> list[str]:
    bundle = {"name": info.name, "version": info.version, "checksum": info.weights_sha256}
    content = {"bundle": bundle, "not_for_diagnosis": True, "images": records}
    (folder / "scores.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for record in records:
            row = {**record, "regions": len(record["regions"]), "warnings": " ".join(record["report"]["warnings"])}
            table.writerow(["" if row[column] is None else row[column] for column in COLUMNS])
    return ["scores.json", "scores.csv"]
