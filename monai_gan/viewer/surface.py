"""The surface of an image for the 3-D view; without a graphics card volume rendering would take seconds a frame."""

from __future__ import annotations

from typing import Any

#: Voxels of the longest axis that the surface is made of.
_LONGEST = 96
_COLOUR = (0.86, 0.76, 0.66)


class Surfaces:
    """A surface for each volume, made when it is first shown.

    Args:
        scene: the vtkMRMLScene.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._made: dict[str, Any] = {}

    def show(self, volume: Any) -> None:
        """Show the surface of one volume and of no other.

        Args:
            volume: vtkMRMLScalarVolumeNode of several slices; None shows nothing.
        """
        shown = "" if volume is None else volume.GetID()
        if shown and shown not in self._made:
            self._made[shown] = self._make(volume)
        for identifier, model in self._made.items():
            model.GetDisplayNode().SetVisibility(identifier == shown)

    def remove(self, volume: Any) -> None:
        """Forget the surface of a volume."""
        model = self._made.pop(volume.GetID(), None)
        if model is not None:
            self._scene.RemoveNode(model)

    def _make(self, volume: Any) -> Any:
        model = self._scene.AddNewNodeByClass("vtkMRMLModelNode", f"Surface of {volume.GetName()}")
        model.SetAndObservePolyData(surface_of(volume))
        model.CreateDefaultDisplayNodes()
        display = model.GetDisplayNode()
        display.SetVisibility2D(False)
        display.SetColor(*_COLOUR)
        display.SetSpecular(0.2)
        display.SetPower(20)
        return model


def surface_of(volume: Any) -> Any:
    """Where an image rises above its background, as vtkPolyData in RAS millimetres.

    Args:
        volume: vtkMRMLScalarVolumeNode.
    """
    import vtk

    image = volume.GetImageData()
    steps = [max(1, round(length / _LONGEST)) for length in image.GetDimensions()]
    low = image.GetScalarRange()[0]
    smooth = vtk.vtkImageGaussianSmooth()
    smooth.SetInputData(image)
    smooth.SetStandardDeviations(*(0.5 + 0.5 * step for step in steps))
    smaller = vtk.vtkImageShrink3D()
    smaller.SetInputConnection(smooth.GetOutputPort())
    smaller.SetShrinkFactors(*steps)
    smaller.AveragingOff()
    smaller.Update()
    extent = smaller.GetOutput().GetExtent()
    closed = vtk.vtkImageConstantPad()  # so that the surface has no hole where the image ends
    closed.SetInputConnection(smaller.GetOutputPort())
    closed.SetConstant(low)
    closed.SetOutputWholeExtent(*(bound + (1 if place % 2 else -1) for place, bound in enumerate(extent)))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputConnection(closed.GetOutputPort())
    contour.SetValue(0, background_level(volume))
    contour.ComputeNormalsOff()
    contour.ComputeScalarsOff()  # they would be drawn in place of the colour
    to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(to_ras)
    transform = vtk.vtkTransform()
    transform.SetMatrix(to_ras)
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetInputConnection(contour.GetOutputPort())
    placed.SetTransform(transform)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(placed.GetOutputPort())
    normals.SplittingOff()
    normals.Update()
    return normals.GetOutput()


def background_level(volume: Any) -> float:
    """The value that parts background and image best, after Otsu 1979.

    Args:
        volume: vtkMRMLScalarVolumeNode.
    """
    import numpy as np

    from monai_gan.mrml import volume_array

    voxels = volume_array(volume)
    sample = voxels[tuple(slice(None, None, max(1, length // 64)) for length in voxels.shape)].astype(np.float64)
    counts, edges = np.histogram(sample, 256, (sample.min(), np.percentile(sample, 99.5)))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    if not np.isfinite(spread).any():
        return float(middles[0])
    best = np.flatnonzero(spread >= np.nanmax(spread) * (1 - 1e-9))  # several where no voxel lies between
    level = middles[best].mean()
    background = sums[best[0]] / below[best[0]]
    return float((background + level) / 2)  # nearer to the background, so that thin skin belongs to the image
