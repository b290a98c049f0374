"""What an upload may be: names, sizes, kinds."""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_gan.data import Provenance, write_image
from monai_gan.errors import InputError
from monai_gan.viewer import uploads
from monai_gan.viewer.formats import check_images, image_files
from monai_gan.viewer.uploads import Upload, safe_name


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scan.nii.gz", "scan.nii.gz"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\a b.nrrd", "a_b.nrrd"),
        ("..", "file"),
        ("", "file"),
        (".hidden", "hidden"),
        ("naïve \0 name.dcm", "na_ve_name.dcm"),
        ("x" * 500 + ".nii", "x" * 116 + ".nii"),
    ],
    ids=["plain", "upwards", "windows", "dots", "empty", "hidden", "odd", "long"],
)
def test_names_are_made_harmless(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_files_are_written_as_they_come(tmp_path: Path) -> None:
    upload = Upload(tmp_path, 10)
    for _ in range(2):  # the same name twice, as in series of two folders
        written = asyncio.run(upload.take("a/1.dcm", pieces(b"12", b"345")))
        assert written.read_bytes() == b"12345"
    assert len(set(upload.files)) == 2


def test_an_upload_that_grows_too_large_is_stopped(tmp_path: Path) -> None:
    upload = Upload(tmp_path, 4)
    with pytest.raises(InputError, match=r"larger than 0 MB.*--max-upload"):
        asyncio.run(upload.take("a.nii", pieces(b"123", b"45", b"never read")))
    assert upload.files[0].stat().st_size <= 4


def test_an_upload_that_announces_too_much_is_refused_at_once(tmp_path: Path) -> None:
    upload = Upload(tmp_path, 1000)
    upload.check_announced(None)
    upload.check_announced(1100)
    with pytest.raises(InputError, match="--max-upload"):
        upload.check_announced(10**9)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 1)
    upload = Upload(tmp_path, 10)
    asyncio.run(upload.take("1.dcm", pieces(b"1")))
    with pytest.raises(InputError, match="more than 1 files"):
        asyncio.run(upload.take("2.dcm", pieces(b"2")))


@pytest.fixture(params=["a.nii", "a.nii.gz", "b.nrrd"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An image of 4 x 5 x 6 voxels of 4 bytes, in each format."""
    import torch

    return Path(write_image(tmp_path / request.param, torch.rand(1, 4, 5, 6)))


def test_images_are_known_by_their_content(written: Path, tmp_path: Path) -> None:
    assert check_images([written], 480) == ("nrrd" if written.suffix == ".nrrd" else "nifti")
    with pytest.raises(InputError, match=r"unpacked, more than 0 MB"):
        check_images([written], 479)
    disguised = written.rename(tmp_path / "scan.txt")
    with pytest.raises(InputError, match="'scan.txt' is no image"):
        check_images([disguised])


def test_a_dicom_series_is_known_by_its_content(tmp_path: Path) -> None:
    import torch

    origin = Provenance("a_bundle", "1.0.0", "0" * 64, 0)
    folder = Path(write_image(tmp_path / "series.dcm", torch.rand(1, 6, 7, 3) * 100, provenance=origin))
    (folder / "notes.txt").write_text("not an image")
    files = image_files(folder)
    assert len(files) == 3
    assert check_images(files, 3 * 6 * 7 * 2) == "dicom"
    with pytest.raises(InputError, match="more than"):
        check_images(files, 100)


def test_a_small_file_cannot_claim_much_memory(tmp_path: Path) -> None:
    head = bytearray(nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)).header.binaryblock + b"\0" * 4)
    struct.pack_into("<8h", head, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    head[344:348] = b"n+1\0"
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(bytes(head)))
    with pytest.raises(InputError, match=r"27000000 MB unpacked"):
        check_images([tmp_path / "bomb.nii.gz"], 10**9)
    struct.pack_into("<h", head, 40, 300)
    (tmp_path / "bad.nii").write_bytes(bytes(head))
    with pytest.raises(InputError, match="damaged NIfTI header"):
        check_images([tmp_path / "bad.nii"], 10**9)


@pytest.mark.parametrize("shape", [(5, 6, 7, 2), (5, 6)], ids=["frames", "flat"])
def test_an_image_is_one_volume(shape: tuple[int, ...], tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(InputError, match="write one volume of three axes"):
        check_images([tmp_path / "a.nii.gz"])


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("type: float\nsizes: 2 2 2\ndata file: /etc/passwd", "in another file"),
        ("type: float\nsizes: 2 2 2\ndatafile: LIST", "in another file"),
        ("type: float", "damaged NRRD header"),
        ("type: unsigned short\nsizes: 9000 9000 900", "145800 MB unpacked"),
        ("type: uint8\nsizes: 9000 9000 900", "72900 MB unpacked"),
    ],
    ids=["detached", "list", "no-sizes", "large", "large-bytes"],
)
def test_headers_of_nrrd_that_are_refused(header: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "a.nrrd").write_text(f"NRRD0005\n{header}\n\n")
    with pytest.raises(InputError, match=text):
        check_images([tmp_path / "a.nrrd"], 10**9)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(InputError, match="cannot be unpacked"):
        check_images([tmp_path / "a.nii.gz"])
    for name in ("a.exe", "b.nii", "c.nrrd", "d.dcm"):
        (tmp_path / name).write_bytes(b"MZ" + b"\0" * 400)
        with pytest.raises(InputError, match=f"'{name}' is no image"):
            check_images([tmp_path / name])
    with pytest.raises(InputError, match="No file"):
        check_images([])


def test_several_files_must_be_one_series(written: Path) -> None:
    with pytest.raises(InputError, match="2 files cannot be one image"):
        check_images([written, written])


def test_paths_that_hold_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        image_files(tmp_path / "absent.nii")
    with pytest.raises(InputError, match="holds no DICOM"):
        image_files(tmp_path)
