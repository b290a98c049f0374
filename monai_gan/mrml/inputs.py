"""Tell before a job what is no image for it, and what is unusual about one."""

from __future__ import annotations

from typing import Any

from monai_gan.mrml.exchange import affine_of, volume_array

#: As the engine does, see `monai_gan.apps.volume_checks`: fewer values than this are labels.
_MOST_LABELS = 16
_OBLIQUE = 1e-3


def input_refusal(node: Any, spatial_dims: int = 0) -> str:
    """Why a node cannot be the input of a job.

    Args:
        node: any MRML node, or None.
        spatial_dims: 3 refuses a single slice.

    Returns:
        One sentence with the remedy; empty when nothing speaks against the node.
    """
    import numpy as np

    if node is None:
        return "Choose an input volume."
    name = node.GetName()
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        return f"'{name}' is no volume: choose one."
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        return f"'{name}' is a label map: choose the image that it belongs to."
    image = node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0 or image.GetPointData().GetScalars() is None:
        return f"'{name}' is empty: load an image into it or choose another."
    channels = image.GetNumberOfScalarComponents()
    if node.IsA("vtkMRMLVectorVolumeNode") or channels != 1:
        return f"'{name}' has {channels} values per voxel: convert it to a scalar volume."
    if spatial_dims == 3 and min(image.GetDimensions()) < 2:
        return f"'{name}' is a single slice, but this bundle works on volumes: load all slices."
    axes = affine_of(node)[:3, :3]
    if not np.isfinite(axes).all() or abs(np.linalg.det(axes)) < 1e-9:
        return f"'{name}' has axes that span no volume: correct its spacing and directions."
    voxels = volume_array(node)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        return f"'{name}' holds NaN or infinite values: replace them, for instance with Threshold Scalar Volume."
    low, high = voxels.min(), voxels.max()
    if low == high:
        return f"'{name}' has the value {low:g} everywhere: there is nothing to work on."
    # A look at a part first: to sort all voxels of a large image takes long, and an image shows itself soon.
    if len(np.unique(voxels[:: max(1, len(voxels) // 4)])) <= _MOST_LABELS and len(np.unique(voxels)) <= _MOST_LABELS:
        return f"'{name}' has a few different values only: it looks like a mask; choose the image that it belongs to."
    return ""


def input_cautions(node: Any) -> list[str]:
    """What a person should know about the geometry of an input; one sentence each.

    Args:
        node: a vtkMRMLScalarVolumeNode that `input_refusal` does not refuse.
    """
    import numpy as np

    found = []
    name = node.GetName()
    directions = affine_of(node)[:3, :3]
    spacing = np.linalg.norm(directions, axis=0)
    unit = directions / spacing
    if np.abs(unit.T @ unit - np.eye(3)).max() > _OBLIQUE:
        found.append(
            f"'{name}' has sheared axes, which no bundle was trained on: resample it, for instance with Resample "
            "Scalar/Vector/DWI Volume."
        )
    elif (np.abs(unit).max(axis=0) < 1 - _OBLIQUE).any():
        found.append(f"'{name}' lies oblique: it is worked on along its own axes, and the result has the same grid.")
    if spacing.max() > 3 * spacing.min():
        sizes = " x ".join(f"{length:.3g}" for length in spacing)
        found.append(f"'{name}' has voxels of {sizes} mm: across thick slices fine detail cannot be right.")
    transform = node.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        found.append(
            f"'{name}' is under the non-linear transform '{transform.GetName()}', which the result gets too: harden "
            "the transform if the bundle should see the warped image."
        )
    return found
