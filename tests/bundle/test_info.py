from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monai_gan.bundle import BundleInfo
from monai_gan.bundle.files import sha256_of
from monai_gan.errors import InputError


def test_fields_of_a_listing(bundle: Path) -> None:
    info = BundleInfo.from_path(bundle)
    assert (info.name, info.version, info.variant, info.task) == ("tiny_dcgan", "0.1.0", "DCGAN", "synthesis")
    assert (info.modality, info.spatial_dims, info.image_size, info.quality) == ("noise", 2, (8, 8), "demo")
    assert info.model_card.startswith("# Tiny DCGAN")
    assert info.weights_sha256 == sha256_of(bundle / "models" / "model.pt")
    assert json.loads(json.dumps(info.as_dict()))["name"] == "tiny_dcgan"


def test_headline_is_the_marked_metric(bundle: Path) -> None:
    info = BundleInfo.from_path(bundle)
    assert info.headline is not None
    assert info.headline["name"] == "FID"
    assert info.headline_text == "FID 250 (n=16)"


def test_foreign_bundle_has_empty_fields(bundle: Path, edit: Callable[..., None]) -> None:
    content = json.loads((bundle / "configs" / "metadata.json").read_text())
    del content["monai_gan"]
    (bundle / "configs" / "metadata.json").write_text(json.dumps(content))
    info = BundleInfo.from_path(bundle)
    assert (info.variant, info.task, info.modality, info.quality, info.headline_text) == ("",) * 5
    assert (info.headline, info.weights_sha256, info.spatial_dims) == (None, "", 2)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"metrics": "FID", "files": "all"}, id="text_instead_of_lists"),
        pytest.param({"metrics": [1, None], "files": [3]}, id="numbers_instead_of_objects"),
        pytest.param({}, id="empty"),
    ],
)
def test_odd_metadata_does_not_break_a_listing(bundle: Path, extra: dict[str, Any]) -> None:
    content = json.loads((bundle / "configs" / "metadata.json").read_text())
    content |= {"monai_gan": extra, "network_data_format": {"outputs": []}}
    (bundle / "configs" / "metadata.json").write_text(json.dumps(content))
    info = BundleInfo.from_path(bundle)
    assert info.image_size == ()
    assert info.as_dict()["headline"] is None
    assert info.weights_sha256 == ""


def test_no_bundle_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a bundle: it lacks 'configs/metadata.json'"):
        BundleInfo.from_path(tmp_path)


def test_folder_of_bundles_points_inside(bundle: Path) -> None:
    with pytest.raises(InputError, match=r"holds 1: give one of them, for instance .*tiny_dcgan"):
        BundleInfo.from_path(bundle.parent)


def test_broken_metadata_names_the_line(bundle: Path) -> None:
    (bundle / "configs" / "metadata.json").write_text('{\n"version": }')
    with pytest.raises(InputError, match="line 2"):
        BundleInfo.from_path(bundle)
