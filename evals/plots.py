"""Plots as SVG text: no library, no font, no script; they show in any browser and in a README."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 640, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 40, 58
# Okabe and Ito 2008: told apart by colour-blind readers, too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True, slots=True)
class Series:
    """One line or group of bars: ``(x, value, low, high)``; ``dashed`` for somebody else's."""

    name: str
    points: tuple[tuple[str, float, float, float], ...]
    dashed: bool = False


def lines(title: str, series: Sequence[Series], *, unit: str = "", top: float = 1.0) -> str:
    """Values over a few ordered x labels, with their intervals as whiskers."""
    labels = _labels(series)
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    at = {label: _LEFT + step * (place + 0.5) for place, label in enumerate(labels)}
    parts = []
    for number, one in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        # A little aside, so that whiskers at the same x do not hide each other.
        shift = (number - (len(series) - 1) / 2) * 5
        points = [(at[x] + shift, value, low, high) for x, value, low, high in one.points]
        path = " ".join(f"{x:.1f},{_y(value, top):.1f}" for x, value, _, _ in points)
        dash = ' stroke-dasharray="5 4"' if one.dashed else ""
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        for x, value, low, high in points:
            parts.append(
                f'<circle cx="{x:.1f}" cy="{_y(value, top):.1f}" r="3.5" fill="{colour}"/>'
            )
            parts.append(_whisker(x, low, high, top, colour))
    return _frame(title, series, labels, at, parts, unit, top)


def bars(title: str, series: Sequence[Series], *, unit: str = "", top: float = 1.0) -> str:
    """Groups of bars, one per x label."""
    labels = _labels(series)
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    at = {label: _LEFT + step * (place + 0.5) for place, label in enumerate(labels)}
    width = min(36.0, 0.8 * step / max(1, len(series)))
    parts = []
    for number, one in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        shift = (number - len(series) / 2) * width
        for x, value, low, high in one.points:
            left, y = at[x] + shift, _y(value, top)
            parts.append(
                f'<rect x="{left:.1f}" y="{y:.1f}" width="{width - 2:.1f}" '
                f'height="{max(0.0, _y(0, top) - y):.1f}" fill="{colour}" fill-opacity="0.85">'
                f"<title>{escape(one.name)}, {escape(x)}: {value:.3f}</title></rect>"
            )
            parts.append(_whisker(left + width / 2 - 1, low, high, top, "#222"))
    return _frame(title, series, labels, at, parts, unit, top)


def _labels(series: Sequence[Series]) -> list[str]:
    return list(dict.fromkeys(x for one in series for x, *_ in one.points))


def _y(value: float, top: float) -> float:
    share = min(1.0, max(0.0, value / top)) if top else 0.0
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _whisker(x: float, low: float, high: float, top: float, colour: str) -> str:
    if high <= low:
        return ""
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(low, top):.1f}" y2="{_y(high, top):.1f}" '
        f'stroke="{colour}" stroke-opacity="0.6"/>'
    )


def _frame(
    title: str,
    series: Sequence[Series],
    labels: Sequence[str],
    at: dict[str, float],
    parts: Sequence[str],
    unit: str,
    top: float,
) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" font-family="sans-serif" font-size="11" role="img">'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{_LEFT}" y="16" font-size="13" font-weight="bold">{escape(title)}</text>'
    )
    ticks = []
    for quarter in range(5):
        value = top * quarter / 4
        y = _y(value, top)
        shown = f"{value:.2f}" if top <= 2 else f"{value:.0f}"
        ticks.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        ticks.append(f'<text x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">{shown}{unit}</text>')
    # Many labels stand in two lines, so that none covers its neighbour.
    below, step = _HEIGHT - _BOTTOM + 15, 13 if len(labels) > 6 else 0
    names = [
        f'<text x="{at[label]:.1f}" y="{below + place % 2 * step}" '
        f'text-anchor="middle">{escape(label)}</text>'
        for place, label in enumerate(labels)
    ]
    legend, x = [], float(_LEFT)
    for number, one in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        legend.append(
            f'<rect x="{x:.0f}" y="{_HEIGHT - 18}" width="9" height="9" fill="{colour}"/>'
        )
        legend.append(f'<text x="{x + 13:.0f}" y="{_HEIGHT - 10}">{escape(one.name)}</text>')
        x += 30 + 6.2 * len(one.name)
    return "\n".join([head, *ticks, *parts, *names, *legend, "</svg>"])
