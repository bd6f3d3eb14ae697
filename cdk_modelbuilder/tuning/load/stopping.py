"""When a trial has measured enough."""

from __future__ import annotations

import math

from cdk_modelbuilder.tuning.load.plan import Load
from cdk_modelbuilder.tuning.measurement import Measurement


class StoppingRule:
    """Says so when the intervals of the figures asked for are narrow, at two looks in a row.

    Who looks often will see a narrow interval by chance, and such a one misses the truth more often than one time in
    twenty. Two looks and a least duration keep that near what the interval promises.

    Args:
        load: Names the figures, their relative width, and the least duration.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._was_narrow = False

    def is_narrow(self, found: Measurement) -> bool:
        """Whether each figure is known as well as was asked; where none is asked for, time alone decides."""
        figures = [found.figure(name) for name in self._load.figures]
        widths = [math.inf if figure is None else figure.relative_width for figure in figures]
        return bool(widths) and all(width <= self._load.relative_width for width in widths)

    def is_met(self, found: Measurement) -> bool:
        """Whether that is enough; called at each look."""
        is_narrow = found.seconds >= self._load.min_seconds and self.is_narrow(found)
        was_narrow, self._was_narrow = self._was_narrow, is_narrow
        return is_narrow and was_narrow


def are_too_many(found: Measurement, load: Load) -> bool:
    """Whether the share of errors is certainly too large, so that nothing is gained by going on."""
    failed = sum(found.failures.values())
    return failed >= 10 and failed - 2 * math.sqrt(failed) > load.most_errors * (failed + found.answers)
