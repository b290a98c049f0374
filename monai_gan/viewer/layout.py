"""The arrangements of views: four views of one image, or input above result."""

from __future__ import annotations

from typing import Any

#: The orientations of slices, in the order of the page, with the colour that Slicer gives each.
ORIENTATIONS = {"Axial": "#F34A33", "Coronal": "#6DAD4A", "Sagittal": "#EFD64D"}
#: Before the name of a view of the lower row, which shows the result.
RESULT = "Result"
THREE_D = "ThreeD"
#: Letters at the left and the upper edge of a slice in its default position.
EDGES = {"Axial": ("R", "A"), "Coronal": ("R", "S"), "Sagittal": ("A", "S")}
_BACKGROUND = ("#0b0e13", "#1b222c")


def layouts() -> dict[str, Any]:
    """Arrangements by name: "four", "pair", and for single slices "one" and "two"."""
    from trame_slicer.views import Layout, LayoutDirection, ViewLayoutDefinition

    upper = {name: _slice_view(name) for name in ORIENTATIONS}
    lower = {name: _slice_view(name, RESULT) for name in ORIENTATIONS}
    volume = ViewLayoutDefinition.threed_view(name=THREE_D, background_color=_BACKGROUND)
    row, column = LayoutDirection.Horizontal, LayoutDirection.Vertical

    def rows(*parts: list[Any]) -> Any:
        return Layout(column, [Layout(row, part) for part in parts])

    return {
        "four": rows([upper["Axial"], volume], [upper["Coronal"], upper["Sagittal"]]),
        "pair": rows(list(upper.values()), list(lower.values())),
        "one": rows([upper["Axial"]]),
        "two": rows([upper["Axial"], lower["Axial"]]),
    }


def arrangement(side_by_side: bool, flat: bool) -> str:
    """Name of the arrangement to take.

    Args:
        side_by_side: whether input and result are shown in views of their own.
        flat: whether the image is a single slice.
    """
    if flat:
        return "two" if side_by_side else "one"
    return "pair" if side_by_side else "four"


def _slice_view(orientation: str, prefix: str = "") -> Any:
    from trame_slicer.views import ViewLayoutDefinition

    colour = ORIENTATIONS[orientation]
    view = ViewLayoutDefinition.slice_view(orientation, label=prefix + orientation, color=colour)  # type: ignore[arg-type]
    view.properties.group = 1 if prefix else 0
    return view
