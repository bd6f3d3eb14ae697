"""Why a container ended, from what the daemon says of it and from its last log lines."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.container.refusals import wrong_architecture
from cdk_modelbuilder.local.last_words import last_words

_BY_SIGNAL = 128
_KILLED = _BY_SIGNAL + signal.SIGKILL
_ILLEGAL = _BY_SIGNAL + signal.SIGILL
_SHELL_FOUND_NOTHING = (126, 127)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container ended.

    Attributes:
        status: Its exit status; 128 and more name a signal.
        out_of_memory: Whether the kernel ended a process of it at its memory limit.
        limit: The memory limit in bytes; None for none.
        peak: The most memory that was seen, in bytes; None where nobody looked in time.
        error: What the daemon says besides.
    """

    status: int
    out_of_memory: bool = False
    limit: int | None = None
    peak: int | None = None
    error: str = ""

    @classmethod
    def of(cls, state: dict[str, Any], *, limit: int | None, peak: int | None) -> Ending:
        """From ``State`` of Docker's ``GET /containers/{id}/json``."""
        return cls(
            int(state.get("ExitCode", 0)), bool(state.get("OOMKilled")), limit, peak, str(state.get("Error") or "")
        )

    def __str__(self) -> str:
        if self.out_of_memory:
            most = "" if self.peak is None else f"; shortly before, at most {_mib(self.peak)} MiB were seen"
            limit = "the machine's memory" if self.limit is None else f"its limit of {_mib(self.limit)} MiB"
            return f"the kernel killed it (status {self.status}) because it needed more memory than {limit}{most}"
        return f"it ended with status {self.status}{_signal_name(self.status)}{self.error and f': {self.error}'}"


def start_failure(
    name: str, ending: Ending, *, image: str, architectures: tuple[str, str], log: Iterable[str]
) -> LocalEndpointError:
    """The error of a container that ended before it was healthy.

    Args:
        name: The bundle's name.
        ending: How it ended.
        image: What it ran.
        architectures: What the image was built for, and the daemon's machine.
        log: Its last log lines.
    """
    lines = list(log)
    text = "\n".join(lines)
    if "exec format error" in text or "exec format error" in ending.error:
        return wrong_architecture(image, *architectures)
    return LocalEndpointError(
        f"the container of {name} was not healthy: {ending}. {last_words(lines)}",
        remedy=_remedy(ending, text),
        status=ending.status,
        out_of_memory=ending.out_of_memory,
    )


def _remedy(ending: Ending, text: str) -> str:
    if ending.out_of_memory:
        return (
            "Free memory on this machine, or take a smaller model."
            if ending.limit is None
            else f"Give memory_mb more than {_mib(ending.limit)}; an endpoint needs as much, too."
        )
    if "refused:" in text:
        return "The bundle was changed after it was signed: restore it, or build again."
    if ending.status == _KILLED and ending.limit is not None:  # Podman does not always say so
        seen = "" if ending.peak is None else f", of which {_mib(ending.peak)} were seen in use"
        return f"Perhaps it needed more than its limit of {_mib(ending.limit)} MiB{seen}: give memory_mb more."
    if ending.status == _KILLED:
        return "Something killed it; `dmesg` says whether the machine was out of memory."
    if ending.status == _ILLEGAL:
        return "A program in the image uses instructions that this processor does not have."
    if ending.status in _SHELL_FOUND_NOTHING:
        return "A program that the image starts is missing or cannot be run."
    return "The reason is in these lines."


def _signal_name(status: int) -> str:
    try:
        return f" ({signal.Signals(status - _BY_SIGNAL).name})"
    except ValueError:
        return ""


def _mib(size: int) -> int:
    return size >> 20
