"""`monai-gan evaluate`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from monai_gan.cli import console
from monai_gan.cli.interrupt import cancel_on_interrupt
from monai_gan.cli.options import Device, Json, Output, Trust
from monai_gan.errors import InputError


def evaluate(
    output: Output,
    bundle: Annotated[
        str | None, typer.Argument(metavar="[BUNDLE]", help="A bundle to sample from; or give --synthetic.")
    ] = None,
    real: Annotated[
        str | None,
        typer.Option("--real", help="Folder, .npz or named set of real images; by default the bundle's own data."),
    ] = None,
    synthetic: Annotated[
        str | None, typer.Option("--synthetic", help="Folder, .npz or named set of synthetic images, or a bundle.")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option("--train", help="The images that the model was trained on, to look for copies of them."),
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", "--number", help="Images per row; by default all of the smallest set.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of samples and of every other random choice.")] = 0,
    extractor: Annotated[
        str, typer.Option("--extractor", help="Feature extractor; all but the default need --weights.")
    ] = "efficientnet_lite0",
    weights: Annotated[Path | None, typer.Option("--weights", help="File with the extractor's weights.")] = None,
    image_size: Annotated[int | None, typer.Option("--image-size", help="Resize all images to this.")] = None,
    channels: Annotated[int | None, typer.Option("--channels", help="Of images from files; by default 1.")] = None,
    dims: Annotated[int | None, typer.Option("--dims", help="2 or 3, of images from files; by default 2.")] = None,
    memorisation: Annotated[
        bool, typer.Option(help="Compare with the training images where they are known, which takes the most time.")
    ] = True,
    device: Device = "auto",
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Compare synthetic with real images: report.json for programs, report.html for people.

    Example: monai-gan evaluate --real my_images --synthetic out -o report
    """
    from monai_gan.apps.evaluate import evaluate as write_reports
    from monai_gan.bundle.files import read_json

    if (bundle is None) == (synthetic is None):
        given = "both" if bundle is not None else "neither"
        raise InputError(f"BUNDLE or --synthetic says what to evaluate: give one of them ({given} was given).")
    with (
        warnings.catch_warnings(record=True) as caught,
        cancel_on_interrupt() as cancel,
        console.progress_bar("Evaluating") as progress,
    ):
        warnings.simplefilter("always", UserWarning)
        report, page = write_reports(
            bundle or synthetic or "",
            output,
            real=real,
            train=train,
            n=n,
            seed=seed,
            extractor=extractor,
            extractor_weights=weights,
            image_size=image_size,
            memorisation=memorisation,
            channels=channels,
            spatial_dims=dims,
            device=device,
            trust=trust,
            progress=progress,
            cancel=cancel,
        )
    for text in dict.fromkeys(str(one.message) for one in caught):
        console.err().print(f"Note: {text}", markup=False, soft_wrap=True)
    document = read_json(report)
    if json:
        console.print_json(document)
        return
    for sentence in document["verdict"]["sentences"]:
        console.print_line(sentence)
    console.print_line(f"Open {page} in a browser; the figures are in {report.name} beside it.")
