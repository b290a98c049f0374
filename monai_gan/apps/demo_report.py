"""The report of the demo: one HTML file with its pictures inside."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from monai_gan.apps.charts import BLUE, MUTED, Axis, Line, line_chart
from monai_gan.apps.pages import page, picture
from monai_gan.atomic import write_atomic

if TYPE_CHECKING:
    from monai_gan.apps.demo import DemoTraining

_BODY = Template("""<h1>monai-gan demo</h1>
<p class="note">Every image on this page but those marked as real is synthetic.
None shows a patient; none is for clinical use.</p>
<h2>1. Chest X-rays from shipped weights</h2>
<p>64 px images, drawn with seed 0. The files lie in <code>chest_xray/</code> (PNG) and <code>chest_xray_nifti/</code>
(NIfTI); each says in its header and in the JSON file beside it which bundle, weights and seed made it.</p>
<div class="row">$bundles</div>
<h2>2. A small GAN, trained just now</h2>
<p>$iterations generator steps in $seconds seconds on slices of the MNI152 template, bent and shaded at random.
The sliced Wasserstein distance to slices that were not trained on went from <b>$first</b> to <b>$last</b>;
real training slices are at $floor.</p>
$chart
<div class="row">$real$untrained$trained</div>
<h2>3. What to type next</h2>
<pre>$commands</pre>""")

NEXT_COMMANDS = (
    "monai-gan list",
    "monai-gan info chest_xray_wgan_gp",
    "monai-gan synthesize chest_xray_wgan_gp -n 64 --seed 0 -o out --grid",
    "monai-gan train chest_xray_dcgan -o run dataset_dir=FOLDER_OF_IMAGES",
    "monai-gan evaluate --real FOLDER_OF_IMAGES --synthetic out -o report",
)


def write_report(path: Path, grids: Mapping[str, Path], training: DemoTraining) -> Path:
    """Write the report in one step.

    Args:
        path: where to.
        grids: picture of samples by bundle name.
        training: the outcome of the training.

    Returns:
        ``path``.

    Raises:
        InputError: if it cannot be written.
    """
    body = _BODY.substitute(
        bundles="".join(
            picture(grid.read_bytes(), name, alternative=f"Samples of {name}") for name, grid in grids.items()
        ),
        iterations=training.iterations,
        seconds=round(training.seconds),
        first=f"{training.history[0][1]:.2f}",
        last=f"{training.history[-1][1]:.2f}",
        floor=f"{training.floor:.2f}",
        chart=distance_chart(training.history, training.floor),
        real=picture(training.real, "Real (template slices, varied)"),
        untrained=picture(training.untrained, "Before training"),
        trained=picture(training.trained, "After training, same latents"),
        commands=html.escape("\n".join(NEXT_COMMANDS)),
    )
    write_atomic(path, page("monai-gan demo", body))
    return path


def distance_chart(history: list[tuple[int, float]], floor: float) -> str:
    """The distance over the iterations as SVG, with the floor dashed.

    Args:
        history: pairs (iteration, distance), at least one.
        floor: the distance of real images.
    """
    last = max(history[-1][0], 1)
    top = max(value for _, value in history) * 1.05
    return line_chart(
        [
            Line("samples", history, BLUE),
            Line("real images", [(0, floor), (last, floor)], MUTED, dashed=True),
        ],
        Axis("generator steps", [(0, "0"), (last, str(last))]),
        Axis("distance", [(0, "0"), (top, f"{top:.1f}")]),
        title="Distance to held-out images over training",
    )
