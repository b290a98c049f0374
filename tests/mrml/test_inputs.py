from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mrml_scenes import OBLIQUE

from monai_gan.mrml import input_cautions, input_refusal

Add = Callable[..., Any]


def ramp(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_a_good_volume_is_not_refused(add: Add) -> None:
    assert input_refusal(add(), 3) == ""


def with_nan() -> np.ndarray:
    voxels = ramp(4, 5, 6)
    voxels[1, 2, 3] = np.nan
    return voxels


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"kind": "vtkMRMLLabelMapVolumeNode"}, "is a label map", id="label-map"),
        pytest.param({"voxels": ramp(2, 3, 4, 3), "kind": "vtkMRMLVectorVolumeNode"}, "3 values per", id="vector"),
        pytest.param({"voxels": ramp(1, 5, 6)}, "is a single slice", id="one-slice"),
        pytest.param({"voxels": with_nan()}, "NaN or infinite", id="nan"),
        pytest.param({"voxels": np.zeros((4, 5, 6))}, "the value 0 everywhere", id="constant"),
        pytest.param({"voxels": ramp(4, 5, 6) % 3}, "looks like a mask", id="mask"),
        pytest.param({"affine": np.diag([1.0, 1, 0, 1])}, "span no volume", id="flat"),
    ],
)
def test_what_is_no_image_is_refused_with_a_reason(options: dict[str, Any], text: str, add: Add) -> None:
    reason = input_refusal(add(**options), 3)
    assert text in reason
    assert "'ct'" in reason


def test_nothing_and_what_is_no_volume(scene: Any) -> None:
    assert input_refusal(None) == "Choose an input volume."
    assert "is no volume" in input_refusal(scene.AddNewNodeByClass("vtkMRMLTextNode", "note"))
    assert "is empty" in input_refusal(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "new"))


def test_a_single_slice_suits_a_model_of_slices(add: Add) -> None:
    assert input_refusal(add(ramp(1, 5, 6)), 2) == ""


def sheared() -> np.ndarray:
    affine = np.eye(4)
    affine[0, 1] = 0.4
    return affine


@pytest.mark.parametrize(
    ("affine", "texts"),
    [
        pytest.param(np.diag([-1.0, -1, 1.5, 1]), [], id="plain"),
        pytest.param(OBLIQUE, ["oblique", "voxels of 1 x 2 x 3 mm"], id="oblique"),
        pytest.param(np.diag([1.0, 1, 5, 1]), ["voxels of 1 x 1 x 5 mm"], id="thick"),
        pytest.param(sheared(), ["sheared"], id="sheared"),
    ],
)
def test_what_is_unusual_about_a_grid(affine: np.ndarray, texts: list[str], add: Add) -> None:
    found = input_cautions(add(affine=affine))
    assert len(found) == len(texts)
    for caution, text in zip(found, texts, strict=True):
        assert text in caution


def test_transforms(scene: Any, add: Add) -> None:
    import vtk

    node = add(affine=np.eye(4))
    linear = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    node.SetAndObserveTransformNodeID(linear.GetID())
    assert input_cautions(node) == []
    warp = scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetBasisToR()
    points, moved = vtk.vtkPoints(), vtk.vtkPoints()
    for x in range(4):
        points.InsertNextPoint(x, x * x, -x)
        moved.InsertNextPoint(x + 1, x * x, x)
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(moved)
    warp.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(warp.GetID())
    assert "non-linear transform 'warp'" in input_cautions(node)[0]
