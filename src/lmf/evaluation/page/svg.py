"""Drawing: lines, intervals and shares as inline SVG, without a script and without a library.

A drawing is 400 units wide, so that its 12-unit text stays readable on a phone. Colours are
classes (``s0``, ``s1``, ...), which the page's style gives for light and dark; markers differ by
shape too.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Dot", "Line", "dots", "lines", "marker", "number", "shares", "ticks"]

WIDTH, HEIGHT = 400, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 12, 44
_ROW, _GROUP = 20, 22
_LONGEST = 46  # characters of a label inside a drawing

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A series of points, with the number of its colour; `dashed` for what is a reference."""

    name: str
    points: Sequence[Point]
    colour: int
    dashed: bool = False
    marked: bool = True


@dataclass(frozen=True)
class Dot:
    """A value with its interval in a row of a dot plot."""

    name: str
    value: float
    low: float | None
    high: float | None
    colour: int


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers that span the range.

    Examples
    --------
    >>> ticks(0.0, 0.23)
    [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
    """
    span = high - low if high > low else abs(high) or 1.0
    raw = span / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [round(one * step, 12) for one in range(first, last + 1)]


def number(value: float) -> str:
    """Write a number short.

    Examples
    --------
    >>> number(0.25), number(1500.0), number(10506.0), number(2500000.0)
    ('0.25', '1,500', '10,506', '2.5M')
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def lines(
    series: Sequence[Line],
    *,
    title: str,
    across: str,
    up: str,
    log: bool = False,
    diagonal: bool = False,
    percent: bool = False,
) -> str:
    """Draw lines over one another.

    Parameters
    ----------
    series : sequence of Line
    title : str
        What somebody who cannot see the drawing is told.
    across, up : str
        What the axes say.
    log : bool
        Whether the x axis is logarithmic.
    diagonal : bool
        Draw y = x as a reference; both axes then span the same.
    percent : bool
        Whether the y axis is in per cent.
    """
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    if diagonal:
        xs = ys = [min(xs + ys), max(xs + ys)]
    rows = ticks(min(ys), max(ys)) if diagonal else ticks(min(0.0, *ys), max(ys))
    columns = _powers(min(xs), max(xs)) if log else ticks(min(xs), max(xs))
    if not log and not diagonal:
        columns = [one for one in columns if min(xs) - 1e-9 <= one <= max(xs) + 1e-9]
    left, right = (min(xs), max(xs)) if not diagonal else (rows[0], rows[-1])
    columns = rows if diagonal else columns
    place_x = _scale(left, right, _LEFT, WIDTH - _RIGHT, log=log)
    place_y = _scale(rows[0], rows[-1], HEIGHT - _BOTTOM, _TOP)
    parts = []
    for row in rows:
        y, text = place_y(row), f"{row:.0%}" if percent else number(row)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for column in columns:
        x = place_x(column)
        anchor = "end" if x > WIDTH - _RIGHT - 14 else "middle"
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 17}" text-anchor="{anchor}">'
            f"{number(column)}</text>"
        )
    if diagonal:
        parts.append(
            f'<path class="reference" d="M{place_x(left):.1f} {place_y(left):.1f}'
            f'L{place_x(right):.1f} {place_y(right):.1f}"/>'
        )
    parts.append(
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{_text(across)}</text>'
    )
    parts.append(f'<text x="4" y="{HEIGHT - 6}">↑ {_text(up)}</text>')
    for one in series:
        spots = [(place_x(x), place_y(y)) for x, y in one.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        kind = "line dashed" if one.dashed else "line"
        parts.append(f'<path class="{kind} s{one.colour}" d="M{path}"/>')
        if one.marked:
            parts += [marker(x, y, one.colour) for x, y in spots]
    return _drawing(HEIGHT, title, parts)


def dots(groups: Sequence[tuple[str, Sequence[Dot]]], *, title: str, across: str) -> str:
    """Draw values with intervals, a row each, under the name of their group."""
    height = _TOP + sum(_GROUP + _ROW * len(row) for _, row in groups) + 40
    ends = [
        x
        for _, row in groups
        for dot in row
        for x in (dot.value, dot.low, dot.high)
        if x is not None
    ]
    columns = ticks(min(0.0, *ends), max(ends))
    place = _scale(columns[0], columns[-1], 14, WIDTH - 22)
    floor = height - 36
    parts = [f'<path class="grid" d="M{place(one):.1f} {_TOP}V{floor}"/>' for one in columns]
    parts += [
        f'<text x="{place(one):.1f}" y="{floor + 15}" text-anchor="middle">{number(one)}</text>'
        for one in columns
    ]
    parts.append(
        f'<text x="{WIDTH - 12}" y="{height - 4}" text-anchor="end">{_text(across)}</text>'
    )
    y = float(_TOP)
    for name, row in groups:
        parts.append(f'<text class="name" x="14" y="{y + 14:.1f}">{_text(name)}</text>')
        y += _GROUP
        for dot in row:
            middle = y + _ROW / 2 - 2
            if dot.low is not None and dot.high is not None:
                parts.append(
                    f'<path class="line s{dot.colour}" '
                    f'd="M{place(dot.low):.1f} {middle:.1f}H{place(dot.high):.1f}"/>'
                )
            parts.append(marker(place(dot.value), middle, dot.colour))
            end = place(max(dot.value, dot.high or dot.value)) + 8
            told = f"{dot.value:.4f}"
            if end > WIDTH - 62:
                low = place(min(dot.value, dot.low if dot.low is not None else dot.value))
                parts.append(
                    f'<text x="{low - 8:.1f}" y="{middle + 4:.1f}" text-anchor="end">{told}</text>'
                )
            else:
                parts.append(f'<text x="{end:.1f}" y="{middle + 4:.1f}">{told}</text>')
            y += _ROW
    return _drawing(height, title, parts)


def shares(rows: Sequence[tuple[str, Sequence[tuple[str, int]]]], *, title: str) -> str:
    """Draw how a whole parts into shares: a bar a row, each share with the class of its name."""
    height = _TOP + 46 * len(rows) + 4
    parts, y = [], _TOP
    for name, row in rows:
        total = sum(count for _, count in row) or 1
        parts.append(f'<text class="name" x="2" y="{y + 12}">{_text(name)}</text>')
        x = 2.0
        for kind, count in row:
            width = (WIDTH - 4) * count / total
            parts.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{y + 18}" width="{width:.1f}" height="18"/>'
            )
            if width > 34:
                parts.append(
                    f'<text class="on-{kind}" x="{x + width / 2:.1f}" y="{y + 31}" '
                    f'text-anchor="middle">{count / total:.0%}</text>'
                )
            x += width
        y += 46
    return _drawing(height, title, parts)


def marker(x: float, y: float, colour: int) -> str:
    """Draw the mark of a series: its shape tells it apart without its colour."""
    shapes = (
        f"M{x - 4:.1f} {y:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        f"M{x - 4:.1f} {y - 4:.1f}h8v8h-8z",
        f"M{x:.1f} {y - 5:.1f}l5 9h-10z",
        f"M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
        f"M{x:.1f} {y + 5:.1f}l5 -9h-10z",
        f"M{x - 5:.1f} {y:.1f}l2.5 -4.5h5l2.5 4.5l-2.5 4.5h-5z",
        f"M{x - 5:.1f} {y - 2:.1f}h10v4h-10z",
        f"M{x - 2:.1f} {y - 5:.1f}h4v10h-4z",
    )
    return f'<path class="mark s{colour}" d="{shapes[colour % len(shapes)]}"/>'


def _scale(low: float, high: float, start: float, stop: float, *, log: bool = False):  # type: ignore[no-untyped-def]
    """Return the function from values to places."""
    of = math.log10 if log else float
    span = (of(high) - of(low)) or 1.0
    return lambda value: start + (of(value) - of(low)) / span * (stop - start)


def _powers(low: float, high: float) -> list[float]:
    """Return 1, 10, 100, ... within the range; 1, 2, 5, 10, ... where there are few of them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1,) if last - first > 3 else (1, 2, 5)
    found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return [one for one in found if low <= one <= high]


def _text(text: str) -> str:
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return html.escape(short)


def _drawing(height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{html.escape(title)}">'
        f"<title>{html.escape(title)}</title>{''.join(parts)}</svg>"
    )
