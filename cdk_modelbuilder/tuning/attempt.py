"""One attempt of a tuning: a configuration under a load, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.tuning.space import Value, key
from cdk_modelbuilder.tuning.trial import TrialOutcome

SEARCH = "search"
CHECK = "check"


@dataclass(frozen=True, slots=True)
class Level:
    """How much load there is.

    Attributes:
        concurrency: Users who each send their next request when they have their answer; None for an open loop.
        rate: Requests a second, which arrive whether or not those before are answered; None for a closed loop.
    """

    concurrency: int | None = None
    rate: float | None = None

    @property
    def words(self) -> str:
        """Such as ``8 users`` or ``50/s``."""
        return f"{self.rate:g}/s" if self.rate is not None else f"{self.concurrency} users"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"concurrency": self.concurrency} if self.rate is None else {"rate": self.rate}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A configuration, measured once under one load.

    Attributes:
        phase: ``search``, or ``check`` for the repeats that decide.
        round: Which repeat; 0 in the search.
        values: The configuration.
        level: The load.
        outcome: What came of it.
        seconds: How long it took in all.
    """

    phase: str
    round: int
    values: Mapping[str, Value | None]
    level: Level
    outcome: TrialOutcome
    seconds: float

    @property
    def key(self) -> str:
        """The same for the same configuration."""
        return key(self.values)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "level": self.level.to_json(),
            "outcome": self.outcome.to_json(),
            "phase": self.phase,
            "round": self.round,
            "seconds": round(self.seconds, 3),
            "values": dict(self.values),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Attempt:
        """What :meth:`to_json` gave."""
        return cls(
            phase=data["phase"],
            round=data["round"],
            values=data["values"],
            level=Level(**data["level"]),
            outcome=TrialOutcome.from_json(data["outcome"]),
            seconds=data["seconds"],
        )
