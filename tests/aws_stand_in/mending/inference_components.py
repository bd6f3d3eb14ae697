"""Inference components: the resource, and the part of SageMaker's API that shows them."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from tests.aws_stand_in.mending.recorded import Recorded, stands_for


def components(backend: SageMakerModelBackend) -> dict[str, dict[str, Any]]:
    """The backend's inference components by name; kept on it, so that a reset forgets them too."""
    return backend.__dict__.setdefault("inference_components", {})


@stands_for("AWS::SageMaker::InferenceComponent")
class InferenceComponent(Recorded):
    @property
    def backend(self) -> SageMakerModelBackend:
        return sagemaker_backends[self.account][self.region]

    def apply(self) -> None:
        endpoint = self.endpoint()
        copies = int(self.properties.get("RuntimeConfig", {}).get("CopyCount", 0))
        now = utcnow()
        components(self.backend)[self.name] = {
            **self.properties,
            "InferenceComponentName": self.name,
            "InferenceComponentArn": self.arn,
            "InferenceComponentStatus": "InService",
            "EndpointName": endpoint.endpoint_name,
            "EndpointArn": endpoint.arn,
            "RuntimeConfig": {"DesiredCopyCount": copies, "CurrentCopyCount": copies},
            "LastDeploymentConfig": self.properties.get("DeploymentConfig"),
            "CreationTime": now,
            "LastModifiedTime": now,
        }

    def endpoint(self) -> Any:
        """The endpoint this runs on, after the checks that SageMaker makes of what a component names."""
        endpoint = self.backend.endpoints.get(self.properties["EndpointName"].split("/")[-1])
        if endpoint is None:
            raise ValidationError(message=f"Could not find endpoint '{self.properties['EndpointName']}'.")
        variants = [variant["VariantName"] for variant in endpoint.production_variants]
        variant = self.properties.get("VariantName", variants[0])
        if variant not in variants:
            raise ValidationError(message=f"Could not find variant '{variant}'.")
        model = self.properties.get("Specification", {}).get("ModelName")
        if model and model not in self.backend._models:
            raise ValidationError(message=f"Could not find model '{model}'.")
        return endpoint

    def remove(self) -> None:
        components(self.backend).pop(self.name, None)

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account}:inference-component/{self.name}"

    @property
    def physical_resource_id(self) -> str:
        return self.arn

    def get_cfn_attribute(self, attribute: str) -> str:
        return {"InferenceComponentName": self.name, "InferenceComponentStatus": "InService"}.get(attribute, self.arn)


def _found(response: SageMakerResponse) -> dict[str, Any]:
    name = response._get_param("InferenceComponentName")
    if name not in components(response.sagemaker_backend):
        raise ValidationError(message=f"Could not find inference component '{name}'.")
    return components(response.sagemaker_backend)[name]


def _list(self: SageMakerResponse) -> ActionResult:
    endpoint = self._get_param("EndpointNameEquals")
    known = components(self.sagemaker_backend).values()
    return ActionResult({"InferenceComponents": [c for c in known if endpoint in (None, c["EndpointName"])]})


def _describe(self: SageMakerResponse) -> ActionResult:
    return ActionResult(_found(self))


def _delete(self: SageMakerResponse) -> EmptyResult:
    components(self.sagemaker_backend).pop(_found(self)["InferenceComponentName"])
    return EmptyResult()


def mend() -> None:
    SageMakerResponse.list_inference_components = _list
    SageMakerResponse.describe_inference_component = _describe
    SageMakerResponse.delete_inference_component = _delete
