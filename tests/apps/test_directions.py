"""Directions of a bundle with styles: by name, by number, and everything that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_bundle import build_tiny_bundle, read_config, write_config

from monai_gan.apps import load, synthesize
from monai_gan.bundle import save_weights, write_checksums
from monai_gan.errors import InputError
from monai_gan.networks import style_directions, style_shift
from monai_gan.networks.nets import StyleGAN2Generator

GENERATOR: dict[str, Any] = {"spatial_dims": 2, "latent_size": 4, "image_size": 8, "channels": 4, "mapping_layers": 2}


def build_style_bundle(folder: Path, **generator: Any) -> Path:
    """A bundle of an untrained StyleGAN2 generator, whose first direction is named."""
    root = build_tiny_bundle(folder, "tiny_style")
    inference, metadata = read_config(root, "inference"), read_config(root, "metadata")
    network = {"_target_": "monai_gan.networks.nets.StyleGAN2Generator", **GENERATOR, **generator}
    inference["network_def"] = network
    metadata["monai_gan"]["directions"] = [
        {"name": "contrast", "number": 0},
        {"name": "grain", "number": 1, "layers": [2]},
    ]
    write_config(root, "inference", inference)
    write_config(root, "metadata", metadata)
    torch.manual_seed(0)
    made = StyleGAN2Generator(**GENERATOR, **generator)
    made.mapping.average.normal_()  # type: ignore[union-attr,operator]
    save_weights(made, root / "models" / "model.pt")
    write_checksums(root)
    return root


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
