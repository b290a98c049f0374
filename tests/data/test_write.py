"""Files that are written: geometry as other readers see it, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
import torch
from monai.data import MetaTensor, NrrdReader
from PIL import Image

from monai_gan.data import Provenance, read_image, write_image
from monai_gan.errors import InputError, InvalidResultError, MonaiGanError

VOLUME = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
MADE = Provenance(bundle="chest", version="1.0.0", seed=3, index=0)


def _files(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd"])
@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (2, 2, 3, 4), (1, 5, 6), (3, 5, 6)], ids=str)
def test_image_and_geometry_come_back(tmp_path: Path, oblique: np.ndarray, suffix: str, shape: tuple[int, ...]) -> None:
    image = torch.rand(shape)
    path = write_image(tmp_path / f"a{suffix}", image, affine=oblique)
    back = read_image(path)
    assert torch.equal(back.as_tensor(), image)
    assert np.allclose(back.affine.numpy(), oblique, atol=1e-5)


def test_nifti_is_right_for_other_readers(tmp_path: Path, oblique: np.ndarray) -> None:
    path = write_image(tmp_path / "a.nii.gz", MetaTensor(torch.from_numpy(VOLUME), affine=torch.from_numpy(oblique)))
    image = nibabel.load(path)
    assert (np.asarray(image.dataobj) == VOLUME[0]).all()
    for form, code in (image.get_sform(coded=True), image.get_qform(coded=True)):
        assert np.allclose(form, oblique, atol=1e-4)
        assert code == 1
    assert image.header.get_xyzt_units()[0] == "mm"


def test_sheared_geometry_is_kept_by_the_sform_alone(tmp_path: Path, oblique: np.ndarray) -> None:
    oblique[0, 1] += 1
    image = nibabel.load(write_image(tmp_path / "a.nii.gz", VOLUME, affine=oblique))
    assert np.allclose(image.affine, oblique, atol=1e-5)
    assert image.get_qform(coded=True)[1] == 0


def test_nrrd_is_right_for_other_readers(tmp_path: Path, oblique: np.ndarray) -> None:
    path = write_image(tmp_path / "a.nrrd", VOLUME, affine=oblique)
    reader = NrrdReader()
    array, meta = reader.get_data(reader.read(path))
    assert (array == VOLUME[0]).all()
    assert np.allclose(meta["affine"], oblique)
    assert nrrd.read_header(str(path))["space"] == "left-posterior-superior"


def test_picture_without_geometry_stands_upright_in_a_volume_viewer(tmp_path: Path) -> None:
    picture = np.zeros((1, 3, 4), dtype=np.uint8)
    picture[0, 0, 3] = 9  # the right end of the first row
    image = nibabel.load(write_image(tmp_path / "a.nii.gz", picture))
    voxel = np.argwhere(np.asarray(image.dataobj) == 9)[0]
    assert voxel.tolist() == [3, 0, 0]
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.bool, torch.int64, torch.float16, torch.float64])
def test_types_are_kept_or_widened(tmp_path: Path, dtype: torch.dtype) -> None:
    image = torch.tensor([[[[0, 1]]]]).to(dtype)
    for suffix in (".nii.gz", ".nrrd"):
        assert read_image(write_image(tmp_path / f"a{suffix}", image)).flatten().tolist() == [0, 1]


@pytest.mark.parametrize(("bits", "top"), [(8, 255), (16, 65535)])
def test_png_holds_rounded_values(tmp_path: Path, bits: int, top: int) -> None:
    image = torch.tensor([[[0.4, 1.6], [top / 2, top + 0.3]]])
    path = write_image(tmp_path / "a.png", image, bits=bits)
    expected = np.rint(image.numpy()[0]).clip(0, top)
    assert (np.asarray(Image.open(path)) == expected).all()


def test_colour_png(tmp_path: Path) -> None:
    image = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)
    assert torch.equal(read_image(write_image(tmp_path / "a.png", image)).as_tensor(), image)


def test_missing_folders_are_made_and_files_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.nii.gz"
    write_image(path, VOLUME, provenance=MADE)
    write_image(path, VOLUME + 1, provenance=MADE)
    assert float(read_image(path).min()) == 1
    assert _files(path.parent) == ["a.json", "a.nii.gz"]


@pytest.mark.parametrize(
    ("name", "image", "arguments", "reason"),
    [
        pytest.param("a.jpg", VOLUME, {}, "format that is not written", id="lossy_format"),
        pytest.param("a.dcm", VOLUME.repeat(2, 0), {}, "does not fit a DICOM file", id="dicom_channels"),
        pytest.param("a.png", VOLUME, {}, "does not fit", id="volume_as_png"),
        pytest.param("a.png", VOLUME[0, :1] - 50, {}, "values from -50", id="negative_png"),
        pytest.param("a.png", VOLUME[0, :1] * 100, {}, "write nii.gz", id="png_overflow"),
        pytest.param("a.png", VOLUME[0, :1], {"bits": 12}, "bits=12", id="odd_bits"),
        pytest.param("a.nii.gz", VOLUME[0, 0], {}, "shape", id="no_channel"),
        pytest.param("a.nii.gz", VOLUME, {"affine": np.eye(3)}, "4 x 4", id="affine_3x3"),
        pytest.param("a.nii.gz", np.full_like(VOLUME, np.nan), {}, "NaN", id="nan"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(
    tmp_path: Path, name: str, image: np.ndarray, arguments: dict[str, object], reason: str
) -> None:
    with pytest.raises(MonaiGanError, match=reason):
        write_image(tmp_path / name, image, provenance=MADE, **arguments)
    assert _files(tmp_path) == []


def test_invalid_result_has_its_own_exit_code(tmp_path: Path) -> None:
    with pytest.raises(InvalidResultError):
        write_image(tmp_path / "a.nrrd", np.full_like(VOLUME, np.inf), provenance=MADE)


def test_unwritable_output_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_image(tmp_path / "file" / "a.nii.gz", VOLUME, provenance=MADE)
    assert _files(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz", "a.nrrd", "a.dcm"])
@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl_c"]
)
@pytest.mark.parametrize("step", ["write_text", "replace"])
def test_failure_on_the_way_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, failure: BaseException, step: str
) -> None:
    picture = np.full((1, 3, 3), 7, dtype=np.uint8)
    before = write_image(tmp_path / name, picture, provenance=MADE)
    content = before.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(Path, step, fail)
    with pytest.raises((InputError, KeyboardInterrupt)):
        write_image(tmp_path / name, picture + 1, provenance=MADE)
    assert before.read_bytes() == content
    assert _files(tmp_path) == sorted({name, "a.json"})


def test_sidecar_goes_when_its_image_cannot_be_placed(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").mkdir()
    with pytest.raises(InputError):
        write_image(tmp_path / "a.nii.gz", VOLUME, provenance=MADE)
    assert _files(tmp_path) == ["a.nii.gz"]
