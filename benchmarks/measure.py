"""What every topic needs: fresh interpreters, clocks, peak memory, facts about the machine, the table's rows."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_CALL = (
    "import importlib, json, sys; module, name, arguments = sys.argv[1:]; "
    "print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(arguments))))"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        measured: The figure, with its unit.
        limit: The limit or peer of the same run, with its unit.
        ratio: The first over the second.
        target: What the ratio or the difference should be.
        reached: Whether it is; None where there is no target.
        note: What the figure is made of.
    """

    what: str
    measured: str
    limit: str
    ratio: float | None
    target: str
    reached: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How large and how long.

    Attributes:
        scratch: Folder for everything that is written.
        quick: Small sizes and few repetitions, to see that the benchmarks themselves work.
    """

    scratch: Path
    quick: bool

    @property
    def repeats(self) -> int:
        return 2 if self.quick else 9

    @property
    def weights_bytes(self) -> int:
        return (128 if self.quick else 1024) << 20


def fresh(function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function``, at the top level of a module here, returns in a fresh interpreter; JSON both ways."""
    command = [sys.executable, "-c", _CALL, function.__module__, function.__name__, json.dumps(arguments, default=str)]
    child = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(child.stdout.splitlines()[-1])


def wall_of_python(code: str) -> float:
    """Seconds that a fresh interpreter takes to start, run ``code`` and end."""
    return timed(lambda: subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True))


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak_rss() -> int:
    """The most memory that this process has held, in bytes."""
    try:
        # Not getrusage(): a child inherits its parent's peak there.
        text = Path("/proc/self/status").read_text(encoding="ascii")
        return int(text.partition("VmHWM:")[2].split()[0]) << 10
    except OSError:
        return _maxrss(resource.RUSAGE_SELF)


def peak_rss_of_children() -> int:
    """An upper bound for the children that have ended, in bytes: each begins with its parent's peak."""
    return _maxrss(resource.RUSAGE_CHILDREN)


def _maxrss(who: int) -> int:
    return resource.getrusage(who).ru_maxrss << (0 if sys.platform == "darwin" else 10)


def seconds(value: float) -> str:
    return f"{value:.3f} s"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.1f} MB"


def best_and_median(values: list[float]) -> str:
    return f"{seconds(min(values))} (median {seconds(statistics.median(values))})"


def machine_facts() -> dict[str, str]:
    """What the figures depend on."""
    libraries = ("numpy", "pandas", "pyarrow", "orjson", "scikit-learn", "xgboost", "xgboost-cpu", "uvicorn", "uvloop")
    return {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} usable"
        if hasattr(os, "sched_getaffinity")
        else f"{_processor()}, {os.cpu_count()} in all",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version}" for name in libraries if (version := _version(name))),
        "load average before": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
