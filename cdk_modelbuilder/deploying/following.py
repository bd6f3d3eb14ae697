"""Follows a stack while CloudFormation works on it: its events, its endpoint, and what the container writes."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cdk_modelbuilder.deploying.assembly import COMPONENT, ENDPOINT
from cdk_modelbuilder.deploying.child import Child
from cdk_modelbuilder.deploying.log_lines import LogReader
from cdk_modelbuilder.deploying.stack import Stack, StackEvent, StackState
from cdk_modelbuilder.deploying.watching import Watcher
from cdk_modelbuilder.local.doctor.aws_failures import DENIED, code_of

_THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
LOG_TAIL = 40
"""Lines of the container that are kept for the message of a failure."""
_ASSET = re.compile(r"start: (?P<doing>Building|Publishing) (?P<what>.+?)(?: \([\w-]+\))?$")
"""How the CDK CLI says that it is at work on an asset."""
_DOCKER = re.compile(r"#\d+ ")
"""How lines of BuildKit begin."""
_MOMENT = 10
"""Rounds in which CloudFormation may not have begun yet."""
_PATIENCE = 90
"""Rounds without an answer of AWS before it is given up: three minutes, with the usual pause."""
_CLOCK_SPREAD = timedelta(seconds=60)
"""Lines from a little before count: clocks differ."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen until the end.

    Attributes:
        state: The stack's last state; None where it is gone or cannot be seen.
        failure: The first resource that failed; None for none.
        failure_reasons: What SageMaker says of its endpoint or component.
        log: The container's last lines.
        began: Whether CloudFormation was at work at all.
    """

    state: StackState | None
    failure: StackEvent | None
    failure_reasons: tuple[str, ...]
    log: tuple[str, ...]
    began: bool


class Follower:
    """Asks AWS again and again, and tells a watcher what is new.

    Args:
        stack: The stack.
        sagemaker: A client of SageMaker.
        logs: Reads the container's lines; None to leave them alone.
        watcher: Who is told.
        pause: Seconds between two rounds.
    """

    def __init__(self, stack: Stack, sagemaker: Any, logs: LogReader | None, watcher: Watcher, *, pause: float) -> None:
        self._stack, self._sagemaker, self._logs, self._watcher = stack, sagemaker, logs, watcher
        self._pause = pause
        if logs is not None:
            logs.begin()
        self._last: str | None = None
        self._failure: StackEvent | None = None
        self._reasons: dict[str, str] = {}
        self._tail: deque[str] = deque(maxlen=LOG_TAIL)
        self._denied = False
        self._unanswered = 0
        self._heard = False
        self._state: StackState | None = None
        self.began = False
        self._events()  # those that are known already

    def follow(self, child: Child, *, until_begun: bool = False) -> Seen:
        """Follow until ``child`` has ended, or, if that is enough, until CloudFormation has begun."""
        while True:
            lines = child.read(self._pause)
            if not self.began:
                self._tell(lines)
            over = child.returncode is not None
            self._patiently(self.look)
            if over or (until_begun and self.began):
                break
        child.read(0)
        return self.seen()

    def follow_stack(self, before: str) -> Seen:
        """Follow until CloudFormation is done with the stack.

        Args:
            before: The stack's status before CloudFormation was asked: for a moment it may say that still.
        """
        rounds, has_moved = 0, False
        while True:
            if self._patiently(self._look_at_all):
                state = self._state
                has_moved = has_moved or self._heard or state is None or state.status != before
                if state is None or (not state.is_moving and (has_moved or rounds >= _MOMENT)):
                    return self.seen()
            rounds += 1
            time.sleep(self._pause)

    def _look_at_all(self) -> None:
        self.look()
        self._state = self._stack.state()

    def _patiently(self, ask: Callable[[], object]) -> bool:
        """Ask; whether AWS answered. A network that is gone for a while, or a throttle, is no reason to stop."""
        from botocore.exceptions import ClientError, HTTPClientError  # noqa: PLC0415 - an extra
        from botocore.exceptions import ConnectionError as NoConnection  # noqa: PLC0415

        try:
            ask()
        except (NoConnection, HTTPClientError, ClientError) as error:
            if isinstance(error, ClientError) and not _passes(error.response):
                raise
            self._unanswered += 1
            if self._unanswered == 1:
                self._watcher.step(f"AWS gives no answer, trying again: {error}")
            if self._unanswered > _PATIENCE:
                raise
            return False
        self._unanswered = 0
        return True

    def look(self) -> None:
        """One round: events, endpoint, log."""
        for event in self._events():
            self._hear(event)
        if self.began:
            self.look_at_log()

    def look_at_log(self) -> None:
        """Pass on what the container wrote."""
        if self._logs is None:
            return
        for line in self._logs.read():
            self._tail.append(line.text)
            self._watcher.log(line)
        if self._logs.denied:
            self._watcher.step(f"the container's log cannot be shown, as AWS does not allow it: {self._logs.denied}")
            self._logs = None

    def seen(self) -> Seen:
        """What was seen so far, with the stack's state now."""
        return Seen(
            state=None if self._denied else self._stack.state(),
            failure=self._failure,
            failure_reasons=tuple(self._reasons.values()),
            log=tuple(self._tail),
            began=self.began,
        )

    def _events(self) -> list[StackEvent]:
        if self._denied:
            return []
        try:
            found = self._stack.events(after=self._last)
        except Exception as error:
            if code_of(error) not in DENIED:
                raise
            self._denied = True
            self._watcher.step(f"events of the stack cannot be shown, as AWS does not allow it: {error}")
            return []
        if found:
            self._last = found[-1].id
        return found

    def _hear(self, event: StackEvent) -> None:
        if event.is_of_stack and event.status == "REVIEW_IN_PROGRESS":
            return
        self._heard = True
        # The CLI deletes what a failed creation left behind before it begins with this one.
        self.began = self.began or not event.status.startswith("DELETE")
        self._watcher.event(event)
        if event.is_failure and (self._failure is None or self._failure.is_of_stack):
            self._failure = event
        if event.kind in (ENDPOINT, COMPONENT) and event.physical_id and "FAILED" in event.status:
            self._ask_why(event)

    def _ask_why(self, event: StackEvent) -> None:
        """Ask at once: going back, CloudFormation deletes what could tell."""
        name = event.physical_id.rpartition("/")[2]
        try:
            if event.kind == ENDPOINT:
                found = self._sagemaker.describe_endpoint(EndpointName=name)
            else:
                found = self._sagemaker.describe_inference_component(InferenceComponentName=name)
        except Exception:  # noqa: BLE001 - then CloudFormation's own reason has to do
            return
        if found.get("FailureReason"):
            self._reasons[event.physical_id] = str(found["FailureReason"])

    def _tell(self, lines: list[str]) -> None:
        """The CLI's own words about assets; what comes later is told by the stack's events."""
        for line in lines:
            found = _ASSET.search(line)
            if _DOCKER.match(line):
                self._watcher.step(f"  {line}")
            elif found is not None and not found["what"].endswith(" Template"):
                self._watcher.step(f"{found['doing'].lower()} {found['what']}")


def _passes(answer: Any) -> bool:
    """Whether it is an answer that another will follow: too many questions, or a failure on AWS's side."""
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status >= 500 or status == 429 or answer.get("Error", {}).get("Code") in _THROTTLED


def started_now() -> datetime:
    """From when on lines of a log belong to a deployment that starts now."""
    return datetime.now(UTC) - _CLOCK_SPREAD
