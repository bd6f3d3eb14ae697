"""What a bundle says of a language model's needs, which were reckoned when it was built."""

from __future__ import annotations

from dataclasses import dataclass

from cdk_modelbuilder.bundle import SERVING_FILE, ModelBundle
from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.instances import Accelerator, instance_type

_USABLE = 0.87
"""Of an accelerator's memory: what a process sees of it, and the share of that which a server takes."""


@dataclass(frozen=True, slots=True)
class Served:
    """What ``serving.json`` says.

    Attributes:
        instance_type: What its values are for.
        accelerators: How many one copy is split over; 0 on processors.
        bytes_each: What one of them, or the instance, holds.
        words: That in words.
    """

    instance_type: str
    accelerators: int
    bytes_each: int
    words: str

    @classmethod
    def of(cls, bundle: ModelBundle) -> Served | None:
        """What ``bundle`` says; None where nothing was reckoned.

        Raises:
            BundleError: The file is missing, or does not say it.
        """
        record = bundle.serving
        if record is None or record.get("arithmetic") is None:
            return None
        try:
            sums = record["arithmetic"]
            split = int(sums["split_over"]) if sums["accelerator"] is not None else 0
            where = "on each of its accelerators" if split > 1 else "reckoned with"
            return cls(str(record["instance_type"]), split, int(sums["bytes"]["needed"]), f"{where} {sums['in_words']}")
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"{bundle.path / SERVING_FILE} is malformed: {type(error).__name__}: {error}.",
                remedy="Restore it from version control, or build again.",
            ) from None

    def holds(self, accelerators: int, vcpus: float) -> bool:
        """Whether the type that the values are for has as many, which may be for several copies."""
        kind = instance_type(self.instance_type)
        return kind is None or (kind.accelerator_count >= accelerators and kind.vcpus >= vcpus)

    def fits(self, accelerator: Accelerator) -> bool:
        """Whether one of a type's accelerators holds a part of the model."""
        return (accelerator.memory_mib << 20) * _USABLE >= self.bytes_each
