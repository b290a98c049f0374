"""What lies over each view: its caption, letters at its edges, and the slider of the slices."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v
from trame_slicer.app.logic.slice_view_logic import connect_slice_view_slider_to_state

from monai_gan.viewer.layout import EDGES, ORIENTATIONS, RESULT


def frame_slice_view(server: Any, name: str, view: Any) -> None:
    """Fill the frame of a slice view.

    Args:
        server: trame's.
        name: of the view.
        view: trame_slicer's SliceView.
    """
    orientation = name.removeprefix(RESULT)
    left, top = EDGES[orientation]
    _caption(name, orientation, ORIENTATIONS[orientation])
    html.Div(left, classes="mg-edge", style="left: 10px; top: 50%;", v_if="!flat")
    html.Div(top, classes="mg-edge", style="left: 50%; top: 32px;", v_if="!flat")
    position = connect_slice_view_slider_to_state(server, view)
    with html.Div(classes="mg-slice", v_if=f"!flat && {position.name.max_value} > {position.name.min_value}"):
        v.VSlider(
            v_model=(position.name.value,),
            min=(position.name.min_value,),
            max=(position.name.max_value,),
            step=(position.name.step,),
            hide_details=True,
            density="compact",
            color=ORIENTATIONS[orientation],
            thumb_size=12,
            track_size=2,
            raw_attrs=[f'aria-label="Slice of {name}"'],
        )
        html.Span(f"{{{{ {position.name.value}.toFixed(1) }}}} mm")


def frame_volume_view(server: Any, name: str, view: Any) -> None:
    """Fill the frame of the 3-D view.

    Args:
        server: trame's.
        name: of the view.
        view: trame_slicer's ThreeDView.
    """
    _caption(name, "3-D", "#58b6c9")
    with html.Div(style="position: absolute; right: 6px; bottom: 6px;"):
        v.VBtn(
            icon="mdi-image-filter-center-focus",
            size="x-small",
            variant="text",
            click=view.reset_view,
            title="Center the view",
        )


def _caption(name: str, title: str, colour: str) -> None:
    with html.Div(classes="mg-caption"):
        html.Div(classes="mg-dot", style=f"background: {colour};")
        html.B(title)
        html.Span(f"{{{{ captions.{name} }}}}")
