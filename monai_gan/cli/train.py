"""`monai-gan train`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from monai_gan.cli import console
from monai_gan.cli.interrupt import cancel_on_interrupt
from monai_gan.cli.options import Bundle, Device, Output, Trust
from monai_gan.errors import Cancelled


def train(
    bundle: Bundle,
    output: Output,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Changed values of the bundle's train.json, by their id."),
    ] = None,
    device: Device = "auto",
    trust: Trust = False,
    weights: Annotated[
        str | None,
        typer.Option("--weights", help="Bundle or file whose weights the generator begins with; random without."),
    ] = None,
) -> None:
    """Train a bundle's networks; the same command goes on from the last checkpoint.

    Ctrl-C stops after the current step and writes a checkpoint; a second Ctrl-C stops at once.

    Example: monai-gan train chest_xray_wgan_gp -o run max_epochs=20
    """
    from monai_gan.apps.train import train as train_bundle
    from monai_gan.bundle import parse_overrides

    changes = parse_overrides(overrides or ())
    notice = "Stopping after this step and writing a checkpoint; press Ctrl-C again to stop at once."
    with cancel_on_interrupt(notice) as cancel:
        try:
            result = train_bundle(bundle, output, changes, device=device, trust=trust, weights=weights, cancel=cancel)
        except Cancelled as error:
            raise Cancelled(str(error), error.hint or "Run the same command again to go on.") from error
    if os.environ.get("RANK", "0") == "0":
        console.print_line(f"Trained: {result}")
