"""How long an attempt measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long an attempt measures. The load that is made of it refuses numbers that cannot be.

    Attributes:
        warm_up_seconds: Load that is not counted.
        min_seconds: Counted at least.
        max_seconds: Counted at most.
        relative_width: It ends when the 95 % interval of the figure is narrower than this share of it, on each side.
    """

    warm_up_seconds: float = 2.0
    min_seconds: float = 5.0
    max_seconds: float = 30.0
    relative_width: float = 0.05
