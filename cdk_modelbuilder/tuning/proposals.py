"""Proposes what to try next: every combination where there are few, else what Optuna's sampler makes of the results."""

from __future__ import annotations

import random
from typing import Any, Protocol

from cdk_modelbuilder.errors import ToolMissingError
from cdk_modelbuilder.tuning.space import Candidate, Space, Value, key

FAILED = -1e30
"""The score of what did not run at all: below whatever did."""
_ASKS = 30
"""The sampler is asked so often for something that was not tried; then chance decides."""


class Proposals(Protocol):
    """Where candidates come from. The bundle's own configuration is always the first."""

    def next(self) -> dict[str, Value | None] | None:
        """The next candidate; None when all are tried."""

    def tell(self, candidate: Candidate, score: float) -> None:
        """How good the last one was: more is better."""


def proposals_for(space: Space, *, trials: int, seed: int) -> Proposals:
    """What fits the space: all of it, in random order, if ``trials`` are enough for that.

    Raises:
        ToolMissingError: Optuna is not installed, and the space is larger than that.
    """
    everything = list(space) if space.size <= 4 * trials else None
    if everything is not None and len(everything) <= trials:
        return _Everything(space, everything, seed)
    return _Sampled(space, seed)


class _Everything:
    def __init__(self, space: Space, everything: list[dict[str, Value | None]], seed: int) -> None:
        default = space.settled(space.default)
        rest = [one for one in everything if key(one) != key(default)]
        random.Random(seed).shuffle(rest)  # noqa: S311 - an order, no secret
        self._waiting = [default, *rest]

    def next(self) -> dict[str, Value | None] | None:
        return self._waiting.pop(0) if self._waiting else None

    def tell(self, candidate: Candidate, score: float) -> None:
        pass


class _Sampled:
    """Optuna's tree-structured Parzen estimator, over the places of the values.

    Source: optuna.readthedocs.io, ``optuna.samplers.TPESampler`` and "Ask-and-Tell Interface". ``multivariate`` lets
    it learn that two dimensions belong together, as workers and threads do.
    """

    def __init__(self, space: Space, seed: int) -> None:
        try:
            import optuna  # noqa: PLC0415 - an extra
        except ImportError:
            raise ToolMissingError(
                f"Optuna is not installed, and {space.size} combinations are more than can all be tried.",
                remedy="Run pip install 'cdk-modelbuilder[tune]', or give fewer values or more trials.",
            ) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=8)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._space = space
        self._distributions: dict[str, Any] = {
            dimension.name: optuna.distributions.IntDistribution(0, len(dimension.options) - 1)
            if _is_ordered(dimension.values)
            else optuna.distributions.CategoricalDistribution(range(len(dimension.options)))
            for dimension in space.dimensions
        }
        self._random = random.Random(seed)  # noqa: S311 - an order, no secret
        self._tried: set[str] = set()
        self._scores: dict[str, float] = {}
        self._trial: Any = None
        self._study.enqueue_trial(
            {one.name: one.values.index(one.default) for one in space.dimensions}, skip_if_exists=True
        )

    def next(self) -> dict[str, Value | None] | None:
        for _ in range(_ASKS):
            self._trial = self._study.ask(self._distributions)
            found = self._space.settled(
                {one.name: one.values[self._trial.params[one.name]] for one in self._space.dimensions}
            )
            if key(found) not in self._tried:
                self._tried.add(key(found))
                return found
            self._tell_again(found)
        left = self._space.size - len(self._tried)
        return self._by_chance() if left > 0 else None

    def tell(self, candidate: Candidate, score: float) -> None:
        if self._trial is not None:
            self._study.tell(self._trial, score)
        self._scores[key(candidate)] = score

    def _by_chance(self) -> dict[str, Value | None] | None:
        untried = [one for one in self._space if key(one) not in self._tried]
        if not untried:
            return None
        found = self._random.choice(untried)
        self._tried.add(key(found))
        self._trial = None
        return found

    def _tell_again(self, found: Candidate) -> None:
        """What is known is told at once, so that the sampler goes elsewhere."""
        self._study.tell(self._trial, self._scores.get(key(found), FAILED))


def _is_ordered(values: tuple[Value | None, ...]) -> bool:
    """Whether neighbours are alike: numbers are, in the order in which they stand."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values if value is not None)
