"""Reports that are one HTML file: style and pictures inside, no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b2733;
  background: #fff; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid #d5dde5; padding-top: 1.5rem; }
figure { margin: 0; } figcaption { font-size: .9rem; color: #51606e; margin-top: .4rem; }
.row, .pair { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); }
.pair { grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); margin-bottom: 1.5rem; }
img { width: 100%; border-radius: 4px; image-rendering: pixelated; } svg { width: 100%; height: auto; }
.note { background: #fff6dd; border-left: 4px solid #e0a800; padding: .6rem 1rem; }
.verdict { background: #eef5fc; border-left: 4px solid #0b6bcb; padding: .6rem 1rem; }
.verdict p { margin: .4rem 0; } .verdict p:first-child { font-weight: 600; }
pre { background: #f2f5f8; padding: .8rem 1rem; overflow-x: auto; border-radius: 4px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .4rem .6rem; text-align: left; border-bottom: 1px solid #e3e9ee; vertical-align: top; }
th { font-weight: 600; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td small { color: #51606e; display: block; }
tr.own td { background: #eef5fc; } tr.real td { background: #f2f5f8; }
code { overflow-wrap: anywhere; }
"""


def page(title: str, body: str) -> bytes:
    """A whole HTML page.

    Args:
        title: shown in the browser's tab, not yet escaped.
        body: HTML.

    Returns:
        The file's content.
    """
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
    return text.encode("utf-8")


def picture(source: np.ndarray | bytes, caption: str, *, alternative: str = "") -> str:
    """A picture with its caption, inside of the page.

    Args:
        source: a uint8 array (rows, columns) or (rows, columns, 3), or the content of a PNG file.
        caption: not yet escaped.
        alternative: for those who do not see it; by default the caption.

    Returns:
        A ``<figure>`` element.
    """
    png = source if isinstance(source, bytes) else _png(source)
    data = "data:image/png;base64," + base64.b64encode(png).decode()
    return (
        f'<figure><img src="{data}" alt="{html.escape(alternative or caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _png(array: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return buffer.getvalue()
