"""What one copy of a model takes of an instance, and which kind of endpoint it is for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from cdk_modelbuilder.errors import UsageError

_REQUESTS = ("num_accelerators", "num_cpus", "memory", "copies")
_LIMITS = ("memory",)


class EndpointType(Enum):
    """How a model gets its instances."""

    MODEL_BASED = "ModelBased"
    """Instances of its own."""
    INFERENCE_COMPONENT_BASED = "InferenceComponentBased"
    """A part of instances that it may share with other models."""


@dataclass(frozen=True)
class ResourceRequirements:
    """Resources of one copy of a model on an endpoint of inference components.

    >>> needs = ResourceRequirements(requests={"num_accelerators": 4, "memory": 1024, "copies": 1}, limits={})
    >>> needs.num_accelerators, needs.min_memory, needs.max_memory, needs.copies
    (4, 1024, None, 1)

    Attributes:
        requests: ``num_accelerators``, ``num_cpus`` (from 0.25), ``memory`` (MiB, at least 128) and ``copies``.
        limits: ``memory`` (MiB), beyond which a copy is ended.

    Raises:
        UsageError: An unknown key, a value that is no number or out of range, or a limit below what is requested.
    """

    requests: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, given, known in (("requests", self.requests, _REQUESTS), ("limits", self.limits, _LIMITS)):
            if not isinstance(given, Mapping):
                raise UsageError(f"{place} is {given!r}.", remedy=f"Give a dict with {', '.join(known)}.")
            for key, value in given.items():
                if key not in known:
                    raise UsageError(
                        f"{place} has the key {key!r}, which SageMaker does not know.",
                        remedy=f"Its keys are {', '.join(known)}.",
                    )
                _check_number(f"{place}[{key!r}]", key, value)
        low, high = self.min_memory, self.max_memory
        if (
            low is not None
            and high is not None
            and not (_is_decided_later(low) or _is_decided_later(high))
            and high < low
        ):
            raise UsageError(
                f"limits['memory'] is {high} MiB, below requests['memory'] of {low} MiB.",
                remedy="Raise the limit or leave it out.",
            )

    @property
    def num_accelerators(self) -> Any:
        """Accelerators of one copy."""
        return self.requests.get("num_accelerators")

    @property
    def num_cpus(self) -> Any:
        """Processors of one copy; parts of one count."""
        return self.requests.get("num_cpus")

    @property
    def min_memory(self) -> Any:
        """MiB that one copy is given."""
        return self.requests.get("memory")

    @property
    def max_memory(self) -> Any:
        """MiB beyond which a copy is ended."""
        return self.limits.get("memory")

    @property
    def copies(self) -> Any:
        """How many copies at first."""
        return self.requests.get("copies")


def _check_number(what: str, key: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{what} is {value!r}, which is no number.", remedy="Give a number.")
    if _is_decided_later(value):
        return
    if key != "num_cpus" and value != int(value):
        raise UsageError(f"{what} is {value}.", remedy="Give a whole number.")
    least = {"num_accelerators": 1, "num_cpus": 0.25, "memory": 128, "copies": 0}[key]
    if value < least:
        raise UsageError(f"{what} is {value}.", remedy=f"SageMaker takes {least} or more.")


def _is_decided_later(value: float) -> bool:
    """Whether it is one of the numbers by which the CDK stands for a value that is known when deploying."""
    return value < -1e288
