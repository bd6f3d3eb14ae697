"""The part of SageMaker's own API that waiters and scripts ask an endpoint's state with, in JSON 1.1.

Source: shapes and required members are those of botocore's service model of sagemaker; the texts of errors are as
``describe_endpoint`` and its kin word them in public reports.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cdk_modelbuilder.local.gateway.connection import GatewayExchange
from cdk_modelbuilder.local.gateway.descriptions import (
    async_config,
    containers,
    in_service,
    matches,
    page,
    variant_in_config,
    variant_summary,
)
from cdk_modelbuilder.local.gateway.hosted import Component, Hosted
from cdk_modelbuilder.local.gateway.served import ServedEndpoint

CONTENT_TYPE = b"application/x-amz-json-1.1"
Answer = dict[str, Any]


class _NotFoundError(Exception):
    """Nothing has that name; the text is the API's message."""


class SageMakerApi:
    """Answers ``POST /`` with ``X-Amz-Target: SageMaker.OPERATION``; for the event loop's thread.

    Args:
        hosted: What is hosted.
        endpoints: The endpoints that are not deleted, by name.
        delete: Deletes an endpoint.
    """

    def __init__(
        self, hosted: Hosted, endpoints: Mapping[str, ServedEndpoint], delete: Callable[[ServedEndpoint], None]
    ) -> None:
        self._hosted = hosted
        self._endpoints = endpoints
        self._delete = delete
        self._operations: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "DescribeEndpoint": self._describe_endpoint,
            "DescribeEndpointConfig": self._describe_config,
            "DescribeModel": self._describe_model,
            "DescribeInferenceComponent": self._describe_component,
            "ListEndpoints": self._list_endpoints,
            "ListInferenceComponents": self._list_components,
            "DeleteEndpoint": self._delete_endpoint,
        }

    def handle(self, exchange: GatewayExchange) -> None:
        """Answer one request."""
        operation = exchange.headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
        run = self._operations.get(operation)
        if run is None:
            known = ", ".join(self._operations)
            self._fail(
                exchange, "UnknownOperationException", f"Local mode knows {known}, and not {operation or 'this'}."
            )
            return
        try:
            asked = json.loads(bytes(exchange.body) or b"{}")
            answer = run(asked)
        except _NotFoundError as error:
            self._fail(exchange, "ValidationException", str(error))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._fail(exchange, "ValidationException", f"The request is malformed: {error!r}.")
        else:
            exchange.answer(200, json.dumps(answer).encode(), CONTENT_TYPE)

    def _fail(self, exchange: GatewayExchange, code: str, message: str) -> None:
        exchange.answer(400, json.dumps({"__type": code, "message": message}).encode(), CONTENT_TYPE)

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{self._hosted.region}:{self._hosted.account}:{kind}/{name.lower()}"

    def _endpoint(self, name: str) -> ServedEndpoint:
        if name not in self._endpoints:
            raise _NotFoundError(f'Could not find endpoint "{self._arn("endpoint", name)}".')
        return self._endpoints[name]

    def _describe_endpoint(self, asked: Mapping[str, Any]) -> Answer:
        endpoint = self._endpoint(asked["EndpointName"])
        answer = {
            **self._summary(endpoint),
            "EndpointConfigName": endpoint.hosted.config_name,
            "ProductionVariants": [variant_summary(one, endpoint) for one in endpoint.hosted.variants],
            **async_config(endpoint),
        }
        if endpoint.failure is not None:
            answer["FailureReason"] = endpoint.failure[:1024]
        return answer

    def _summary(self, endpoint: ServedEndpoint) -> Answer:
        return {
            "EndpointName": endpoint.hosted.name,
            "EndpointArn": self._arn("endpoint", endpoint.hosted.name),
            "EndpointStatus": endpoint.status,
            "CreationTime": endpoint.created,
            "LastModifiedTime": endpoint.created,
        }

    def _describe_config(self, asked: Mapping[str, Any]) -> Answer:
        name = asked["EndpointConfigName"]
        for endpoint in self._endpoints.values():
            if endpoint.hosted.config_name == name:
                return {
                    "EndpointConfigName": name,
                    "EndpointConfigArn": self._arn("endpoint-config", name),
                    "CreationTime": endpoint.created,
                    "ProductionVariants": [variant_in_config(one) for one in endpoint.hosted.variants],
                    **async_config(endpoint),
                }
        raise _NotFoundError(f'Could not find endpoint configuration "{self._arn("endpoint-config", name)}".')

    def _describe_model(self, asked: Mapping[str, Any]) -> Answer:
        name = asked["ModelName"]
        for endpoint in self._endpoints.values():
            for model in endpoint.hosted.models:
                if model.name == name:
                    return {
                        "ModelName": name,
                        "ModelArn": self._arn("model", name),
                        "CreationTime": endpoint.created,
                        **containers(model),
                    }
        raise _NotFoundError(f'Could not find model "{self._arn("model", name)}".')

    def _component_summary(self, component: Component, endpoint: ServedEndpoint) -> Answer:
        served = endpoint.components.get(component.name)
        status = "InService"
        if served is not None:
            status = "Failed" if served.failure else "InService" if served.ready else "Creating"
        return {
            "InferenceComponentName": component.name,
            "InferenceComponentArn": self._arn("inference-component", component.name),
            "InferenceComponentStatus": status,
            "EndpointName": endpoint.hosted.name,
            "EndpointArn": self._arn("endpoint", endpoint.hosted.name),
            "VariantName": component.variant,
            "CreationTime": endpoint.created,
            "LastModifiedTime": endpoint.created,
        }

    def _describe_component(self, asked: Mapping[str, Any]) -> Answer:
        name = asked["InferenceComponentName"]
        for endpoint in self._endpoints.values():
            for component in endpoint.hosted.components:
                if component.name == name:
                    served = endpoint.components.get(name)
                    specification: Answer = {}
                    if component.model is not None:
                        specification["ModelName"] = component.model.name
                    if component.base is not None:
                        specification["BaseInferenceComponentName"] = component.base
                        specification["Container"] = {"ArtifactUrl": component.artifact}
                    running = 0 if served is None else in_service(served)
                    return {
                        **self._component_summary(component, endpoint),
                        "Specification": specification,
                        "RuntimeConfig": {"DesiredCopyCount": component.copies, "CurrentCopyCount": running},
                    }
        raise _NotFoundError(f'Could not find inference component "{self._arn("inference-component", name)}".')

    def _list_endpoints(self, asked: Mapping[str, Any]) -> Answer:
        found = [
            summary
            for endpoint in self._endpoints.values()
            if matches(summary := self._summary(endpoint), asked, "EndpointName", "EndpointStatus")
        ]
        return page(found, asked, "Endpoints", "EndpointName")

    def _list_components(self, asked: Mapping[str, Any]) -> Answer:
        found = [
            summary
            for endpoint in self._endpoints.values()
            for component in endpoint.hosted.components
            if matches(
                summary := self._component_summary(component, endpoint),
                asked,
                "InferenceComponentName",
                "InferenceComponentStatus",
            )
            and asked.get("EndpointNameEquals", endpoint.hosted.name) == endpoint.hosted.name
            and asked.get("VariantNameEquals", component.variant) == component.variant
        ]
        return page(found, asked, "InferenceComponents", "InferenceComponentName")

    def _delete_endpoint(self, asked: Mapping[str, Any]) -> Answer:
        self._delete(self._endpoint(asked["EndpointName"]))
        return {}
