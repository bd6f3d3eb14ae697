"""What a review tool would report and why it stands all the same, said to each tool in its own place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import aws_cdk as cdk

from cdk_modelbuilder.constructs.arguments import is_token
from cdk_modelbuilder.constructs.permissions import ACCOUNT, PARTITION, REGION

# What each resource has been told: adding metadata replaces what was there.
_said: WeakKeyDictionary[cdk.CfnResource, dict[str, list[Any]]] = WeakKeyDictionary()
_PSEUDO = {PARTITION: "<AWS::Partition>", REGION: "<AWS::Region>", ACCOUNT: "<AWS::AccountId>"}
_KMS_ON_CONFIG = [
    f"{pack}-SageMakerEndpointConfigurationKMSKeyConfigured"
    for pack in ("HIPAA.Security", "NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321")
]
_CONFIG_GUARD = ["SAGEMAKER_ENDPOINT_CONFIGURATION_KMS_KEY_CONFIGURED", "endpoint_config_encrypted"]


def acknowledge(
    resource: cdk.CfnResource,
    reason: str,
    *,
    cdk_rules: Sequence[str] = (),
    checkov: Sequence[str] = (),
    guard: Sequence[str] = (),
) -> None:
    """Say ``reason`` for rules of the CDK's validations (cdk-nag too), of checkov, and of Guard."""
    if cdk_rules:
        cdk.Validations.of(resource).acknowledge(*(cdk.Acknowledgment(id=rule, reason=reason) for rule in cdk_rules))
    if checkov:
        skipped = _said.setdefault(resource, {}).setdefault("checkov", [])
        skipped += [{"id": rule, "comment": reason} for rule in checkov]
        resource.add_metadata("checkov", {"skip": skipped})
    if guard:
        suppressed = _said.setdefault(resource, {}).setdefault("guard", [])
        suppressed += guard
        resource.add_metadata("guard", {"SuppressedRules": suppressed})


def no_storage_key(config: cdk.CfnResource, reason: str) -> None:
    """An EndpointConfig without ``KmsKeyId``."""
    acknowledge(config, reason, cdk_rules=_KMS_ON_CONFIG, guard=_CONFIG_GUARD)


def wide_resources(policy: cdk.CfnResource, reasons: Mapping[str, str]) -> None:
    """A policy with resources that hold a wildcard and cannot be narrower.

    Args:
        policy: The policy.
        reasons: Resource, with tokens as the CDK writes them into text, to the reason.
    """
    rules = [
        cdk.Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{_as_cdk_nag_writes(policy, resource)}]", reason=reason)
        for resource, reason in reasons.items()
    ]
    if rules:
        cdk.Validations.of(policy).acknowledge(*rules)


def _as_cdk_nag_writes(scope: cdk.CfnResource, resource: str) -> str:
    for token, name in _PSEUDO.items():
        resource = resource.replace(token, name)
    return _flat(cdk.Stack.of(scope).resolve(resource)) if is_token(resource) else resource


def _flat(value: Any) -> str:
    """A resolved value as text: references in angle brackets."""
    if isinstance(value, dict):
        ((function, argument),) = value.items()
        if function == "Ref":
            return f"<{argument}>"
        if function == "Fn::GetAtt":
            return f"<{'.'.join(argument)}>"
        if function == "Fn::Join":
            return "".join(_flat(part) for part in argument[1])
    return str(value)


def sleeps(config: cdk.CfnResource) -> None:
    """An EndpointConfig that begins with one instance, or none, because its number follows the need."""
    acknowledge(config, "The number of instances follows the need, down to none.", guard=["two_instances"])


def rolls_by_component(endpoint: cdk.CfnResource) -> None:
    """An Endpoint without rollback alarms, whose components have their own."""
    reason = "The endpoint has no model: its components move to another one by rolling updates of their own."
    acknowledge(endpoint, reason, guard=["endpoint_rolls_back"])


def no_isolation(model: cdk.CfnResource, reason: str) -> None:
    """A Model without ``EnableNetworkIsolation``."""
    acknowledge(model, reason, checkov=["CKV_AWS_370"], guard=["model_isolated"])
