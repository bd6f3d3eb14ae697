"""One hosting instance type, and how it is found by its name."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

_MOST_SUGGESTIONS = 5


@dataclass(frozen=True, slots=True)
class Accelerator:
    """The accelerators of an instance type; a type has one kind of them, or none.

    Attributes:
        manufacturer: ``"NVIDIA"``, ``"AWS"`` or ``"Habana"``.
        name: As EC2 names it: ``"A10G"``, ``"H100"``, ``"Inferentia2"``, ``"Trainium"``.
        count: How many the instance has; what ``NumberOfAcceleratorDevicesRequired`` of a component is taken from.
        memory_mib: Memory of one, in MiB.
    """

    manufacturer: str
    name: str
    count: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class InstanceType:
    """What AWS says of one type for SageMaker hosting.

    Attributes:
        name: With its prefix: ``"ml.g5.xlarge"``.
        vcpus: Number of virtual processors.
        memory_mib: The instance's memory in MiB; SageMaker itself takes an unpublished part of it.
        architecture: Of the processor, so of the container image: ``"arm64"`` is Graviton or Grace.
        accelerator: GPUs or AWS's own chips; None for none.
        has_local_nvme: Local disks. CreateEndpointConfig then refuses ``KmsKeyId``, and a variant ``VolumeSizeInGB``.
        in_api: Whether CloudFormation's schema lists the type for a production variant.
    """

    name: str
    vcpus: int
    memory_mib: int
    architecture: Literal["x86_64", "arm64"]
    accelerator: Accelerator | None
    has_local_nvme: bool
    in_api: bool

    @property
    def family(self) -> str:
        """The part between the dots: ``"g5"`` of ``ml.g5.xlarge``."""
        return self.name.split(".")[1]

    @property
    def size(self) -> str:
        """The part after the last dot: ``"xlarge"``."""
        return self.name.split(".")[2]

    @property
    def accelerator_count(self) -> int:
        """How many accelerators the instance has; 0 without."""
        return 0 if self.accelerator is None else self.accelerator.count

    def offered_in(self, region: str) -> bool | None:
        """Whether AWS's price list has the type for hosting in a region.

        None where the list says nothing: it lacks the region, or has no price for the type anywhere (as for reserved
        capacity). That is no reason to refuse.
        """
        if region not in _offers() or not any(self.name in names for names in _offers().values()):
            return None
        return self.name in _offers()[region]

    def regions(self) -> tuple[str, ...]:
        """The regions whose price list has the type, sorted."""
        return tuple(region for region, names in _offers().items() if self.name in names)


@cache
def _table(name: str) -> Mapping[str, Any]:
    table: dict[str, Any] = json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
    return MappingProxyType(table)


@cache
def _offers() -> Mapping[str, frozenset[str]]:
    regions: dict[str, dict[str, str]] = _table("offers.json")["regions"]
    return {
        region: frozenset(f"ml.{family}.{size}" for family, sizes in families.items() for size in sizes.split())
        for region, families in regions.items()
    }


@cache
def instance_type(name: str) -> InstanceType | None:
    """The type of a name such as ``"ml.m5.large"``; None if the table does not have it (it may be too new)."""
    facts = _table("types.json")["types"].get(name)
    if facts is None:
        return None
    accelerator = facts["accelerator"]
    return InstanceType(
        name=name,
        vcpus=facts["vcpus"],
        memory_mib=facts["memory_mib"],
        architecture=facts["architecture"],
        accelerator=None if accelerator is None else Accelerator(**accelerator),
        has_local_nvme=facts["local_nvme"],
        in_api=facts["in_api"],
    )


def known_types() -> tuple[str, ...]:
    """Names of all types in the table, sorted."""
    return tuple(_table("types.json")["types"])


def known_regions() -> tuple[str, ...]:
    """Names of the regions that the table has, sorted."""
    return tuple(_offers())


def table_date() -> dt.date:
    """The day of the data: types and regions that AWS added later are unknown here."""
    return dt.date.fromisoformat(_table("types.json")["as_of"])


def nearest(name: str) -> list[str]:
    """The known types that a misspelt name may mean, nearest first; at most five.

    A name without ``ml.`` is understood, and of a known family its own sizes come first.
    """
    asked = name.strip().lower().replace("_", ".")
    asked = asked if asked.startswith("ml.") else f"ml.{asked}"
    family = asked.rpartition(".")[0]
    siblings = [known for known in known_types() if known.rpartition(".")[0] == family]
    near = get_close_matches(asked, siblings, n=_MOST_SUGGESTIONS, cutoff=0.0)
    near += get_close_matches(asked, known_types(), n=_MOST_SUGGESTIONS, cutoff=0.75)
    return list(dict.fromkeys(near))[:_MOST_SUGGESTIONS]
