from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mrml_scenes import OBLIQUE

from monai_gan.mrml import Origin, find_regions, origin_of, volume_array, write_segmentation, write_table

Add = Callable[..., Any]


@pytest.fixture
def node(add: Add) -> Any:
    """A map with a block of 8 voxels at 0.9 and a single voxel at 0.6 on a ground of 0.1."""
    voxels = np.full((8, 9, 10), 0.1, dtype=np.float32)
    voxels[2:4, 3:5, 4:6] = 0.9
    voxels[7, 8, 9] = 0.6
    return add(voxels, name="map")


def test_regions_are_measured_in_space(node: Any) -> None:
    regions, labels = find_regions(node, 0.5)
    voxel = abs(np.linalg.det(OBLIQUE[:3, :3]))
    assert [region.volume_mm3 for region in regions] == pytest.approx([8 * voxel, voxel], rel=1e-4)
    assert [region.maximum for region in regions] == pytest.approx([0.9, 0.6])
    np.testing.assert_allclose(regions[0].centre, (OBLIQUE @ [4.5, 3.5, 2.5, 1])[:3], atol=1e-3)
    assert labels.shape == (8, 9, 10)
    assert (labels == 1).sum() == 8
    assert (labels == 2).sum() == 1


def test_small_regions_are_left_out_and_none_is_fine(node: Any) -> None:
    assert len(find_regions(node, 0.5, smallest_mm3=20)[0]) == 1
    regions, labels = find_regions(node, 2.0)
    assert (regions, labels.max()) == ([], 0)


def test_a_noisy_map_gives_a_bounded_list(add: Add) -> None:
    voxels = np.zeros((20, 20, 20), dtype=np.float32)
    voxels[::2, ::2, ::2] = 1
    regions, labels = find_regions(add(voxels), 0.5)
    assert len(regions) == 50
    assert labels.max() == 50


def test_the_table_can_be_filled_again(scene: Any, node: Any) -> None:
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "regions")
    for threshold, rows in ((0.05, 1), (0.5, 2), (2.0, 0)):
        write_table(table, find_regions(node, threshold)[0])
        assert table.GetNumberOfColumns() == 7
        assert table.GetNumberOfRows() == rows
    assert table.GetColumnUnitLabel("Volume") == "cm3"


def test_the_segmentation_has_the_grid_and_a_terminology(scene: Any, node: Any) -> None:
    import slicer

    Origin("bundle", kind="anomaly map").write(node)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "regions")
    labels = find_regions(node, 0.5)[1]
    for _ in range(2):  # a second run replaces the first
        write_segmentation(scene, segmentation, node, labels)
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 1
    segment = segmentation.GetSegmentation().GetSegment("unusual")
    assert "SCT^49755003^Morphologically Altered Structure" in segment.GetTerminology()
    exported = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.ExportAllSegmentsToLabelmapNode(segmentation, exported, 0)
    np.testing.assert_array_equal(volume_array(exported).astype(bool).sum(), (labels > 0).sum())
    origin = origin_of(segmentation)
    assert origin is not None
    assert origin.kind == "segmentation"
