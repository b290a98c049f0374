"""DICOM that is written: valid, marked on every instance, in its units and its place for other readers too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from highdicom._standard_utils import get_iod_module_map, get_module_attribute_map
from monai.data import PydicomReader
from pydicom import Dataset

from monai_gan.data import Provenance, read_image, read_provenance, write_image
from monai_gan.errors import InputError

MADE = Provenance(
    bundle="head ct\\gan",
    version="0.1.0",
    checksum="ab" * 32,
    seed=2**63 - 1,
    index=7,
    label="hämatom",
    truncation=0.7,
    date="2025-01-02T03:04:05+01:00",
    extra={"note": "with a\nline and an ümlaut"},
)
RANDOM = np.random.default_rng(0)
VOLUME = RANDOM.uniform(-1000, 1000, (1, 5, 4, 3)).astype(np.float32)
PICTURE = RANDOM.uniform(0, 255, (1, 5, 3)).astype(np.float32)
COLOUR = RANDOM.integers(0, 256, (3, 5, 3), dtype=np.uint8)


def written(path: Path, image: np.ndarray, provenance: Provenance = MADE, **options: Any) -> list[Dataset]:
    """Write an image and read its instances, with pydicom's strictest check of every value."""
    place = write_image(path / "image.dcm", image, provenance=provenance, **options)
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    before = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        found = [pydicom.dcmread(file) for file in files]
        for data in found:
            for _ in data.iterall():  # values are checked when they are touched
                pass
        return found
    finally:
        pydicom.config.settings.reading_validation_mode = before


CASES = [
    pytest.param(PICTURE, {"bits": 8}, id="grey"),
    pytest.param(COLOUR, {}, id="colour"),
    pytest.param(PICTURE / 255, {"affine": np.diag([0.5, 0.5, 2, 1])}, id="fractions_with_geometry"),
    pytest.param(VOLUME, {"units": "HU"}, id="volume"),
]


@pytest.mark.parametrize(("image", "options"), CASES)
def test_every_instance_carries_every_mark(tmp_path: Path, image: np.ndarray, options: dict[str, Any]) -> None:
    for data in written(tmp_path, image, **options):
        assert data.SyntheticData == "YES"
        assert list(data.ImageType[:2]) == ["DERIVED", "SECONDARY"]
        assert data.ConversionType == "SYN"
        assert data.SeriesDescription.startswith("SYNTHETIC head ct_gan v0.1.0")
        assert data.StudyDescription == "SYNTHETIC DATA"
        assert "neural network" in data.DerivationDescription
        assert "seed 9223372036854775807, index 7, label h_matom, truncation 0.7" in data.DerivationDescription
        assert "ab" * 32 in data.DerivationDescription
        (equipment,) = data.ContributingEquipmentSequence
        (purpose,) = equipment.PurposeOfReferenceCodeSequence
        assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("109100", "DCM")
        assert (equipment.Manufacturer, equipment.ManufacturerModelName) == ("monai-gan", "head ct_gan")
        assert equipment.ContributionDateTime == "20250102020405+0000"
        assert list(data.SoftwareVersions) == ["bundle 0.1.0", f"monai-gan {MADE.package_version}"]
    assert read_provenance(tmp_path / ("image" if image.ndim == 4 else "image.dcm")) == MADE


@pytest.mark.parametrize(("image", "options"), CASES)
def test_no_identity(tmp_path: Path, image: np.ndarray, options: dict[str, Any]) -> None:
    data = written(tmp_path, image, **options)[0]
    assert str(data.PatientName) == "SYNTHETIC^head ct_gan-0007"
    assert data.PatientID.startswith("SYNTHETIC-")
    empty = ("PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName")
    assert all(not data[name].value for name in empty)
    assert not [
        element.keyword for element in data if element.keyword.startswith(("Institution", "Station", "Operator"))
    ]


def problems(data: Dataset) -> Iterator[str]:
    """What an instance lacks of its IOD (PS3.3): attributes of type 1 and 2, nested ones too; and what it has too much.

    The tables are those of highdicom. Conditional attributes (1C, 2C) are left to the tests of what they mean.
    """
    modules = get_iod_module_map()["secondary-capture-image"]
    attributes = get_module_attribute_map()
    used = ["general-equipment", *(module["key"] for module in modules if module["usage"] == "M")]
    if "ImagePositionPatient" in data:
        used += ["image-plane", "frame-of-reference"]
    for module in used:
        for entry in attributes[module]:
            for item in items(data, entry["path"]):
                if entry["type"] in ("1", "2") and entry["keyword"] not in item:
                    yield f"{module}: {entry['keyword']} is missing"
                elif entry["type"] == "1" and item[entry["keyword"]].is_empty:
                    yield f"{module}: {entry['keyword']} is empty"
    known = {entry["keyword"] for module in modules for entry in attributes[module["key"]] if not entry["path"]}
    yield from (
        f"{element.keyword} is not of this IOD"
        for element in data
        if not element.tag.is_private and element.keyword not in known
    )


def items(data: Dataset, path: list[str]) -> list[Dataset]:
    """The data sets that a path of sequences leads to; none where a sequence is absent."""
    found = [data]
    for name in path:
        found = [item for one in found for item in one.get(name) or ()]
    return found


@pytest.mark.parametrize(("image", "options"), CASES)
def test_instances_are_valid_secondary_captures(tmp_path: Path, image: np.ndarray, options: dict[str, Any]) -> None:
    for data in written(tmp_path, image, **options):
        assert list(problems(data)) == []
        assert data.SOPClassUID.name == "Secondary Capture Image Storage"
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        assert data.pixel_array.shape[:2] == (data.Rows, data.Columns)
        if "RescaleSlope" in data:
            assert data.RescaleType in ("HU", "US")


def test_the_check_of_validity_can_fail(tmp_path: Path) -> None:
    (data,) = written(tmp_path, PICTURE, bits=8)
    del data.ConversionType
    data.ContributingEquipmentSequence[0].Manufacturer = ""
    data.EchoTime = 1
    assert set(problems(data)) == {
        "sc-equipment: ConversionType is missing",
        "sop-common: Manufacturer is empty",
        "EchoTime is not of this IOD",
    }


def test_uids_follow_from_the_content(tmp_path: Path) -> None:
    def uids(name: str, image: np.ndarray = VOLUME, made: Provenance = MADE, **options: Any) -> set[str]:
        found = written(tmp_path / name, image, made, **options)
        instances = {data.SOPInstanceUID for data in found}
        assert len(instances) == len(found) == 3
        shared = {(data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID) for data in found}
        assert len(shared) == 1
        return instances | set(*shared)

    first = uids("first")
    assert len(first) == 6
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in first)
    assert uids("again") == first
    others = [
        uids("pixels", VOLUME[..., ::-1]),
        uids("date", made=replace(MADE, date="2025-01-03T00:00:00+00:00")),
        uids("index", made=replace(MADE, index=8)),
        uids("place", affine=np.diag([1, 1, 2, 1])),
    ]
    assert all(first.isdisjoint(other) for other in others)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_image(tmp_path / name / "a.dcm", VOLUME, provenance=MADE) for name in "xy")
    assert [f.read_bytes() for f in sorted(one.iterdir())] == [f.read_bytes() for f in sorted(two.iterdir())]


def test_each_sample_is_a_patient_of_its_own(tmp_path: Path) -> None:
    numbers = set()
    for name, made in enumerate([MADE, replace(MADE, index=8), replace(MADE, seed=1), replace(MADE, bundle="other")]):
        numbers.add(written(tmp_path / str(name), PICTURE, made, bits=8)[0].PatientID)
    later = written(tmp_path / "later", PICTURE, replace(MADE, date="2026-01-01T00:00:00Z"), bits=8)[0]
    assert len(numbers) == 4
    assert later.PatientID in numbers


def test_volume_comes_back_in_its_units_and_place(tmp_path: Path, oblique: np.ndarray) -> None:
    folder = write_image(tmp_path / "scan.1.dcm", VOLUME, affine=oblique, provenance=MADE, units="HU")
    assert folder == tmp_path / "scan.1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scan.1", "scan.1.json"]
    assert sorted(path.name for path in folder.iterdir()) == ["0001.dcm", "0002.dcm", "0003.dcm"]
    back = read_image(folder)
    step = 2000 / 65535
    np.testing.assert_allclose(back.numpy(), VOLUME, atol=0.51 * step)
    np.testing.assert_allclose(back.affine.numpy(), oblique, atol=1e-9)
    assert {pydicom.dcmread(path).RescaleType for path in folder.iterdir()} == {"HU"}


def test_other_readers_see_the_same_volume(tmp_path: Path, oblique: np.ndarray) -> None:
    folder = write_image(tmp_path / "a.dcm", VOLUME, affine=oblique, provenance=MADE)
    reader = PydicomReader()
    array, meta = reader.get_data(reader.read(folder))
    np.testing.assert_allclose(array, VOLUME[0], atol=0.02)
    np.testing.assert_allclose(meta["affine"], oblique, atol=1e-9)
    volume = highdicom.get_volume_from_series([pydicom.dcmread(file) for file in folder.iterdir()])
    for voxel in [(0, 0, 0), (4, 3, 2), (1, 2, 0)]:
        point = np.diag([-1, -1, 1, 1]) @ oblique @ [*voxel, 1]
        index = np.rint(np.linalg.solve(volume.affine, point)[:3]).astype(int)
        assert volume.array[tuple(index)] == pytest.approx(VOLUME[0][voxel], abs=0.02)


def test_slices_go_upwards_whatever_the_handedness(tmp_path: Path, oblique: np.ndarray) -> None:
    oblique[:3, 2] *= -1
    found = written(tmp_path, VOLUME, affine=oblique)
    normal = np.cross(found[0].ImageOrientationPatient[:3], found[0].ImageOrientationPatient[3:])
    heights = [float(normal @ np.array(data.ImagePositionPatient, dtype=float)) for data in found]
    assert np.allclose(np.diff(heights), 2.5)
    assert [data.InstanceNumber for data in found] == [1, 2, 3]
    back = read_image(tmp_path / "image")
    np.testing.assert_allclose(back.numpy()[..., ::-1], VOLUME, atol=0.02)


def test_shifted_slices_keep_their_place(tmp_path: Path) -> None:
    tilted = np.diag([1.0, 1, 2, 1])
    tilted[1, 2] = 0.5
    write_image(tmp_path / "a.dcm", VOLUME, affine=tilted, provenance=MADE)
    np.testing.assert_allclose(read_image(tmp_path / "a").affine.numpy(), tilted, atol=1e-9)


@pytest.mark.parametrize(
    ("image", "options", "kind"),
    [
        pytest.param(np.array([[[0, 200]]], dtype=np.uint8), {}, "u1", id="bytes"),
        pytest.param(np.array([[[-3, 4000]]], dtype=np.int16), {}, "u2", id="negative"),
        pytest.param(np.array([[[70000, 100000]]], dtype=np.int32), {}, "u2", id="large"),
        pytest.param(np.array([[[0.0, 4095.0]]]), {"bits": 16}, "u2", id="whole_numbers"),
        pytest.param(np.array([[[5.0, 5.0]]]), {}, "u2", id="constant"),
    ],
)
def test_whole_numbers_are_kept(tmp_path: Path, image: np.ndarray, options: dict[str, Any], kind: str) -> None:
    (data,) = written(tmp_path, image, **options)
    assert data.pixel_array.dtype == kind
    np.testing.assert_array_equal(read_image(tmp_path / "image.dcm").numpy(), image)


@pytest.mark.parametrize("spread", [1e-6, 1.0, 3000.0, 1e7])
def test_real_values_come_back_to_half_a_step(tmp_path: Path, spread: float) -> None:
    image = (spread * RANDOM.standard_normal((1, 8, 8))).astype(np.float32)
    (data,) = written(tmp_path, image)
    back = read_image(tmp_path / "image.dcm").numpy()
    step = float(image.max() - image.min()) / 65535
    np.testing.assert_allclose(back, image, atol=0.6 * step)
    assert float(data.WindowWidth) > 0
    assert data.VOILUTFunction == "LINEAR_EXACT"
    assert data.RescaleType == "US"


def test_rounded_picture_and_colours(tmp_path: Path) -> None:
    (grey,) = written(tmp_path, PICTURE, bits=8)
    np.testing.assert_array_equal(grey.pixel_array, np.rint(PICTURE[0]))
    assert "PixelSpacing" not in grey
    assert "FrameOfReferenceUID" not in grey
    (colour,) = written(tmp_path, COLOUR)
    assert colour.PhotometricInterpretation == "RGB"
    np.testing.assert_array_equal(colour.pixel_array, np.moveaxis(COLOUR, 0, -1))


@pytest.mark.parametrize(
    ("image", "options", "reason"),
    [
        pytest.param(VOLUME.repeat(2, 0), {}, "does not fit a DICOM file", id="channels"),
        pytest.param(COLOUR.astype(np.float32) * 2, {}, "colours from", id="bright_colours"),
        pytest.param(VOLUME, {"affine": np.eye(4) + np.eye(4, k=1)}, "shears", id="shear"),
        pytest.param(VOLUME, {"affine": np.zeros((4, 4))}, "no voxel size", id="flat"),
        pytest.param(VOLUME, {"bits": 12}, "bits=12", id="bits"),
        pytest.param(VOLUME, {"provenance": None}, "needs a provenance", id="unmarked"),
        pytest.param(VOLUME, {"provenance": replace(MADE, date="yesterday")}, "date='yesterday'", id="date"),
    ],
)
def test_what_dicom_cannot_hold_leaves_nothing(
    tmp_path: Path, image: np.ndarray, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        write_image(tmp_path / "a.dcm", image, **{"provenance": MADE, **options})
    assert list(tmp_path.iterdir()) == []


def test_a_series_of_ours_is_replaced_whole(tmp_path: Path) -> None:
    write_image(tmp_path / "a.dcm", VOLUME, provenance=MADE)
    folder = write_image(tmp_path / "a.dcm", VOLUME[..., :2], provenance=MADE)
    assert sorted(path.name for path in folder.iterdir()) == ["0001.dcm", "0002.dcm"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.json"]


@pytest.mark.parametrize("name", ["notes.txt", "scan.dcm"])
def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / "a.dcm", VOLUME, provenance=MADE)
    (tmp_path / "a" / "0001.dcm").unlink()
    other = tmp_path / "a" / name
    if name == "scan.dcm":  # a slice of a patient
        data = pydicom.dcmread(tmp_path / "a" / "0002.dcm")
        for element in list(data):
            if element.tag.group not in (0x0002, 0x0028, 0x7FE0):
                del data[element.tag]
        pydicom.dcmwrite(other, data)
    else:
        other.write_text("mine")
    before = other.read_bytes()
    with pytest.raises(InputError, match=r"holds other images|other content"):
        write_image(tmp_path / "a.dcm", VOLUME, provenance=MADE)
    assert other.read_bytes() == before


@pytest.mark.parametrize("step", ["write_text", "replace", "mkdir"])
def test_failure_on_the_way_leaves_the_old_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    folder = write_image(tmp_path / "a.dcm", VOLUME, provenance=MADE)
    before = {file: file.read_bytes() for file in folder.iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, step, fail)
    with pytest.raises(InputError, match="No space left"):
        write_image(tmp_path / "a.dcm", VOLUME + 1, provenance=MADE)
    monkeypatch.undo()
    assert {file: file.read_bytes() for file in folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.json"]
