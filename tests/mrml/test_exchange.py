from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mrml_scenes import OBLIQUE, fingerprint

from monai_gan.data import Provenance, read_image, write_image
from monai_gan.errors import InputError, InvalidResultError
from monai_gan.mrml import read_volume, volume_array, write_sequence, write_volume
from monai_gan.mrml.exchange import affine_of, box_of

Add = Callable[..., Any]


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz"])
def test_an_oblique_volume_reaches_the_engine_as_it_is(ending: str, scene: Any, add: Add, tmp_path: Path) -> None:
    node = add()
    before = fingerprint(scene)
    path = write_volume(node, tmp_path / f"input.{ending}")
    assert fingerprint(scene) == before
    image = read_image(path)
    np.testing.assert_allclose(image.affine.numpy(), OBLIQUE, atol=1e-4)
    assert str(image.dtype) == "torch.int16"
    np.testing.assert_array_equal(image[0].numpy().transpose(2, 1, 0), volume_array(node))


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz"])
def test_what_the_engine_writes_comes_back_as_it_is(ending: str, scene: Any, tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).normal(size=(1, 5, 6, 7)).astype(np.float32)
    path = write_image(tmp_path / f"out.{ending}", voxels, affine=OBLIQUE, provenance=Provenance("b", "1"))
    node = read_volume(path, scene)
    np.testing.assert_allclose(affine_of(node), OBLIQUE, atol=1e-4)
    np.testing.assert_array_equal(volume_array(node).transpose(2, 1, 0), voxels[0])


def test_a_picture_becomes_a_single_slice(scene: Any, tmp_path: Path) -> None:
    path = write_image(tmp_path / "out.nrrd", np.arange(12, dtype=np.uint8).reshape(1, 3, 4))
    assert read_volume(path, scene).GetImageData().GetDimensions() == (4, 3, 1)


@pytest.mark.parametrize("content", [None, b"NRRD0004\nbroken"], ids=["missing", "damaged"])
def test_a_file_that_cannot_be_read_leaves_no_node(content: bytes | None, scene: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.nrrd"
    if content:
        path.write_bytes(content)
    before = fingerprint(scene)
    with pytest.raises(InvalidResultError, match="cannot be read"):
        read_volume(path, scene)
    assert fingerprint(scene) == before


def test_a_folder_that_cannot_be_written(add: Add, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_volume(add(), tmp_path)


def test_frames_of_a_sequence_become_channels(add: Add, tmp_path: Path) -> None:
    frames = [add(np.full((3, 4, 5), number, dtype=np.float32), name=str(number)) for number in range(3)]
    image = read_image(write_sequence(frames, tmp_path / "frames.nrrd"))
    assert tuple(image.shape) == (3, 5, 4, 3)
    assert [float(frame.mean()) for frame in image] == [0, 1, 2]
    np.testing.assert_allclose(image.affine.numpy(), OBLIQUE, atol=1e-4)


def test_frames_on_different_grids_are_refused(add: Add, tmp_path: Path) -> None:
    moved = OBLIQUE.copy()
    moved[0, 3] += 1
    with pytest.raises(InputError, match="Frame 1 of the sequence has another grid"):
        write_sequence([add(), add(affine=moved)], tmp_path / "frames.nrrd")
    with pytest.raises(InputError, match="is empty"):
        write_sequence([], tmp_path / "frames.nrrd")


def test_the_box_is_measured_from_edge_to_edge(add: Add) -> None:
    box = box_of(add(affine=np.diag([2.0, 1.0, 3.0, 1.0])))
    np.testing.assert_allclose(box.min(0), [-1, -0.5, -1.5])
    np.testing.assert_allclose(box.max(0), [9, 5.5, 19.5])
