"""The dashboard's panels drawn from what Prometheus says of a stretch of time, as one SVG.

For where no Grafana is at hand: the same panels, queries, units and order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from ops.observe.panels import Panel, Query, Unit

COLUMNS, WIDTH, HEIGHT, GAP = 3, 420, 190, 16
LEFT, RIGHT, TOP, BOTTOM = 54, 10, 30, 52
INKS = ("#3366cc", "#dc3912", "#109618", "#ff9900", "#990099", "#0099c6", "#b82e2e", "#66aa00")
NARROW = 20
"""Letters of a name with which three stand beside each other."""
FONT = 'font-family="sans-serif" font-size="11" fill="#222"'
SHADE = 'fill="#dc3912" fill-opacity=".1"'


@dataclass(frozen=True, slots=True)
class Line:
    """One series: what it is called, and its values by Unix time."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when, in Unix time; within it, what is to be marked, and how that is called."""

    begin: float
    end: float
    marked: tuple[float, float]
    mark: str


def lines(query: Query, series: Sequence[Mapping[str, object]]) -> list[Line]:
    """The lines of a query from what `query_range` gives."""
    drawn = []
    for one in series:
        labels, values = dict(one["metric"]), list(one["values"])  # type: ignore[call-overload]
        points = [(float(at), float(value)) for at, value in values if math.isfinite(float(value))]
        if points:
            drawn.append(Line(_name(query, labels), points))
    return drawn


def picture(title: str, panels: Sequence[tuple[Panel, Sequence[Line]]], stretch: Stretch) -> str:
    """The SVG: `panels` in rows of three."""
    rows = -(-len(panels) // COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + 3 * GAP + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {FONT}>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{GAP}" y="{GAP + 10}" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for index, (panel, drawn) in enumerate(panels):
        x = GAP + index % COLUMNS * (WIDTH + GAP)
        y = 2 * GAP + 12 + index // COLUMNS * (HEIGHT + GAP)
        parts.append(f'<g transform="translate({x},{y})">{_panel(panel, drawn, stretch)}</g>')
    return "\n".join([*parts, "</svg>", ""])


def shown(value: float, unit: Unit) -> str:
    """A value as a person reads it."""
    if unit == "bool_on_off":
        return "on" if value >= 1 else "off"
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "bytes":
        return f"{value / 2**20:.3g} MiB"
    if unit == "s":
        return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
    return f"{value:.3g}" + ("/s" if unit == "ops" else "")


def _name(query: Query, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: str(labels.get(found[1], "")), query.legend)


def _panel(panel: Panel, drawn: Sequence[Line], stretch: Stretch) -> str:
    top = max((value for line in drawn for _, value in line.points), default=0.0) or 1.0
    inner, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(at: float) -> float:
        return LEFT + inner * (at - stretch.begin) / (stretch.end - stretch.begin)

    def up(value: float) -> float:
        return TOP + tall * (1 - value / top)

    begin, end = (across(at) for at in stretch.marked)
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc" rx="3"/>',
        f'<text x="10" y="18" font-weight="bold">{escape(panel.title)}</text>',
        f'<rect x="{begin:.1f}" y="{TOP}" width="{end - begin:.1f}" height="{tall}" {SHADE}>',
        f"<title>{escape(stretch.mark)}</title></rect>",
    ]
    for share in (0.0, 0.5, 1.0):
        y = up(top * share)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>')
        if panel.unit != "bool_on_off" or share != 0.5:  # noqa: PLR2004 - half on is no state
            label = shown(top * share, panel.unit)
            parts.append(f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for minute in range(int(stretch.end - stretch.begin) // 60 + 1):
        x = across(stretch.begin + 60 * minute)
        parts.append(f'<text x="{x:.1f}" y="{TOP + tall + 14}" text-anchor="middle">{minute}</text>')
    for index, line in enumerate(drawn):
        parts.append(_path([(across(at), up(value)) for at, value in line.points], INKS[index % len(INKS)]))
    parts += _legend([line.name for line in drawn])
    return "".join(parts)


def _path(points: Sequence[tuple[float, float]], ink: str) -> str:
    before = [(-GAP, 0.0), *points]
    way = "".join(
        f"{'M' if x - last > GAP else 'L'}{x:.1f} {y:.1f}" for (last, _), (x, y) in pairwise(before)
    )
    return f'<path d="{way}" fill="none" stroke="{ink}" stroke-width="1.6"/>'


def _legend(names: Sequence[str]) -> list[str]:
    columns = 3 if max(map(len, names), default=0) < NARROW else 2
    wide = (WIDTH - 20) // columns
    parts = []
    for index, name in enumerate(names[: 2 * columns]):
        x, y = 10 + index % columns * wide, HEIGHT - 30 + index // columns * 15
        ink = INKS[index % len(INKS)]
        parts.append(
            f'<rect x="{x}" y="{y}" width="9" height="9" fill="{ink}"/>'
            f'<text x="{x + 13}" y="{y + 8}">{escape(name)}</text>'
        )
    return parts
