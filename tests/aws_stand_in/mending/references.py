"""Dynamic references: `{{resolve:secretsmanager:...}}` and `{{resolve:ssm:...}}`, which moto leaves as text."""

from __future__ import annotations

import json
import re
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.core.exceptions import ServiceException
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm import ssm_backends

REFERENCE = re.compile(r"\{\{resolve:(secretsmanager|ssm-secure|ssm):([^{}]+)\}\}")
ARN_PARTS = 7  # arn:partition:secretsmanager:region:account:secret:name


def resolve(value: Any, cfn_type: str, account: str, region: str) -> Any:
    """Put the values in place of the references, however deep they stand."""

    def replacement(match: re.Match[str]) -> str:
        service, reference = match.groups()
        if service == "secretsmanager":
            return _secret(reference, account, region)
        if service == "ssm":
            return _parameter(reference, account, region)
        # Only a dozen properties of other services take these; AWS refuses them everywhere else.
        raise ValidationError(message=f"SSM Secure reference is not supported in: [{cfn_type}/Properties]")

    def inside(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: inside(inner) for key, inner in part.items()}
        if isinstance(part, list):
            return [inside(inner) for inner in part]
        return REFERENCE.sub(replacement, part) if isinstance(part, str) else part

    return inside(value)


def _secret(reference: str, account: str, region: str) -> str:
    """The value of `id:SecretString:json-key:version-stage:version-id`, where an id may be an ARN or part of one."""
    parts = reference.split(":")
    length = ARN_PARTS if reference.startswith("arn:") else 1
    _, key, stage, version = (parts[length:] + [""] * 4)[:4]
    try:
        found = secretsmanager_backends[account][region].get_secret_value(
            ":".join(parts[:length]), version or None, stage or (None if version else "AWSCURRENT")
        )
    except ServiceException as error:
        raise ValidationError(message=f"{error.message} (Service: AWSSecretsManager)") from None
    text = found["SecretString"]
    if not key:
        return text
    try:
        return str(json.loads(text)[key])
    except ValueError:
        raise ValidationError(message="Could not parse SecretString JSON") from None
    except (KeyError, TypeError):
        raise ValidationError(message=f"Could not find a value associated with JSONKey {key} in SecretString") from None


def _parameter(reference: str, account: str, region: str) -> str:
    name, _, version = reference.rpartition(":")
    name = name if version.isdigit() else reference
    parameter = ssm_backends[account][region].get_parameter(name)
    if parameter is None:
        raise ValidationError(message=f"Unable to fetch parameters [{name}] from parameter store for this account.")
    return parameter.value


def mend() -> None:
    parse_resource = parsing.parse_resource

    def parse(resource_json: dict[str, Any], resources: parsing.ResourceMap) -> Any:
        parsed = parse_resource(resource_json, resources)
        if not parsed:
            return parsed
        resource_class, cleaned, cfn_type = parsed
        properties = resolve(cleaned.get("Properties", {}), cfn_type, resources._account_id, resources._region_name)
        return resource_class, {**cleaned, "Properties": properties}, cfn_type

    parsing.parse_resource = parse
