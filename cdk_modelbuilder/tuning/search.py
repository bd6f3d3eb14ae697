"""The search: tries configurations, measures the best again beside the bundle's own, and decides by what repeats.

The figure that made a finalist one is partly luck, and so are two figures that were measured at different times. So
the finalists and the bundle's own configuration are measured again, all of them once a round, in an order that chance
makes; each finalist is compared with the bundle's own of the same round. It is chosen if the 95 % interval of that
ratio over the rounds lies wholly on the better side; else the bundle stays as it is.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cdk_modelbuilder.tuning.attempt import CHECK, SEARCH, Attempt, Level
from cdk_modelbuilder.tuning.budget import Budget
from cdk_modelbuilder.tuning.journal import Journal
from cdk_modelbuilder.tuning.measurement import Interval, Measurement
from cdk_modelbuilder.tuning.objective import Objective
from cdk_modelbuilder.tuning.proposals import FAILED, proposals_for
from cdk_modelbuilder.tuning.space import Candidate, Space, Value, key
from cdk_modelbuilder.tuning.statistics import t_quantile
from cdk_modelbuilder.tuning.trial import TrialOutcome

Measure = Callable[[Candidate, Level, Callable[[Measurement], bool] | None, float | None], TrialOutcome]
"""Measures a configuration: under which load, what ends it early, and how many seconds it may take."""
Tell = Callable[[Attempt], object]

_FEWEST_ROUNDS = 2
_INFEASIBLE = -1e15
"""Scores of what ran and kept no bound: below whatever kept them, above what did not run."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What the attempts of one configuration come to.

    Attributes:
        values: The configuration.
        level: The load at which it did best; the lightest, if it kept no bound at any.
        attempts: All of its attempts in that phase.
        figure: The objective's figure; None if nothing was measured.
        excess: By what share a bound was exceeded; 0 where all were kept.
        status: ``good``, ``over`` (a bound was not kept), or the status of the outcome that ended it.
    """

    values: dict[str, Value | None]
    level: Level
    attempts: tuple[Attempt, ...]
    figure: Interval | None
    excess: float
    status: str

    @property
    def is_good(self) -> bool:
        """Whether it ran and kept the bounds."""
        return self.status == "good"


@dataclass(frozen=True, slots=True)
class Findings:
    """What the search came to.

    Attributes:
        tried: Each configuration of the search, in the order of trying.
        default: The bundle's own, from the repeats.
        finalists: The others that were measured again, best first.
        chosen: One of these; None where nothing kept the bounds.
        gain: How many times as good the chosen one is as the bundle's own, over the rounds; None where they are the
            same, or the bundle's own kept no bound.
        seconds: How long all of it took.
    """

    tried: tuple[Tried, ...]
    default: Tried
    finalists: tuple[Tried, ...]
    chosen: Tried | None
    gain: Interval | None
    seconds: float


class Search:
    """A search over a space.

    Args:
        space: What may be changed.
        objective: What for.
        levels: The loads, lightest first. With several, a configuration is asked how much it takes.
        measure: Measures one configuration.
        journal: Where attempts are written, and found again.
        budget: Limits.
        seed: Of every choice by chance.
        tell: Called after each attempt.
    """

    def __init__(
        self,
        space: Space,
        objective: Objective,
        levels: Sequence[Level],
        measure: Measure,
        journal: Journal,
        *,
        budget: Budget,
        seed: int = 0,
        tell: Tell = lambda _: None,
    ) -> None:
        self._space, self._objective, self._levels = space, objective, tuple(levels)
        self._measure, self._journal, self._budget = measure, journal, budget
        self._seed, self._tell = seed, tell
        self._recorded = {_place(attempt): attempt for attempt in journal.attempts}
        self._seconds = 0.0
        self._longest = 0.0

    def run(self) -> Findings:
        """Search, measure again, decide."""
        tried = self._search()
        default, others = tried[0], [one for one in tried[1:] if one.is_good and one.figure is not None]
        others.sort(key=lambda one: self._worth(one.figure), reverse=True)
        finalists = others[: self._budget.finalists]
        if not finalists:
            chosen = default if default.is_good else None
            return Findings(tuple(tried), default, (), chosen, None, self._seconds)
        repeated = self._repeat([default, *finalists])
        default, finalists = repeated[0], sorted(repeated[1:], key=lambda one: self._worth(one.figure), reverse=True)
        chosen, gain = self._decide(default, finalists)
        return Findings(tuple(tried), default, tuple(finalists), chosen, gain, self._seconds)

    def _search(self) -> list[Tried]:
        proposals = proposals_for(self._space, trials=self._budget.trials, seed=self._seed)
        tried: list[Tried] = []
        best: Tried | None = None
        while len(tried) < self._budget.trials and (not tried or self._has_time_to_go_on()):
            candidate = proposals.next()
            if candidate is None:
                break
            # The bundle's own is what all others are compared with, so it is measured to its end.
            found = self._try(candidate, best, ends_early=bool(tried))
            tried.append(found)
            proposals.tell(candidate, self._score(found))
            if found.is_good and (best is None or self._worth(found.figure) > self._worth(best.figure)):
                best = found
        return tried

    def _try(self, candidate: dict[str, Value | None], best: Tried | None, *, ends_early: bool) -> Tried:
        """Under each load, from the lightest on, until it does not take it."""
        attempts: list[Attempt] = []
        result: Tried | None = None
        for level in self._levels:
            pruner = self._pruner(best, last=level == self._levels[-1]) if ends_early else None
            attempts.append(self._attempt(SEARCH, 0, candidate, level, pruner))
            found = self._summed(candidate, level, attempts[-1:])
            if result is None or (found.is_good and self._worth(found.figure) > self._worth(result.figure)):
                result = found
            if not found.is_good:
                break
        assert result is not None
        return replace(result, attempts=tuple(attempts))

    def _repeat(self, candidates: Sequence[Tried]) -> list[Tried]:
        attempts: list[list[Attempt]] = [[] for _ in candidates]
        for number in range(1, self._budget.repeats + 1):
            order = list(range(len(candidates)))
            random.Random(f"{self._seed}:{number}").shuffle(order)  # noqa: S311 - an order, no secret
            if number > _FEWEST_ROUNDS and self._left() == 0:
                break
            for place in order:
                one = candidates[place]
                attempts[place].append(self._attempt(CHECK, number, one.values, one.level, None))
        return [self._summed(one.values, one.level, made) for one, made in zip(candidates, attempts, strict=True)]

    def _decide(self, default: Tried, finalists: Sequence[Tried]) -> tuple[Tried | None, Interval | None]:
        for one in finalists:
            if not one.is_good:
                continue
            if not default.is_good:
                return one, None
            gain = self._gain(default, one)
            if gain.low > 1:
                return one, gain
        return (default if default.is_good else None), None

    def _gain(self, default: Tried, other: Tried) -> Interval:
        """How many times as good, over the rounds."""
        logs = []
        for mine, theirs in zip(other.attempts, default.attempts, strict=True):
            assert mine.outcome.measurement is not None
            assert theirs.outcome.measurement is not None
            ours = self._objective.figure_of(mine.outcome.measurement).value
            ratio = ours / self._objective.figure_of(theirs.outcome.measurement).value
            logs.append(math.log(ratio if self._objective.grows else 1 / ratio))
        found = _over_rounds(logs)
        return Interval(*(math.exp(each) for each in (found.value, found.low, found.high)))

    def _attempt(
        self,
        phase: str,
        number: int,
        candidate: Candidate,
        level: Level,
        ends_early: Callable[[Measurement], bool] | None,
    ) -> Attempt:
        place = (phase, number, key(candidate), level)
        attempt = self._recorded.get(place)
        if attempt is None:
            start = time.monotonic()
            # What decides is measured to its end; the search has left time for it.
            left = None if phase == CHECK else self._left()
            outcome = self._measure(candidate, level, ends_early, left)
            attempt = Attempt(phase, number, dict(candidate), level, outcome, time.monotonic() - start)
            self._journal.add(attempt)
        self._seconds += attempt.seconds
        self._longest = max(self._longest, attempt.seconds)
        self._tell(attempt)
        return attempt

    def _summed(self, candidate: dict[str, Value | None], level: Level, attempts: Sequence[Attempt]) -> Tried:
        """Several attempts under one load as one."""
        bad = next((one for one in attempts if one.outcome.status != "measured"), None)
        measured = [one.outcome.measurement for one in attempts if one.outcome.measurement is not None]
        if not measured:
            return Tried(candidate, level, tuple(attempts), None, math.inf, attempts[-1].outcome.status)
        figures = [self._objective.figure_of(one) for one in measured]
        figure = figures[0] if len(figures) == 1 else _over_rounds([one.value for one in figures], least=0)
        excess = sum(self._objective.excess(one) for one in measured) / len(measured)
        wrong = max(one.error_rate for one in measured)
        status = "good"
        if bad is not None:
            status = bad.outcome.status
        elif wrong > self._objective.max_error_rate:
            status = "errors"
        elif excess > 0:
            status = "over"
        return Tried(candidate, level, tuple(attempts), figure, excess, status)

    def _pruner(self, best: Tried | None, *, last: bool) -> Callable[[Measurement], bool]:
        """Ends an attempt that cannot become the best: a bound is surely exceeded, or the figure surely worse."""

        def ends_early(measurement: Measurement) -> bool:
            if self._objective.surely_exceeded(measurement):
                return True
            if best is None or best.figure is None or not last:
                return False
            figure = self._objective.figure_of(measurement)
            return figure.high < best.figure.low if self._objective.grows else figure.low > best.figure.high

        return ends_early

    def _worth(self, figure: Interval | None) -> float:
        if figure is None:
            return -math.inf
        return figure.value if self._objective.grows else -figure.value

    def _score(self, one: Tried) -> float:
        if one.figure is None:
            return FAILED
        if one.is_good or (one.status == "pruned" and not one.excess):
            return self._worth(one.figure)
        return _INFEASIBLE * (1 + min(one.excess, 1e6))

    def _left(self) -> float | None:
        return None if self._budget.seconds is None else max(0.0, self._budget.seconds - self._seconds)

    def _has_time_to_go_on(self) -> bool:
        """Whether one more configuration leaves time for the repeats."""
        left = self._left()
        if left is None:
            return True
        repeats = self._budget.repeats * (1 + self._budget.finalists)
        return left >= self._longest * (len(self._levels) + repeats)


def _over_rounds(values: Sequence[float], *, least: float = -math.inf) -> Interval:
    """The mean of independent rounds, by Student's t; ``least`` is what no value can be below."""
    mean = statistics.fmean(values)
    if len(values) == 1 or not math.isfinite(mean):
        return Interval(mean, least, math.inf)
    half = t_quantile(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, max(least, mean - half), mean + half)


def _place(attempt: Attempt) -> tuple[str, int, str, Level]:
    return attempt.phase, attempt.round, attempt.key, attempt.level
