"""The README's chart: perplexity over the rank heard, as an SVG that is read on white and on black."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2

_WIDTH, _HEIGHT = 720, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 118, 26, 52
_COLOURS = ("#3b82f6", "#e8730c")
_GREY = "#888888"
#: A point that lies so little below another has its number below it: the two would stand on each other.
_CLOSE = 0.08


def draw(found: Mapping[str, Mapping[int, float]]) -> str:
    """The chart.

    Args:
        found: by adapter, then by rank: perplexities. Rank 0 is the base model, and is told beside the line alone; the
            largest is all of its components.
    """
    lines = {name: {rank: value for rank, value in values.items() if rank} for name, values in found.items()}
    ranks = sorted({rank for values in lines.values() for rank in values})
    every = [value for values in lines.values() for value in values.values()]
    low, high = int(min(every) * 5) / 5, (int(max(every) * 5) + 1) / 5

    def x(rank: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * log2(rank) / log2(ranks[-1])

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = [_text(_LEFT, 14, "perplexity of the adapter's own replies", anchor="start")]
    steps = round((high - low) / 0.2)
    for step in range(steps + 1):
        value = low + 0.2 * step
        parts.append(_line(_LEFT, y(value), _WIDTH - _RIGHT, y(value), 0.25))
        parts.append(_text(_LEFT - 10, y(value) + 4, f"{value:.1f}", anchor="end"))
    for rank in ranks:
        parts.append(_line(x(rank), y(low), x(rank), y(low) + 5, 0.8))
        parts.append(_text(x(rank), y(low) + 20, str(rank)))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, "components of every target heard (rank)"))
    for (name, values), colour in zip(lines.items(), _COLOURS, strict=True):
        points = " ".join(f"{x(rank):.1f},{y(value):.1f}" for rank, value in sorted(values.items()))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        for rank, value in sorted(values.items()):
            parts.append(f'<circle cx="{x(rank):.1f}" cy="{y(value):.1f}" r="4" fill="{colour}"/>')
            under = any(0 < other.get(rank, value) - value < _CLOSE for other in lines.values())
            parts.append(_text(x(rank), y(value) + (20 if under else -10), f"{value:.2f}", colour))
        last = max(values)
        parts.append(_text(x(last) + 14, y(values[last]) + 4, f"{name}, all {last}", colour, "start"))
    told = "; ".join(f"{name}: {_spoken(values)}" for name, values in lines.items())
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img"'
    font = 'font-family="system-ui, sans-serif" font-size="13"'
    return f"{head} {font}>\n<title>Perplexity over rank. {told}</title>\n" + "\n".join(parts) + "\n</svg>\n"


def _spoken(values: Mapping[int, float]) -> str:
    return ", ".join(f"rank {rank} {value:.2f}" for rank, value in sorted(values.items()))


def _text(x: float, y: float, text: str, colour: str = _GREY, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{text}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, opacity: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{_GREY}" stroke-opacity="{opacity}"/>'
