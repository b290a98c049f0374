"""`monai-gan translate` and `monai-gan enhance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monai_gan.cli import console
from monai_gan.cli.interrupt import cancel_on_interrupt
from monai_gan.cli.options import Bundle, Device, Json, Trust

Input = Annotated[
    Path, typer.Argument(metavar="INPUT", help="NIfTI, NRRD, PNG, TIFF or DICOM file, or the folder of a DICOM series.")
]
Output = Annotated[
    Path, typer.Option("-o", "--output", help="A file by its ending, or a folder for <input>_<bundle>.<format>.")
]
Format = Annotated[
    str | None, typer.Option("--format", help="nii.gz, nrrd, png or dcm; by default as the output or the input is.")
]
Label = Annotated[
    str | None, typer.Option("--label", help="Direction by name or number, for a bundle that has several.")
]
Uncertainty = Annotated[
    bool, typer.Option("--uncertainty", help="Also write a map of how far slightly changed inputs change the result.")
]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", help="Slices or windows at once; by default what the free memory allows.")
]


def translate(
    bundle: Bundle,
    input: Input,
    output: Output,
    format: Format = None,
    label: Label = None,
    uncertainty: Uncertainty = False,
    device: Device = "auto",
    batch_size: BatchSize = None,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Translate an image to another contrast or modality, on the same grid.

    Example: monai-gan translate brain_t1_to_t2_pix2pix t1.nii.gz -o t2.nii.gz
    """
    from monai_gan.apps.volumes import translate as convert

    options = {"format": format, "label": label, "uncertainty": uncertainty, "device": device}
    _convert(convert, "Translating", bundle, input, output, json, batch_size=batch_size, trust=trust, **options)


def enhance(
    bundle: Bundle,
    input: Input,
    output: Output,
    format: Format = None,
    label: Label = None,
    uncertainty: Uncertainty = False,
    device: Device = "auto",
    batch_size: BatchSize = None,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Give an image a higher resolution or less noise, in its own units.

    Example: monai-gan enhance my_bundle scan.nii.gz -o better.nii.gz
    """
    from monai_gan.apps.volumes import enhance as convert

    options = {"format": format, "label": label, "uncertainty": uncertainty, "device": device}
    _convert(convert, "Enhancing", bundle, input, output, json, batch_size=batch_size, trust=trust, **options)


def _convert(convert: Any, doing: str, bundle: str, input: Path, output: Path, json: bool, **options: Any) -> None:
    from monai_gan.data.provenance import read_provenance

    with cancel_on_interrupt() as cancel, console.progress_bar(doing) as progress, console.warnings_as_lines():
        files = convert(bundle, input, output, progress=progress, cancel=cancel, **options)
    if json:
        written = read_provenance(files[0])
        report = {} if written is None else written.extra["report"]
        console.print_json({"files": [str(file.resolve()) for file in files], "report": report})
        return
    console.print_line(f"{' and '.join(str(file) for file in files)} (synthetic; not for diagnosis)")
