"""Runs a load test against a model on this machine and watches its memory meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.load.figures import LoadResult
from cdk_modelbuilder.local.load.plan import LoadPlan, LoadRequest

_BETWEEN_LOOKS = 0.5
_SPARE_SECONDS = 30


def run_load(request: LoadRequest, plan: LoadPlan, *, memory: Sequence[Callable[[], int | None]] = ()) -> LoadResult:
    """Send ``request`` as ``plan`` says, from a process of its own, and return the figures.

    Args:
        request: What is sent.
        plan: How much of it.
        memory: Asked for the memory of each process or container under test, in bytes.

    Raises:
        LocalEndpointError: The process that sends did not come to its end.
    """
    # Not a thread: it would share one interpreter with whatever forwards the requests, and measure itself.
    child = subprocess.Popen(
        [sys.executable, "-m", "cdk_modelbuilder.local.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    told: str | None = json.dumps({"plan": asdict(plan), "request": request.to_json()})
    most: int | None = None
    looks = (plan.warm_up_seconds + plan.seconds + _SPARE_SECONDS) / _BETWEEN_LOOKS
    with child:
        while True:
            try:
                out, complaint = child.communicate(told, timeout=_BETWEEN_LOOKS)
                break
            except subprocess.TimeoutExpired:
                told = None  # it was handed over the first time
                seen = [found for look in memory if (found := look()) is not None]
                most = max(most or 0, sum(seen)) if seen else most
                looks -= 1
                if looks < 0:
                    child.kill()
            except BaseException:
                child.kill()
                raise
    if child.returncode:
        last = complaint.strip().splitlines()[-1:] or ["no reason was given"]
        raise LocalEndpointError(
            f"the load test ended with status {child.returncode}: {last[0]}.", remedy="Run it with less load."
        )
    seen_by_users = json.loads(out)
    return LoadResult(
        plan=plan,
        seconds=seen_by_users["seconds"],
        milliseconds=sorted(seen_by_users["milliseconds"]),
        failures=seen_by_users["failures"],
        unanswered=seen_by_users["unanswered"],
        memory_bytes=most,
    )
