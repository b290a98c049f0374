"""Volumes of a scene to files and back, always through MRML's own storage nodes, which know the geometry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.errors import InputError, InvalidResultError

if TYPE_CHECKING:
    import numpy as np

_SCALAR = "vtkMRMLScalarVolumeNode"


def write_volume(node: Any, path: Path | str) -> Path:
    """Write a volume as it lies in its own space; a transform above it is not applied, and the scene is not touched.

    Args:
        node: a vtkMRMLScalarVolumeNode.
        path: file, ending with ``.nrrd`` or ``.nii.gz``.

    Returns:
        The path.

    Raises:
        InputError: the file cannot be written.
    """
    import slicer

    path = Path(path)
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    storage.SetUseCompression(0)  # the file lives for seconds
    if not storage.WriteData(node) or not path.is_file():
        raise InputError(f"'{path}' cannot be written: free some space in the folder for temporary files.")
    return path


def write_sequence(volumes: Sequence[Any], path: Path | str) -> Path:
    """Write the frames of a sequence into one file with a fourth axis.

    Args:
        volumes: vtkMRMLScalarVolumeNode per frame, all on one grid.
        path: file, ending with ``.nrrd``.

    Returns:
        The path.

    Raises:
        InputError: the frames have different grids, or the file cannot be written.
    """
    import nrrd
    import numpy as np

    from monai_gan.data.geometry import LPS

    if not volumes:
        raise InputError("The sequence is empty: choose one that has frames.")
    affine = affine_of(volumes[0])
    for number, frame in enumerate(volumes):
        if _size(frame) != _size(volumes[0]) or not np.allclose(affine_of(frame), affine, atol=1e-4):
            raise InputError(
                f"Frame {number} of the sequence has another grid than the first: resample the frames to one grid."
            )
    matrix = LPS @ affine
    frames = np.stack([volume_array(frame).transpose(2, 1, 0) for frame in volumes])
    header = {
        "space": "left-posterior-superior",
        "space directions": np.vstack([np.full((1, 3), np.nan), matrix[:3, :3].T]),
        "space origin": matrix[:3, 3],
        "kinds": ["list", "domain", "domain", "domain"],
        "encoding": "raw",
    }
    nrrd.write(str(path), frames, header, index_order="F")
    return Path(path)


def read_volume(path: Path | str, scene: Any) -> Any:
    """Read a file into a new vtkMRMLScalarVolumeNode.

    Args:
        path: a file of one channel.
        scene: where the node goes.

    Returns:
        The node.

    Raises:
        InvalidResultError: the file is missing or cannot be read.
    """
    import slicer

    path = Path(path)
    node = scene.AddNewNodeByClass(_SCALAR, path.name.partition(".")[0])
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    storage.SetSingleFile(1)
    if not path.is_file() or not storage.ReadData(node) or node.GetImageData() is None:
        scene.RemoveNode(node)
        raise InvalidResultError(f"The result '{path.name}' cannot be read: run the job again.")
    return node


def volume_array(node: Any) -> np.ndarray:
    """The voxels (slices, rows, columns) of a vtkMRMLScalarVolumeNode, shared with it."""
    from vtk.util.numpy_support import vtk_to_numpy

    image = node.GetImageData()
    array: np.ndarray = vtk_to_numpy(image.GetPointData().GetScalars())
    return array.reshape(tuple(reversed(image.GetDimensions())))


def affine_of(node: Any) -> np.ndarray:
    """The matrix (4, 4) from the indices of a volume node to millimetres in RAS, without transforms above it."""
    import numpy as np
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def box_of(node: Any) -> np.ndarray:
    """The corners (8, 3) in RAS of the box that the voxels of a volume node fill, from edge to edge."""
    import numpy as np

    size = np.array(_size(node))
    corners = np.array([[(number >> axis) & 1 for axis in range(3)] for number in range(8)]) * size - 0.5
    whole = np.hstack([corners, np.ones((8, 1))])
    box: np.ndarray = (affine_of(node) @ whole.T).T[:, :3]
    return box


def _size(node: Any) -> tuple[int, ...]:
    return tuple(node.GetImageData().GetDimensions())
