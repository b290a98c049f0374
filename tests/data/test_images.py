"""Every format comes in with its values, axes and geometry; what cannot be read says why."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
import torch
from PIL import Image

from monai_gan.data import read_image
from monai_gan.errors import InputError

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)
VOLUME = np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 5


def _save_nifti(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_pictures_have_rows_first(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(PIXELS).save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}")
    assert image.dtype == torch.uint8
    assert (image.numpy()[0] == PIXELS).all()


def test_sixteen_bit_and_real_pictures_keep_their_values(tmp_path: Path) -> None:
    high = PIXELS.astype(np.uint16) * 5000
    Image.fromarray(high).save(tmp_path / "a.png")
    Image.fromarray(high.astype(np.float32) / 7).save(tmp_path / "b.tif")
    assert (read_image(tmp_path / "a.png").numpy()[0] == high).all()
    assert np.allclose(read_image(tmp_path / "b.tif").numpy()[0], high / 7)


@pytest.mark.parametrize(
    ("mode", "channels"), [("RGB", 3), ("RGBA", 3), ("P", 3), ("LA", 1), ("1", 1)], ids=lambda value: str(value)
)
def test_colour_modes_become_grey_or_rgb(tmp_path: Path, mode: str, channels: int) -> None:
    Image.fromarray(PIXELS * 20).convert(mode).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (channels, 3, 4)


def test_nifti_keeps_values_and_affine(tmp_path: Path, oblique: np.ndarray) -> None:
    image = read_image(_save_nifti(tmp_path / "a.nii.gz", VOLUME, oblique))
    assert (image.numpy()[0] == VOLUME).all()
    assert image.dtype == torch.int16
    assert np.allclose(image.affine.numpy(), oblique, atol=1e-5)


def test_slice_of_a_nifti_is_turned_with_its_affine(tmp_path: Path, oblique: np.ndarray) -> None:
    flat = read_image(_save_nifti(tmp_path / "a.nii", VOLUME[:, :, :1], oblique))
    assert flat.shape == (1, 3, 2)
    assert flat[0, 2, 1] == VOLUME[1, 2, 0]
    assert np.allclose(flat.affine.numpy() @ [2, 1, 0, 1], oblique @ [1, 2, 0, 1], atol=1e-5)


def test_last_axis_of_a_4d_nifti_holds_channels(tmp_path: Path) -> None:
    array = np.arange(48, dtype=np.float32).reshape(2, 3, 4, 2)
    image = read_image(_save_nifti(tmp_path / "a.nii.gz", array, np.eye(4)))
    assert (image.numpy() == np.moveaxis(array, -1, 0)).all()


@pytest.mark.parametrize(
    ("space", "signs"),
    [("left-posterior-superior", (-1, -1)), ("right-anterior-superior", (1, 1)), (None, (-1, -1))],
    ids=["lps", "ras", "unnamed_is_lps"],
)
def test_nrrd_geometry_becomes_ras(tmp_path: Path, space: str | None, signs: tuple[int, int]) -> None:
    header: dict[str, object] = {"space directions": np.diag([0.5, 1.0, 2.0]), "space origin": [1.0, 2.0, 3.0]}
    header |= {"space": space} if space else {"space dimension": 3}
    nrrd.write(str(tmp_path / "a.nrrd"), VOLUME, header, index_order="F")
    image = read_image(tmp_path / "a.nrrd")
    assert (image.numpy()[0] == VOLUME).all()
    x, y = signs
    assert np.allclose(image.affine.numpy()[:, 3], [x * 1, y * 2, 3, 1])
    assert np.allclose(np.diag(image.affine.numpy()), [x * 0.5, y * 1, 2, 1])


def test_nrrd_without_geometry_and_with_channels(tmp_path: Path) -> None:
    nrrd.write(str(tmp_path / "plain.nrrd"), VOLUME, index_order="F")
    assert np.allclose(read_image(tmp_path / "plain.nrrd").affine.numpy(), np.eye(4))
    colour = np.stack([VOLUME, VOLUME + 100])
    directions = np.vstack([np.full((1, 3), np.nan), np.eye(3)])
    header = {"space": "right-anterior-superior", "space directions": directions, "space origin": np.zeros(3)}
    nrrd.write(str(tmp_path / "colour.nrrd"), colour, header, index_order="F")
    assert (read_image(tmp_path / "colour.nrrd").numpy() == colour).all()


def _nothing(path: Path) -> Path:
    return path / "absent.nii.gz"


def _empty_folder(path: Path) -> Path:
    return path


def _text(path: Path) -> Path:
    (path / "notes.txt").write_text("hello")
    return path / "notes.txt"


def _truncated_nifti(path: Path) -> Path:
    content = _save_nifti(path / "whole.nii.gz", np.random.default_rng(0).random((8, 8, 8)), np.eye(4)).read_bytes()
    (path / "cut.nii.gz").write_bytes(content[: len(content) // 2])
    return path / "cut.nii.gz"


def _not_nifti(path: Path) -> Path:
    with gzip.open(path / "a.nii.gz", "wb") as file:
        file.write(b"this is no image")
    return path / "a.nii.gz"


def _broken_png(path: Path) -> Path:
    (path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    return path / "a.png"


def _broken_nrrd(path: Path) -> Path:
    (path / "a.nrrd").write_bytes(b"NRRD0004\nsizes: 3 3\n\n")
    return path / "a.nrrd"


def _broken_dicom(path: Path) -> Path:
    (path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(10))
    return path / "a.dcm"


def _nan(path: Path) -> Path:
    volume = VOLUME.astype(np.float32)
    volume[0, 0, 0] = np.nan
    return _save_nifti(path / "a.nii.gz", volume, np.eye(4))


def _complex(path: Path) -> Path:
    return _save_nifti(path / "a.nii.gz", VOLUME.astype(np.complex64), np.eye(4))


def _stack(path: Path) -> Path:
    Image.fromarray(PIXELS).save(path / "a.tif", save_all=True, append_images=[Image.fromarray(PIXELS)])
    return path / "a.tif"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_nothing, "does not exist"),
        (_empty_folder, "without DICOM files"),
        (_text, "format that is not read"),
        (_truncated_nifti, "damaged"),
        (_not_nifti, "damaged"),
        (_broken_png, "damaged"),
        (_broken_nrrd, "damaged"),
        (_broken_dicom, "damaged"),
        (_nan, "holds 1 NaN"),
        (_complex, "type complex64"),
        (_stack, "2 pictures"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(InputError, match=reason) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
