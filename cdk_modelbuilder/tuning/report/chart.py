"""The plot as PNG, drawn by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ToolMissingError
from cdk_modelbuilder.tuning.report.points import axis_of, front, points_of
from cdk_modelbuilder.tuning.result import TuningResult

_LOOKS: dict[str, dict[str, Any]] = {
    "tried": {"color": "#8a94a6", "marker": "o", "s": 28, "label": "tried"},
    "default": {"color": "#c2410c", "marker": "s", "s": 60, "label": "the bundle's own"},
    "chosen": {"color": "#15803d", "marker": "*", "s": 160, "label": "chosen"},
}
_OUT: dict[str, Any] = {"color": "#8a94a6", "marker": "x", "s": 28, "label": "bound exceeded, or ended early"}


def draw(result: TuningResult, path: Path) -> None:
    """Write the plot to ``path``.

    Raises:
        ToolMissingError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError:
        raise ToolMissingError(
            "matplotlib is not installed, which draws the plot.",
            remedy="Run pip install 'cdk-modelbuilder[tune]'; the page and tuning.json are there without it.",
        ) from None
    figure = Figure(figsize=(8, 5), layout="constrained")  # not pyplot, which needs a screen's back end
    axes = figure.subplots()
    points = points_of(result)
    edge = front(points)
    axes.plot([one.latency for one in edge], [one.rate for one in edge], color="#94a3b8", linewidth=1, zorder=1)
    groups = [("tried", "good"), ("tried", "out"), ("default", ""), ("chosen", "")]
    for kind, state in groups:
        members = [
            one for one in points if one.kind == kind and (not state or (one.status == "good") == (state == "good"))
        ]
        if members:
            look = _OUT if state == "out" else _LOOKS[kind]
            axes.scatter([one.latency for one in members], [one.rate for one in members], zorder=2, **look)
    axis = axis_of(result)
    bound = result.objective.bounds.get(axis)
    if bound is not None:
        axes.axvline(bound, color="#c2410c", linestyle="--", linewidth=1, label=f"bound of {axis}")
    axes.set_xlabel(f"{axis} (ms)")
    axes.set_ylabel(f"{result.objective.per} a second")
    axes.set_title(f"{result.bundle}: {result.objective.sentence}", fontsize=10)
    axes.grid(visible=True, color="#e2e8f0")
    axes.set_axisbelow(True)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, metadata={"Software": None})
