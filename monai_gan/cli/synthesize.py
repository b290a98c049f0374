"""`monai-gan synthesize`."""

from __future__ import annotations

from typing import Annotated

import typer

from monai_gan.cli import console
from monai_gan.cli.interrupt import cancel_on_interrupt
from monai_gan.cli.options import Bundle, Device, Json, Output, Trust


def synthesize(
    bundle: Bundle,
    output: Output,
    n: Annotated[int, typer.Option("-n", "--number", help="Number of images.")] = 16,
    seed: Annotated[int, typer.Option("--seed", help="0 to 2**63 - 1; the same seed gives the same images.")] = 0,
    format: Annotated[
        str | None, typer.Option("--format", help="nii.gz, nrrd, png or dcm; by default png in 2-D and nii.gz in 3-D.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            help="Class by name or number, for all images, or A,B,C with one for each; without it all in turn.",
        ),
    ] = None,
    truncation: Annotated[
        float, typer.Option("--truncation", help="Above 0 and at most 1; lower is more typical and less varied.")
    ] = 1.0,
    direction: Annotated[
        str | None, typer.Option("--direction", help="Shift all styles in a direction, by name or number (StyleGAN2).")
    ] = None,
    strength: Annotated[
        float, typer.Option("--strength", help="Of the shift, in standard deviations; may be negative.")
    ] = 1.0,
    device: Device = "auto",
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help="Images computed at once on a GPU; images do not depend on it.")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Also write an overview, <bundle>_s<seed>_grid.png.")] = False,
    traversal: Annotated[
        bool, typer.Option("--traversal", help="Also draw what codes or directions do, <bundle>_..._traversal.png.")
    ] = False,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Write synthetic images, each with a JSON file that says how it was made.

    Example: monai-gan synthesize chest_xray_wgan_gp -n 16 --seed 0 -o out
    """
    from monai_gan.apps.synthesize import synthesize as write_images

    with cancel_on_interrupt() as cancel, console.progress_bar("Synthesizing") as progress:
        files = write_images(
            bundle,
            n,
            output,
            seed=seed,
            format=format,
            label=_labels(label),
            truncation=truncation,
            direction=direction,
            strength=strength,
            device=device,
            batch_size=batch_size,
            trust=trust,
            grid=grid,
            traversal=traversal,
            progress=progress,
            cancel=cancel,
        )
    if json:
        console.print_json({"files": [str(file.resolve()) for file in files]})
        return
    images = "image" if n == 1 else "images"
    pictures = [name for name, wanted in (("overview", grid), ("traversal", traversal)) if wanted]
    shown = "".join(f", {name} in {file.name}" for name, file in zip(pictures, files[n:], strict=True))
    console.print_line(f"{n} synthetic {images} in {output}{shown}")


def _labels(text: str | None) -> str | list[str] | None:
    if text is None or "," not in text:
        return text
    return [part.strip() for part in text.split(",")]
