"""The report of an evaluation for people: one HTML file with its pictures, curves and table inside."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

import torch
from torch import Tensor

from monai_gan.apps.charts import BLUE, GREY, INK, ORANGE, Axis, Line, line_chart
from monai_gan.apps.evaluation_classes import class_table
from monai_gan.apps.evaluation_sets import LINEAR, MODEL, UNTRAINED, EvaluationSets
from monai_gan.apps.evaluation_views import OTHER_REAL, REAL
from monai_gan.apps.pages import page, picture
from monai_gan.data.grid import image_grid
from monai_gan.metrics import FLOOR, Evaluation, Figure

#: Images in each overview.
SHOWN = 36

_BODY = Template("""<h1>How good is $title?</h1>
<p class="note">Images called synthetic on this page show no patient, and none is for clinical use.
The figures compare $n images per row.</p>
<div class="verdict">$sentences</div>
<h2>1. Samples</h2>
<p>The first images of each set, not selected.</p>
<div class="pair">$model_grids</div>
<div class="row">$other_grids</div>
<h2>2. Figures</h2>
<div class="wide">$table</div>
<p>$meanings</p>
$classes
<h2>3. The samples that come closest to a real image</h2>
<p>$neighbours_text</p>
<div class="pair">$neighbours</div>
<h2>4. Grey levels and fine detail</h2>
<h3>How often each grey level occurs</h3>
$histogram
<h3>Power by spatial frequency</h3>
<p>As a multiple of the power of the real images: to the left coarse structure, to the right detail of two pixels. Below
1: blurred; above: noise or artefacts. Other real images show how far chance goes.</p>
$spectrum
<h2>5. How it was measured</h2>
$notes
<pre>$details</pre>""")

_COLOURS = {MODEL: BLUE, REAL: INK, OTHER_REAL: INK, LINEAR: ORANGE, UNTRAINED: GREY}
_ARROWS = {"lower": "lower is better", "higher": "higher is better", "equal": "as real images", "half": "50% is right"}
_MEANINGS = {
    "KID": "distance between the sets in the features of a network, unbiased in n",
    "FID": "the same under the assumption of normal distributions, biased in n",
    "precision": "share of the images that lie where real images lie",
    "recall": "share of the real images that the set reaches",
    "density": "how densely real images surround those of the set",
    "coverage": "share of the real images with an image of the set among their neighbours",
    "sliced Wasserstein distance": "distance between patches of pixels",
    "MS-SSIM of pairs": "likeness of two images of one set; above real images: less diverse",
}


def report_page(document: Mapping[str, Any], evaluation: Evaluation, sets: EvaluationSets) -> bytes:
    """The page as bytes.

    Args:
        document: content of report.json.
        evaluation: the table.
        sets: the images.
    """
    title = name_of(document)
    body = _BODY.substitute(
        title=html.escape(title),
        n=evaluation.n,
        sentences="".join(f"<p>{html.escape(sentence)}</p>" for sentence in document["verdict"]["sentences"]),
        model_grids=_grid("Synthetic: this model", sets.rows[MODEL])
        + _grid("Real: the images that all are compared with", sets.reference),
        other_grids="".join(_grid(f"Synthetic: {name}", images) for name, images in sets.rows.items() if name != MODEL),
        table=_table(evaluation),
        meanings=_meanings(evaluation),
        classes=class_table(document["classes"]),
        neighbours_text=html.escape(_neighbours_text(document["neighbours"])),
        neighbours=_neighbours(document["neighbours"], sets),
        histogram=_histogram(document),
        spectrum=_spectrum(document["spectrum"]),
        notes="".join(f"<p>Note: {html.escape(text)}</p>" for text in document["warnings"]),
        details=html.escape(
            json.dumps(
                {
                    "inputs": document["inputs"],
                    "reference": evaluation.reference,
                    "extractor": evaluation.extractor,
                    "settings": evaluation.settings,
                    "monai_gan": document["monai_gan"],
                    "date": document["date"],
                },
                indent=1,
            )
        ),
    )
    return page(f"Evaluation of {title}", body)


def name_of(document: Mapping[str, Any]) -> str:
    """What is evaluated, for headings."""
    made = document["inputs"]["synthetic"]
    return f"{made['bundle']} {made['version']}" if "bundle" in made else str(made["source"])


def upright(images: Tensor) -> Tensor:
    """Images (N, C, H, W) to show: 2-D as they are, of volumes (N, C, X, Y, Z) the middle slice of Z."""
    if images.ndim == 4:
        return images
    return images[..., images.shape[-1] // 2].transpose(2, 3).flip(2)


def _grid(caption: str, images: Tensor) -> str:
    return picture(image_grid(upright(images[:SHOWN])), caption)


def _table(evaluation: Evaluation) -> str:
    names = list(evaluation.figures)
    best = {name: evaluation.best(name) for name in names}
    head = "".join(
        f'<th class="number">{html.escape(info.label)}<br><small>{_ARROWS[info.better]}</small></th>'
        for info in evaluation.figures.values()
    )
    rows = []
    for row in [*(name for name in evaluation.rows if name != FLOOR), FLOOR]:
        kind = {MODEL: ' class="own"', FLOOR: ' class="real"'}.get(row, "")
        cells = "".join(
            f'<td class="number">{_cell(evaluation.rows[row][name], bold=best[name] == row)}</td>' for name in names
        )
        rows.append(f"<tr{kind}><td>{html.escape(row)}</td>{cells}</tr>")
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(figure: Figure, *, bold: bool) -> str:
    value = f"{figure.value:.3f}"
    parts = [f"<b>{value}</b>" if bold else value]
    if figure.sd is not None:
        parts.append(f"<small>± {figure.sd:.3f}</small>")
    if figure.chance is not None:
        parts.append(f"<small>chance {figure.chance[0]:.2f} to {figure.chance[1]:.2f}</small>")
    return "".join(parts)


def _meanings(evaluation: Evaluation) -> str:
    known = [
        f"<b>{html.escape(info.label)}</b>: {_MEANINGS[info.label]}"
        for info in evaluation.figures.values()
        if info.label in _MEANINGS
    ]
    return (
        f"Features of {html.escape(evaluation.extractor['name'])}. Bold: the best row but for real images. "
        + "; ".join(known)
        + "."
    )


def _neighbours_text(found: Mapping[str, Any]) -> str:
    return (
        f"Of {found['samples']} samples, those nearest to any of {found['count']} {found['against']}, by root mean "
        f"square difference of the grey levels in [-1, 1]. A sample lies at {found['median_samples']:.3f} "
        f"(median) from its nearest, a real image that is not among them at {found['median_real']:.3f}. Much smaller "
        "distances, and twins in the pictures, mean that images are repeated."
    )


def _neighbours(found: Mapping[str, Any], sets: EvaluationSets) -> str:
    against = sets.reference if sets.train is None else sets.train
    strips = []
    for shown in found["shown"]:
        sample = sets.rows[MODEL][shown["sample"]]
        strip = torch.cat([sample[None], against[shown["neighbours"]]])
        distances = ", ".join(f"{distance:.3f}" for distance in shown["distances"])
        caption = f"Synthetic {shown['sample']} (left), the nearest real images at {distances}"
        strips.append(picture(image_grid(upright(strip), columns=len(strip)), caption))
    return "".join(strips)


def _histogram(document: Mapping[str, Any]) -> str:
    scale, found = document["inputs"]["images"]["intensity"], document["histogram"]
    (low, high), bins = found["range"], found["bins"]
    # Black borders would flatten all the rest.
    top = 1.3 * max(max(found["rows"][name][1:-1]) for name in (MODEL, REAL))
    return line_chart(
        _lines(found["rows"], [low + (high - low) * (i + 0.5) / bins for i in range(bins)]),
        Axis(scale["units"], [(low + (high - low) * i / 4, f"{low + (high - low) * i / 4:g}") for i in range(5)]),
        Axis("share of the pixels", [(0, "0"), (top / 2, f"{top / 2:.1%}"), (top, f"{top:.1%}")]),
        title="Histograms of the grey levels",
    )


def _spectrum(found: Mapping[str, Any]) -> str:
    real = found["rows"][REAL]
    ratios = {
        name: [power / max(whole, 1e-12) for power, whole in zip(powers, real, strict=True)]
        for name, powers in found["rows"].items()
        if name != REAL
    }
    return line_chart(
        _lines(ratios, found["frequencies"]),
        Axis("cycles per pixel", [(i / 10, f"{i / 10:.1f}") for i in range(6)]),
        Axis("power, real images = 1", [(i / 2, f"{i / 2:g}") for i in range(5)]),
        title="Radial power spectra relative to real images",
    )


def _lines(rows: Mapping[str, Sequence[float]], xs: Sequence[float]) -> list[Line]:
    return [
        Line(name, list(zip(xs, rows[name], strict=True)), colour, dashed=colour == INK)
        for name, colour in _COLOURS.items()
        if name in rows
    ]
