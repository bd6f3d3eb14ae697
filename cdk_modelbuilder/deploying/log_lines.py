"""The lines that containers of an endpoint write, from CloudWatch Logs, in the order of time.

Log groups: "Log Groups and Streams that Amazon SageMaker AI Sends to Amazon CloudWatch Logs" in the developer guide.
``/aws/sagemaker/Endpoints/<endpoint>`` has a stream ``<variant>/<instance>`` for each container, and
``/aws/sagemaker/InferenceComponents/<component>`` one for each copy.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cdk_modelbuilder.local.doctor.aws_failures import DENIED, code_of

OVERLAP_SECONDS = 30
"""Lines come late, and out of order: this much is read again each time."""
_REMEMBERED = 20_000
_PAGES = 20
"""So many at a time: who follows wants to see the first lines before all are read."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a container.

    Attributes:
        time: When it was written.
        group: The log group.
        stream: ``<variant>/<instance>``.
        text: The line, without its end.
    """

    time: datetime
    group: str
    stream: str
    text: str

    @property
    def source(self) -> str:
        """Short words for where it comes from: the variant, or the component."""
        last = self.group.rpartition("/")[2]
        return last if "/InferenceComponents/" in self.group else self.stream.partition("/")[0] or last


def log_groups(endpoint_name: str, components: Iterable[str] = ()) -> tuple[str, ...]:
    """The log groups of an endpoint and of its inference components."""
    return (
        f"/aws/sagemaker/Endpoints/{endpoint_name}",
        *(f"/aws/sagemaker/InferenceComponents/{name}" for name in components),
    )


class LogReader:
    """Reads lines that are new since it was last asked.

    Args:
        client: A client of CloudWatch Logs.
        groups: Log groups; those that are not there yet are asked for again.
        since: Lines before this are not of interest.

    Attributes:
        denied: Why AWS does not let the caller read the log; empty where it does.
    """

    def __init__(self, client: Any, groups: Sequence[str], *, since: datetime) -> None:
        self._client = client
        self._groups = tuple(groups)
        self._from = dict.fromkeys(self._groups, int(since.timestamp() * 1000))
        self._first = int(since.timestamp() * 1000)
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._old: set[tuple[str, str]] = set()
        self.denied = ""

    def begin(self) -> None:
        """Leave out what is there already, and what containers write that run already.

        An endpoint that is updated keeps its old containers, and their lines, until the new ones have come up; those
        write to streams of their own. Without permission to list streams all lines count that come from now on.
        """
        self.read()
        for group in self._groups:
            if "/Endpoints/" not in group:
                continue
            try:
                page = self._client.describe_log_streams(
                    logGroupName=group, orderBy="LastEventTime", descending=True, limit=50
                )
            except Exception as error:
                if code_of(error) not in {*DENIED, "ResourceNotFoundException", "ThrottlingException"}:
                    raise
                continue
            self._old.update((group, stream["logStreamName"]) for stream in page["logStreams"])

    def read(self) -> list[LogLine]:
        """The new lines of all groups.

        Raises:
            ClientError: botocore's, if AWS cannot be asked; not where a log group is missing, or must not be read.
        """
        found: list[LogLine] = []
        for group in self._groups:
            if self.denied:
                break
            try:
                found += self._read(group)
            except Exception as error:
                code = code_of(error)
                if code in DENIED:
                    self.denied = str(error)
                elif code not in {"ResourceNotFoundException", "ThrottlingException"}:
                    raise
        return sorted(
            (line for line in found if (line.group, line.stream) not in self._old), key=lambda line: line.time
        )

    def _read(self, group: str) -> list[LogLine]:
        found: list[LogLine] = []
        more: dict[str, str] = {}
        pages = 0
        while pages < _PAGES:
            page = self._client.filter_log_events(
                logGroupName=group, startTime=self._from[group], interleaved=True, **more
            )
            for event in page.get("events", ()):
                if event["eventId"] in self._seen:
                    continue
                self._seen[event["eventId"]] = None
                time = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                text = str(event.get("message", "")).rstrip()
                found.append(LogLine(time, group, str(event.get("logStreamName", "")), text))
            pages += bool(page.get("events"))  # CloudWatch gives empty ones while it is searching
            if not page.get("nextToken"):
                break
            more = {"nextToken": page["nextToken"]}
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if found:
            latest = int(max(line.time for line in found).timestamp() * 1000)
            self._from[group] = max(self._first, self._from[group], latest - OVERLAP_SECONDS * 1000)
        return found
