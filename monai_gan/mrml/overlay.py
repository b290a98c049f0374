"""An anomaly map in colours over its input, in all slice views of a scene."""

from __future__ import annotations

from typing import Any

#: Colours of a map, dark to bright, so that it can lie over a grey image; the first that a scene has is taken.
MAP_COLOURS = ("vtkMRMLColorTableNodeFileInferno.txt", "vtkMRMLColorTableNodeIron")


def lay_over(scene: Any, source: Any, anomalies: Any, opacity: float, threshold: float) -> None:
    """Show a map over its input, only where it exceeds a threshold.

    Args:
        scene: the vtkMRMLScene with the slice views.
        source: volume node below.
        anomalies: volume node of the map, from 0 upwards.
        opacity: of the map, 0 .. 1.
        threshold: in the values of the map; lower ones are not drawn.
    """
    display = anomalies.GetDisplayNode()
    if display is not None:
        highest = anomalies.GetImageData().GetScalarRange()[1]
        colours = next((name for name in MAP_COLOURS if scene.GetNodeByID(name) is not None), MAP_COLOURS[0])
        display.SetAndObserveColorNodeID(colours)
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(0, highest)
        display.AutoThresholdOff()
        display.SetThreshold(threshold, max(highest, threshold))
        display.ApplyThresholdOn()
    for place in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
        composite = scene.GetNthNodeByClass(place, "vtkMRMLSliceCompositeNode")
        composite.SetBackgroundVolumeID(source.GetID())
        composite.SetForegroundVolumeID(anomalies.GetID())
        composite.SetForegroundOpacity(opacity)
