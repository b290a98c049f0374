"""`monai-gan detect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_gan.cli import console
from monai_gan.cli.interrupt import cancel_on_interrupt
from monai_gan.cli.options import Bundle, Device, Json, Output, Trust

Inputs = Annotated[
    list[Path],
    typer.Argument(metavar="INPUT...", help="NIfTI, NRRD, PNG, TIFF, DICOM or .npz files, or folders of DICOM series."),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", help="Share of normal images that may be called anomalous; by default the bundle's."),
]
BatchSize = Annotated[int, typer.Option("--batch-size", help="Slices at once; results do not depend on it.")]


def detect(
    bundle: Bundle,
    inputs: Inputs,
    output: Output,
    rate: Rate = None,
    device: Device = "auto",
    batch_size: BatchSize = 16,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Look for anomalies: a map and a picture per image, scores that say how unusual each is.

    Example: monai-gan detect my_detector scan.nii.gz -o findings
    """
    import json as json_module

    from monai_gan.apps.detect import detect as run

    options = {"rate": rate, "device": device, "batch_size": batch_size, "trust": trust}
    with cancel_on_interrupt() as cancel, console.progress_bar("Detecting") as progress, console.warnings_as_lines():
        files = run(bundle, inputs, output, progress=progress, cancel=cancel, **options)  # type: ignore[arg-type]
    found = json_module.loads(files[0].read_text(encoding="utf-8"))
    if json:
        console.print_json({"files": [str(file.resolve()) for file in files], **found})
        return
    for image in found["images"]:
        console.print_line(f"{image['name']}: score {image['score']:.4g}. {image['report']['statement']}")
    console.print_line(f"{files[0]} (not for diagnosis)")
