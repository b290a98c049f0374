"""Real MRML scenes and volumes for tests; needs slicer-core."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

#: Oblique, anisotropic, left-handed: what a careless conversion gets wrong.
OBLIQUE = np.array(
    [
        [-0.9553, -0.5910, 0.0, 10.0],
        [0.2955, -1.9107, 0.0, 20.0],
        [0.0, 0.0, 3.0, -30.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def new_scene() -> Any:
    """An empty vtkMRMLScene with a subject hierarchy."""
    import slicer

    scene = slicer.vtkMRMLScene()
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    return scene


def add_volume(
    scene: Any,
    voxels: np.ndarray | None = None,
    *,
    name: str = "ct",
    affine: np.ndarray = OBLIQUE,
    kind: str = "vtkMRMLScalarVolumeNode",
) -> Any:
    """Add a volume node with a subject hierarchy item.

    Args:
        scene: where it goes.
        voxels: (slices, rows, columns), or with a last axis of channels; by default whole numbers, all different.
        name: of the node.
        affine: (4, 4) from indices to RAS.
        kind: class of the node.
    """
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    if voxels is None:
        voxels = np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5)
    node = scene.AddNewNodeByClass(kind, name)
    image = vtk.vtkImageData()
    image.SetDimensions(*voxels.shape[2::-1])
    flat = voxels.reshape(-1, voxels.shape[3]) if voxels.ndim == 4 else voxels.ravel()
    scalars = numpy_to_vtk(np.ascontiguousarray(flat), deep=True)
    scalars.SetName("scalars")
    image.GetPointData().SetScalars(scalars)
    node.SetAndObserveImageData(image)
    matrix = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            matrix.SetElement(row, column, float(affine[row, column]))
    node.SetIJKToRASMatrix(matrix)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
    return node


def fingerprint(scene: Any) -> str:
    """A hash of all nodes of a scene, of their content and of every voxel, so that any change shows."""
    digest = hashlib.sha256()
    for number in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(number)
        text = scene_text(node)
        digest.update(f"{node.GetClassName()} {node.GetID()} {node.GetName()} {text}".encode())
        if node.IsA("vtkMRMLVolumeNode") and node.GetImageData() is not None:
            from monai_gan.mrml import volume_array

            digest.update(np.ascontiguousarray(volume_array(node)).tobytes())
    return digest.hexdigest()


def scene_text(node: Any) -> str:
    """Attributes, references and geometry of a node."""
    import vtk

    parts = [f"{name}={node.GetAttribute(name)}" for name in node.GetAttributeNames() or ()]
    if node.IsA("vtkMRMLVolumeNode"):
        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        parts.append(" ".join(str(matrix.GetElement(i, j)) for i in range(4) for j in range(4)))
    roles: list[str] = []
    node.GetNodeReferenceRoles(roles)
    parts += [f"{role}->{node.GetNodeReferenceID(role)}" for role in roles]
    return "; ".join(parts)
