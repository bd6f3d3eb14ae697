"""The server's properties from its environment, which a container spec holds: text that a reviewer sees.

Standard library alone, as everything here: it travels into images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WORKERS = "MODELBUILDER_WORKERS"
THREADS = "MODELBUILDER_THREADS"
MAX_BATCH_SIZE = "MODELBUILDER_MAX_BATCH_SIZE"
MAX_BATCH_DELAY_MS = "MODELBUILDER_MAX_BATCH_DELAY_MS"
MAX_PAYLOAD_BYTES = "MODELBUILDER_MAX_PAYLOAD_BYTES"
STUCK_AFTER = "MODELBUILDER_STUCK_AFTER"
PORT = "SAGEMAKER_BIND_TO_PORT"

PROPERTIES = (WORKERS, THREADS, MAX_BATCH_SIZE, MAX_BATCH_DELAY_MS)
"""What users, and a tuning, choose."""

WRONG_VARIABLE_EXIT_CODE = 2
"""argparse's for a wrong option."""


class VariableError(ValueError):
    """A variable holds what the server cannot do; the message names it."""


@dataclass(frozen=True)
class Bounds:
    """What a variable may hold.

    Attributes:
        low: The least.
        high: The most.
        whole: Whether it is a whole number.
    """

    low: float
    high: float
    whole: bool = True


_BOUNDS = {
    WORKERS: Bounds(1, 256),
    THREADS: Bounds(1, 256),
    MAX_BATCH_SIZE: Bounds(1, 1000),
    MAX_BATCH_DELAY_MS: Bounds(0, 60_000, whole=False),
    MAX_PAYLOAD_BYTES: Bounds(1, 1 << 34),
    STUCK_AFTER: Bounds(0.1, 86_400, whole=False),
    PORT: Bounds(0, 65_535),
}


def number(text: str | None, variable: str, *, called: str) -> int | float | None:
    """What a text for ``variable`` means; None for no text, or an empty one.

    Args:
        text: What was given.
        variable: Whose bounds hold.
        called: What the message calls it.

    Raises:
        VariableError: No number, or one out of its bounds.
    """
    if text is None or not text.strip():
        return None
    bounds = _BOUNDS[variable]
    try:
        value = int(text) if bounds.whole else float(text)
        if bounds.low <= value <= bounds.high:  # not so for NaN
            return value
    except ValueError:
        pass
    kind = "a whole number" if bounds.whole else "a number"
    raise VariableError(f"{called} is {text[:40]!r}; give {kind} from {bounds.low:g} to {bounds.high:.0f}")


@dataclass(frozen=True)
class Batching:
    """How many requests are answered with one call of the model, and how long more are waited for.

    Attributes:
        size: Most requests; None for what the model's code says.
        delay_ms: Milliseconds; None likewise.
    """

    size: int | None = None
    delay_ms: float | None = None

    def check(self, *, takes_batches: bool) -> None:
        """See that the model can do that.

        Raises:
            VariableError: More than one request at a time for a model that takes one.
        """
        if self.size is not None and self.size > 1 and not takes_batches:
            raise VariableError(
                f"{MAX_BATCH_SIZE} asks for batches of {self.size}, and the model takes one request at a time: "
                "leave it out, or build with an InferenceSpec whose max_batch_size is more than 1"
            )

    def settled(self, told: Mapping[str, float]) -> tuple[int, float]:
        """Size and seconds that hold, where the model's code says ``told``."""
        size = told.get("max_batch_size", 1) if self.size is None else self.size
        delay = told.get("max_batch_delay_ms", 0) if self.delay_ms is None else self.delay_ms
        return int(size), float(delay) / 1000
