"""Line charts as SVG, without a plotting library and without scripts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

INK, MUTED = "#1b2733", "#51606e"
BLUE, ORANGE, GREY = "#0b6bcb", "#c2570c", "#8795a1"

WIDTH, HEIGHT = 860, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 34, 44


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        label: its name in the legend.
        points: pairs (x, y), at least one.
        colour: of the line.
        dashed: whether it is drawn with gaps.
    """

    label: str
    points: Sequence[tuple[float, float]]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: what is counted, with its unit.
        ticks: pairs (value, text); the first and the last are the ends of the axis.
    """

    label: str
    ticks: Sequence[tuple[float, str]]

    def place(self, value: float) -> float:
        """Where a value lies between the ends, 0..1; values beyond lie at the end."""
        low, high = self.ticks[0][0], self.ticks[-1][0]
        return min(max((value - low) / (high - low), 0.0), 1.0)


def line_chart(lines: Sequence[Line], x: Axis, y: Axis, *, title: str) -> str:
    """Draw curves.

    Args:
        lines: the curves; the first is drawn on top.
        x: the axis to the right.
        y: the axis upwards.
        title: what the chart shows, for those who do not see it.

    Returns:
        An ``<svg>`` element.
    """
    right, floor = WIDTH - _RIGHT, HEIGHT - _BOTTOM

    def at(point: tuple[float, float]) -> str:
        return f"{_LEFT + (right - _LEFT) * x.place(point[0]):.1f},{floor - (floor - _TOP) * y.place(point[1]):.1f}"

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}" font-size="13">']
    for value, text in y.ticks:
        height = floor - (floor - _TOP) * y.place(value)
        parts.append(f'<line x1="{_LEFT}" y1="{height:.1f}" x2="{right}" y2="{height:.1f}" stroke="#e3e9ee"/>')
        parts.append(
            f'<text x="{_LEFT - 7}" y="{height + 4:.1f}" text-anchor="end" fill="{MUTED}">{_safe(text)}</text>'
        )
    for value, text in x.ticks:
        place = _LEFT + (right - _LEFT) * x.place(value)
        anchor = "end" if value == x.ticks[-1][0] else "middle"
        parts.append(
            f'<text x="{place:.1f}" y="{floor + 18}" text-anchor="{anchor}" fill="{MUTED}">{_safe(text)}</text>'
        )
    parts.append(f'<line x1="{_LEFT}" y1="{floor}" x2="{right}" y2="{floor}" stroke="{GREY}"/>')
    middle = (_LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle" fill="{INK}">{_safe(x.label)}</text>')
    parts.append(f'<text x="4" y="16" fill="{INK}">{_safe(y.label)}</text>')
    for line in reversed(lines):
        gaps = ' stroke-dasharray="6 4"' if line.dashed else ""
        points = " ".join(at(point) for point in line.points)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="2"{gaps}/>')
    parts += _legend(lines, right)
    return "".join([*parts, "</svg>"])


def _legend(lines: Sequence[Line], right: float) -> list[str]:
    """The names of the curves in a row above the chart, from the right."""
    parts, place = [], right
    for line in reversed(lines):
        place -= 7.2 * len(line.label)
        gaps = ' stroke-dasharray="6 4"' if line.dashed else ""
        parts.append(
            f'<line x1="{place - 30:.1f}" y1="12" x2="{place - 6:.1f}" y2="12" stroke="{line.colour}" '
            f'stroke-width="2"{gaps}/><text x="{place:.1f}" y="16" fill="{INK}">{_safe(line.label)}</text>'
        )
        place -= 44
    return parts


def _safe(text: str) -> str:
    return html.escape(text, quote=False)
