"""A file and the JSON beside it are read together, and what does not fit is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_gan.data import Provenance, check_provenance, write_image
from monai_gan.errors import InputError

MADE = Provenance(bundle="chest", version="0.1.0", seed=3, index=1, date="2025-01-02T03:04:05+00:00")
IMAGE = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)


@pytest.mark.parametrize("name", ["a.b.png", "a.b.nii.gz", "a.b.nii", "a.b.nrrd", "a.b.dcm"])
def test_a_complete_image(tmp_path: Path, name: str) -> None:
    report = check_provenance(write_image(tmp_path / name, IMAGE, provenance=MADE))
    assert report.synthetic
    assert report.consistent
    assert report.origin == MADE.to_dict()
    assert report.sidecar == tmp_path / "a.b.json"
    assert report.sentences() == [f"'{name}' says that it is synthetic."]


def test_a_series_one_of_its_slices_and_a_sidecar(tmp_path: Path) -> None:
    folder = write_image(tmp_path / "a.dcm", np.zeros((1, 3, 3, 2), dtype=np.uint8), provenance=MADE)
    for path in (folder, folder / "0001.dcm"):
        report = check_provenance(path)
        assert report.sidecar is not None
        assert report.sidecar.name == "a.json"
        assert report.sentences() == [f"'{path.name}' says that it is synthetic."]
    report = check_provenance(tmp_path / "a.json")
    assert report.sidecar is None
    assert report.origin == MADE.to_dict()
    assert report.sentences() == ["'a.json' says that it is synthetic."]


def test_no_mark_at_all_is_said_and_proves_nothing(tmp_path: Path) -> None:
    report = check_provenance(write_image(tmp_path / "a.png", IMAGE))
    assert not report.synthetic
    assert report.consistent
    assert report.sentences() == [
        "'a.png' carries no mark that it is synthetic; that alone does not make it a real image."
    ]


def test_only_the_sidecar_speaks(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", IMAGE, provenance=MADE)
    Image.fromarray(IMAGE[0]).save(tmp_path / "a.jpg")
    report = check_provenance(tmp_path / "a.jpg")
    assert report.synthetic
    assert report.origin == MADE.to_dict()
    assert report.sentences() == ["'a.jpg' carries no mark itself; only 'a.json' beside it says that it is synthetic."]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No JSON file lies beside it."),
        ('{"SeriesDescription": "T1"}', "'a.json' beside it says nothing of it."),
    ],
    ids=["absent", "of_another_program"],
)
def test_only_the_file_speaks(tmp_path: Path, content: str | None, sentence: str) -> None:
    path = write_image(tmp_path / "a.png", IMAGE, provenance=MADE)
    (tmp_path / "a.json").unlink()
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    report = check_provenance(path)
    assert report.consistent
    assert report.sentences() == ["'a.png' says that it is synthetic.", sentence]


def test_file_and_sidecar_disagree(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.nrrd", IMAGE, provenance=MADE)
    values = MADE.to_dict() | {"seed": 4, "label": "ill"}
    del values["index"]
    (tmp_path / "a.json").write_text(json.dumps(values))
    report = check_provenance(path)
    assert not report.consistent
    assert report.differences == {"seed": (3, 4), "index": (1, None), "label": (None, "ill")}
    assert report.contradictions() == [
        "The file and 'a.json' disagree on seed (3 and 4), index (1 and None), label (None and 'ill')."
    ]
    assert report.origin == MADE.to_dict()
    assert json.loads(json.dumps(report.as_dict()))["differences"]["seed"] == [3, 4]


def test_a_mark_that_was_dropped_is_named(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.nrrd", IMAGE, provenance=MADE)
    path.write_bytes(path.read_bytes().replace(b"synthetic:=true\n", b""))
    assert check_provenance(path).sentences() == [
        "'a.nrrd' says that it is synthetic.",
        "The file lacks the mark synthetic.",
    ]


def test_a_damaged_sidecar_is_an_error(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", IMAGE, provenance=MADE)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.json.*damaged"):
        check_provenance(path)
