"""Small plots as SVG that takes its colours from the page: lines, bars with intervals, and a histogram."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 40
_ROW = 24

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """Points joined by a line; `kind` is its CSS class: `now`, `before` or `guide`."""

    label: str
    points: Points
    kind: str = "now"
    dots: bool = False


def lines(title: str, x_label: str, y_label: str, drawn: Sequence[Line]) -> str:
    """Curves over the unit square, both axes 0 to 1."""
    parts = [_grid(x_label, y_label)]
    for line in drawn:
        path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in line.points)
        parts.append(f'<polyline class="{line.kind}" points="{path}"><title>{escape(line.label)}</title></polyline>')
        if line.dots:
            parts += [
                f'<circle class="{line.kind}" cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="4">'
                f"<title>{escape(x_label)} {x:.2f}, {escape(y_label)} {y:.2f}</title></circle>"
                for x, y in line.points
            ]
    return _svg(title, HEIGHT, parts)


def bars(title: str, rows: Sequence[tuple[str, float, float, float, int]]) -> str:
    """A bar from 0 to 1 for each (label, value, low, high, cases), with its interval."""
    left, right = 178, 44
    span = WIDTH - left - right
    parts = []
    for index, (label, value, low, high, cases) in enumerate(rows):
        y = _ROW * index + _ROW / 2
        parts.append(
            f"<g><title>{escape(label)}: {value:.2f}, 95% {low:.2f} to {high:.2f}, {cases} cases</title>"
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
            f'<rect class="track" x="{left}" y="{y - 7:.1f}" width="{span}" height="14"/>'
            f'<rect class="now" x="{left}" y="{y - 7:.1f}" width="{span * value:.1f}" height="14"/>'
            f'<line class="interval" x1="{left + span * low:.1f}" x2="{left + span * high:.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}"/><text x="{left + span + 6}" y="{y + 4:.1f}">{value:.2f}</text></g>'
        )
    return _svg(title, _ROW * max(1, len(rows)), parts)


def histogram(title: str, x_label: str, values: Sequence[float], bins: int = 24) -> str:
    """How many of the values fall in each of the bins between the least and the greatest."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    width = (high - low) / bins or 1.0
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int((value - low) / width))] += 1
    top = max(counts)
    parts = [_axis(x_label, "cases"), _text(_LEFT, HEIGHT - 24, f"{low:.0f}"), _text(_x(1), HEIGHT - 24, f"{high:.0f}")]
    parts.append(_text(_LEFT - 6, _TOP + 8, str(top), "end"))
    for index, count in enumerate(counts):
        x, y = _x(index / bins), _y(count / max(1, top))
        parts.append(
            f'<rect class="now" x="{x:.1f}" y="{y:.1f}" width="{_x(1 / bins) - _x(0) - 1:.1f}" '
            f'height="{_y(0) - y:.1f}"><title>{low + index * width:.0f} to {low + (index + 1) * width:.0f}: '
            f"{count}</title></rect>"
        )
    return _svg(title, HEIGHT, parts)


def _grid(x_label: str, y_label: str) -> str:
    parts = [_axis(x_label, y_label)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line class="grid" x1="{_x(0)}" x2="{_x(1)}" y1="{_y(tick):.1f}" y2="{_y(tick):.1f}"/>')
        parts.append(_text(_x(tick), HEIGHT - 24, f"{tick:g}") + _text(_LEFT - 6, _y(tick) + 4, f"{tick:g}", "end"))
    return "".join(parts)


def _axis(x_label: str, y_label: str) -> str:
    y = (_TOP + HEIGHT - _BOTTOM) / 2
    return (
        f'<line class="axis" x1="{_x(0)}" x2="{_x(1)}" y1="{_y(0)}" y2="{_y(0)}"/>'
        f'{_text(_x(0.5), HEIGHT - 6, x_label)}<text x="12" y="{y}" text-anchor="middle" '
        f'transform="rotate(-90 12 {y})">{escape(y_label)}</text>'
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _x(share: float) -> float:
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _TOP + (1 - share) * (HEIGHT - _TOP - _BOTTOM)
