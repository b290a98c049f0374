"""Sequences of volumes (4-D): their frames as one file, and a result per frame as a sequence that plays along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.errors import InvalidResultError
from monai_gan.mrml.exchange import affine_of
from monai_gan.mrml.origin import SOURCE_ROLE, Origin
from monai_gan.mrml.placement import place_beside, remove_with_item, result_name
from monai_gan.mrml.units import set_units

if TYPE_CHECKING:
    import numpy as np

    from monai_gan.bundle import BundleInfo

_BROWSER = "vtkMRMLSequenceBrowserNode"
_SAME = 1e-2


def sequence_of(scene: Any, node: Any) -> tuple[Any, Any] | None:
    """The browser and the sequence that a volume is the current frame of.

    Args:
        scene: the vtkMRMLScene.
        node: a volume node, or None.

    Returns:
        (vtkMRMLSequenceBrowserNode, vtkMRMLSequenceNode), or None for a volume of its own.
    """
    if node is None:
        return None
    for place in range(scene.GetNumberOfNodesByClass(_BROWSER)):
        browser = scene.GetNthNodeByClass(place, _BROWSER)
        if browser.IsProxyNodeID(node.GetID()):
            return browser, browser.GetSequenceNode(node)
    return None


def frames_of(sequence: Any) -> list[Any]:
    """The volume nodes of a sequence, in order."""
    return [sequence.GetNthDataNode(place) for place in range(sequence.GetNumberOfDataNodes())]


def import_frames(scene: Any, result: Mapping[str, Any], info: BundleInfo, source: Any) -> Any:
    """Make a sequence of the result of a job on all frames of another, synchronized with it.

    Args:
        scene: the vtkMRMLScene.
        result: the runner's event of that name; its file, a NRRD with an axis of frames, is still there.
        info: the bundle.
        source: the volume node that shows the current frame of the input.

    Returns:
        The volume node that shows the current frame of the result.

    Raises:
        InvalidResultError: the file is missing or damaged, or has another number of frames, values that are not finite,
            or another grid where it must be the same.
    """
    found = sequence_of(scene, source)
    if found is None:
        raise InvalidResultError("The sequence of the input was removed while the job ran: run it again.")
    browser, sequence = found
    arrays, affine = _read(result, sequence.GetNumberOfDataNodes())
    task = str((result.get("request") or {}).get("task", ""))
    size = tuple(source.GetImageData().GetDimensions())
    if task != "enhancement" and (arrays[0].shape != size or abs(affine - affine_of(source)).max() > _SAME):
        raise InvalidResultError(f"The result has another grid than '{source.GetName()}': nothing was taken over.")
    origin = Origin.of_result(result)
    units = str((result.get("report") or {}).get("units") or "")
    name = scene.GenerateUniqueName(result_name(sequence.GetName(), info.modality))
    frames = [_frame(array, affine, name) for array in arrays]
    made: list[Any] = []
    scene.StartState(scene.BatchProcessState)
    try:
        kept = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
        made.append(kept)
        kept.SetIndexName(sequence.GetIndexName())
        kept.SetIndexUnit(sequence.GetIndexUnit())
        kept.SetIndexType(sequence.GetIndexType())
        kept.SetNodeReferenceID(SOURCE_ROLE, sequence.GetID())
        for place, frame in enumerate(frames):
            kept.SetDataNodeAtValue(frame, sequence.GetNthIndexValue(place))
        origin.write(kept)
        browser.AddSynchronizedSequenceNode(kept)
        proxy = browser.AddProxyNode(frames[0], kept, True)
        made.append(proxy)
        proxy.SetName(name)
        keeps = source if task == "enhancement" else None
        for node in (*frames_of(kept), proxy):  # a copy into a sequence drops units
            origin.write(node)
            set_units(node, units, modality=info.modality, source=keeps)
        place_beside(scene, proxy, source)
        proxy.CreateDefaultDisplayNodes()
    except BaseException:
        for node in reversed(made):
            if node.IsA("vtkMRMLSequenceNode"):
                browser.RemoveSynchronizedSequenceNode(node.GetID())
            remove_with_item(scene, node)
        raise
    finally:
        scene.EndState(scene.BatchProcessState)
    return proxy


def _read(result: Mapping[str, Any], count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """The frames (X, Y, Z) of the result's file and their matrix in RAS."""
    import nrrd
    import numpy as np

    from monai_gan.data.geometry import LPS

    paths = [Path(file) for file in result.get("files") or () if str(file).endswith(".nrrd")]
    if not paths:
        raise InvalidResultError("The job has written no volume: see Details for what it said.")
    try:
        voxels, header = nrrd.read(str(paths[0]), index_order="F")
    except Exception as error:  # the library raises all kinds of errors on damaged files
        raise InvalidResultError(f"The result '{paths[0].name}' cannot be read: run the job again.") from error
    if voxels.ndim != 4 or len(voxels) != count:
        raise InvalidResultError(f"The result '{paths[0].name}' has not {count} frames: nothing was taken over.")
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise InvalidResultError(f"The result '{paths[0].name}' holds NaN or infinite values: nothing was taken over.")
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(header["space directions"][1:], dtype=np.float64).T
    affine[:3, 3] = header["space origin"]
    return list(voxels), LPS @ affine


def _frame(voxels: np.ndarray, affine: np.ndarray, name: str) -> Any:
    """A volume node outside of any scene."""
    import numpy as np
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    image = vtk.vtkImageData()
    image.SetDimensions(*voxels.shape)
    scalars = numpy_to_vtk(np.ascontiguousarray(voxels.transpose(2, 1, 0)).ravel(), deep=True)
    scalars.SetName("frame")
    image.GetPointData().SetScalars(scalars)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy([float(value) for value in affine.ravel()])
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetName(name)
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(matrix)
    return node
