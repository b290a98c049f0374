"""The page: a bar, the panel at the left, and the views or the gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trame.app import get_server
from trame.ui.vuetify3 import VAppLayout
from trame.widgets import html
from trame.widgets import vuetify3 as v
from trame_slicer import module
from trame_slicer.core import LayoutManager, SlicerApp
from trame_slicer.rca_view import register_rca_factories

from monai_gan import __version__
from monai_gan.viewer.layout import arrangement, layouts
from monai_gan.viewer.panel import build_panel
from monai_gan.viewer.view_frames import frame_slice_view, frame_volume_view

_THEME: dict[str, Any] = {
    "theme": {
        "defaultTheme": "dark",
        "themes": {
            "dark": {
                "dark": True,
                "colors": {
                    "background": "#0b0e13",
                    "surface": "#141a22",
                    "primary": "#58b6c9",
                    "secondary": "#8fa3b8",
                    "warning": "#f0b429",
                    "error": "#ff7b72",
                },
            }
        },
    }
}


def page_server(name: str) -> Any:
    """A trame server with the viewer's own script.

    Args:
        name: of the server.
    """
    server = get_server(name, client_type="vue3")
    server.enable_module(module)
    folder = Path(__file__).parent / "static"
    server.enable_module(
        {
            "serve": {"monai_gan_viewer": str(folder)},
            "scripts": ["monai_gan_viewer/viewer.js"],
            "styles": ["monai_gan_viewer/viewer.css"],
        }
    )
    return server


def build_page(server: Any, actions: Any) -> tuple[Any, Any]:
    """Make the scene, the views and the page.

    Args:
        server: of `page_server`, its state filled.
        actions: the `monai_gan.viewer.controller.Controller`.

    Returns:
        trame_slicer's SlicerApp and LayoutManager.
    """
    app = SlicerApp()
    register_rca_factories(
        app.view_manager, server, slice_view_ui_f=frame_slice_view, three_d_view_ui_f=frame_volume_view
    )
    manager = LayoutManager(app.scene, app.view_manager, server)
    manager.register_layout_dict(layouts(), lazy_initialization=True)
    # Before the page is begun: what is made within its elements becomes a part of it.
    manager.create_layout_views_if_needed(arrangement(side_by_side=False, flat=False))
    manager.set_layout(arrangement(side_by_side=False, flat=False))
    with VAppLayout(server, vuetify_config=_THEME) as layout:
        layout.root.theme = "dark"
        _build_bar()
        with v.VNavigationDrawer(permanent=True, width=340, classes="mg-panel", color="surface"):
            build_panel(actions)
        with v.VMain(), html.Div(classes="mg-main"):
            _build_tools()
            with html.Div(classes="mg-views", v_show="page === 'views'"):
                manager.initialize_layout_grid(layout)
            _build_gallery(actions)
    return app, manager


def _build_bar() -> None:
    with v.VAppBar(flat=True, height=48, color="#10151c", border="b"):
        v.VIcon("mdi-brain", color="primary", classes="ml-4 mr-2")
        html.Span("monai-gan", style="font-weight: 600; font-size: 16px;")
        html.Span(f"viewer {__version__}", classes="mg-faint ml-2")
        v.VSpacer()
        v.VChip(
            "Research use, not for diagnosis",
            prepend_icon="mdi-flask-outline",
            size="small",
            variant="tonal",
            color="warning",
            classes="mr-4",
        )


def _build_tools() -> None:
    with html.Div(classes="mg-bar", v_show="modes.length > 0"):
        with v.VBtnToggle(v_if="gallery.length", v_model=("page",), mandatory=True, density="compact", color="primary"):
            v.VBtn("Gallery", value="gallery", size="small", prepend_icon="mdi-grid")
            v.VBtn("Views", value="views", size="small", prepend_icon="mdi-axis-arrow")
        with v.VBtnToggle(
            v_if="!gallery.length",
            v_model=("mode",),
            mandatory=True,
            density="compact",
            color="primary",
            variant="text",
        ):
            v.VBtn(
                "{{ way.title }}",
                v_for="way in modes",
                key="way.value",
                value=("way.value",),
                size="small",
                prepend_icon=("way.icon",),
            )
        _slider("fraction", "mode === 'blend' || mode === 'swipe'", "mode === 'blend' ? 'Result' : 'Line'", 1)
        _slider("opacity", "mode === 'overlay'", "'Opacity'", 1)
        _slider("threshold", "mode === 'overlay'", "'Threshold'", "span")


def _slider(name: str, shown: str, title: str, highest: int | str) -> None:
    with html.Div(v_if=shown, style="display: flex; align-items: center; gap: 8px; width: 230px;"):
        html.Span(f"{{{{ {title} }}}}", classes="mg-faint")
        v.VSlider(
            v_model=(name,),
            min=0,
            max=(str(highest),),
            step=(f"{highest} / 100",),
            hide_details=True,
            density="compact",
            color="primary",
            thumb_size=14,
            raw_attrs=[f'aria-label="{name}"'],
        )
        html.Span(f"{{{{ Number({name}).toPrecision(2) }}}}", classes="mg-faint")


def _build_gallery(actions: Any) -> None:
    with (
        html.Div(classes="mg-gallery", v_show="page === 'gallery'"),
        html.Div(
            v_for="one in gallery",
            key="one.id",
            tabindex=0,
            classes=("sample === one.id ? 'mg-sample mg-chosen' : 'mg-sample'",),
            click=(actions.show_sample, "[one.id]"),
            __events=[("keyup_enter", "keyup.enter")],
            keyup_enter=(actions.show_sample, "[one.id]"),
        ),
    ):
        html.Img(src=("one.picture",), alt=("one.name",))
        html.Div("Synthetic · sample {{ one.number }}")
