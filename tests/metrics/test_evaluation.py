"""The table: equal numbers, a floor that is a floor, faults that show, and everything a report needs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.metrics import FLOOR, Evaluation, FeatureExtractor, Figure, FigureInfo, baseline_sets, evaluate_sets

pytestmark = pytest.mark.filterwarnings("ignore:FID of")


def blobs(n: int, seed: int, size: int = 16) -> Tensor:
    """Smooth images with sharp edges, whose pixels are far from normal."""
    noise = torch.randn(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return (4 * F.interpolate(noise, size=(size, size), mode="bicubic")).tanh()


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    """Random convolutions: enough to tell textures apart."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 24, 3, 2), nn.ReLU()]
    return FeatureExtractor(nn.Sequential(*layers), "tiny", channels=1)


@pytest.fixture(scope="module")
def table(extractor: FeatureExtractor) -> Evaluation:
    train = blobs(300, 0)
    sets = {"good": blobs(150, 1), "copies": train[:150].clone(), "half gone": blobs(20, 2).repeat(8, 1, 1, 1)}
    sets |= baseline_sets(train, 150)
    return evaluate_sets(blobs(130, 3), sets, extractor, floor=blobs(140, 4), train=train, subsets=20)


def test_rows_and_columns_in_their_order(table: Evaluation) -> None:
    assert list(table.rows) == [FLOOR, "good", "copies", "half gone", "Gaussian per pixel", "PCA Gaussian"]
    assert list(table.figures) == [
        *(f"{name}_tiny" for name in ("kid", "fid", "precision", "recall", "density", "coverage")),
        "sliced_wasserstein",
        "ms_ssim",
        "memorisation_tiny",
        "memorisation_pixels",
    ]
    assert all(list(row) == list(table.figures) for row in table.rows.values())
    assert [name for name, info in table.figures.items() if info.headline] == ["kid_tiny"]


def test_figures_tell_good_from_bad(table: Evaluation) -> None:
    def column(name: str) -> dict[str, float]:
        return {row: figures[name].value for row, figures in table.rows.items()}

    kid, recall = column("kid_tiny"), column("recall_tiny")
    floor = table.rows[FLOOR]["kid_tiny"]
    assert floor.sd is not None
    assert abs(floor.value) < 3 * floor.sd
    assert abs(kid["good"]) < 3 * floor.sd < kid["PCA Gaussian"] < kid["Gaussian per pixel"]
    assert recall["half gone"] < 0.5 < min(recall[FLOOR], recall["good"])
    assert column("ms_ssim")["half gone"] > column("ms_ssim")[FLOOR]
    for name in ("memorisation_tiny", "memorisation_pixels"):
        assert table.rows["copies"][name].value > 0.7
        for row in (FLOOR, "good"):
            figure = table.rows[row][name]
            assert figure.chance is not None
            assert figure.chance[0] < 0.5 < figure.chance[1]
            assert figure.value == pytest.approx(0.5, abs=0.12)
    assert table.best("kid_tiny") in ("good", "copies")
    assert table.best("kid_tiny", ["half gone", "Gaussian per pixel"]) == "half gone"
    assert table.best("recall_tiny") in ("good", "copies")
    assert table.best("memorisation_tiny") != "copies"


def test_equal_numbers_and_what_a_report_needs(table: Evaluation, extractor: FeatureExtractor) -> None:
    assert table.n == 130 == table.reference["n"]
    assert table.extractor == extractor.describe()
    plain = table.as_dict()
    assert plain == json.loads(json.dumps(plain)), "plain JSON types only"
    assert set(plain) == {"rows", "figures", "n", "reference", "extractor", "settings", "warnings"}
    assert len(plain["reference"]["statistics_sha256"]) == len(plain["reference"]["images_sha256"]) == 64
    assert plain["reference"]["shape"] == [1, 16, 16]
    assert set(plain["rows"][FLOOR]["kid_tiny"]) == {"value", "sd"}
    assert set(plain["rows"][FLOOR]["memorisation_tiny"]) == {"value", "interval", "chance"}
    assert plain["settings"]["floor"] == "other real images"
    assert plain["settings"]["subset_size"] == 65
    assert plain["settings"]["training_images"] == 300


def test_without_other_real_images_the_halves_are_compared(extractor: FeatureExtractor) -> None:
    told: list[tuple[float, str]] = []
    found = evaluate_sets(
        blobs(101, 0), {"good": blobs(80, 1)}, extractor, subsets=5, progress=lambda f, text: told.append((f, text))
    )
    assert found.n == 50
    assert found.settings["floor"] == "halves of the real images"
    assert not any(name.startswith("memorisation") for name in found.figures)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert any("good" in text for _, text in told)
    floor = found.rows[FLOOR]["kid_tiny"]
    assert floor.sd is not None
    assert abs(floor.value) < 3 * floor.sd


def test_the_seed_decides_and_the_reference_is_told_by_its_checksum(extractor: FeatureExtractor) -> None:
    real, sets = blobs(60, 0), {"good": blobs(40, 1)}

    def found(seed: int, images: Tensor = real) -> dict[str, Any]:
        return evaluate_sets(images, sets, extractor, floor=blobs(40, 2), n=30, subsets=5, seed=seed).as_dict()

    first = found(0)
    assert first == found(0)
    assert first["reference"] != found(1)["reference"], "other images were taken"
    changed = real.clone()
    changed[:, 0, 3, 3] = 0
    assert first["reference"]["images_sha256"] != found(0, changed)["reference"]["images_sha256"]


def test_warnings_are_given_and_kept(extractor: FeatureExtractor) -> None:
    real, floor = blobs(40, 0), blobs(40, 1)
    collapsed = torch.zeros(40, 1, 16, 16)
    unit = (blobs(40, 2) + 1) / 2 * 0.2
    with pytest.warns(UserWarning, match="FID of 20 images") as caught:
        found = evaluate_sets(real, {"collapsed": collapsed, "unit": unit}, extractor, floor=floor, subsets=5, n=20)
    assert sorted(str(one.message) for one in caught) == sorted(found.warnings)
    text = "\n".join(found.warnings)
    assert "collapsed: all images have the same features: the generator collapsed" in text
    assert re.search("unit: most values lie between .* and 0.2, those of the real images between -1 and 1", text)
    assert "FID of 20 images and 24 features" in text
    assert len(set(found.warnings)) == len(found.warnings)


@pytest.mark.parametrize(
    ("sets", "arguments", "match"),
    [
        (
            {"a": blobs(5, 1)},
            {},
            "n=5 images per row are not possible .real 40, real images .floor. 40, a 5.; .*at least 6",
        ),
        ({"a": blobs(30, 1)}, {"n": 31}, "n=31 images per row are not possible"),
        ({"a": blobs(30, 1, 8)}, {}, r"a: images of \(1, 8, 8\) beside real images of \(1, 16, 16\); bring all to one"),
        ({"a": blobs(30, 1) * 127.5}, {}, r"a: values from .* are outside of value_range=\(-1, 1\)"),
        ({"a": blobs(30, 1) * float("nan")}, {}, "a: the images hold NaN"),
        ({"a": blobs(30, 1)}, {"value_range": (0, 255)}, r"differs from that of extractor 'tiny', \(-1.0, 1.0\)"),
        ({}, {}, "must name one set or more"),
        ({FLOOR: blobs(30, 1)}, {}, "none of them real images"),
        ({"a": blobs(30, 1)}, {"train": torch.zeros(4, 3, 16, 16)}, r"train: images of \(3, 16, 16\)"),
    ],
    ids=["few", "n", "shape", "range", "nan", "extractor", "nothing", "floor", "train"],
)
def test_unfit_sets_are_refused(
    sets: dict[str, Tensor], arguments: dict[str, Any], match: str, extractor: FeatureExtractor
) -> None:
    with pytest.raises(InputError, match=match):
        evaluate_sets(blobs(40, 0), sets, extractor, **{"floor": blobs(40, 2), **arguments})


def test_best_of_each_kind() -> None:
    values = {FLOOR: 0.3, "a": 0.1, "b": 0.45, "c": 0.9}
    for better, expected in {"lower": "a", "higher": "c", "equal": "b", "half": "b"}.items():
        table = Evaluation(
            {row: {"x": Figure(value)} for row, value in values.items()},
            {"x": FigureInfo("x", better)},  # type: ignore[arg-type]
            4,
            {},
            {},
            {},
            [],
        )
        assert table.best("x") == expected
    with pytest.raises(InputError, match="figure='y' among .* is not in the table; it has x of"):
        table.best("y")
