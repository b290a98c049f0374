"""`monai-gan view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_gan.cli import console


def view(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="NIfTI, NRRD or DICOM file, or the folder of a DICOM series."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; any but this computer's own asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 0,
    token: Annotated[
        str | None,
        typer.Option("--token", envvar="MONAI_GAN_TOKEN", help="What a browser has to show; by default a random one."),
    ] = None,
    max_upload: Annotated[int, typer.Option("--max-upload", help="Megabytes of one upload.")] = 512,
    browser: Annotated[bool, typer.Option(help="Open the page in this computer's browser.")] = False,
) -> None:
    """Look at images in a browser, run bundles on them, and compare; until Ctrl-C.

    Example: monai-gan view t1.nii.gz
    """
    from monai_gan.viewer import check_address, serve

    def say(url: str) -> None:
        console.print_line(f"The viewer is at {url}")

    serve(check_address(host, port, token), file, max_upload=max_upload, ready=say, open_browser=browser)
