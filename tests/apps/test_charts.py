from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from monai_gan.apps.charts import BLUE, GREY, Axis, Line, line_chart

X, Y = Axis("steps <n>", [(0, "0"), (10, "10")]), Axis("share", [(0, "0"), (1, "1")])


def polylines(chart: str) -> list[list[tuple[float, float]]]:
    found = re.findall(r'<polyline points="([^"]+)"', chart)
    return [[(float(a), float(b)) for a, b in (p.split(",") for p in points.split())] for points in found]


def test_a_chart_is_well_formed_and_escapes_what_it_is_told() -> None:
    chart = line_chart([Line("a & b", [(0, 0), (10, 1)], BLUE)], X, Y, title='"quoted"')
    root = ET.fromstring(chart)
    texts = [element.text for element in root.iter("text")]
    assert {"steps <n>", "share", "a & b", "0", "10", "1"} <= set(texts)
    assert root.get("aria-label") == '"quoted"'


def test_larger_values_lie_higher_and_further_right() -> None:
    (points,) = polylines(line_chart([Line("a", [(0, 0), (5, 0.5), (10, 1)], BLUE)], X, Y, title="t"))
    xs, ys = zip(*points, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys, reverse=True)
    assert xs[1] - xs[0] == xs[2] - xs[1]


def test_values_beyond_the_axis_stay_inside_and_the_first_line_is_on_top() -> None:
    lines = [Line("model", [(0, 5)], BLUE), Line("other", [(0, 1)], GREY, dashed=True)]
    chart = line_chart(lines, X, Y, title="t")
    below, above = polylines(chart)
    assert below == above, "5 is drawn at the end of the axis, 1"
    assert re.findall(r'<polyline [^>]*stroke="(#\w+)"', chart) == [GREY, BLUE]
    assert chart.count("stroke-dasharray") == 2, "in the chart and in the legend"
