"""CloudTrail's LookupEvents, which the CDK CLI asks after a failure; without an answer it tries for 20 seconds."""

from __future__ import annotations

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.responses import ActionResult


def lookup_events(_: CloudTrailResponse) -> ActionResult:
    """Nothing happened."""
    return ActionResult({"Events": []})


def mend() -> None:
    CloudTrailResponse.lookup_events = lookup_events
