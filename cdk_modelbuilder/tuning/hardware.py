"""The machine that a tuning was measured on, and whether an instance type has the same."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.instances import InstanceType
from cdk_modelbuilder.nvidia_smi import gpus

_ARCHITECTURES = {"aarch64": "arm64", "AMD64": "x86_64"}
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a server ran on.

    Attributes:
        architecture: ``x86_64`` or ``arm64``.
        processor: The processor's name; empty where the system does not tell.
        vcpus: Processors that this process may use.
        memory_mib: Memory of the machine.
        accelerator: Name of the GPUs as NVIDIA's driver has it, such as ``NVIDIA A10G``; None without.
        accelerators: How many.
        accelerator_memory_mib: Memory of one.
    """

    architecture: str
    processor: str
    vcpus: int
    memory_mib: int
    accelerator: str | None = None
    accelerators: int = 0
    accelerator_memory_mib: int = 0

    def difference(self, kind: InstanceType, *, used: int = 1) -> str | None:
        """Why figures of this machine do not hold on an instance type; None if they do.

        On accelerators it is those alone that count: their kind, and at least as many as ``used``. Without them it is
        the processor's architecture and how many there are.
        """
        theirs = kind.accelerator
        if self.accelerator is not None:
            if theirs is None:
                return f"it was measured on {self.accelerator}, and {kind.name} has no accelerator"
            if not _same_name(theirs.name, self.accelerator):
                return f"it was measured on {self.accelerator}, and {kind.name} has {theirs.name}"
            if theirs.count < used:
                return f"it uses {used} accelerators, and {kind.name} has {theirs.count}"
            return None
        if theirs is not None:
            return f"it was measured without an accelerator, and {kind.name} has {theirs.name}"
        if (self.architecture, self.vcpus) != (kind.architecture, kind.vcpus):
            return (
                f"it was measured on {self.vcpus} processors ({self.architecture}), and {kind.name} has {kind.vcpus} "
                f"({kind.architecture})"
            )
        return None

    @property
    def words(self) -> str:
        """In a line."""
        chips = f", {self.accelerators} {self.accelerator}" if self.accelerator else ""
        name = f" ({self.processor})" if self.processor else ""
        return f"{self.vcpus} processors, {self.architecture}{name}, {self.memory_mib / 1024:.1f} GiB{chips}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Hardware:
        """What :meth:`to_json` gave."""
        return cls(**data)


def hardware_here() -> Hardware:
    """This machine."""
    accelerator, count, memory = kind_of(gpus("memory.total"))
    return Hardware(
        architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
        processor=_processor(),
        vcpus=_vcpus(),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB,
        accelerator=accelerator,
        accelerators=count,
        accelerator_memory_mib=memory,
    )


def _vcpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def kind_of(cards: Sequence[tuple[str, str]]) -> tuple[str | None, int, int]:
    """Name, number and memory of one in MiB; of the first kind, where there are several.

    >>> kind_of([("NVIDIA A10G", "23028"), ("NVIDIA A10G", "23028")])
    ('NVIDIA A10G', 2, 23028)
    """
    if not cards:
        return None, 0, 0
    name, memory = cards[0]
    return name, sum(other == name for other, _ in cards), int(memory)


def _same_name(short: str, driver_has: str) -> bool:
    """Whether the table's name, such as ``H100``, is the driver's, such as ``NVIDIA H100 80GB HBM3``."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(short)}(?![A-Za-z0-9])", driver_has) is not None
