"""Autoscaling of a ModelEndpoint: which of its parts can be scaled, and by which metrics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.constructs.arguments import is_token
from cdk_modelbuilder.constructs.autoscaling import COPIES, INSTANCES, WARM, Autoscaling, Scalable, ScalingTarget
from cdk_modelbuilder.constructs.hosting import AsynchronousHosting, ComponentHosting, ServerlessHosting
from cdk_modelbuilder.constructs.inference_component import without_adapters
from cdk_modelbuilder.constructs.instance_type import accelerator_count
from cdk_modelbuilder.constructs.variants import InstanceVariant
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:
    from cdk_modelbuilder.constructs.model_endpoint import ModelEndpoint


def autoscale(
    served: ModelEndpoint,
    of: str | None,
    *,
    min_capacity: int,
    target: ScalingTarget | Sequence[ScalingTarget],
    **rest: Any,
) -> list[Autoscaling]:
    """See :meth:`ModelEndpoint.autoscale`."""
    if min_capacity == 0:
        raise UsageError("nothing would wake an endpoint at zero.", remedy="Use scale_to_zero(...).")
    return _scale(served, of, min_capacity=min_capacity, targets=_listed(target), wake_to=None, **rest)


def scale_to_zero(
    served: ModelEndpoint, of: str | None, *, target: ScalingTarget | Sequence[ScalingTarget], **rest: Any
) -> list[Autoscaling]:
    """See :meth:`ModelEndpoint.scale_to_zero`."""
    asynchronous = isinstance(served.hosting, AsynchronousHosting)
    if not asynchronous:
        scaling = served.hosting.managed_scaling() if isinstance(served.hosting, ComponentHosting) else None
        if scaling is None or not (is_token(scaling.min_instance_count) or scaling.min_instance_count == 0):
            raise UsageError(
                "only asynchronous endpoints and inference components with min_instance_count=0 scale to zero.",
                remedy="Use Hosting.inference_components(..., min_instance_count=0, max_instance_count=...), "
                "Hosting.asynchronous(...) or Hosting.serverless(...).",
            )
    default = ScalingTarget.backlog(1) if asynchronous else ScalingTarget.concurrency(1)
    targets = _listed(target) or [default]
    return _scale(served, of, min_capacity=0, targets=targets, disable_scale_in=False, **rest)


def _scale(served: ModelEndpoint, of: str | None, **options: Any) -> list[Autoscaling]:
    found = {one.name: one for one in scalables(served)}
    if of is not None and of not in found:
        raise UsageError(f"there is nothing called {of!r} to scale.", remedy=f"There is {', '.join(found)}.")
    wanted = {name: one for name, one in found.items() if of in (None, name)}
    for name, one in wanted.items():
        if one.burstable:
            raise UsageError(
                f"{name} is on burstable instances, which SageMaker does not scale.",
                remedy="Use another instance type, such as ml.m5.large.",
            )
        if one.dimension == WARM and not served.config.variants[0].provisioned_concurrency:
            raise UsageError(
                "the serverless endpoint keeps nothing warm that could be scaled.",
                remedy="Give Hosting.serverless(provisioned_concurrency=...).",
            )
        if served.node.try_find_child(f"Scaling{name}") is not None:
            raise UsageError(f"{name} is scaled already.", remedy="Give all targets and times in one call.")
    if not isinstance(served.hosting, ComponentHosting | ServerlessHosting):
        served.endpoint.retain_variant_properties()
    return [Autoscaling(served, f"Scaling{name}", scalable=one, **options) for name, one in wanted.items()]


def _listed(target: ScalingTarget | Sequence[ScalingTarget]) -> list[ScalingTarget]:
    return [target] if isinstance(target, ScalingTarget) else list(target)


def scalables(served: ModelEndpoint) -> Sequence[Scalable]:
    """The copies of each component; without components the instances of each variant, or serverless warm capacity."""
    endpoint, config = served.endpoint, served.config
    if config.holds_components:
        return [
            Scalable(
                name=name,
                resource_id=f"inference-component/{component.inference_component_name}",
                dimension=COPIES,
                waits_for=component.resource,
                gpus=1,
                gpu_metric=component.metrics.gpu_utilization() if component.has_accelerators else None,
                backlog_metric=None,
                wake_metric=component.metrics.no_capacity_invocation_failures(),
            )
            for name, component in without_adapters(served.components).items()
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
                burstable=isinstance(variant, InstanceVariant)
                and any(re.match(r"ml\.t\d", str(name)) for name in variant.instance_types),
                most=variant.max_concurrency
                if config.is_serverless and not is_token(variant.max_concurrency)
                else None,
            )
        )
    return found
