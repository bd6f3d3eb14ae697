"""What of a ModelEndpoint can be scaled, and by which of its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdk_modelbuilder.constructs.autoscaling import COPIES, INSTANCES, WARM, Scalable
from cdk_modelbuilder.constructs.endpoint import Endpoint
from cdk_modelbuilder.constructs.endpoint_config import EndpointConfig
from cdk_modelbuilder.constructs.inference_component import InferenceComponent
from cdk_modelbuilder.constructs.instance_type import accelerator_count
from cdk_modelbuilder.constructs.monitoring import Watched
from cdk_modelbuilder.constructs.variants import InstanceVariant


def scalables(
    endpoint: Endpoint, config: EndpointConfig, components: Mapping[str, InferenceComponent]
) -> Sequence[Scalable]:
    """The copies of each component; without components the instances of each variant, or serverless warm capacity."""
    if config.holds_components:
        return [
            Scalable(
                name=name,
                resource_id=f"inference-component/{component.inference_component_name}",
                dimension=COPIES,
                waits_for=component.resource,
                gpus=1,
                gpu_metric=component.metrics.gpu_utilization(),
                backlog_metric=None,
                wake_metric=component.metrics.no_capacity_invocation_failures(),
            )
            for name, component in own_resources(components).items()
        ]
    found = []
    for variant in config.variants:
        gpus = accelerator_count(variant.instance_types) if isinstance(variant, InstanceVariant) else 0
        found.append(
            Scalable(
                name=variant.name,
                resource_id=f"endpoint/{endpoint.endpoint_name}/variant/{variant.name}",
                dimension=INSTANCES if isinstance(variant, InstanceVariant) else WARM,
                waits_for=endpoint.resource,
                gpus=gpus,
                gpu_metric=endpoint.metrics.variant(variant.name).gpu_utilization() if gpus else None,
                backlog_metric=endpoint.metrics.approximate_backlog_size_per_instance()
                if config.is_asynchronous
                else None,
                wake_metric=endpoint.metrics.has_backlog_without_capacity() if config.is_asynchronous else None,
            )
        )
    return found


def watched(
    endpoint: Endpoint, config: EndpointConfig, components: Mapping[str, InferenceComponent]
) -> Sequence[Watched]:
    """Each component, or each variant."""
    if config.holds_components:
        has_gpus = any(
            spec.resources is not None and spec.resources.num_accelerators
            for component in components.values()
            for spec in component.specifications
        )
        return [
            Watched(name=name, metrics=component.metrics, gpus=int(has_gpus), has_hosts=True)
            for name, component in components.items()
        ]
    return [
        Watched(
            name=variant.name,
            metrics=endpoint.metrics.variant(variant.name),
            gpus=accelerator_count(variant.instance_types) if isinstance(variant, InstanceVariant) else 0,
            has_hosts=isinstance(variant, InstanceVariant),
        )
        for variant in [*config.variants, *config.shadow_variants]
    ]


def own_resources(components: Mapping[str, InferenceComponent]) -> dict[str, InferenceComponent]:
    """The components that are no adapters: these live in their base's copies."""
    return {name: one for name, one in components.items() if one.specifications[0].resources is not None}
