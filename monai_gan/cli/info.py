"""`monai-gan info`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monai_gan.cli import console
from monai_gan.cli.options import Bundle, Json

if TYPE_CHECKING:
    from monai_gan.bundle import BundleInfo

# Shown first and in this order; the model card follows.
_FIELDS = (
    "variant",
    "task",
    "modality_in",
    "modality_out",
    "spatial_dims",
    "spacing_mm",
    "intensity",
    "labels",
    "quality",
)


def info(bundle: Bundle, json: Json = False) -> None:
    """Show a bundle's model card: data, licence, metrics, limits, input and output.

    Example: monai-gan info chest_xray_wgan_gp
    """
    from monai_gan.bundle import BundleInfo, find_bundle

    found = BundleInfo.from_path(find_bundle(bundle))
    if json:
        console.print_json({**found.as_dict(), "metadata": found.metadata, "model_card": found.model_card})
    else:
        _print(found)


def _print(found: BundleInfo) -> None:
    from rich.markdown import Markdown
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    extra, metadata = found.extra, found.metadata
    rows: list[tuple[str, Any]] = [("name", f"{found.name} {found.version}"), ("path", found.path)]
    if found.untrained:
        rows.append(("weights", f"none, a configuration only; train it with: {found.training_command}"))
    rows += [(key, extra[key]) for key in _FIELDS if extra.get(key) not in (None, "", [])]
    formats = metadata.get("network_data_format", {})
    rows += [
        (f"{side} {name}", _format(form))
        for side in ("inputs", "outputs")
        for name, form in formats.get(side, {}).items()
    ]
    rows += [(key, metadata[key]) for key in ("data_source", "intended_use", "copyright") if metadata.get(key)]
    for metric in extra.get("metrics", ()):
        rest = {key: one for key, one in metric.items() if key not in ("name", "value", "mark") and one is not None}
        rows.append((str(metric.get("name")), f"{metric.get('value')} ({_text(rest)})"))
    if extra.get("training"):
        rows.append(("training", extra["training"]))
    limits = extra.get("limits") or []
    for number, limit in enumerate([limits] if isinstance(limits, str) else limits):
        rows.append(("" if number else "limits", limit))
    for name, value in rows:
        table.add_row(escape(name), escape(_text(value)))
    screen = console.out()
    screen.print(table)
    if found.model_card:
        screen.print()
        screen.print(Markdown(found.model_card))


def _format(form: Any) -> str:
    if not isinstance(form, Mapping):
        return _text(form)
    keys = ("type", "format", "num_channels", "spatial_shape", "dtype", "value_range")
    return ", ".join(f"{key} {form[key]}" for key in keys if key in form)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_text(one) for one in value)
    return str(value)
