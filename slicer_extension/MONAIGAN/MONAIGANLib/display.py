"""Show results: side by side with the input, or a map over it. Only nodes of the scene are touched, no widget."""

import slicer

MARK = "SYNTHETIC"


def sideBySide(scene, source, result):
    """Input and result in two linked views of the same orientation."""
    layout = scene.GetSingletonNode("vtkMRMLLayoutNode", "vtkMRMLLayoutNode")
    if layout is None:
        layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is not None:
        layout.SetViewArrangement(layout.SlicerLayoutSideBySideView)
    red, yellow = _slices(scene, "Red"), _slices(scene, "Yellow")
    for name, volume in (("Red", source), ("Yellow", result)):
        composite = _composite(scene, name)
        if composite is not None:
            composite.SetLinkedControl(1)
            composite.SetBackgroundVolumeID(volume.GetID())
            composite.SetForegroundVolumeID(None)
    if red is not None and yellow is not None:
        yellow.SetOrientation(red.GetOrientation())


def inAllViews(scene, volume):
    """One volume as the background of every view."""
    for composite in _composites(scene):
        composite.SetBackgroundVolumeID(volume.GetID())
        composite.SetForegroundVolumeID(None)


def overlay(scene, source, anomalies, opacity, threshold):
    """A map in colours over its input, only where it exceeds a threshold."""
    from monai_gan.mrml import lay_over

    lay_over(scene, source, anomalies, opacity, threshold)


def rangeOf(volume):
    """Lowest and highest value of a volume."""
    return volume.GetImageData().GetScalarRange()


def setMark(views, shown, text=MARK):
    """Write a text into views, or remove it.

    :param views: vtkRenderer of each view
    :param shown: whether it is there afterwards
    """
    import vtk

    for renderer in views:
        found = [prop for prop in _props(renderer) if prop.GetObjectName() == MARK]
        for prop in found:
            renderer.RemoveViewProp(prop)
        if shown:
            actor = vtk.vtkTextActor()
            actor.SetObjectName(MARK)
            actor.SetInput(text)
            actor.GetTextProperty().SetFontSize(16)
            actor.GetTextProperty().SetColor(1.0, 0.75, 0.0)
            actor.GetTextProperty().SetJustificationToCentered()
            actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
            actor.SetPosition(0.5, 0.93)
            renderer.AddViewProp(actor)


def viewRenderers():
    """The renderers of the slice views of the application; none where there are no views."""
    manager = slicer.app.layoutManager() if hasattr(slicer, "app") else None
    if manager is None:
        return []
    views = (manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames())
    return [view.renderWindow().GetRenderers().GetFirstRenderer() for view in views]


def _props(renderer):
    collection = renderer.GetViewProps()
    return [collection.GetItemAsObject(place) for place in range(collection.GetNumberOfItems())]


def _composites(scene):
    count = scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")
    return [scene.GetNthNodeByClass(place, "vtkMRMLSliceCompositeNode") for place in range(count)]


def _composite(scene, view):
    return next((node for node in _composites(scene) if node.GetLayoutName() == view), None)


def _slices(scene, view):
    count = scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")
    nodes = (scene.GetNthNodeByClass(place, "vtkMRMLSliceNode") for place in range(count))
    return next((node for node in nodes if node.GetLayoutName() == view), None)
