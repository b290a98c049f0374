"""The report of the demo: one HTML file with its pictures inside."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from monai_gan.atomic import write_atomic

if TYPE_CHECKING:
    import numpy as np

    from monai_gan.apps.demo import DemoTraining

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>monai-gan demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b2733; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid #d5dde5; padding-top: 1.5rem; }
figure { margin: 0; } figcaption { font-size: .9rem; color: #51606e; margin-top: .4rem; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; } .row figure { flex: 1 1 17rem; }
img { width: 100%; border-radius: 4px; } svg { width: 100%; height: auto; }
.note { background: #fff6dd; border-left: 4px solid #e0a800; padding: .6rem 1rem; }
pre { background: #f2f5f8; padding: .8rem 1rem; overflow-x: auto; border-radius: 4px; }
</style></head><body>
<h1>monai-gan demo</h1>
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
<div class="row">
<figure><img src="$real" alt="Real slices"><figcaption>Real (template slices, varied)</figcaption></figure>
<figure><img src="$untrained" alt="Samples before training"><figcaption>Before training</figcaption></figure>
<figure><img src="$trained" alt="Samples after training"><figcaption>After training, same latents</figcaption></figure>
</div>
<h2>3. What to type next</h2>
<pre>$commands</pre>
</body></html>
""")

NEXT_COMMANDS = (
    "monai-gan list",
    "monai-gan info chest_xray_wgan_gp",
    "monai-gan synthesize chest_xray_wgan_gp -n 64 --seed 0 -o out --grid",
    "monai-gan train chest_xray_dcgan -o run dataset_dir=FOLDER_OF_IMAGES",
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
    figures = "".join(
        f'<figure><img src="{_embed(picture.read_bytes())}" alt="Samples of {html.escape(name)}">'
        f"<figcaption>{html.escape(name)}</figcaption></figure>"
        for name, picture in grids.items()
    )
    page = _PAGE.substitute(
        bundles=figures,
        iterations=training.iterations,
        seconds=round(training.seconds),
        first=f"{training.history[0][1]:.2f}",
        last=f"{training.history[-1][1]:.2f}",
        floor=f"{training.floor:.2f}",
        chart=distance_chart(training.history, training.floor),
        real=_embed(_png(training.real)),
        untrained=_embed(_png(training.untrained)),
        trained=_embed(_png(training.trained)),
        commands=html.escape("\n".join(NEXT_COMMANDS)),
    )
    write_atomic(path, page.encode("utf-8"))
    return path


def distance_chart(history: list[tuple[int, float]], floor: float) -> str:
    """The distance over the iterations as SVG, with the floor dashed.

    Args:
        history: pairs (iteration, distance), at least one.
        floor: the distance of real images.
    """
    width, height, left, bottom = 860, 240, 50, 30
    last = max(history[-1][0], 1)
    top = max(value for _, value in history) * 1.05

    def place(iteration: float, value: float) -> str:
        x = left + (width - left - 10) * iteration / last
        return f"{x:.1f},{(height - bottom) * (1 - value / top) + 5:.1f}"

    line = " ".join(place(*point) for point in history)
    start, end = place(0, floor), place(last, floor)
    floor_y = float(start.split(",")[1])
    return (
        f'<svg viewBox="0 0 {width} {height + 15}" role="img" aria-label="Distance to held-out images over training">'
        f'<line x1="{left}" y1="{height - bottom + 5}" x2="{width - 10}" y2="{height - bottom + 5}" stroke="#8795a1"/>'
        f'<line x1="{left}" y1="5" x2="{left}" y2="{height - bottom + 5}" stroke="#8795a1"/>'
        f'<polyline points="{start} {end}" fill="none" stroke="#51606e" stroke-dasharray="5 4"/>'
        # On the left, where the curve is still far above.
        f'<text x="{left + 8}" y="{floor_y - 6:.1f}" font-size="13">real images</text>'
        f'<polyline points="{line}" fill="none" stroke="#0b6bcb" stroke-width="2.5"/>'
        f'<text x="{left - 6}" y="16" text-anchor="end" font-size="13">{top:.1f}</text>'
        f'<text x="{left - 6}" y="{height - bottom + 9}" text-anchor="end" font-size="13">0</text>'
        f'<text x="{width - 10}" y="{height - 4}" text-anchor="end" font-size="13">{last} generator steps</text></svg>'
    )


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def _embed(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
