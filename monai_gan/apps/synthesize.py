"""Write synthetic images of a bundle to files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.apps.arguments import check_count, check_seed, check_truncation, choose_classes
from monai_gan.apps.directions import check_direction
from monai_gan.apps.form import choose_format
from monai_gan.apps.jobs import CancelCheck, ProgressCallback, Reporter
from monai_gan.apps.load import check_task, load
from monai_gan.apps.staging import OutputFolder

if TYPE_CHECKING:
    from torch import Tensor

    from monai_gan.apps.synthesizer import Synthesizer

#: Samples whose rows a picture of a traversal shows.
TRAVERSED = 2


def synthesize(
    bundle: str | Path,
    n: int,
    output: str | Path,
    *,
    seed: int = 0,
    format: str | None = None,
    label: int | str | Sequence[int | str] | None = None,
    truncation: float = 1.0,
    direction: str | int | None = None,
    strength: float = 1.0,
    device: str = "auto",
    batch_size: int | None = None,
    trust: bool = False,
    grid: bool = False,
    traversal: bool = False,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> list[Path]:
    """Sample images and write them as ``<bundle>_s<seed>_<index:04d>.<format>``, each with a JSON sidecar.

    All files appear together at the end; a failed or cancelled run leaves the output folder as it was.

    Args:
        bundle: name or path of a synthesis bundle.
        n: number of images, at least 1.
        output: folder, made when missing; files of an earlier run with the same seed are replaced.
        seed: 0 .. 2**63 - 1.
        format: "nii.gz", "nrrd", "dcm" or, in 2-D, "png"; by default PNG in 2-D and NIfTI in 3-D. As DICOM a volume is
            a folder ``<bundle>_s<seed>_<index:04d>`` with a file per slice.
        label: as in `Synthesizer.sample`.
        truncation: as in `Synthesizer.sample`.
        direction: as in `Synthesizer.sample`.
        strength: as in `Synthesizer.sample`.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        batch_size: as in `Synthesizer.sample`.
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.
        grid: also write ``<bundle>_s<seed>_grid.png``, an overview (of middle slices in 3-D).
        traversal: also write ``<bundle>_s<seed>_traversal.png``, what each code does, or each direction (the one given,
            or all that have names) to two samples of the classes of the first images, see `Synthesizer.traversal`.
        progress: told after each image.
        cancel: asked after each image.

    Returns:
        The images in order of their index, then the overview and the traversal when asked for.

    Raises:
        InputError: an argument cannot be used, or the output cannot be written.
        WeightsError: weights missing, altered or unsafe.
        InvalidResultError: an image is not finite or constant.
        GPUMemoryError: out of GPU memory with one image at a time.
        HostMemoryError: out of memory.
        Cancelled: ``cancel`` answered True.
    """
    import torch

    from monai_gan.bundle import BundleInfo, find_bundle
    from monai_gan.data import Provenance, write_image
    from monai_gan.data.geometry import default_affine
    from monai_gan.data.grid import write_grid

    check_count("n", n)
    check_seed(seed)
    info = BundleInfo.from_path(find_bundle(bundle))
    check_task(info, ("synthesis",))
    ending = choose_format(info, format)
    check_truncation(info, truncation)
    classes = choose_classes(info, label, n)
    check_direction(info, direction, strength)

    reporter = Reporter(n + 1, progress, cancel, phase="loading")
    shift = {} if direction is None else {"direction": direction, "strength": strength}
    origin = Provenance(info.name, info.version, info.weights_sha256, seed, truncation=truncation, extra=shift)
    names: list[str] = []
    shown: list[Tensor] = []
    with OutputFolder(output) as folder:
        reporter.start("loading", f"Loading {info.name}")
        model: Synthesizer = load(info.path, device=device, trust=trust)
        # First, so that a model without codes and styles is refused before the work.
        varied = None
        if traversal:
            wanted = None if label is None or classes is None else [classes[i % n] for i in range(TRAVERSED)]
            shown_classes = choose_classes(info, wanted, TRAVERSED)
            varied = model.traversal(TRAVERSED, seed, label=shown_classes, direction=direction, truncation=truncation)
        reporter.phase = "sampling"
        reporter.advance(1, f"Sampling on {model.device}")
        spacing = info.extra.get("spacing_mm")
        affine = None if spacing is None else default_affine(info.spatial_dims, spacing)
        write = partial(write_image, affine=affine, bits=model.scale.png_bits or None, units=model.scale.units)
        options: dict[str, Any] = {"label": label, "truncation": truncation, "batch_size": batch_size}
        for images in model.batches(n, seed, direction=direction, strength=strength, **options):
            for image in images:
                index = len(names)
                name = f"{info.name}_s{seed}_{index:04d}.{ending}"
                one = replace(origin, index=index, label=None if classes is None else model.labels[classes[index]])
                with folder.writing():
                    names.append(write(folder.staging / name, image, provenance=one).name)
                reporter.advance(1, f"{len(names)} of {n}")
            if grid:
                shown.append(_middle(images))
        draw = partial(write_grid, value_range=(model.scale.minimum, model.scale.maximum))
        if grid:
            names.append(f"{info.name}_s{seed}_grid.png")
            with folder.writing():
                draw(folder.staging / names[-1], torch.cat(shown), replace(origin, extra={**shift, "overview_of": n}))
        if varied is not None:
            names.append(f"{info.name}_s{seed}_traversal.png")
            images, columns = varied
            with folder.writing():
                shown_at = truncation if model.codes is None else 1.0  # codes are traversed without truncation
                told: dict[str, Any] = {"traversal_of": model.traversed(direction)}
                if shown_classes is not None:
                    told["labels"] = [model.labels[one] for one in shown_classes]
                overview = replace(origin, truncation=shown_at, extra=told)
                draw(folder.staging / names[-1], _middle(images), overview, columns=columns)
        folder.publish()
    return [folder.output / name for name in names]


def _middle(images: Tensor) -> Tensor:
    """Images (N, C, H, W) to show: 2-D as they are, of volumes (N, C, X, Y, Z) the middle slice of Z, upright."""
    if images.ndim == 4:
        return images
    return images[..., images.shape[-1] // 2].transpose(2, 3).flip(2)
