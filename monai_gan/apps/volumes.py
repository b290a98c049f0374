"""Translate or enhance an image file: same geometry, a sidecar that says how, nothing half written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.apps.form import known_format
from monai_gan.apps.jobs import CancelCheck, Progress, ProgressCallback, check_cancel
from monai_gan.apps.load import check_task, load
from monai_gan.apps.staging import OutputFolder
from monai_gan.apps.volume_archive import archive_name, convert_table, is_archive, write_archive
from monai_gan.errors import InputError

if TYPE_CHECKING:
    from monai.data.meta_tensor import MetaTensor

    from monai_gan.apps.volume_model import VolumeModel, VolumeResult

#: Share of a job that reading, loading and writing take in its progress.
_AROUND = 0.05


def translate(
    bundle: str | Path,
    input: str | Path,
    output: str | Path,
    *,
    format: str | None = None,
    label: int | str | None = None,
    uncertainty: bool = False,
    device: str = "auto",
    batch_size: int | None = None,
    trust: bool = False,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> list[Path]:
    """Translate an image to another contrast or modality, on the same grid.

    All files appear together at the end; a failed or cancelled run leaves the output folder as it was.

    Args:
        bundle: name or path of a translation bundle.
        input: a NIfTI, NRRD, PNG, TIFF or DICOM file, or a folder with a DICOM series; a 4-D file is
            worked on frame by frame. Also an ``.npz`` with ``images`` (N, rows, columns) or (N, X, Y, Z), each worked
            on and scaled for itself; the result is an ``.npz`` with what else it knows of them.
        output: a file by its ending, or a folder, which gets ``<input>_<bundle>.<format>``.
        format: "nii.gz", "nrrd", "png" (2-D) or "dcm"; by default that of ``output``, else that of the input.
        label: direction by number or name, for a bundle that has several.
        uncertainty: also write ``..._uncertainty``, the spread of the results of slightly changed inputs.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        batch_size: slices or windows at once; by default as many as the free memory allows.
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.
        progress: told as the work goes on.
        cancel: asked after each batch.

    Returns:
        The result, then the uncertainty when asked for. Each has a JSON sidecar, whose ``extra.report`` gives units,
        warnings and the consistency of the edges.

    Raises:
        InputError: an argument or the image cannot be used, or the output cannot be written.
        WeightsError: weights missing, altered or unsafe.
        InvalidResultError: the result is not finite or constant.
        GPUMemoryError, HostMemoryError: even the smallest pieces do not fit.
        Cancelled: ``cancel`` answered True.
    """
    return _convert(
        "translation", bundle, input, output, format, label, uncertainty, device, batch_size, trust, progress, cancel
    )


def enhance(
    bundle: str | Path,
    input: str | Path,
    output: str | Path,
    *,
    format: str | None = None,
    label: int | str | None = None,
    uncertainty: bool = False,
    device: str = "auto",
    batch_size: int | None = None,
    trust: bool = False,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> list[Path]:
    """Give an image a higher resolution or less noise, in its own units; otherwise as `translate`.

    A result of higher resolution fills the same box: its voxels are smaller and its first voxel's centre lies where
    that of the finer grid is.
    """
    return _convert(
        "enhancement", bundle, input, output, format, label, uncertainty, device, batch_size, trust, progress, cancel
    )


def _convert(
    task: str,
    bundle: str | Path,
    input: str | Path,
    output: str | Path,
    format: str | None,
    label: int | str | None,
    uncertainty: bool,
    device: str,
    batch_size: int | None,
    trust: bool,
    progress: ProgressCallback | None,
    cancel: CancelCheck | None,
) -> list[Path]:
    from monai_gan.bundle import BundleInfo, find_bundle
    from monai_gan.data import read_image
    from monai_gan.data.archive import read_archive

    info = BundleInfo.from_path(find_bundle(bundle))
    check_task(info, (task,))
    source, target = Path(input).expanduser(), Path(output).expanduser()
    archive = is_archive(source)
    if archive and (uncertainty or format is not None):
        raise InputError(f"input='{source}' is an archive, which becomes one: leave uncertainty and format out.")
    if not archive and is_archive(target) and not target.is_dir():
        raise InputError(f"output='{target}' is an archive, but input='{source}' is not: give another ending.")
    folder, name = archive_name(source, target, info.name) if archive else _place(source, target, info.name, format)

    def report(fraction: float, phase: str, message: str = "", seconds_left: float | None = None) -> None:
        check_cancel(cancel)
        if progress is not None:
            progress(Progress(fraction, phase, message, seconds_left))

    def inner(step: Progress) -> None:
        report(_AROUND + (1 - 2 * _AROUND) * step.fraction, step.phase, step.message, step.seconds_left)

    report(0.0, "reading", f"Reading {source.name}")
    image: Any = read_archive(source) if archive else read_image(source)
    with OutputFolder(folder) as place:
        report(_AROUND / 2, "loading", f"Loading {info.name}")
        model: VolumeModel = load(info.path, device=device, trust=trust)  # type: ignore[assignment]
        options: dict[str, Any] = {"label": label, "batch_size": batch_size, "progress": inner, "cancel": cancel}
        if archive:
            images, origin = convert_table(image, model, **options)
        else:
            result = model.run(image, uncertainty=uncertainty, **options)
        report(1 - _AROUND, "writing", f"Writing {name}")
        with place.writing():
            if archive:
                names = write_archive(place.staging / name, images, image, origin)
            else:
                names = _write(place.staging, name, result, source)
        report(1.0, "writing", f"{len(names)} written")
        place.publish()
    return [place.output / one for one in names]


def _write(folder: Path, name: str, result: VolumeResult, source: Path) -> list[str]:
    from monai_gan.data import write_image

    units = str(result.report["units"])

    def write(name: str, image: MetaTensor) -> str:
        whole = not image.dtype.is_floating_point and int(image.min()) >= 0
        bits = (8 if int(image.max()) < 256 else 16) if whole else None
        return write_image(
            folder / name, image, provenance=result.provenance, bits=bits, units=units, source=source
        ).name

    names = [write(name, result.image)]
    if result.uncertainty is not None:
        stem, ending = _split(name)
        ending = "nii.gz" if ending == "png" else ending  # real values
        names.append(write(f"{stem}_uncertainty.{ending}", result.uncertainty))
    return names


def _place(source: Path, output: Path, bundle: str, format: str | None) -> tuple[Path, str]:
    """Folder and file name of the result."""
    wanted = None if format is None else known_format(format)
    _, ending = _split(output.name)
    if ending and not output.is_dir():
        if wanted not in (None, ending):
            raise InputError(f"output='{output}' and format={format!r} disagree: leave one of them out.")
        return output.parent, output.name
    return output, f"{source.name.split('.')[0] or source.name}_{bundle}.{wanted or _format_like(source)}"


def _format_like(source: Path) -> str:
    """The format to write that is nearest to that of a file."""
    from monai_gan.data.formats import NRRD, PICTURES, has_extension, is_dicom

    if source.is_dir() or is_dicom(source):
        return "dcm"
    if has_extension(source, NRRD):
        return "nrrd"
    return "png" if has_extension(source, PICTURES) else "nii.gz"


def _split(name: str) -> tuple[str, str]:
    """Stem and ending of a name, the ending being one that can be written, else empty."""
    from monai_gan.data.write import FORMATS

    for ending in FORMATS:
        if name.lower().endswith(f".{ending}"):
            return name[: -len(ending) - 1], ending
    return (name[:-4], "nii.gz") if name.lower().endswith(".nii") else (name, "")
