"""The page on detectors: figures, curves and maps, in one file."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_gan.apps import detection_report
from monai_gan.errors import InputError
from monai_gan.metrics import DetectionTruth
from monai_gan.networks.nets import Detection


def scene(spatial_dims: int = 2) -> tuple[torch.Tensor, dict[str, Detection], DetectionTruth]:
    """Twelve images, of which every other one has a spot that the first detector sees; the last has no map."""
    images = torch.rand(12, 1, *[16] * spatial_dims, generator=torch.Generator().manual_seed(0)) - 1
    masks = torch.zeros_like(images, dtype=torch.bool)
    masks[(slice(1, None, 2), 0, *[slice(5, 9)] * spatial_dims)] = True
    images[masks] += 0.8
    seen = Detection(images.flatten(1).amax(1), (images + 1) * masks, images)
    blind = Detection(torch.arange(12.0), torch.zeros_like(images), images)
    return images, {"a <b>": seen, "blind": blind}, DetectionTruth(np.arange(12) % 2 == 1, masks=masks)


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found]


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_page_shows_figures_curves_and_maps(tmp_path: Path, spatial_dims: int) -> None:
    path = detection_report(tmp_path / "new" / "report.html", "Spots & dots", *scene(spatial_dims))
    page = path.read_text()
    assert "Spots &amp; dots" in page
    assert "a &lt;b&gt;" in page
    assert "<b>" not in page
    assert "1.000<small>1.000 to 1.000</small>" in page
    assert page.count("<polyline") == 2
    assert len(pictures(page)) == 2, "anomalous and normal by the one that has maps"
    anomalous = pictures(page)[0].astype(int)
    assert (anomalous[..., 0] - anomalous[..., 2]).max() > 60, "the spot is red"


def test_maps_may_be_finer_than_the_images(tmp_path: Path) -> None:
    images, found, truth = scene()
    coarse = torch.nn.functional.avg_pool2d(images, 2)
    assert detection_report(tmp_path / "page.html", "Spots", coarse, found, truth).is_file()


def test_scores_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    images, found, truth = scene()
    with pytest.raises(InputError, match="a score of each of 3 images"):
        detection_report(tmp_path / "page.html", "Spots", images[:3], found, truth)
    assert not (tmp_path / "page.html").exists()
