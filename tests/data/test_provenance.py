"""Every output says that it is synthetic, in its header and beside it."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import nrrd
import pytest
import torch
from PIL import Image

from monai_gan import __version__
from monai_gan.data import Provenance, read_provenance, write_image
from monai_gan.errors import InputError

MADE = Provenance(
    bundle="chest_xray_wgan_gp",
    version="0.1.0",
    checksum="ab" * 32,
    seed=2**63 - 1,
    index=12,
    label="pneumonia",
    truncation=0.7,
    date="2025-01-02T03:04:05+00:00",
    extra={"note": "with a\nline and an ümlaut"},
)


@pytest.fixture(params=["a.b.png", "a.b.nii.gz", "a.b.nrrd", "a.b.dcm"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_image(tmp_path / request.param, torch.full((1, 4, 4), 7.0), provenance=MADE)


def test_header_and_sidecar_carry_everything(written: Path) -> None:
    assert read_provenance(written) == MADE
    assert read_provenance(written.parent / "a.b.json") == MADE


def test_dictionary_round_trip_ignores_unknown_keys() -> None:
    values = MADE.to_dict()
    assert values["synthetic"] is True
    assert Provenance.from_dict(json.loads(json.dumps(values)) | {"later": 1}) == MADE


def test_unset_fields_are_left_out_but_zero_is_not() -> None:
    values = Provenance(bundle="b", version="1", seed=0, index=0).to_dict()
    assert values["seed"] == values["index"] == 0
    assert "truncation" not in values
    assert values["package_version"] == __version__
    assert values["date"].endswith("+00:00")


@pytest.mark.parametrize("bundle", ["b", "x" * 200, "lungenröntgen"], ids=["short", "long", "not_ascii"])
def test_description_fits_the_nifti_field(bundle: str) -> None:
    text = Provenance(bundle=bundle, version="1.2.3", seed=2**63 - 1, index=9999).description()
    assert len(text.encode("ascii")) <= 79
    assert text.startswith("SYNTHETIC ")
    assert "v1.2.3 seed 9223372036854775807" in text


def test_other_tools_see_the_statement(tmp_path: Path) -> None:
    image = torch.full((1, 4, 4), 7.0)
    nifti = nibabel.load(write_image(tmp_path / "a.nii.gz", image, provenance=MADE))
    assert bytes(nifti.header["descrip"]).startswith(b"SYNTHETIC chest_xray_wgan_gp v0.1.0")
    header = nrrd.read_header(str(write_image(tmp_path / "a.nrrd", image, provenance=MADE)))
    assert header["synthetic"] == "true"
    assert header["content"].startswith("SYNTHETIC")
    assert "synthetic:=true" in (tmp_path / "a.nrrd").read_bytes().decode("latin-1")
    with Image.open(write_image(tmp_path / "a.png", image, provenance=MADE)) as picture:
        assert picture.text["synthetic"] == "true"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz", "a.nrrd"])
def test_an_image_without_statement_gives_none(tmp_path: Path, name: str) -> None:
    assert read_provenance(write_image(tmp_path / name, torch.zeros(1, 4, 4))) is None
    assert _files(tmp_path) == [name]


def _files(path: Path) -> list[str]:
    return [file.name for file in path.iterdir()]


def test_foreign_json_gives_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"SeriesDescription": "T1"}')
    assert read_provenance(tmp_path / "a.json") is None


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", "{", "damaged"),
        ("a.nii.gz", "nothing", "damaged"),
        ("a.txt", "", "without provenance"),
        ("a.json", '{"synthetic": true}', "no provenance"),
        (None, "", "does not exist"),
    ],
    ids=["json", "nifti", "format", "incomplete", "missing"],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str | None, content: str, reason: str) -> None:
    if name is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=reason):
        read_provenance(tmp_path / (name or "absent.png"))
