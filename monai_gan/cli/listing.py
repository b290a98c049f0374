"""`monai-gan list`."""

from __future__ import annotations

from typing import Annotated

import typer

from monai_gan.cli import console
from monai_gan.cli.options import Json


def list_command(
    task: Annotated[str | None, typer.Option("--task", help="Only bundles of this task, such as synthesis.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also configurations without weights, to be trained on your own data.")
    ] = False,
    json: Json = False,
) -> None:
    """List the bundles that are found by name.

    Example: monai-gan list --task synthesis
    """
    from monai_gan.bundle import list_bundles

    found = [info for info in list_bundles(task) if everything or not info.untrained]
    if json:
        console.print_json([info.as_dict() for info in found])
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("name", "variant", "task", "modality", "dims", "resolution"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")  # a name is there to be copied
    table.add_column("quality")
    for info in found:
        size = " x ".join(str(length) for length in info.image_size)
        # Spaces in the name of the figure, so that a narrow terminal breaks it between words.
        quality = ", ".join(part for part in (info.quality, info.headline_text) if part).replace("_", " ")
        dims = f"{info.spatial_dims}-D" if info.spatial_dims else ""
        cells = (info.name, info.variant, info.task, info.modality, dims, size, quality)
        table.add_row(*(escape(cell) for cell in cells))
    if found:
        console.out().print(table)
    else:
        wanted = "" if task is None else f" for the task {escape(repr(task))}"
        console.err().print(f"No bundle is found{wanted}; `monai-gan doctor` shows where they are searched.")
