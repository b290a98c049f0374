"""Figures of translation tell good results from bad ones, and reach metadata and card as they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft201909Validator
from scipy.ndimage import gaussian_filter

from benchmarks.figure_tables import EXPLANATIONS, MODEL, as_metrics, mean_figures, table
from benchmarks.pair_lesions import contrast, lesion_and_shell, spot_level, spots
from benchmarks.pair_measures import Pair, measure, psnr, spectrum_distance, ssim_map
from benchmarks.pair_picture import overview
from benchmarks.pair_rivals import identity, inverted_and_matched
from benchmarks.translation_figures import HEADLINE, IDENTITY, Direction, all_figures, by_direction, directions, note
from monai_gan.apps.volume_form import of_direction
from monai_gan.bundle import BundleInfo
from monai_gan.bundle.rules.content import EXTRA_SCHEMA


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A textured ball; the input has the opposite brightness."""
    noise = gaussian_filter(np.random.RandomState(0).standard_normal((40, 40, 24)), 1)
    position = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in noise.shape], indexing="ij"))
    ball = np.linalg.norm(position, axis=0) < 0.8
    target = np.where(ball, (0.5 + 0.15 * noise / noise.std()).clip(0.05, 0.9), 0).astype(np.float32)
    lesion = np.linalg.norm(position - np.array([0.3, 0, 0]).reshape(3, 1, 1, 1), axis=0) < 0.2
    target[lesion] = 0.95
    return Pair(np.where(ball, 1 - target, 0).astype(np.float32), target, ball, lesion, (1.5, 1.5, 1.5))


def test_a_perfect_result_has_perfect_figures(pair: Pair) -> None:
    figures = all_figures(pair.target + 1e-4, pair)
    assert figures["psnr_mask"] == pytest.approx(80, abs=0.1)
    assert figures["ssim_mask"] == pytest.approx(1, abs=1e-3)
    assert figures["perceptual_efficientnet_lite0"] < 1e-3
    assert figures["lesion_contrast"] == pytest.approx(figures["lesion_contrast_target"], abs=1e-3)
    assert set(figures) <= set(EXPLANATIONS)


def test_a_smooth_result_is_worse_in_every_respect(pair: Pair) -> None:
    smooth = gaussian_filter(pair.target, 1.5) * pair.mask
    figures, perfect = (all_figures(result, pair) for result in (smooth, pair.target + 1e-4))
    for name in ("perceptual_efficientnet_lite0", "spectrum_distance", "mae_mask", "mae_lesion"):
        assert figures[name] > perfect[name] + 0.01
    assert figures["ssim_mask"] < 0.9
    assert figures["psnr_image"] > figures["psnr_mask"], "the empty background flatters"


def test_measures_by_hand() -> None:
    assert psnr(np.full(7, 0.1)) == pytest.approx(20)
    volume = np.random.RandomState(0).rand(12, 12, 12)
    np.testing.assert_allclose(ssim_map(volume, volume), 1)
    assert spectrum_distance(volume, volume / 10) == pytest.approx(2)
    assert contrast(np.array([3.0, 0.0, 2.0]), np.array([True, False, False]), np.array([False, True, True])) == 2


def test_the_surroundings_of_a_lesion_do_not_touch_it(pair: Pair) -> None:
    inside, around = lesion_and_shell(pair)
    assert inside.any()
    assert around.any()
    assert not (around & pair.lesion).any()


def test_the_matched_copy_turns_brightness_round(pair: Pair) -> None:
    matched = inverted_and_matched(pair, [pair])
    assert np.abs(matched - pair.target)[pair.mask].mean() < 0.02
    assert measure(matched, pair)["ssim_mask"] > measure(identity(pair), pair)["ssim_mask"]


def test_metrics_keep_the_schema_and_the_table_says_the_same(pair: Pair) -> None:
    rows = {MODEL: measure(pair.target + 0.1, pair), IDENTITY: measure(identity(pair), pair)}
    metrics = as_metrics(rows, "some_set", 1, HEADLINE)
    schema = json.loads(EXTRA_SCHEMA.read_text(encoding="utf-8"))
    Draft201909Validator({"$defs": schema["$defs"], **schema["properties"]["metrics"]}).validate(metrics)
    assert [metric["name"] for metric in metrics if metric["mark"]] == [HEADLINE]
    text = table(rows, "test, brain only", 1)
    assert text.startswith("| test, brain only (1 volume) | this model | identity |")
    for metric in metrics:
        assert f"{metric['value']:.3f}" in text
        assert set(metric["baseline"]) == {IDENTITY}


def test_lost_and_invented_lesions_are_counted(pair: Pair) -> None:
    level = spot_level(pair)
    assert spots(pair.target, pair, level) == (1.0, 0.0)
    lost = np.where(pair.lesion, 0.5, pair.target)
    assert spots(lost, pair, level)[0] == 0
    invented = pair.target.copy()
    invented[8:11, 18:21, 10:13] = 0.95
    litres = pair.mask.sum() * 1.5**3 / 1e6
    assert spots(invented, pair, level) == (1.0, pytest.approx(1 / litres))
    # A single voxel is noise.
    speck = pair.target.copy()
    speck[9, 19, 11] = 0.95
    assert spots(speck, pair, level)[1] == 0


def test_a_bundle_of_two_ways_is_measured_in_both() -> None:
    info = BundleInfo("two", Path(), {"monai_gan": {"labels": ["a to b", "b to a"]}})
    there, back = directions(info)
    assert (there.named("test"), back.file("test")) == ("a to b: test", "test_back.png")
    assert directions(BundleInfo("one", Path(), {})) == [Direction()]
    expected = {"familiar": {"x": [0.0, 1.0]}, "consistency": [0.4, 0.6]}
    both = by_direction({"a to b": expected, "b to a": expected})
    assert of_direction(both["familiar"], "b to a") == {"x": [0.0, 1.0]}
    assert note(expected, "a to b").startswith("a to b: Edges")
    metrics = as_metrics({MODEL: {"ssim_mask": 0.5}}, "set", 1, None, "b to a")
    assert (metrics[0]["name"], metrics[0]["mark"]) == ("ssim_mask, b to a", False)


def test_figures_of_several_volumes_are_averaged() -> None:
    assert mean_figures([{"psnr": 1.0, "lesion": 3.0}, {"psnr": 2.0}]) == {"psnr": 1.5, "lesion": 3.0}


def test_the_note_says_whether_the_map_of_uncertainty_is_offered() -> None:
    text = note({"uncertainty": {"spearman": 0.1}, "consistency": [0.4, 0.6]})
    assert "0.100 with the absolute error" in text
    assert "is not offered" in text


def test_the_overview_has_three_planes_of_four_images(pair: Pair) -> None:
    tiles = overview(pair, pair.target)
    assert tiles.shape == (12, 1, 120, 120), "three times as large, to be seen"
    assert float(tiles[3].abs().max()) < 1e-6, "no difference is grey"
