"""What ``serving.json`` says of a language model's needs, for those who choose or check where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.instances import Accelerator, instance_type

_USABLE = 0.87
"""Of an accelerator's memory: what a process sees of it, and the share of that which a server takes."""


@dataclass(frozen=True, slots=True)
class ReckonedNeeds:
    """The needs of one copy of a language model.

    Attributes:
        instance_type: What the values are for.
        accelerators: How many it is split over; 0 on processors.
        bytes_each: What one of them, or the instance, holds.
        words: That in words.
    """

    instance_type: str
    accelerators: int
    bytes_each: int
    words: str

    @classmethod
    def of(cls, record: Mapping[str, Any] | None, place: str) -> ReckonedNeeds | None:
        """What a record says; None where there is none, or nothing was reckoned.

        Args:
            record: ``serving.json`` as plain data.
            place: Where it is from, for messages.

        Raises:
            BundleError: It does not say it.
        """
        if record is None or record.get("arithmetic") is None:
            return None
        try:
            sums = record["arithmetic"]
            split = int(sums["split_over"]) if sums["accelerator"] is not None else 0
            where = "each of its accelerators holds" if split > 1 else "reckoned with"
            words = f"{where} {sums['in_words']}"
            return cls(str(record["instance_type"]), split, int(sums["bytes"]["needed"]), words)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"serving.json in {place} is malformed: {type(error).__name__}: {error}.",
                remedy="Restore it from version control, or build again.",
            ) from None

    def holds(self, accelerators: int, vcpus: float) -> bool:
        """Whether the type that the values are for has as many, which may be for several copies."""
        kind = instance_type(self.instance_type)
        return kind is None or (kind.accelerator_count >= accelerators and kind.vcpus >= vcpus)

    def fits(self, accelerator: Accelerator) -> bool:
        """Whether one of a type's accelerators holds a part of the model."""
        return (accelerator.memory_mib << 20) * _USABLE >= self.bytes_each

    def why_not(self, name: str) -> str | None:
        """Why the server cannot start on an instance type, as it was set up; None if it may, or nothing is known."""
        kind = instance_type(name)
        if name == self.instance_type or kind is None or not self.accelerators or kind.accelerator is None:
            return None
        if kind.accelerator_count < self.accelerators:
            return f"it is split over {self.accelerators} accelerators, and {name} has {kind.accelerator_count}"
        return None if self.fits(kind.accelerator) else f"{self.words}, more than those of {name} have"
