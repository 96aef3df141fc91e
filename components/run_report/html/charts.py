"""Charts as inline SVG. Colours come from the page's classes, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 400, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 12, 46


class Series(NamedTuple):
    """One line."""

    name: str
    css: str
    """Class that gives the colour."""
    x: Sequence[float]
    y: Sequence[float]
    dots: bool = False
    spans: Sequence[tuple[float, float]] = ()
    """Low and high of each point, for error bars."""


class Axis(NamedTuple):
    """From `low` to `high`."""

    title: str
    low: float
    high: float
    percent: bool = False
    whole: bool = False
    """Ticks at whole numbers only."""

    def ticks(self) -> list[float]:
        """About five round numbers."""
        width = self.high - self.low
        raw = width / 4.5
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
        if self.whole:
            step = max(1.0, round(step))
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def text(self, value: float) -> str:
        """A tick's label."""
        if self.percent:
            return f"{100 * value:.3g} %"
        return f"{value:.4g}".replace("-", "−")


def padded(values: Sequence[float], share: float = 0.08) -> tuple[float, float]:
    """Low and high that leave some room around the values."""
    low, high = min(values), max(values)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


def line_chart(
    title: str, x: Axis, y: Axis, series: Sequence[Series], diagonal: bool = False, mark_x: float | None = None
) -> Markup:
    """`diagonal`: a dashed line x = y. `mark_x`: a dashed upright line."""

    def place(a: float, b: float) -> tuple[float, float]:
        return _x(x, a), _y(y, b)

    parts = [_grid(x, y)]
    if diagonal:
        low, high = max(x.low, y.low), min(x.high, y.high)
        (x1, y1), (x2, y2) = place(low, low), place(high, high)
        parts.append(f'<line class="reference" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    if mark_x is not None:
        at = _x(x, mark_x)
        parts.append(f'<line class="reference" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}"/>')
    for one in series:
        points = [place(a, b) for a, b in zip(one.x, one.y, strict=True)]
        for (at, _), (low, high) in zip(points, one.spans, strict=False):
            ends = f'y1="{_y(y, low):.1f}" y2="{_y(y, high):.1f}"'
            parts.append(f'<line class="span {one.css}" x1="{at:.1f}" x2="{at:.1f}" {ends}/>')
        path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
        parts.append(f'<path class="line {one.css}" d="{path}"/>')
        if one.dots:
            parts += [f'<circle class="dot {one.css}" cx="{a:.1f}" cy="{b:.1f}" r="3.2"/>' for a, b in points]
    return _svg(title, "".join(parts))


def histogram_chart(
    title: str, x: Axis, edges: Sequence[float], layers: Sequence[tuple[str, Sequence[float]]]
) -> Markup:
    """Shares by bin, of each (class, shares), as steps over one another."""
    y = Axis("share of rows", 0.0, max(max(shares) for _, shares in layers) * 1.05, percent=True)
    parts = [_grid(x, y)]
    for css, shares in layers:
        path = f"M{_x(x, edges[0]):.1f} {_y(y, 0):.1f}"
        for index, share in enumerate(shares):
            path += f"V{_y(y, share):.1f}H{_x(x, edges[index + 1]):.1f}"
        parts.append(f'<path class="area {css}" d="{path}V{_y(y, 0):.1f}Z"/>')
    return _svg(title, "".join(parts))


def spark_histogram(title: str, newest: Sequence[float], previous: Sequence[float] | None) -> Markup:
    """Bars of one span, with the steps of another drawn over them; without axes, for a table's cell."""
    width, height = 120, 30
    top = max([*newest, *(previous or ())]) or 1.0
    step = width / len(newest)
    bars = "".join(
        f'<rect class="bar-now" x="{index * step:.1f}" y="{height - height * share / top:.1f}" '
        f'width="{max(step - 1, 0.5):.1f}" height="{height * share / top:.1f}"/>'
        for index, share in enumerate(newest)
    )
    if previous:
        steps = "".join(f"V{height - height * share / top:.1f}h{step:.1f}" for share in previous)
        bars += f'<path class="step-before" d="M0 {height}{steps}V{height}"/>'
    box = f"-1 -1 {width + 2} {height + 2}"
    return Markup(f'<svg class="spark" viewBox="{box}" role="img" aria-label="{escape(title)}">{bars}</svg>')


def _x(axis: Axis, value: float) -> float:
    return LEFT + (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low) * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    share = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _grid(x: Axis, y: Axis) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in y.ticks():
        at = _y(y, tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 7}" y="{at + 4:.1f}" text-anchor="end">{y.text(tick)}</text>')
    for tick in x.ticks():
        at = _x(x, tick)
        parts.append(f'<line class="notch" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{bottom + 17}" text-anchor="middle">{x.text(tick)}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(
        f'<text class="axis-title" x="{middle:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x.title)}</text>'
    )
    upright = (TOP + bottom) / 2
    parts.append(
        f'<text class="axis-title" transform="translate(10 {upright:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escape(y.title)}</text>"
    )
    return "".join(parts)


def _svg(title: str, inside: str) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{inside}</svg>'
    )
