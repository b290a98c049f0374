"""The panel at the left of the page: image, task, options, run, result."""

from __future__ import annotations

from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v

_FIELD: dict[str, Any] = {"density": "compact", "variant": "outlined", "hide_details": True, "classes": "mb-2"}
_ACCEPT = ".nii,.nii.gz,.gz,.nrrd,.dcm,application/dicom"


def build_panel(actions: Any) -> None:
    """Build the panel within the current element.

    Args:
        actions: the `monai_gan.viewer.controller.Controller`.
    """
    with html.Div(classes="pa-4"):
        _build_notice()
        html.Div("Image", classes="mg-heading")
        _build_image(actions)
        html.Div("Task", classes="mg-heading")
        _build_task()
        _build_options()
        _build_run(actions)
        with html.Div(v_if="downloads.length"):
            html.Div("Result", classes="mg-heading")
            _build_result()


def _build_notice() -> None:
    with v.VAlert(
        v_if="notice",
        type="error",
        variant="tonal",
        density="compact",
        closable=True,
        classes="mb-3 mg-text mg-notice",
        click_close="notice = null",
    ):
        html.Div("{{ notice.text }}")
        html.Div("{{ notice.hint }}", v_if="notice.hint", classes="mg-faint")


def _build_image(actions: Any) -> None:
    html.Input(
        type="file",
        id="monai-gan-files",
        multiple=True,
        accept=_ACCEPT,
        style="display: none;",
        change="window.monaiGanViewer.upload([...$event.target.files]); $event.target.value = ''",
    )
    v.VBtn(
        "Open files",
        block=True,
        variant="tonal",
        color="primary",
        prepend_icon="mdi-folder-open-outline",
        click="window.document.getElementById('monai-gan-files').click()",
        disabled=("uploaded >= 0",),
    )
    v.VProgressLinear(v_if="uploaded >= 0", model_value=("uploaded",), color="primary", classes="mt-1")
    html.Div("NIfTI, NRRD, or the files of a DICOM series, up to {{ max_upload }} MB", classes="mg-faint my-2")
    v.VTextField(
        v_if="takes_path",
        v_model=("path",),
        label="or a path on this computer",
        __events=[("keyup_enter", "keyup.enter")],
        keyup_enter=actions.open_path,
        append_inner_icon="mdi-arrow-right",
        click_appendInner=actions.open_path,
        **_FIELD,
    )
    with html.Div(v_if="images.length", style="display: flex; align-items: start; gap: 4px;"):
        v.VSelect(v_model=("image",), items=("images",), label="Image to work on", **_FIELD)
        v.VBtn(
            icon="mdi-close",
            size="small",
            variant="text",
            title="Close this image",
            click=actions.close_image,
            disabled=("run.active",),
        )


def _build_task() -> None:
    v.VSelect(v_model=("task",), items=("tasks",), label="Task", disabled=("run.active",), **_FIELD)
    v.VSelect(
        v_model=("bundle",),
        items=("bundles",),
        item_props=True,
        label="Bundle",
        disabled=("run.active",),
        no_data_text="No bundle with weights",
        **_FIELD,
    )
    with html.Div(v_if="card.description"):
        html.Div("{{ card.description }}", classes="mg-text")
        html.Div("{{ card.quality }}", classes="mg-faint mt-1")
        with _folded("card.limits.length", "When not to use it"), html.Ul(classes="mg-faint pl-3"):
            html.Li("{{ limit }}", v_for="limit in card.limits", key="limit")


def _build_options() -> None:
    with html.Div(classes="mt-3"):
        v.VSelect(
            v_if="labels.length",
            v_model=("label",),
            items=("task === 'synthesis' ? [{title: 'All in turn', value: ''}, ...labels] : labels",),
            label=("task === 'synthesis' ? 'Class' : 'Direction'",),
            **_FIELD,
        )
        with html.Div(v_if="task === 'synthesis'"):
            with html.Div(style="display: flex; gap: 8px;"):
                v.VTextField(
                    v_model_number=("count",),
                    label="Images",
                    type="number",
                    raw_attrs=['min="1"', 'max="64"'],
                    **_FIELD,
                )
                v.VTextField(v_model_number=("seed",), label="Seed", type="number", raw_attrs=['min="0"'], **_FIELD)
            _build_slider("truncation", "Truncation", "takes_truncation", 0.05, 1, 0.05)
            v.VSelect(
                v_if="directions.length",
                v_model=("direction",),
                items=("[{title: 'None', value: ''}, ...directions]",),
                label="Latent direction",
                **{**_FIELD, "classes": "mb-2 mg-direction"},
            )
            _build_slider("strength", "Shift, standard deviations", "directions.length && direction", -4, 4, 0.25)
        v.VCheckbox(
            v_if="offers_uncertainty",
            v_model=("uncertainty",),
            label="Uncertainty map",
            density="compact",
            hide_details=True,
        )
        v.VSelect(
            v_model=("device",),
            items=("[{title: 'GPU if there is one', value: 'auto'}, {title: 'CPU', value: 'cpu'}]",),
            label="Runs on",
            **_FIELD,
        )


def _build_slider(name: str, title: str, shown: str, low: float, high: float, step: float) -> None:
    with html.Div(v_if=shown, classes="mb-2"):
        with html.Div(classes="mg-faint", style="display: flex; justify-content: space-between;"):
            html.Span(title)
            html.Span(f"{{{{ Number({name}).toFixed(2) }}}}")
        v.VSlider(
            v_model=(name,),
            min=low,
            max=high,
            step=step,
            hide_details=True,
            density="compact",
            color="primary",
            thumb_size=14,
            raw_attrs=[f'aria-label="{title}"'],
        )


def _build_run(actions: Any) -> None:
    v.VBtn(
        "Run",
        v_if="!run.active",
        block=True,
        color="primary",
        prepend_icon="mdi-play",
        classes="mt-1 mg-run",
        click=actions.start,
        disabled=("!!refusal",),
    )
    v.VBtn(
        "{{ run.cancelling ? 'Cancelling' : 'Cancel' }}",
        v_else=True,
        block=True,
        color="error",
        variant="tonal",
        prepend_icon="mdi-stop",
        classes="mt-1 mg-cancel",
        click=actions.cancel,
        disabled=("run.cancelling",),
    )
    v.VProgressLinear(
        v_if="run.active",
        model_value=("run.percent ?? 0",),
        indeterminate=("run.percent === null",),
        color="primary",
        height=6,
        rounded=True,
        classes="mt-3",
    )
    html.Div("{{ run.text }}", v_if="run.text", classes="mg-text mt-2 mg-status")
    html.Div("{{ refusal }}", v_if="refusal && !run.active", classes="mg-faint mt-2 mg-refusal")
    with html.Div(v_for="text in [...(run.active ? [] : cautions), ...run.warnings]", key="text", classes="mt-2"):
        html.Div("⚠ {{ text }}", classes="mg-faint", style="color: #f0b429;")
    with _folded("run.log", "Details"):
        html.Pre("{{ run.log }}", classes="mg-log")


def _folded(shown: str, title: str) -> Any:
    """A part that opens with a click; the text of it is what the caller puts in."""
    with (
        v.VExpansionPanels(v_if=shown, variant="accordion", flat=True, classes="mt-1"),
        v.VExpansionPanel(bg_color="transparent"),
    ):
        v.VExpansionPanelTitle(title, classes="mg-faint px-0")
        return v.VExpansionPanelText()


def _build_result() -> None:
    with html.Div(v_for="fact in facts", key="fact.name + fact.text", classes="mg-text mb-1"):
        html.Span("{{ fact.name }}: ", v_if="fact.name", classes="mg-faint")
        html.Span("{{ fact.text }}")
    with html.Table(v_if="regions.length", classes="mg-regions mb-2"):
        with html.Tr():
            for title in ("Region", "cm³", "Mean", "Max.", "Center R, A, S"):
                html.Th(title)
        with html.Tr(v_for="row in regions.slice(0, 8)", key="row[0]"):
            html.Td("{{ cell }}", v_for="(cell, place) in row", key="place")
    v.VBtn(
        "{{ file.name }}",
        v_for="file in downloads",
        key="file.url",
        href=("file.url",),
        raw_attrs=[':download="file.name"'],
        block=True,
        variant="tonal",
        size="small",
        prepend_icon="mdi-download",
        classes="mb-1 text-none mg-download",
        style="justify-content: start;",
    )
