"""How much a tuning may take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cdk_modelbuilder.errors import UsageError

FEWEST_ATTEMPTS = 2
"""The bundle's own configuration and another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a tuning.

    Attributes:
        trials: Configurations that are tried, the bundle's own among them.
        seconds: Time for all of it; None for as long as it takes.
        finalists: The best of those tried, which are measured again.
        repeats: How often: each of them and the bundle's own, in random order. What they measure decides.

    Raises:
        UsageError: A number that cannot be.
    """

    trials: int = 24
    seconds: float | None = 1800
    finalists: int = 3
    repeats: int = 4

    def __post_init__(self) -> None:
        for name, least in (("trials", FEWEST_ATTEMPTS), ("finalists", 1), ("repeats", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(
                    f"{name} is {value!r}.",
                    remedy=f"Give a whole number of at least {least}"
                    + (": spread is seen between repeats." if name == "repeats" else "."),
                )
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError(f"seconds is {self.seconds!r}.", remedy="Give a time above 0, or None for no limit.")

    def check(self, least_seconds: float) -> None:
        """Refuse a time in which nothing can be found out.

        Args:
            least_seconds: What one attempt takes at least.

        Raises:
            UsageError: There is no time for two configurations and their repeats.
        """
        attempts = FEWEST_ATTEMPTS * (1 + self.repeats)
        if self.seconds is not None and self.seconds < attempts * least_seconds:
            trial = "one trial" if self.seconds < least_seconds else "a comparison"
            raise UsageError(
                f"{self.seconds:g} s are too few for {trial}: an attempt takes at least {least_seconds:g} s, and two "
                f"configurations with {self.repeats} repeats are {attempts} of them.",
                remedy=f"Give at least {attempts * least_seconds:.0f} s, or shorter attempts or fewer repeats.",
            )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)
