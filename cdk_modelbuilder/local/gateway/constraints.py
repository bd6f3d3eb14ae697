"""What the API demands of the values in headers, beyond what boto3 checks before it sends them.

Source: lengths and patterns of the members' shapes in the service model of sagemaker-runtime; the wording is that of
validation errors of AWS's APIs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cdk_modelbuilder.local.gateway import headers as names
from cdk_modelbuilder.local.gateway.api_error import ApiError, validation_error

_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
_PRINTABLE = r"[!-~][ -~]*"


@dataclass(frozen=True, slots=True)
class _Constraint:
    member: str
    most: int
    pattern: re.Pattern[str]


def _constraint(member: str, most: int, pattern: str) -> _Constraint:
    return _Constraint(member, most, re.compile(pattern))


_CONSTRAINTS = {
    names.COMPONENT: _constraint("inferenceComponentName", 63, r"[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?"),
    names.CUSTOM_ATTRIBUTES: _constraint("customAttributes", 1024, r"[\x00-\x7f]*"),
    names.EXPLANATIONS: _constraint("enableExplanations", 64, r".*"),
    names.FILE_NAME: _constraint("filename", 32, r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9\-_\.]*"),
    names.INFERENCE_ID: _constraint("inferenceId", 64, _PRINTABLE),
    names.INPUT_LOCATION: _constraint("inputLocation", 1024, r"(https|s3)://([^/]+)/?(.*)"),
    names.OUTPUT_EXTENSION: _constraint("s3OutputPathExtension", 512, r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+"),
    names.PREFIX_AWARE_ID: _constraint("prefixAwareId", 64, _PRINTABLE),
    names.SESSION: _constraint("sessionId", 256, rf"NEW_SESSION|{_NAME}"),
    names.TARGET_CONTAINER: _constraint("targetContainerHostname", 63, _NAME),
    names.TARGET_MODEL: _constraint("targetModel", 1024, _PRINTABLE),
    names.TARGET_VARIANT: _constraint("targetVariant", 63, _NAME),
}


def violation(headers: Mapping[bytes, bytes]) -> ApiError | None:
    """The first value that the API does not take; None if it takes all."""
    if _CONSTRAINTS.keys().isdisjoint(headers):
        return None
    for name, constraint in _CONSTRAINTS.items():
        if name not in headers:
            continue
        value = headers[name].decode("latin-1")
        if len(value) > constraint.most:
            return _wrong(value, constraint, f"have length less than or equal to {constraint.most}")
        if not constraint.pattern.fullmatch(value):
            pattern = constraint.pattern.pattern
            return _wrong(value, constraint, f"satisfy regular expression pattern: {pattern}")
    return None


def _wrong(value: str, constraint: _Constraint, demand: str) -> ApiError:
    return validation_error(
        f"1 validation error detected: Value '{value}' at '{constraint.member}' failed to satisfy constraint: Member "
        f"must {demand}"
    )
