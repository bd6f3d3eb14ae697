"""How endpoints come up: for how long, with which lines in their log, and whether they fail.

Moto's are in service at once and write nothing. A test says otherwise with the SSM parameter
`/stand-in/endpoint-start`, whose value is JSON:

    seconds   how long it takes; the lines are spread over it
    log       lines that the container writes
    fails     SageMaker's FailureReason; without, it comes up
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from moto.logs.models import logs_backends
from moto.sagemaker.exceptions import ValidationError
from moto.ssm import ssm_backends

PARAMETER = "/stand-in/endpoint-start"


def come_up(endpoint: Any, account: str, region: str, *, coming: str, failed: str) -> None:
    """Take the time, write the log, and fail, as the parameter says.

    Args:
        coming: Its status meanwhile.
        failed: Its status if it fails.
    """
    told = ssm_backends[account][region].get_parameter(PARAMETER)
    if told is None:
        return
    wanted = json.loads(told.value)
    lines = wanted.get("log", [])
    instance = f"i-{secrets.token_hex(8)}"  # new containers run on new instances
    pause = wanted.get("seconds", 0) / (len(lines) + 1)
    endpoint.endpoint_status, endpoint.failure_reason = coming, None
    for number, line in enumerate(lines):
        time.sleep(pause)
        _write(endpoint, account, region, line, number, instance)
    time.sleep(pause)
    endpoint.endpoint_status = "InService"
    if "fails" in wanted:
        endpoint.endpoint_status, endpoint.failure_reason = failed, wanted["fails"]
        raise ValidationError(
            message=f'Resource handler returned message: "{wanted["fails"]}" (RequestToken: 0, HandlerErrorCode: '
            "NotStabilized)"
        )


def _write(endpoint: Any, account: str, region: str, line: str, number: int, instance: str) -> None:
    logs = logs_backends[account][region]
    group = f"/aws/sagemaker/Endpoints/{endpoint.endpoint_name}"
    stream = f"{endpoint.production_variants[0]['VariantName']}/{instance}"
    if group not in logs.groups:
        logs.create_log_group(group, {})
    logs.ensure_log_stream(group, stream)
    logs.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000) + number, "message": line}])
