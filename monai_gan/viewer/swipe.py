"""A curtain in a slice view: the result on the right of a line, the input on its left."""

from __future__ import annotations

from typing import Any


class Curtain:
    """Draws the foreground of a slice view over the part of it that lies right of a line.

    Args:
        view: trame_slicer's SliceView. Its foreground has the opacity 0, so that the view itself draws the background.
    """

    def __init__(self, view: Any) -> None:
        import vtk

        self._view = view
        self._fraction = 0.5
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._mapper.UseCustomExtentsOn()
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(self._mapper)
        self._image.GetProperty().SetDisplayLocationToBackground()
        self._points = vtk.vtkPoints()
        self._points.SetNumberOfPoints(2)
        self._line = self._make_line()
        for actor in (self._image, self._line):
            actor.VisibilityOff()
            view.first_renderer().AddViewProp(actor)
        view.modified.connect(lambda *_: self._place())
        view.interactor().AddObserver(vtk.vtkCommand.WindowResizeEvent, lambda *_: self._place())

    def show(self, fraction: float) -> None:
        """Draw it.

        Args:
            fraction: of the view's width that lies left of the line, 0 .. 1.
        """
        self._fraction = fraction
        self._mapper.SetInputConnection(self._view._logic.GetForegroundLayer().GetImageDataConnection())
        self._image.VisibilityOn()
        self._line.VisibilityOn()
        self._place()
        self._view.schedule_render()

    def hide(self) -> None:
        """Remove it; the pipeline of the foreground is let go."""
        if self._image.GetVisibility():
            self._image.VisibilityOff()
            self._line.VisibilityOff()
            self._mapper.RemoveAllInputs()
            self._view.schedule_render()

    def _place(self) -> None:
        if not self._image.GetVisibility():
            return
        width, height = self._view.render_window().GetSize()
        left = min(round(self._fraction * width), width - 1)
        self._mapper.SetCustomDisplayExtents((left, width - 1, 0, height - 1))
        self._image.SetPosition(left, 0)
        for number, y in enumerate((0, height)):
            self._points.SetPoint(number, left, y, 0)
        self._points.Modified()

    def _make_line(self) -> Any:
        import vtk

        cells = vtk.vtkCellArray()
        cells.InsertNextCell(2, (0, 1))
        lines = vtk.vtkPolyData()
        lines.SetPoints(self._points)
        lines.SetLines(cells)
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(lines)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetColor(1.0, 0.75, 0.0)
        actor.GetProperty().SetLineWidth(2)
        return actor
