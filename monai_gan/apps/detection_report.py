"""The report of an evaluation of detectors for people: one HTML file with ROC curves and maps inside."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from monai_gan.apps.charts import BLUE, ORANGE, Axis, Line, line_chart
from monai_gan.apps.pages import page, picture
from monai_gan.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from monai_gan.metrics import DetectionTruth, DetectorFigures
    from monai_gan.networks.nets import Detection

#: Images of each kind that are shown.
SHOWN = 4
#: Steps of a drawn curve, at most.
STEPS = 200

_BODY = Template("""<h1>$title</h1>
<p class="note">What detectors say of $n images, $anomalous of them anomalous. Not for diagnosis: an image within the
normal range can show a disease, and one beyond it can be healthy.</p>
<h2>1. Figures</h2>
<p>Areas under the ROC curve of the images, and average precision of the pixels inside the body, with intervals of 95 %
by patient where patients are known. The first detector is compared with the others.</p>
<div class="wide">$table</div>
<h2>2. How many are found at how many false alarms</h2>
$chart
<h2>3. Maps</h2>
<p>Of both kinds the images that score lowest, highest and evenly between by the first detector. Above the image, below
the map in red, up to the highest value in its row.</p>
$maps""")


def detection_report(
    path: str | Path,
    title: str,
    images: Tensor,
    found: Mapping[str, Detection],
    truth: DetectionTruth,
    *,
    n: int = 200,
) -> Path:
    """Write a page with figures, ROC curves and maps of detectors on the same images.

    Args:
        path: of the HTML file; its folder is made when missing.
        title: of the page.
        images: (N, 1, *S) in [-1, 1].
        found: what each detector says of them, the one of interest first; a map that is 0 everywhere is left out.
        truth: of the images.
        n: resamplings of the intervals.

    Returns:
        The path.

    Raises:
        InputError: there is no detector, scores and images do not fit, or the file cannot be written.
    """
    from monai_gan.atomic import atomic_path

    if not found or any(len(one.score) != len(images) for one in found.values()):
        raise InputError(f"The report needs a score of each of {len(images)} images by at least one detector.")
    target = Path(path).expanduser()
    body = _BODY.substitute(
        title=html.escape(title),
        n=len(images),
        anomalous=int(truth.anomalous.sum()),
        table=_table(found, truth, n),
        chart=_curves(found, truth),
        maps=_maps(images, found, truth),
    )
    with atomic_path(target) as file:
        file.write_bytes(page(title, body))
    return target


def _localises(found: Detection) -> bool:
    return bool(found.map.max() > 0)


def _table(found: Mapping[str, Detection], truth: DetectionTruth, n: int) -> str:
    from monai_gan.metrics import detector_figures, paired_differences

    first = next(iter(found))
    differences = paired_differences(found, first, truth, n=n)
    head = "".join(f'<th class="number">{name}</th>' for name in ("image AUROC", "difference of the first", "pixel AP"))
    rows = []
    for name, detection in found.items():
        figures: DetectorFigures = detector_figures(detection, truth, localises=_localises(detection), n=n)
        cells = (figures.auroc, differences.get(name), figures.pixel_average_precision)
        texts = "".join(f'<td class="number">{_cell(value)}</td>' for value in cells)
        kind = ' class="own"' if name == first else ""
        rows.append(f"<tr{kind}><td>{html.escape(name)}</td>{texts}</tr>")
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(value: tuple[float, float, float] | None) -> str:
    if value is None:
        return "-"
    return f"{value[0]:.3f}<small>{value[1]:.3f} to {value[2]:.3f}</small>"


def _curves(found: Mapping[str, Detection], truth: DetectionTruth) -> str:
    from monai_gan.metrics import Ranking

    first, *others = [
        Line(name, _thinned(*Ranking(one.score.numpy(), truth.anomalous).roc()), ORANGE if number else BLUE)
        for number, (name, one) in enumerate(found.items())
    ]
    shares = [(i / 5, f"{i / 5:.0%}") for i in range(6)]
    # More names than two have no room above a chart.
    charts = (
        line_chart(pair, Axis("false alarms", shares), Axis("found", shares), title=f"ROC curves: {pair[-1].label}")
        for pair in ([[first, other] for other in others] or [[first]])
    )
    return f'<div class="pair">{"".join(charts)}</div>'


def _thinned(alarms: np.ndarray, hits: np.ndarray) -> list[tuple[float, float]]:
    """At most so many points as a chart can show, the ends among them."""
    import numpy as np

    kept = np.unique(np.linspace(0, len(alarms) - 1, STEPS).round().astype(int))
    return [(float(alarms[i]), float(hits[i])) for i in kept]


def _maps(images: Tensor, found: Mapping[str, Detection], truth: DetectionTruth) -> str:
    import numpy as np

    from monai_gan.apps.overview import overview

    shown = {name: one for name, one in found.items() if _localises(one)}
    scores = next(iter(found.values())).score.numpy()
    parts = []
    for kind, word in ((True, "anomalous"), (False, "normal")):
        members = np.flatnonzero(truth.anomalous == kind)
        order = members[np.argsort(scores[members], kind="stable")]
        chosen = order[np.unique(np.linspace(0, len(order) - 1, SHOWN).round().astype(int))]
        for name, detection in shown.items():
            full = float(detection.map[chosen].max())
            strips = [overview(_fitting(images[i], detection.map[i]), detection.map[i], full) for i in chosen.tolist()]
            parts.append(picture(np.concatenate(strips, axis=1), f"{name}: {word}"))
    return f'<div class="pair">{"".join(parts)}</div>'


def _fitting(image: Tensor, anomaly: Tensor) -> Tensor:
    """The image at the size of its map."""
    from monai_gan.data.resize import resize

    return resize(image, anomaly.shape[1:])
