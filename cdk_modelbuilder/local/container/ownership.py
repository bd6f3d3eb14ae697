"""Who started a container: written on it as labels, so that what lost its owner is found and removed."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cdk_modelbuilder.local.container.engine import Engine, find_engine

_log = logging.getLogger("cdk_modelbuilder.endpoint")

BUNDLE_LABEL = "cdk-modelbuilder.bundle"
PID_LABEL = "cdk-modelbuilder.pid"
START_LABEL = "cdk-modelbuilder.start-time"
MACHINE_LABEL = "cdk-modelbuilder.machine"
FOLDER_LABEL = "cdk-modelbuilder.folder"

FOLDER_PREFIX = "cdk-modelbuilder-container-"
"""Of the temporary folders that belong to a container."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told from any later one of the same id.

    Attributes:
        pid: Its id.
        start_time: When it started: clock ticks since boot on Linux, else the words of ``ps``.
        machine: Which boot and which process namespace the id belongs to.
    """

    pid: int
    start_time: str
    machine: str

    @classmethod
    def here(cls) -> Self:
        """This process."""
        pid = os.getpid()
        return cls(pid, _start_time(pid) or "", _machine())

    @classmethod
    def on(cls, labels: Mapping[str, str]) -> Self | None:
        """The owner that a container's labels name; None where they name none."""
        try:
            return cls(int(labels[PID_LABEL]), labels[START_LABEL], labels[MACHINE_LABEL])
        except (KeyError, ValueError):
            return None

    def labels(self) -> dict[str, str]:
        """What is written on its containers."""
        return {PID_LABEL: str(self.pid), START_LABEL: self.start_time, MACHINE_LABEL: self.machine}

    def is_gone(self) -> bool:
        """Whether it has ended. One whose processes are unseen here, as in another container, never counts."""
        return self.machine == _machine() and _start_time(self.pid) != self.start_time

    def is_of_another_boot(self) -> bool:
        """Whether it is from before this machine's last boot, or on another machine."""
        return self.machine.partition("/")[0] != _machine().partition("/")[0]


def reap_orphans(engine: Engine | None = None) -> list[str]:
    """Remove the containers of this package whose owner is gone, with their temporary folders; returns their names.

    A container is started after this, so nothing that was left behind stays longer than that.

    Args:
        engine: Where to look. Default: the daemon that is found here.

    Raises:
        LocalEndpointError: No daemon answers.
    """
    from docker.errors import APIError  # noqa: PLC0415 - an extra

    used = engine or find_engine()
    removed = []
    try:
        for found in used.api.containers(all=True, filters={"label": PID_LABEL}):
            labels = found.get("Labels") or {}
            owner = Owner.on(labels)
            if owner is None:
                continue
            # What runs has not been through a boot: its owner is on another machine that uses this daemon.
            is_old = owner.is_of_another_boot() and found.get("State") in ("exited", "dead")
            if not (is_old or owner.is_gone()):
                continue
            name = str(found["Names"][0]).lstrip("/") if found.get("Names") else str(found["Id"])
            try:
                remove_container(used.api, found["Id"])
            except APIError as error:  # the next start tries again
                _log.warning("%s, whose owner is gone, was not removed: %s", name, error)
                continue
            remove_folder(labels.get(FOLDER_LABEL, ""))
            removed.append(name)
    finally:
        if engine is None:
            used.close()
    return removed


def remove_container(api: Any, name: str) -> bool:
    """End a container and remove it with what it wrote; returns whether there was one."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415 - an extra

    try:
        api.remove_container(name, force=True, v=True)
    except NotFound:
        return False
    except APIError as error:
        if error.status_code != 409:  # someone else is removing it at this moment
            raise
    return True


def remove_folder(path: str) -> None:
    """Remove a temporary folder that belongs to a container; anything else stays, whatever a label says."""
    folder = Path(path)
    if folder.name.startswith(FOLDER_PREFIX) and folder.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(folder, ignore_errors=True)


def _start_time(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return None if fields[0] in ("Z", "X") else fields[19]  # a zombie has ended
        return None
    words = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip() or None


def _machine() -> str:
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return f"{platform.system()}/"
