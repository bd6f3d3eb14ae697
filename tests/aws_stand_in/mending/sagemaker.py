"""Models, endpoint configurations and endpoints.

Moto requires what SageMaker does not (a role, a primary container, a model in each variant), knows the instance types
of a few years ago, and drops most properties. Here all properties are kept, and Describe* shows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from moto.core.utils import utcnow
from moto.sagemaker import models
from moto.sagemaker.exceptions import ValidationError

from tests.aws_stand_in.mending.endpoint_starts import come_up

# Set by the constructors, in a form of their own.
OWN = {"EndpointConfigName", "EndpointName", "ModelName", "ProductionVariants", "Tags"}
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def keep(resource: Any, properties: dict[str, Any]) -> Any:
    """Hold the properties under the names from which moto makes the answer to Describe*."""
    for name, value in properties.items():
        if name not in OWN:
            setattr(resource, WORDS.sub("_", name).lower(), value)
    return resource


def create_model(name: str, properties: dict[str, Any], backend: models.SageMakerModelBackend) -> models.Model:
    if "PrimaryContainer" in properties and "Containers" in properties:
        raise ValidationError(message="Cannot specify both PrimaryContainer and Containers.")
    model = backend.create_model(
        model_name=name,
        execution_role_arn=properties.get("ExecutionRoleArn"),
        primary_container=properties.get("PrimaryContainer"),
        vpc_config=properties.get("VpcConfig"),
        containers=properties.get("Containers"),
        tags=properties.get("Tags", []),
    )
    return keep(model, properties)


def create_config(
    name: str, properties: dict[str, Any], backend: models.SageMakerModelBackend
) -> models.FakeEndpointConfig:
    variants = properties["ProductionVariants"]
    if "ExecutionRoleArn" not in properties and any("ModelName" not in variant for variant in variants):
        raise ValidationError(message="ExecutionRoleArn is required when a variant names no model.")
    config = backend.create_endpoint_config(
        endpoint_config_name=name,
        production_variants=variants,
        data_capture_config=properties.get("DataCaptureConfig"),
        async_inference_config=properties.get("AsyncInferenceConfig"),
        tags=properties.get("Tags", []),
        kms_key_id=properties.get("KmsKeyId"),
    )
    return keep(config, properties)


def create_endpoint(
    name: str, properties: dict[str, Any], backend: models.SageMakerModelBackend
) -> models.FakeEndpoint:
    endpoint = endpoint_of(name, properties, backend)
    try:
        come_up(endpoint, backend.account_id, backend.region_name, coming="Creating", failed="Failed")
    except ValidationError:
        del backend.endpoints[name]  # as CloudFormation does when it goes back
        raise
    return endpoint


def endpoint_of(name: str, properties: dict[str, Any], backend: models.SageMakerModelBackend) -> models.FakeEndpoint:
    endpoint = backend.create_endpoint(
        endpoint_name=name,
        endpoint_config_name=properties["EndpointConfigName"].split("/")[-1],
        tags=properties.get("Tags", []),
    )
    if "DeploymentConfig" in properties:
        endpoint.last_deployment_config = properties["DeploymentConfig"]
    return endpoint


def update_endpoint(
    endpoint: models.FakeEndpoint, properties: dict[str, Any], backend: models.SageMakerModelBackend
) -> models.FakeEndpoint:
    """In place, so that an update that fails leaves the endpoint as it was; moto deletes it first."""
    # SageMaker has the new instances up before it moves over: a failure leaves the old ones in service.
    come_up(endpoint, backend.account_id, backend.region_name, coming="Updating", failed="InService")
    updated = endpoint_of(endpoint.endpoint_name, properties, backend)
    updated.creation_time, updated.last_modified_time = endpoint.creation_time, utcnow()
    return updated


def update_tags(resource: Any, properties: dict[str, Any], _: models.SageMakerModelBackend) -> Any:
    """All that can change without a replacement."""
    resource.tags = properties.get("Tags", [])
    return resource


def check_variants(self: models.SageMakerModelBackend, variants: list[dict[str, Any]]) -> None:
    for variant in variants:
        kind = variant.get("InstanceType")
        if kind is not None and not kind.startswith("ml."):
            raise ValidationError(message=f"Value '{kind}' at 'instanceType' failed to satisfy constraint")
        model = variant.get("ModelName")
        if model is not None and model not in self._models:
            raise ValidationError(message=f"Could not find model '{model}'.")


def _creates(create: Callable[..., Any]) -> Any:
    def create_from_cloudformation_json(
        cls: type,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> Any:
        return create(
            resource_name, cloudformation_json["Properties"], models.sagemaker_backends[account_id][region_name]
        )

    return classmethod(create_from_cloudformation_json)


def _updates(update: Callable[..., Any]) -> Any:
    def update_from_cloudformation_json(
        cls: type,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Any:
        return update(
            original_resource, cloudformation_json["Properties"], models.sagemaker_backends[account_id][region_name]
        )

    return classmethod(update_from_cloudformation_json)


def mend() -> None:
    # Both the backend and the configuration check variants; one check is enough, and it needs the models.
    models.FakeEndpointConfig.validate_production_variants = lambda *_: None
    models.SageMakerModelBackend.validate_production_variants = check_variants
    for resource, create, update in (
        (models.Model, create_model, update_tags),
        (models.FakeEndpointConfig, create_config, update_tags),
        (models.FakeEndpoint, create_endpoint, update_endpoint),
    ):
        resource.create_from_cloudformation_json = _creates(create)
        resource.update_from_cloudformation_json = _updates(update)
