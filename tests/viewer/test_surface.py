"""The surface for the 3-D view, on real MRML nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mrml_scenes import OBLIQUE, add_volume

from monai_gan.viewer.surface import Surfaces, background_level, surface_of

pytest.importorskip("slicer", reason="slicer-core is not installed (there are wheels for Linux, Python 3.10-3.13)")


def box() -> np.ndarray:
    """A bright box in noise, (slices, rows, columns)."""
    voxels = np.random.default_rng(0).normal(10, 2, (20, 24, 28))
    voxels[5:15, 6:18, 7:21] = 100
    return voxels.astype(np.float32)


def test_the_level_lies_between_background_and_image(scene: Any) -> None:
    assert 20 < background_level(add_volume(scene, box())) < 90
    assert np.isfinite(background_level(add_volume(scene, np.full((4, 4, 4), 3, dtype=np.int16))))


@pytest.mark.parametrize("affine", [np.diag([2.0, 1.0, 3.0, 1.0]), OBLIQUE], ids=["straight", "oblique"])
def test_the_surface_lies_where_the_image_rises(affine: np.ndarray, scene: Any) -> None:
    corners = np.array([[x, y, z, 1] for x in (7, 20) for y in (6, 17) for z in (5, 14)])
    expected = (affine @ corners.T).T[:, :3]
    bounds = np.array(surface_of(add_volume(scene, box(), affine=affine)).GetBounds()).reshape(3, 2)
    reach = np.abs(affine[:3, :3]).sum(axis=1) * 1.5  # smoothing and the level move it by a voxel or so
    assert (np.abs(bounds[:, 0] - expected.min(axis=0)) < reach).all()
    assert (np.abs(bounds[:, 1] - expected.max(axis=0)) < reach).all()


def test_a_surface_is_closed_where_the_image_ends(scene: Any) -> None:
    import vtk

    voxels = np.zeros((12, 12, 12), dtype=np.int16)
    voxels[:, 3:9, 3:9] = 100  # through the whole stack
    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(surface_of(add_volume(scene, voxels, affine=np.eye(4))))
    edges.FeatureEdgesOff()
    edges.ManifoldEdgesOff()
    edges.NonManifoldEdgesOff()
    edges.Update()
    assert edges.GetOutput().GetNumberOfCells() == 0


def test_one_surface_is_shown_at_a_time(scene: Any) -> None:
    surfaces = Surfaces(scene)
    first, second = add_volume(scene, box()), add_volume(scene, box() + 1, name="second")
    for shown, expected in ((first, [1]), (second, [0, 1]), (None, [0, 0]), (first, [1, 0])):
        surfaces.show(shown)
        models = [scene.GetNthNodeByClass(place, "vtkMRMLModelNode") for place in range(len(expected))]
        assert [model.GetDisplayNode().GetVisibility() for model in models] == expected
    surfaces.remove(first)
    surfaces.remove(first)
    assert scene.GetNumberOfNodesByClass("vtkMRMLModelNode") == 1
