"""What stands out of an anomaly map: connected regions as numbers, as a table and as a segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from monai_gan.mrml.exchange import affine_of, volume_array
from monai_gan.mrml.origin import origin_of
from monai_gan.mrml.placement import place_beside

if TYPE_CHECKING:
    import numpy as np

#: As Slicer stores them: list, category, type, modifier, and the same for an anatomic region, which is not known.
TERMINOLOGY = (
    "Segmentation category and type - 3D Slicer General Anatomy list"
    "~SCT^49755003^Morphologically Altered Structure~SCT^52988006^Lesion~^^"
    "~Anatomic codes - DICOM master list~^^~^^"
)
_COLOUR = (0.90, 0.33, 0.05)
#: Regions that are listed.
MOST = 50


@dataclass(frozen=True)
class Region:
    """A connected part of a map above a threshold.

    Attributes:
        label: its number in the label image, from 1; the largest is 1.
        volume_mm3: its size.
        mean: of the map within it.
        maximum: of the map within it.
        centre: its centre of mass in RAS millimetres, in the space of the map's own parent transform.
    """

    label: int
    volume_mm3: float
    mean: float
    maximum: float
    centre: tuple[float, float, float]


def find_regions(node: Any, threshold: float, smallest_mm3: float = 0.0) -> tuple[list[Region], np.ndarray]:
    """Find the regions of a map.

    Args:
        node: the vtkMRMLScalarVolumeNode of the map.
        threshold: values above belong to a region.
        smallest_mm3: smaller regions are left out.

    Returns:
        At most 50 regions, the largest first, and the label image (slices, rows, columns) of these.
    """
    import numpy as np
    from scipy import ndimage

    voxels, affine = volume_array(node), affine_of(node)
    voxel_mm3 = abs(float(np.linalg.det(affine[:3, :3])))
    parts, _ = ndimage.label(voxels > threshold)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    order = [int(part) for part in np.argsort(-sizes, kind="stable")[:MOST]]
    order = [part for part in order if sizes[part] > 0 and sizes[part] * voxel_mm3 >= smallest_mm3]
    renumbered = np.zeros(len(sizes), dtype=np.uint8)
    renumbered[order] = np.arange(1, len(order) + 1)
    labels = renumbered[parts]
    if not order:
        return [], labels
    means, highest = ndimage.mean(voxels, parts, order), ndimage.maximum(voxels, parts, order)
    centres = ndimage.center_of_mass(np.ones_like(voxels, dtype=np.uint8), parts, order)
    regions = []
    for number, part in enumerate(order):
        index = np.array([*reversed(centres[number]), 1.0])
        x, y, z = (float(value) for value in (affine @ index)[:3])
        regions.append(
            Region(number + 1, float(sizes[part]) * voxel_mm3, float(means[number]), float(highest[number]), (x, y, z))
        )
    return regions, labels


def region_texts(regions: Sequence[Region]) -> list[list[str]]:
    """Rows for people: number, cubic centimetres, mean, maximum, centre in RAS millimetres.

    Args:
        regions: as `find_regions` gives them.
    """
    return [
        [
            str(region.label),
            f"{region.volume_mm3 / 1000:.2f}",
            f"{region.mean:.3g}",
            f"{region.maximum:.3g}",
            ", ".join(f"{value:.0f}" for value in region.centre),
        ]
        for region in regions
    ]


def write_table(table: Any, regions: Sequence[Region]) -> None:
    """Fill a vtkMRMLTableNode with regions, one a row; what it held is removed.

    Args:
        table: the node.
        regions: as `find_regions` gives them.
    """
    import vtk

    columns: dict[str, list[Any]] = {
        "Region": [str(region.label) for region in regions],
        "Volume": [region.volume_mm3 / 1000 for region in regions],
        "Mean": [region.mean for region in regions],
        "Maximum": [region.maximum for region in regions],
        **{axis: [region.centre[place] for region in regions] for place, axis in enumerate("RAS")},
    }
    table.RemoveAllColumns()
    for name, values in columns.items():
        column = vtk.vtkStringArray() if name == "Region" else vtk.vtkDoubleArray()
        column.SetName(name)
        for value in values:
            column.InsertNextValue(value)
        table.AddColumn(column)
    table.SetColumnUnitLabel("Volume", "cm3")
    for axis in "RAS":
        table.SetColumnUnitLabel(axis, "mm")
    table.SetUseColumnTitleAsColumnHeader(True)
    table.Modified()


def write_segmentation(scene: Any, segmentation: Any, node: Any, labels: np.ndarray) -> None:
    """Make one segment of all regions, with a terminology entry, on the grid of the map.

    Args:
        scene: of the nodes.
        segmentation: a vtkMRMLSegmentationNode; its segments are removed.
        node: the map.
        labels: as `find_regions` gives them.
    """
    import numpy as np
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    image = slicer.vtkOrientedImageData()
    image.SetDimensions(node.GetImageData().GetDimensions())
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    mask = np.ascontiguousarray(labels > 0).astype(np.uint8)
    scalars = numpy_to_vtk(mask.ravel(), deep=True)
    scalars.SetName("mask")
    image.GetPointData().SetScalars(scalars)
    segment = slicer.vtkSegment()
    segment.SetName("Unusual (of a model)")
    segment.SetColor(*_COLOUR)
    segment.SetTag(segment.GetTerminologyEntryTagName(), TERMINOLOGY)
    segment.AddRepresentation(slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName(), image)
    if segmentation.GetDisplayNode() is None:
        segmentation.CreateDefaultDisplayNodes()
    segmentation.GetSegmentation().RemoveAllSegments()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(node)
    segmentation.GetSegmentation().AddSegment(segment, "unusual")
    origin = origin_of(node)
    if origin is not None:
        replace(origin, kind="segmentation").write(segmentation)
    place_beside(scene, segmentation, node)
