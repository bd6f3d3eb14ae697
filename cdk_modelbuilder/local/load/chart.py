"""How the times spread, drawn with characters."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BAR = "▏▎▍▌▋▊▉█"


def histogram(values: Sequence[float], *, rows: int = 12, width: int = 40) -> str:
    """A bar for each of ``rows`` spans of time, as long as many of ``values`` fall into it.

    The spans grow by a constant factor, so that a slow tail does not flatten the rest.

    Args:
        values: Times in milliseconds, sorted.
        rows: Most bars.
        width: Characters of the longest bar.

    >>> print(histogram([1.0, 1.0, 1.0, 4.0], rows=2, width=4))
      1.0 to   2.0 ms ████ 75.0 %
      2.0 to   4.0 ms █▍ 25.0 %
    """
    if not values:
        return ""
    low, high = max(values[0], 1e-3), max(values[-1], 1e-3)
    if low == high:
        rows = 1
    step = (math.log(high) - math.log(low)) / rows
    edges = [low * math.exp(step * row) for row in range(rows)] + [high]
    counts = [0] * rows
    for value in values:
        row = int((math.log(max(value, low)) - math.log(low)) / step) if step else 0
        counts[min(row, rows - 1)] += 1
    most = max(counts)
    digits = len(f"{high:.1f}")
    return "\n".join(
        f"{edges[row]:{digits + 2}.1f} to {edges[row + 1]:{digits + 2}.1f} ms "
        f"{_bar(width * count / most)} {100 * count / len(values):.1f} %"
        for row, count in enumerate(counts)
    )


def _bar(length: float) -> str:
    whole, part = divmod(round(length * 8), 8)
    return "█" * whole + (_BAR[part - 1] if part else "")
