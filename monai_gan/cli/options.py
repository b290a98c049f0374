"""Arguments that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Bundle = Annotated[str, typer.Argument(metavar="BUNDLE", help="Name of a bundle, or path of its folder or zip.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Folder for the results; made when missing.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Trust = Annotated[bool, typer.Option("--trust", help="Allow a bundle whose configuration runs code of its own.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
