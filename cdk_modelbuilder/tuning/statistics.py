"""Confidence intervals of 95 % for what a server did under load, where one answer's time depends on the last one's.

Requests wait behind each other, so their times are no independent draws, and the usual formulas give intervals that
are far too narrow. Here, means and rates come from batch means: the series is cut into some batches in the order of
time, and the batches' means are nearly independent. Quantiles come from order statistics, which assume no
distribution; how many of the values count as independent is measured by batch means of "is below the quantile".

Sources: batch means as in Law, "Simulation Modeling and Analysis", section 9.5.3; quantiles of dependent series as in
Heidelberger and Lewis, "Quantile estimation in dependent sequences", Operations Research 32 (1984).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from statistics import NormalDist, fmean

from cdk_modelbuilder.tuning.measurement import Interval

_MOST_BATCHES, _LEAST_BATCHES = 32, 8
_CORRELATED = 0.15
_Z = NormalDist().inv_cdf(0.975)
_NO_EVENT_UPPER = -math.log(0.025)
"""Most events that a Poisson process of which none was seen may have had, with 97.5 % confidence."""
_EXACT_BELOW = 100.0
_MOMENT = 1e-9


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean of values of 0 and more that are given in the order of time.

    Raises:
        ValueError: There are none.
    """
    if not values:
        raise ValueError("no values")
    mean = fmean(values)
    if len(values) == 1:
        return Interval(mean, 0.0, math.inf)
    batches = _uncorrelated(_means(values, min(len(values), _MOST_BATCHES)))
    half = t_quantile(len(batches) - 1) * math.sqrt(_variance_of_mean(batches))
    return Interval(mean, max(0.0, mean - half), mean + half)


def quantile_interval(values: Sequence[float], share: float) -> Interval:
    """The value below which a share of all lies; values of 0 and more in the order of time.

    The value is the smallest measured one that at least ``share`` of them do not exceed, so no time is made up.

    Raises:
        ValueError: There are none.
    """
    count = len(values)
    if not count:
        raise ValueError("no values")
    ordered = sorted(values)
    found = ordered[max(0, math.ceil(share * count - 1e-9) - 1)]
    worth = count / _inflation(values, found, share)
    # Values above the quantile are counted, rather than those below: there are few where it matters (p99).
    too_few, most = _binomial_range(worth, 1 - share)
    scale = count / worth
    low_rank = count - 1 - math.ceil(most * scale)  # from 0; no more than the most are above it
    high_rank = count - math.floor((too_few + 1) * scale)  # at least one more than too few are at or above it
    low = ordered[low_rank] if low_rank >= 0 else 0.0
    high = ordered[high_rank] if high_rank < count else math.inf
    return Interval(found, min(low, found), max(high, found))


def rate_interval(times: Iterable[float], begin: float, end: float) -> Interval:
    """Events a second between ``begin`` and ``end``; events outside are left out."""
    seconds = end - begin
    counts = [0] * _MOST_BATCHES
    for time in times:
        if begin <= time < end:
            counts[min(int((time - begin) / seconds * _MOST_BATCHES), _MOST_BATCHES - 1)] += 1
    return _interval_of_counts(counts, seconds, quantum=1.0)


def flow_interval(pieces: Iterable[tuple[float, float, float]], begin: float, end: float) -> Interval:
    """Amount a second, where each piece ``(from, to, amount)`` flows evenly from ``from`` to ``to``."""
    seconds = end - begin
    width = seconds / _MOST_BATCHES
    # The slope changes at both ends of a piece. Two sums of changes give the amount in each batch in one pass.
    amounts = [0.0] * _MOST_BATCHES
    steps = [0.0] * (_MOST_BATCHES + 1)
    largest = 0.0
    for start, stop, amount in pieces:
        if stop < begin or start >= end:
            continue
        largest = max(largest, amount)
        if stop - start < _MOMENT:
            amounts[min(int((start - begin) / width), _MOST_BATCHES - 1)] += amount
            continue
        rate = amount / (stop - start)
        first, last = max(start, begin), min(stop, end)
        low = min(int((first - begin) / width), _MOST_BATCHES - 1)
        high = min(int((last - begin) / width), _MOST_BATCHES - 1)
        if low == high:
            amounts[low] += rate * (last - first)
            continue
        amounts[low] += rate * (begin + (low + 1) * width - first)
        amounts[high] += rate * (last - begin - high * width)
        steps[low + 1] += rate * width
        steps[high] -= rate * width
    whole = [amount + more for amount, more in zip(amounts, accumulate(steps), strict=False)]
    return _interval_of_counts(whole, seconds, quantum=largest)


def mean_in_flight(spans: Iterable[tuple[float, float]], begin: float, end: float) -> float:
    """How many of the spans ``(from, to)`` cover a moment between ``begin`` and ``end``, on average over time."""
    covered = sum(max(0.0, min(stop, end) - max(start, begin)) for start, stop in spans)
    return covered / (end - begin)


def t_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t.

    Source: Abramowitz and Stegun 26.7.5, whose error is below 0.1 % from 4 degrees on; exact for 1 and 2.
    """
    if degrees == 1:
        return math.tan(math.pi * 0.475)
    if degrees == 2:
        return 0.95 / math.sqrt(2 * 0.975 * 0.025)
    z, n = _Z, degrees
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(n) ** (power + 1) for power, term in enumerate(terms))


def _interval_of_counts(counts: Sequence[float], seconds: float, *, quantum: float) -> Interval:
    total = math.fsum(counts)
    value = total / seconds
    if total <= 0:
        return Interval(0.0, 0.0, _NO_EVENT_UPPER * max(quantum, 1.0) / seconds)
    batches = _uncorrelated([count * len(counts) / seconds for count in counts])
    half = t_quantile(len(batches) - 1) * math.sqrt(_variance_of_mean(batches))
    half = max(half, quantum / 2 / seconds)  # events that come like clockwork: the window's ends cut one
    return Interval(value, max(0.0, value - half), value + half)


def _means(values: Sequence[float], batches: int) -> list[float]:
    count = len(values)
    edges = [number * count // batches for number in range(batches + 1)]
    sums = [0.0, *accumulate(values)]
    return [(sums[high] - sums[low]) / (high - low) for low, high in pairwise(edges)]


def _uncorrelated(batches: Sequence[float]) -> list[float]:
    """Batches in pairs, and pairs of those, until neighbours do not move together any more, or few are left."""
    found = list(batches)
    while len(found) >= 2 * _LEAST_BATCHES and _lag_one(found) > _CORRELATED:
        if len(found) % 2:
            found.pop(0)
        found = [(found[place] + found[place + 1]) / 2 for place in range(0, len(found), 2)]
    return found


def _variance_of_mean(batches: Sequence[float]) -> float:
    count = len(batches)
    mean = fmean(batches)
    variance = math.fsum((one - mean) ** 2 for one in batches) / (count - 1)
    lag = _lag_one(batches)
    if lag > _CORRELATED:  # as long as they could get, and still not independent: as for a series of first order
        variance *= (1 + min(lag, 0.8)) / (1 - min(lag, 0.8))
    return variance / count


def _lag_one(batches: Sequence[float]) -> float:
    mean = fmean(batches)
    squares = math.fsum((one - mean) ** 2 for one in batches)
    if squares <= 0:
        return 0.0
    return math.fsum((one - mean) * (other - mean) for one, other in pairwise(batches)) / squares


def _inflation(values: Sequence[float], quantile: float, share: float) -> float:
    """How many values are worth one independent value, at this quantile; 1 and more."""
    count = len(values)
    if count < 2 * _LEAST_BATCHES:
        return 1.0
    below = [1.0 if value <= quantile else 0.0 for value in values]
    batches = _uncorrelated(_means(below, min(count // 2, _MOST_BATCHES)))
    ratio = _variance_of_mean(batches) * count / (share * (1 - share))
    if ratio <= 1:
        return 1.0
    return min(ratio * (t_quantile(len(batches) - 1) / _Z) ** 2, count)


def _binomial_range(trials: float, chance: float) -> tuple[int, int]:
    """How many successes are too few, and how many are the most: both are missed with a probability of 2.5 % at most.

    Too few is -1 where even no success at all is not that improbable.
    """
    mean = trials * chance
    if mean > _EXACT_BELOW:
        spread = _Z * math.sqrt(mean * (1 - chance))
        return math.floor(mean - spread), math.ceil(mean + spread)
    probability = math.exp(trials * math.log1p(-chance))
    total, successes, too_few = probability, 0, -1
    while total < 0.975 and successes < trials:
        if total <= 0.025:
            too_few = successes
        probability *= (trials - successes) / (successes + 1) * chance / (1 - chance)
        successes += 1
        total += probability
    return too_few, successes
