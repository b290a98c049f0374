"""`monai-gan provenance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_gan.cli import console
from monai_gan.cli.options import Json
from monai_gan.errors import InputError


def provenance(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An image, a folder of DICOM slices, or the JSON file of an image.")
    ],
    json: Json = False,
) -> None:
    """Tell whether an image says that it is synthetic, where it comes from, and whether its statements agree.

    An image without any mark is told so, with exit code 0; statements that contradict each other end with exit code 2.

    Example: monai-gan provenance out/chest_xray_wgan_gp_s0_0000.png
    """
    from monai_gan.data.provenance_report import check_provenance

    report = check_provenance(file)
    if json:
        console.print_json(report.as_dict())
    else:
        from rich.markup import escape
        from rich.table import Table

        contradictions = report.contradictions()
        for sentence in report.sentences():
            if sentence not in contradictions:
                console.print_line(sentence)
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in report.origin.items():
            table.add_row(escape(name), escape(str(value)))
        if report.origin:
            console.out().print(table)
    if not report.consistent:
        raise InputError(" ".join(report.contradictions()), hint="Trust neither statement; make the image again.")
