"""DICOM files and series: upright, in their units, and in their place."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import torch

from monai_gan.data import read_image
from monai_gan.errors import InputError

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_dicom_file_is_upright_rescaled_and_placed(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    image = read_image(dicom(tmp_path / "a.dcm", PIXELS.astype(np.uint16)))
    assert (image.numpy()[0] == PIXELS.astype(np.float32) - 1000).all()
    # row 2, column 3: x = 10 + 3 * 0.25, y = 20 + 2 * 0.5, and RAS is LPS with x and y reversed
    assert np.allclose(image.affine.numpy() @ [2, 3, 0, 1], [-10.75, -21, 30, 1])


def test_dicom_without_extension_or_position(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    path = dicom(tmp_path / "IM0001", PIXELS, ImagePositionPatient=None, RescaleSlope=None, RescaleIntercept=None)
    image = read_image(path)
    assert image.dtype == torch.uint8
    assert (image.numpy()[0] == PIXELS).all()


def test_colour_dicom_has_three_channels(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    colour = np.stack([PIXELS, PIXELS + 20, PIXELS + 40], axis=-1)
    image = read_image(dicom(tmp_path / "a.dcm", colour, RescaleSlope=None, RescaleIntercept=None))
    assert (image.numpy() == np.moveaxis(colour, -1, 0)).all()


def test_series_is_sorted_and_placed(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    for name, number in (("a", 2), ("b", 0), ("c", 1)):
        dicom(tmp_path / f"{name}.dcm", PIXELS.astype(np.uint16) + 100 * number, number)
    image = read_image(tmp_path)
    assert image.shape == (1, 4, 3, 3)
    assert (image.numpy()[0, :, :, 2] == PIXELS.T + 200.0 - 1000).all()
    assert np.allclose(image.affine.numpy() @ [3, 2, 2, 1], [-10.75, -21, 36, 1])


def test_slices_follow_their_position_not_their_number(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    for number in range(3):
        dicom(tmp_path / f"{number}.dcm", PIXELS + 50 * number, number, InstanceNumber=9 - number)
    image = read_image(tmp_path)
    assert image[0, 0, 0].tolist() == [-1000, -950, -900]
    assert np.allclose(image.affine.numpy()[:3, 2], [0, 0, 3])


def test_tilted_gantry_is_a_shear(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    for number in range(3):
        dicom(tmp_path / f"{number}.dcm", PIXELS, number, ImagePositionPatient=[0.0, 1.0 * number, 2.0 * number])
    assert np.allclose(read_image(tmp_path).affine.numpy()[:3, 2], [0, -1, 2])


def test_series_without_positions_follows_its_numbers(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    for number in range(3):
        tags = {"ImagePositionPatient": None, "SliceThickness": 4.0}
        dicom(tmp_path / f"{number}.dcm", PIXELS + 50 * number, 2 - number, **tags)
    image = read_image(tmp_path)
    assert image[0, 0, 0].tolist() == [-900, -950, -1000]
    assert np.allclose(image.pixdim.numpy(), [0.25, 0.5, 4])


@pytest.mark.filterwarnings("ignore:The value length")
def test_numbers_with_too_many_digits_keep_the_geometry(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    direction = [0.999032176441525, -0.0217883751691557, 0.0382096472372976]
    path = dicom(tmp_path / "a.dcm", PIXELS)
    dataset = pydicom.dcmread(path)
    short = [f"{value:.6f}" for value in direction]
    dataset.ImageOrientationPatient = [*short, "0.026519", "0.991414", "-0.128044"]
    dataset.save_as(path)
    content = path.read_bytes()
    # The value is lengthened in the file, as some converters write it, since pydicom itself refuses to.
    tag = b"\x20\x00\x37\x00DS"
    start = content.index(tag)
    length = int.from_bytes(content[start + 6 : start + 8], "little")
    text = "\\".join([*map(str, direction), "0.026519476938784", "0.991413870277297", "-0.128043957939"])
    text += " " * (len(text) % 2)
    header = tag + len(text).to_bytes(2, "little")
    path.write_bytes(content[:start] + header + text.encode() + content[start + 8 + length :])
    affine = read_image(path).affine.numpy()
    assert np.allclose(affine[:3, 1], np.array(direction) * 0.25 * [-1, -1, 1])


@pytest.mark.parametrize(("modality", "turned"), [("CR", True), ("PT", False)], ids=["x_ray", "quantities_stay"])
def test_reversed_grey_scale_of_x_rays_is_turned(
    tmp_path: Path, dicom: Callable[..., Path], modality: str, turned: bool
) -> None:
    tags = {"PhotometricInterpretation": "MONOCHROME1", "Modality": modality, "RescaleIntercept": 0}
    image = read_image(dicom(tmp_path / "a.dcm", PIXELS, **tags)).numpy()[0]
    assert (image == (255 - PIXELS if turned else PIXELS)).all()


def test_pixel_size_without_position_is_kept(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    image = read_image(dicom(tmp_path / "a.dcm", PIXELS, ImagePositionPatient=None))
    assert np.allclose(image.pixdim.numpy()[:2], [0.5, 0.25])


def test_real_series_keeps_its_geometry(data_root: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(data_root / "volumes" / "dicom_mr_t1_24slices.zip") as archive:
        archive.extractall(tmp_path)
    image = read_image(next(tmp_path.rglob("*.dcm")).parent)
    assert image.shape == (1, 274, 384, 24)
    assert np.allclose(image.pixdim.numpy(), [0.69999, 0.66667, 0.66667], atol=1e-4)
    assert nibabel.aff2axcodes(image.affine.numpy()) == ("L", "P", "S")


@pytest.mark.parametrize(
    ("names", "tags", "reason"),
    [
        (("a",), {}, "one DICOM slice only"),
        (("a", "b"), {"SeriesInstanceUID": "1.2.3"}, "2 DICOM series"),
        (("a", "b", "c"), {"ImagePositionPatient": [10, 20, 33]}, "several slices at one position"),
        (("a", "b", "c", "e"), {}, "lacks slices"),
    ],
    ids=["one_slice", "two_series", "two_at_one_place", "gap"],
)
def test_folder_that_is_no_series_is_refused(
    tmp_path: Path, dicom: Callable[..., Path], names: tuple[str, ...], tags: dict[str, str], reason: str
) -> None:
    for name in names:
        number = "abcde".index(name)
        dicom(tmp_path / f"{name}.dcm", PIXELS, number, **(tags if number else {}))
    with pytest.raises(InputError, match=reason):
        read_image(tmp_path)


def test_many_frames_are_refused(tmp_path: Path, dicom: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="many frames"):
        read_image(dicom(tmp_path / "a.dcm", PIXELS, NumberOfFrames=2))
