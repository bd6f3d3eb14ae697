"""Instance types as arguments: known ones are checked against the table, newer ones are said to be so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from constructs import Construct

from cdk_modelbuilder import instances
from cdk_modelbuilder.constructs.arguments import is_token, region_of
from cdk_modelbuilder.errors import UsageError

_NAMED_FOR_DISKS = re.compile(r"ml\.((g|p|dl|trn)\d|[a-z]+\d+[a-z]*d)")
_PATTERN = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")


class InstanceType(str):
    """A type that the table need not know. Wherever one is asked for, plain text does for those that it knows."""

    __slots__ = ()

    @classmethod
    def of(cls, name: str) -> InstanceType:
        """A type newer than the table, taken as it is.

        Raises:
            UsageError: It does not look like one.
        """
        if not is_token(name) and not _PATTERN.fullmatch(name):
            raise UsageError(
                f"instance_type {name!r} is not a SageMaker instance type.",
                remedy="They begin with 'ml.', such as 'ml.c6i.large'.",
            )
        return cls(name)


def check_instance_type(name: str) -> None:
    """Refuse a type that SageMaker does not have.

    Raises:
        UsageError: The table does not know it, and it is no ``InstanceType.of()``.
    """
    if isinstance(name, InstanceType) or is_token(name):
        return
    InstanceType.of(name)
    if instances.instance_type(name) is None:
        near = ", ".join(instances.nearest(name)) or "none"
        raise UsageError(
            f"instance_type {name!r} is not in the table of {instances.table_date()}. Like it: {near}.",
            remedy=f"Mend the name, or write InstanceType.of({name!r}) if it is newer.",
        )


def check_offered(scope: Construct, names: list[str]) -> None:
    """Refuse types that the stack's region does not offer; a region decided when deploying offers all.

    Raises:
        UsageError: The region does not have it.
    """
    region = region_of(scope)
    if is_token(region):
        return
    for name in names:
        known = None if isinstance(name, InstanceType) or is_token(name) else instances.instance_type(name)
        if known is not None and known.offered_in(region) is False:
            raise UsageError(
                f"{name} is not offered for hosting in {region} (table of {instances.table_date()}).",
                remedy=f"Deploy to one of {', '.join(known.regions()[:12])}, choose another type, or write "
                f"InstanceType.of({name!r}) if it is offered by now.",
            )


def has_local_nvme(name: str) -> bool:
    """Whether the type has local disks, so that SageMaker refuses a KMS key and a volume size for it."""
    known = None if is_token(name) else instances.instance_type(name)
    return known is not None and known.has_local_nvme


def newer_with_disks(names: Iterable[str]) -> list[str]:
    """Those newer than the table that have local disks, as far as names let guess: accelerators, or a ``d``."""
    newer = [name for name in names if not is_token(name) and instances.instance_type(name) is None]
    return sorted({str(name) for name in newer if _NAMED_FOR_DISKS.match(name)})


def accelerator_count(names: list[str]) -> int:
    """Accelerators of one instance; of the first type of several."""
    known = [None if is_token(name) else instances.instance_type(name) for name in names[:1]]
    return next((one.accelerator_count for one in known if one is not None), 0)
