"""What a review tool would report and why it stands all the same, said to each tool in its own place."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk

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
    for rule in cdk_rules:
        cdk.Validations.of(resource).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))
    if checkov:
        resource.add_metadata("checkov", {"skip": [{"id": rule, "comment": reason} for rule in checkov]})
    if guard:
        resource.add_metadata("guard", {"SuppressedRules": list(guard)})


def no_storage_key(config: cdk.CfnResource, reason: str) -> None:
    """An EndpointConfig without ``KmsKeyId``."""
    acknowledge(config, reason, cdk_rules=_KMS_ON_CONFIG, guard=_CONFIG_GUARD)


def no_isolation(model: cdk.CfnResource, reason: str) -> None:
    """A Model without ``EnableNetworkIsolation``."""
    acknowledge(model, reason, checkov=["CKV_AWS_370"], guard=["model_isolated"])
