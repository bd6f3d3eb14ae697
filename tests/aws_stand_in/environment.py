"""Which environment variables keep boto3, the CDK CLI and the CDK library on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

ACCOUNT = "123456789012"  # moto's own default
REGION = "us-east-1"

READY = "listening on "  # begins the line with which the server gives its address

# A folder that cannot exist: nobody's real profiles and keys are read.
_NOWHERE = "/nonexistent/aws-stand-in"

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "stand-in",
    "AWS_SECRET_ACCESS_KEY": "stand-in",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": f"{_NOWHERE}/config",
    "AWS_SHARED_CREDENTIALS_FILE": f"{_NOWHERE}/credentials",
    "AWS_EC2_METADATA_DISABLED": "true",
}

CDK = {
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_VALIDATION": "false",  # the built-in template validator costs seconds a process
    "CI": "1",
    "NO_COLOR": "1",
    "NODE_OPTIONS": "--no-warnings",
    "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}


def against(url: str) -> dict[str, str]:
    """What to set so that AWS clients and the CDK CLI talk to the server at `url`."""
    return {**CREDENTIALS, **CDK, "AWS_ENDPOINT_URL": url}


def process_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """A whole environment for a child process: ours without any AWS or CDK settings of the caller, plus `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return {**kept, **settings}
