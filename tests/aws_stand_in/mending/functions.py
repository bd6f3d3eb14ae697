"""Lambda functions that run: in a process of this Python, with what AWS's runtime would give them.

Moto runs functions in Docker containers, or not at all.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import tempfile
import uuid
import zipfile
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.core.utils import unix_time_millis
from moto.logs.models import logs_backends

from tests.aws_stand_in.environment import CREDENTIALS
from tests.aws_stand_in.front import FRONT

CHILD = Path(__file__).parents[1] / "lambda_child.py"
INIT_SECONDS = 10  # what AWS gives a function for its imports, before its own time limit begins


def function_of(arn: str, account: str, region: str) -> LambdaFunction | None:
    """The function that an ARN names, if it is one of this account."""
    if not arn.startswith(f"arn:aws:lambda:{region}:{account}:function:"):
        return None
    return lambda_backends[account][region].get_function(arn)


def runs_here(function: LambdaFunction) -> bool:
    return function.package_type == "Zip" and str(function.run_time).startswith("python")


def run(function: LambdaFunction, event: dict[str, Any], *, most_seconds: float) -> str:
    """Run a function once; its output goes into its log group, and is returned.

    Args:
        function: One that `runs_here`.
        event: What it is called with.
        most_seconds: When to give up, where that is before the function's own time limit.
    """
    request, seconds = str(uuid.uuid4()), min(float(function.timeout), most_seconds)
    stream = f"2026/01/01/[$LATEST]{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory(prefix="lambda-") as folder:
        task, scratch = Path(folder, "task"), Path(folder, "tmp")
        task.mkdir()
        scratch.mkdir()
        with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as code:
            code.extractall(task)
        context = {
            "aws_request_id": request,
            "function_name": function.function_name,
            "invoked_function_arn": function.function_arn,
            "log_group_name": function.logs_group_name,
            "log_stream_name": stream,
            "memory_limit_in_mb": str(function.memory_size),
        }
        process = subprocess.Popen(
            [sys.executable, "-I", str(CHILD), str(function.handler)],
            cwd=task,
            env=_environment(function, stream, task, scratch),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        given = json.dumps({"event": event, "context": context, "seconds": seconds})
        try:
            output, _ = process.communicate(given, timeout=seconds + INIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
    _log(function, stream, output)
    return output


def _environment(function: LambdaFunction, stream: str, task: Path, scratch: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": str(scratch),
        **CREDENTIALS,
        **FRONT.environment,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "LAMBDA_TASK_ROOT": str(task),
        "_HANDLER": str(function.handler),
        **{name: str(value) for name, value in function.environment_vars.items()},
    }


def _log(function: LambdaFunction, stream: str, output: str) -> None:
    sys.stderr.write(output)
    logs = logs_backends[function.account_id][function.region]
    logs.ensure_log_group(function.logs_group_name)
    logs.create_log_stream(function.logs_group_name, stream)
    now = int(unix_time_millis())
    events = [{"timestamp": now, "message": line} for line in output.splitlines() if line]
    if events:
        logs.put_log_events(function.logs_group_name, stream, events)


def updated(
    original_resource: LambdaFunction,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> LambdaFunction:
    """Moto takes the text of inline code for base64, and keeps what the new properties no longer have."""
    gone = {"Description": "", "Environment": {"Variables": {}}, "MemorySize": 128, "Timeout": 3}
    properties = {**gone, **cloudformation_json["Properties"]}
    properties["Environment"] = {"Variables": {}, **properties["Environment"]}
    code = dict(properties.pop("Code"))
    if "ZipFile" in code:
        code["ZipFile"] = base64.b64encode(LambdaFunction._create_zipfile_from_plaintext_code(code["ZipFile"]))
    original_resource.update_function_code(code)
    original_resource.update_configuration(properties)
    return original_resource


def mend() -> None:
    LambdaFunction.update_from_cloudformation_json = staticmethod(updated)
