"""Directions of a bundle with styles: by name, by number, and everything that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_bundle import build_tiny_bundle
from tiny_style_bundle import build_style_bundle

from monai_gan.apps import load, synthesize
from monai_gan.errors import InputError
from monai_gan.networks import style_directions, style_shift


def test_names_and_numbers_shift_the_styles_of_all_images(tmp_path: Path) -> None:
    model = load(build_style_bundle(tmp_path), device="cpu")
    plain = model.sample(2, seed=1)
    named = model.sample(2, seed=1, direction="contrast", strength=2.0)
    assert not torch.allclose(named, plain)
    assert torch.equal(named, model.sample(2, seed=1, direction=0, strength=2.0))
    torch.testing.assert_close(model.sample(2, seed=1, direction="0", strength=0.0), plain)
    shift = style_shift(model.network, style_directions(model.network, 2, [2])[1], 1.5, [2])
    expected = model.scale.to_image(model.network(model.latents(4, 1), shift=shift)).detach()
    torch.testing.assert_close(model.sample(4, seed=1, direction="grain", strength=1.5), expected)


def test_truncation_acts_on_the_styles(tmp_path: Path) -> None:
    model = load(build_style_bundle(tmp_path), device="cpu")
    spread = [model.sample(8, seed=0, truncation=psi).std(0).mean().item() for psi in (1.0, 0.1)]
    assert spread[1] < 0.3 * spread[0]


def test_files_tell_the_direction(tmp_path: Path) -> None:
    files = synthesize(
        build_style_bundle(tmp_path), 1, tmp_path / "out", direction="contrast", strength=-1.0, device="cpu"
    )
    told = json.loads(files[0].with_suffix(".json").read_text(encoding="utf-8"))
    assert told["extra"] == {"direction": "contrast", "strength": -1.0}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"direction": "age"},
            "direction='age' is unknown to bundle .*: give a number from 0, or one of contrast, grain",
        ),
        ({"direction": 4}, "direction=4 is unknown to bundle 'tiny_style': give 0 to 3, or one of contrast, grain"),
        ({"direction": 0, "strength": float("nan")}, "strength=nan is no number"),
    ],
)
def test_unknown_directions_are_refused(tmp_path: Path, options: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        synthesize(build_style_bundle(tmp_path), 1, tmp_path / "out", device="cpu", **options)
    assert not (tmp_path / "out").exists()


def test_a_bundle_without_styles_takes_no_direction(tmp_path: Path) -> None:
    model = load(build_tiny_bundle(tmp_path), device="cpu")
    with pytest.raises(InputError, match="bundle 'tiny_dcgan' has no styles; leave it out"):
        model.sample(1, direction=0)
