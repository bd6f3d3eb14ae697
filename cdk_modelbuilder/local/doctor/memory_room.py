"""Memory that is left, here and for containers, against the model's size."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.docker_api import NoAnswerError, answering_daemon
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.platforms import Platform
from cdk_modelbuilder.local.doctor.sizes import MEBI, size_text

_INTERPRETER = 256 * MEBI
"""What Python with a framework takes before any model: an estimate, rather low."""
_FACTOR = 2
"""While a model is loaded, its file and what is made of it are both in memory."""
_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def _run(about: Circumstances) -> Iterator[Finding]:
    model = 0
    if about.bundle is not None:
        model = sum(path.stat().st_size for path in about.bundle.model_dir.rglob("*") if path.is_file())
    needed = _INTERPRETER + _FACTOR * model
    left = available_bytes()
    if left is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, "this system does not tell in a file how much memory is left.")
    else:
        yield _judged(left, needed, "left on this machine", ("ps -eo pid,rss,comm --sort=-rss | head",))
    if about.system is Platform.MACOS:  # Docker has a virtual machine there, with a memory of its own
        total = _docker_bytes()
        if total is not None:
            yield _judged(
                total, needed, "all that Docker's virtual machine has", ("colima stop", "colima start --memory 8")
            )


def available_bytes(meminfo: Path = _MEMINFO, group: Path = _GROUP) -> int | None:
    """Bytes that a new process can have: what the system and this process's control group have left.

    None where the system does not tell.
    """
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(), re.MULTILINE)
    except OSError:
        return None
    if found is None:
        return None
    limits = [int(found.group(1)) << 10]
    with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
        limits.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return max(min(limits), 0)


def _docker_bytes() -> int | None:
    api = answering_daemon()
    try:
        return int(api.get("/info").get("MemTotal", 0)) or None if api else None
    except NoAnswerError:
        return None


def _judged(left: int, needed: int, where: str, commands: tuple[str, ...]) -> Finding:
    said = f"{size_text(left)} of memory is {where}; about {size_text(needed)} is needed to load a model"
    if left >= needed:
        return Finding(CHECK.name, Outcome.OK, f"{said}.")
    return Finding(
        CHECK.name,
        Outcome.WARNING,
        f"{said}: the system may kill the server.",
        "End what takes most of it, use fewer workers, or a machine with more.",
        commands,
    )


CHECK = Check(
    "memory",
    "Limits",
    "memory that is left on the machine (and in Docker's virtual one), against twice the model's size",
    "shows what takes it",
    _run,
)
