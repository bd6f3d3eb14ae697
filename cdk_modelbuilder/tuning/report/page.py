"""The page of a tuning: the plot with what each point is, the change, and the whole table; it loads nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from importlib import resources

from cdk_modelbuilder.tuning.objective import latency_of
from cdk_modelbuilder.tuning.report.points import Point, axis_of, front, points_of, rate_of
from cdk_modelbuilder.tuning.result import Configuration, TuningResult

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _EDGE = 760, 420, 70, 50, 20
_TICKS = 5
Place = Callable[[float, float], tuple[float, float]]


_LEGEND = (
    '<p class="legend"><span class="chosen">●</span> chosen <span class="default">●</span> the bundle\'s own '
    '<span class="tried">●</span> tried <span class="tried">○</span> bound exceeded, failed or ended early; '
    "the line joins those that no other beats in both.</p>"
)


def page(result: TuningResult, change: str) -> str:
    """The page as HTML; ``change`` is the diff of the container spec."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    facts = {
        "Goal": result.objective.sentence,
        "Load": result.load,
        "Machine": result.hardware.words,
        "Versions": ", ".join(f"{name} {version}" for name, version in sorted(result.versions.items())),
        "Measured": f"{result.date}, in {result.seconds / 60:.1f} minutes, seed {result.seed}",
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Tuning of {escape(result.bundle)}</title>",
            f"<style>{style}</style></head><body>",
            f"<h1>Tuning of {escape(result.bundle)}</h1>",
            f"<p>Result: {escape(result.sentence)}.</p>",
            f"<dl>{rows}</dl>",
            f"<ul>{notes}</ul>" if notes else "",
            "<h2>What each configuration does</h2>",
            _plot(result),
            _LEGEND,
            "<h2>The change</h2>",
            f"<pre>{escape(change) if change else 'none'}</pre>",
            "<h2>All of them</h2>",
            _table(result),
            "</body></html>\n",
        ]
    )


def _plot(result: TuningResult) -> str:
    points, axis = points_of(result), axis_of(result)
    if not points:
        return "<p>Nothing was measured.</p>"
    widest = 1.05 * max([*(one.latency for one in points), result.objective.bounds.get(axis, 0.0)])
    highest = 1.05 * max(one.rate for one in points)

    def place(latency: float, rate: float) -> tuple[float, float]:
        across = _LEFT + (_WIDTH - _LEFT - _EDGE) * latency / (widest or 1)
        down = _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _EDGE) * rate / (highest or 1)
        return round(across, 1), round(down, 1)

    label = f"{axis} against {result.objective.per} a second"
    return "".join(
        [
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">',
            *_axes(widest, highest, f"{axis} (ms)", f"{result.objective.per} a second"),
            *_bound(result, axis, place),
            *_front(front(points), place),
            *(_dot(one, *place(one.latency, one.rate)) for one in points),
            "</svg>",
        ]
    )


def _axes(widest: float, highest: float, across: str, up: str) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _EDGE
    for tick in range(_TICKS + 1):
        x = _LEFT + (right - _LEFT) * tick / _TICKS
        y = bottom - (bottom - _EDGE) * tick / _TICKS
        yield f'<line class="grid" x1="{x:.1f}" y1="{_EDGE}" x2="{x:.1f}" y2="{bottom}"/>'
        yield f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{widest * tick / _TICKS:.3g}</text>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{highest * tick / _TICKS:.3g}</text>'
    yield f'<text x="{(_LEFT + right) / 2:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>'
    middle = (_EDGE + bottom) / 2
    yield f'<text transform="translate(16 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(up)}</text>'


def _bound(result: TuningResult, axis: str, place: Place) -> Iterator[str]:
    bound = result.objective.bounds.get(axis)
    if bound is not None:
        x, _ = place(bound, 0)
        yield f'<line class="bound" x1="{x}" y1="{_EDGE}" x2="{x}" y2="{_HEIGHT - _BOTTOM}"><title>the bound, '
        yield f"{bound:g} ms</title></line>"


def _front(edge: Sequence[Point], place: Place) -> Iterator[str]:
    if len(edge) > 1:
        line = " ".join(f"{x},{y}" for x, y in (place(one.latency, one.rate) for one in edge))
        yield f'<polyline class="front" points="{line}"/>'


def _dot(one: Point, x: float, y: float) -> str:
    hollow = "" if one.status == "good" else " hollow"
    size = 7 if one.kind == "chosen" else 5
    title = f"{one.words}: {one.rate:.4g}/s, {one.latency:.4g} ms ({one.status})"
    return f'<circle class="{one.kind}{hollow}" cx="{x}" cy="{y}" r="{size}"><title>{escape(title)}</title></circle>'


def _table(result: TuningResult) -> str:
    again = {one.words: one for one in (result.default, *result.finalists)}
    ordered = [*again.values(), *(one for one in result.trials if one.words not in again)]
    names = list(result.default.values)
    head = [*names, "load", f"{result.objective.per} a second", "p50 ms", f"{axis_of(result)} ms", "times", "result"]
    rows = [f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>"]
    for one in ordered:
        kind = "chosen" if one.words == result.chosen.words else "default" if one.words == result.default.words else ""
        cells = "".join(f"<td>{escape(text)}</td>" for text in _cells(result, one))
        rows.append(f'<tr class="{kind}">{cells}</tr>')
    return f'<div class="wide"><table>{"".join(rows)}</table></div>'


def _cells(result: TuningResult, one: Configuration) -> list[str]:
    values = ["as it is" if value is None else str(value) for value in one.values.values()]
    said = one.status if one.cause is None else f"{one.status}: {one.cause}"
    count = len(one.measurements)
    if not count:
        return [*values, one.load, "", "", "", "0", said]
    rate = sum(rate_of(each, result.objective.per) for each in one.measurements) / count
    middle = sum(latency_of(each, "p50").value for each in one.measurements) / count
    axis = sum(latency_of(each, axis_of(result)).value for each in one.measurements) / count
    return [*values, one.load, f"{rate:.4g}", f"{middle:.4g}", f"{axis:.4g}", str(count), said]
