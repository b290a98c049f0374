"""Keep two slice views on the same slice and the same part of it."""

from __future__ import annotations

from typing import Any


class Link:
    """Whatever one view is turned, moved or zoomed to, the other follows.

    Args:
        first: trame_slicer's SliceView.
        second: the other one.
    """

    def __init__(self, first: Any, second: Any) -> None:
        self._busy = False
        first.modified.connect(lambda *_: self._follow(first, second))
        second.modified.connect(lambda *_: self._follow(second, first))

    def _follow(self, leader: Any, follower: Any) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            copy_position(leader, follower)
        finally:
            self._busy = False


def copy_position(leader: Any, follower: Any) -> None:
    """Give a slice view the plane and the zoom of another; their windows may have different shapes.

    Args:
        leader: trame_slicer's SliceView.
        follower: the view that is changed.
    """
    source, target = slice_node(leader), slice_node(follower)
    if source is None or target is None:
        return
    width, height, depth = source.GetFieldOfView()
    columns, rows = target.GetDimensions()[:2]
    changing = target.StartModify()
    target.GetSliceToRAS().DeepCopy(source.GetSliceToRAS())
    target.SetXYZOrigin(*source.GetXYZOrigin())
    if columns > 1 and rows > 1:
        height = width * rows / columns
    target.SetFieldOfView(width, height, depth)
    target.UpdateMatrices()
    target.EndModify(changing)


def slice_node(view: Any) -> Any:
    """The vtkMRMLSliceNode of a slice view."""
    return view._logic.GetSliceNode()
