"""The embedded demo: made from the template alone, the same each time, and asked for by name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from monai_gan.data import ImageDataset
from monai_gan.data.demo import TEMPLATE, demo_table, template_path
from monai_gan.errors import InputError, MissingExtraError

needs_template = pytest.mark.skipif(
    importlib.util.find_spec("nilearn") is None, reason="the extra [demo] is not installed"
)


@pytest.fixture(scope="module")
def slices() -> np.ndarray:
    return np.asarray(demo_table(n=24).images)


@needs_template
def test_slices_show_a_varied_head(slices: np.ndarray) -> None:
    assert slices.shape == (24, 64, 64)
    assert slices.dtype == np.uint8
    assert len(np.unique(slices.reshape(24, -1), axis=0)) == 24
    inside, corners = slices[:, 24:40, 24:40], slices[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (inside.mean(axis=(1, 2)) > 40).all()
    assert corners.max() == 0
    # neither cut off nor burnt out
    assert slices[:, [0, -1]].mean() < 1
    assert (slices == 255).mean() < 0.01


@needs_template
def test_heads_stand_upright(slices: np.ndarray) -> None:
    rows, columns = (slices.max(axis=axis) > 30 for axis in (2, 1))
    assert (rows.sum(axis=1) > columns.sum(axis=1)).mean() > 0.9, "a head is longer from front to back than it is wide"


@needs_template
def test_image_depends_on_seed_and_number_alone(slices: np.ndarray) -> None:
    assert (np.asarray(demo_table(n=3).images) == slices[:3]).all()
    assert (np.asarray(demo_table(n=3, seed=1).images) != slices[:3]).any()


@needs_template
def test_volumes_have_the_wanted_size() -> None:
    volumes = np.asarray(demo_table(spatial_dims=3, image_size=(24, 32, 24), n=2).images)
    assert volumes.shape == (2, 24, 32, 24)
    assert (volumes[0] != volumes[1]).any()
    # RAS: the frontal half of the uppermost slices is emptier than the middle ones, and left equals right roughly
    assert volumes[:, :, :, -1].mean() < volumes[:, :, :, 12].mean()


@needs_template
def test_the_demo_is_a_source_and_nilearn_is_not_imported() -> None:
    imported = "nilearn" in sys.modules
    data = ImageDataset("demo:mni152", "val", image_size=16)
    assert data[0]["image"].shape == (1, 16, 16)
    assert len(data) == 51
    assert ("nilearn" in sys.modules) == imported


def test_unknown_demo_is_refused() -> None:
    with pytest.raises(InputError, match="the demo is 'demo:mni152'"):
        ImageDataset("demo:mars")


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'monai-gan\[demo\]'"):
        template_path()


def test_template_is_found_where_the_package_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "nilearn" / "datasets" / "data" / TEMPLATE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    (tmp_path / "nilearn" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "nilearn", raising=False)
    importlib.invalidate_caches()
    assert template_path() == path
