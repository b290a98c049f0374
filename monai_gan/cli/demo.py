"""`monai-gan demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from monai_gan.cli import console
from monai_gan.cli.interrupt import cancel_on_interrupt
from monai_gan.cli.options import Output


def demo(
    output: Output,
    quick: Annotated[bool, typer.Option("--quick", help="Train for seconds only, to see that all runs.")] = False,
) -> None:
    """Do the main job with what comes in the package: synthesize, train a small GAN, write a report.

    Example: monai-gan demo -o demo
    """
    from monai_gan.apps.demo import demo as run_demo

    with cancel_on_interrupt() as cancel:
        # Lines in place of a bar: the training within shows a bar of its own.
        report = run_demo(output, quick=quick, progress=console.progress_lines(), cancel=cancel)
    console.print_line(f"Open {report} in a browser; the images are in the same folder.")
    console.print_line("Next: monai-gan list")
    console.print_line("      monai-gan synthesize chest_xray_wgan_gp -n 16 --seed 1 -o out --grid")
