"""The endpoints of one template, with their variants, components and models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdk_modelbuilder.local.gateway.bundle_search import BundleSearch
from cdk_modelbuilder.local.gateway.hosted import (
    LEAST_OUTSTANDING,
    RANDOM,
    AsyncSettings,
    Component,
    HostedEndpoint,
    HostedModel,
    Variant,
)
from cdk_modelbuilder.local.gateway.template_models import TemplateModels
from cdk_modelbuilder.local.gateway.template_values import Stack, TemplateValues, UnresolvedError

_TYPES = "AWS::SageMaker::"
Properties = Mapping[str, Any]


class TemplateEndpoints:
    """Reads one stack's template.

    Args:
        stack: The stack.
        values: Works out its values.
        search: Finds bundles.
        most_copies: No variant or component gets more copies than this.
        warnings: What local mode does otherwise is added here.
    """

    def __init__(
        self, stack: Stack, values: TemplateValues, search: BundleSearch, most_copies: int, warnings: list[str]
    ) -> None:
        self._stack = stack
        self._values = values
        self._most_copies = most_copies
        self._warnings = warnings
        self._models = TemplateModels(dict(self._resources("Model")), search, self._warn)
        self._configs = dict(self._resources("EndpointConfig"))
        self._components = dict(self._resources("InferenceComponent"))

    def endpoints(self) -> Iterator[HostedEndpoint]:
        """Those that can be served."""
        for name, properties in self._resources("Endpoint"):
            found = self._endpoint(name, properties)
            if found is not None and found.models:
                yield found
            else:
                self._warn(f"endpoint {name} is left out: there is nothing that could serve it.")
        types = {one["Type"] for one in self._stack.template.get("Resources", {}).values()}
        if "AWS::ApplicationAutoScaling::ScalableTarget" in types:
            self._warn("nothing scales: there are as many copies as at the beginning.")
        if "AWS::CloudFormation::Stack" in types:
            self._warn("its nested stacks are not read.")

    def _resources(self, kind: str) -> Iterator[tuple[str, Properties]]:
        """Names and properties of the resources of a type; those that cannot be worked out are warned of."""
        for logical_id, resource in self._stack.template.get("Resources", {}).items():
            if resource["Type"] != _TYPES + kind:
                continue
            try:
                yield self._values.name_of(logical_id), self._values.resolve(resource.get("Properties", {}))
            except UnresolvedError as error:
                self._warn(f"{kind} {logical_id} is left out: {error}.")

    def _warn(self, message: str) -> None:
        self._warnings.append(f"{self._stack.name}: {message}")

    def _endpoint(self, name: str, properties: Properties) -> HostedEndpoint | None:
        config_name = name_in(properties.get("EndpointConfigName"))
        config = self._configs.get(config_name)
        if config is None:
            self._warn(f"endpoint {name} names the configuration {config_name}, which is not in the template.")
            return None
        self._warn_of(name, config)
        components = tuple(
            self._component(other, one)
            for other, one in self._components.items()
            if name_in(one.get("EndpointName")) == name
        )
        variants = tuple(self._variant(name, one) for one in config.get("ProductionVariants", ()))
        return HostedEndpoint(
            name=name,
            config_name=config_name,
            variants=tuple(one for one in variants if one is not None),
            components=tuple(one for one in components if one is not None),
            asynchronous=_asynchronous(config),
            explains="ExplainerConfig" in config,
        )

    def _warn_of(self, name: str, config: Properties) -> None:
        spoken = {
            "DataCaptureConfig": "no request is captured",
            "ShadowProductionVariants": "its shadow variants get no requests",
            "ExplainerConfig": "its explainer does not run",
            "CrossRegionTrafficConfig": "there is no other region",
        }
        for member, message in spoken.items():
            if config.get(member):
                self._warn(f"endpoint {name}: {message}.")
        if config.get("AsyncInferenceConfig", {}).get("OutputConfig", {}).get("NotificationConfig"):
            self._warn(f"endpoint {name}: no notification is sent.")

    def _variant(self, endpoint: str, properties: Properties) -> Variant | None:
        name = properties["VariantName"]
        place = f"variant {name} of endpoint {endpoint}"
        model_name = name_in(properties.get("ModelName"))
        model: HostedModel | None = None
        if model_name:
            model = self._models.find(model_name)
            if model is None:
                self._warn(f"{place} is left out: its model {model_name} cannot be served here.")
                return None
        serverless = properties.get("ServerlessConfig")
        if properties.get("InstancePools"):
            self._warn(f"{place}: its instance pools are not told apart.")
        return Variant(
            name=name,
            model=model,
            weight=float(properties.get("InitialVariantWeight", 1)),
            copies=1 if serverless else self._copies(place, int(properties.get("InitialInstanceCount", 1))),
            routing=self._routing(place, properties),
            serverless_concurrency=int(serverless["MaxConcurrency"]) if serverless else None,
            instance_type=properties.get("InstanceType"),
            memory_mb=int(serverless["MemorySizeInMB"]) if serverless else None,
        )

    def _routing(self, place: str, properties: Properties) -> str:
        asked = properties.get("RoutingConfig", {}).get("RoutingStrategy", RANDOM)
        if asked in (RANDOM, LEAST_OUTSTANDING):
            return str(asked)
        self._warn(f"{place}: it is routed by {LEAST_OUTSTANDING} instead of {asked}.")
        return LEAST_OUTSTANDING

    def _copies(self, place: str, asked: int) -> int:
        if asked > self._most_copies:
            self._warn(f"{place}: it has {self._most_copies} copies here instead of {asked}.")
        return min(asked, self._most_copies)

    def _component(self, name: str, properties: Properties) -> Component | None:
        place = f"inference component {name}"
        several = properties.get("Specifications") or []
        specification = properties.get("Specification") or (several[0] if several else {})
        if len(several) > 1:
            self._warn(f"{place}: the first of its specifications is served, whatever the instance type.")
        variant = str(properties.get("VariantName", ""))
        base = name_in(specification.get("BaseInferenceComponentName"))
        container = specification.get("Container", {})
        if base:
            self._warn(
                f"{place}: its files are not loaded; requests go to {base} with X-Amzn-SageMaker-Adapter-Identifier."
            )
            return Component(name, variant, None, base=base, artifact=container.get("ArtifactUrl"))
        asked = int(properties.get("RuntimeConfig", {}).get("CopyCount", 0))
        model_name = name_in(specification.get("ModelName"))
        model = self._models.find(model_name) if model_name else self._models.of_container(name, container)
        if model is None:
            self._warn(f"{place} is left out: its model cannot be served here.")
            return None
        return Component(name, variant, model, copies=self._copies(place, asked))


def _asynchronous(config: Properties) -> AsyncSettings | None:
    found = config.get("AsyncInferenceConfig")
    if not found:
        return None
    output = found.get("OutputConfig", {})
    concurrency = found.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance")
    return AsyncSettings(
        output=output.get("S3OutputPath", "s3://local-endpoint-output"),
        failure=output.get("S3FailurePath"),
        concurrency=None if concurrency is None else int(concurrency),
    )


def name_in(name_or_arn: Any) -> str:
    """The name; Ref gives an ARN where SageMaker takes either."""
    return str(name_or_arn or "").rpartition("/")[2]
