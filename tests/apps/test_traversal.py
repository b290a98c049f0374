"""What the codes or the directions of a model do, as a picture beside synthetic images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_bundle import GENERATOR, build_tiny_bundle, read_config, write_config
from tiny_style_bundle import build_style_bundle

from monai_gan.apps import load, synthesize
from monai_gan.apps.synthesizer import Synthesizer
from monai_gan.bundle import save_weights, write_checksums
from monai_gan.data import Provenance
from monai_gan.data.grid import write_grid
from monai_gan.errors import InputError
from monai_gan.networks.nets import DCGANGenerator, InfoGANGenerator


@pytest.fixture
def tiny_infogan(tmp_path: Path) -> Path:
    """A bundle of 8 px images with a category of 2 and a continuous code."""
    root = build_tiny_bundle(tmp_path, "tiny_infogan")
    config = read_config(root, "inference")
    config["network_def"] = {
        "_target_": "monai_gan.networks.nets.InfoGANGenerator",
        "generator": config["network_def"],
        "categories": [2],
        "continuous": 1,
    }
    write_config(root, "inference", config)
    torch.manual_seed(0)
    save_weights(InfoGANGenerator(DCGANGenerator(**GENERATOR), [2], 1), root / "models" / "model.pt")
    write_checksums(root)
    return root


@pytest.mark.parametrize(("spatial_dims", "size"), [(2, (12, 20)), (3, (6, 8, 10))])
def test_one_code_changes_along_a_row(
    spatial_dims: int, size: tuple[int, ...], make_synthesizer: Callable[..., Synthesizer]
) -> None:
    torch.manual_seed(0)
    network = InfoGANGenerator(DCGANGenerator(spatial_dims, 6, 1, size, channels=4, max_channels=4), [3], 2)
    model = make_synthesizer(network, spatial_dims=spatial_dims)
    images, columns = model.traversal(n=2, seed=1, steps=4)
    assert columns == 4
    assert images.shape == (6 * 4, 1, *size)
    rows = images.unflatten(0, (6, 4))
    assert (rows[:2, 3] == 0).all(), "a category of three leaves the fourth place black"
    assert (rows[:, :3].flatten(2).std(1).amax(1) > 0).all(), "some row does not change"
    # The category that a sample has is one of those that its row shows.
    sample = model.sample(2, seed=1)
    for i in range(2):
        coded = network.codes(model.latents(2, 1))[i]
        shown = rows[i, int(coded[1:4].argmax())]
        torch.testing.assert_close(shown, sample[i], atol=0.01, rtol=0)


def test_the_picture_lies_beside_the_images(tiny_infogan: Path, tmp_path: Path) -> None:
    files = synthesize(tiny_infogan, 2, tmp_path / "out", seed=3, grid=True, traversal=True)
    ends = ["0000", "0001", "grid", "traversal"]
    assert [file.name for file in files] == [f"tiny_infogan_s3_{end}.png" for end in ends]
    # Two rows per code of 8 px images, nine columns, two pixels apart.
    assert Image.open(files[-1]).size == (9 * 10 - 2, 4 * 10 - 2)
    sidecar = json.loads(files[-1].with_suffix(".json").read_text())
    assert sidecar["extra"] == {"traversal_of": ["category_0", "continuous_0"]}
    assert sidecar["synthetic"] is True


def test_a_row_per_direction_and_sample_from_minus_four_to_four(tmp_path: Path) -> None:
    model = load(build_style_bundle(tmp_path), device="cpu")
    images, columns = model.traversal(n=2, seed=1, steps=5, truncation=0.7)
    assert columns == 5
    assert model.traversed() == ["contrast", "grain"]
    rows = images.unflatten(0, (2, 2, 5))
    for row, name in zip(rows, model.traversed(), strict=True):
        for column, strength in enumerate((-4.0, -2.0, 0.0, 2.0, 4.0)):
            expected = model.sample(2, seed=1, direction=name, strength=strength, truncation=0.7)
            torch.testing.assert_close(row[:, column], expected, atol=1e-3, rtol=1e-4)
    alone, _ = model.traversal(n=2, seed=1, steps=5, truncation=0.7, direction="grain")
    torch.testing.assert_close(alone.unflatten(0, (2, 5)), rows[1])


def test_directions_without_names_are_shown_by_number(tmp_path: Path) -> None:
    model = load(build_style_bundle(tmp_path), device="cpu")
    del model.info.extra["directions"]
    assert model.traversed() == ["0", "1", "2", "3"]
    assert len(model.traversal(n=1, steps=3)[0]) == 4 * 3


def test_a_picture_of_directions_tells_their_names(tmp_path: Path) -> None:
    bundle = build_style_bundle(tmp_path)
    files = synthesize(bundle, 1, tmp_path / "out", seed=3, truncation=0.5, traversal=True, device="cpu")
    told = json.loads(files[-1].with_suffix(".json").read_text(encoding="utf-8"))
    assert files[-1].name == "tiny_style_s3_traversal.png"
    assert told["extra"] == {"traversal_of": ["contrast", "grain"]}
    assert told["truncation"] == 0.5


def test_rows_are_of_the_class_that_was_asked_for(tmp_path: Path) -> None:
    model = load(build_style_bundle(tmp_path, labels=("benign", "malignant")), device="cpu")
    images, columns = model.traversal(n=2, seed=1, steps=3, label="malignant", direction="grain")
    expected = model.sample(2, seed=1, label="malignant")
    torch.testing.assert_close(images[1::columns], expected, atol=1e-3, rtol=1e-4)
    in_turn, _ = model.traversal(n=2, seed=1, steps=3, direction="grain")
    assert not torch.allclose(in_turn[1], images[1], atol=1.0), "the first sample in turn is benign"
    torch.testing.assert_close(in_turn[4], images[4])
    with pytest.raises(InputError, match="label='healthy' is unknown"):
        model.traversal(label="healthy")


@pytest.mark.parametrize(
    ("n", "label", "shown"), [(1, "1", [1, 1]), (1, None, [0, 1]), (3, ["1", "0", "0"], [1, 0]), (1, ["1"], [1, 1])]
)
def test_the_picture_shows_the_classes_of_the_images(
    n: int, label: str | list[str] | None, shown: list[int], tmp_path: Path
) -> None:
    bundle = build_style_bundle(tmp_path, labels=("benign", "malignant"))
    file = synthesize(bundle, n, tmp_path / "out", seed=3, label=label, traversal=True, device="cpu")[-1]
    told = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["extra"]["labels"] == [("benign", "malignant")[one] for one in shown]
    images, columns = load(bundle, device="cpu").traversal(2, 3, label=shown)
    write_grid(tmp_path / "expected.png", images, Provenance("", "", "", 3), value_range=(0, 255), columns=columns)
    np.testing.assert_array_equal(Image.open(file), Image.open(tmp_path / "expected.png"))


def test_a_code_is_no_direction(tiny_infogan: Path) -> None:
    with pytest.raises(InputError, match="has no styles; leave it out"):
        load(tiny_infogan, device="cpu").traversal(direction=0)


def test_a_model_without_either_is_refused_before_anything_is_written(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'tiny_dcgan' has neither codes nor styles"):
        synthesize(tiny, 2, tmp_path / "out", traversal=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"), [({"n": 0}, "n=0"), ({"steps": 0}, "steps=0"), ({"seed": -1}, "seed=-1")]
)
def test_bad_numbers_are_named(tiny_infogan: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tiny_infogan, device="cpu").traversal(**arguments)
