"""Monitoring of a ModelEndpoint: what of it is watched, and which alarms make it go back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.constructs.endpoint import MAX_ALARMS
from cdk_modelbuilder.constructs.inference_component import without_adapters
from cdk_modelbuilder.constructs.instance_type import accelerator_count
from cdk_modelbuilder.constructs.monitoring import ROLLBACK_ALARMS, AlarmThresholds, Monitoring, Watched
from cdk_modelbuilder.constructs.variants import InstanceVariant
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:
    from cdk_modelbuilder.constructs.model_endpoint import ModelEndpoint


def monitor(served: ModelEndpoint, *, thresholds: AlarmThresholds | None, rollback: bool, **options: Any) -> Monitoring:
    """See :meth:`ModelEndpoint.monitor`."""
    limits, variants = thresholds or AlarmThresholds(), served.config.variants
    if served.node.try_find_child("Monitoring") is not None:
        raise UsageError("this endpoint is monitored already.", remedy="Say all of it in one call.")
    kinds = sum(getattr(limits, kind) is not None for kind in ROLLBACK_ALARMS)
    if rollback and not served.config.holds_components and kinds * len(variants) > MAX_ALARMS:
        raise UsageError(
            f"{len(variants)} variants with {kinds} rollback alarms each are more than the {MAX_ALARMS} that SageMaker "
            "takes.",
            remedy="Leave some out, as with AlarmThresholds(model_errors=None), or use monitor(rollback=False) and "
            "endpoint.add_rollback_alarm(...) with some.",
        )
    made = Monitoring(
        served,
        "Monitoring",
        watched=watched(served),
        endpoint_metrics=served.metrics if served.config.is_asynchronous else None,
        title=served.endpoint_name,
        thresholds=limits,
        **options,
    )
    if rollback and served.components:
        for name, component in served.components.items():
            if component.rolls:
                component.add_rollback_alarm(*made.rollback_alarms[name])
    elif rollback:
        names = [variant.name for variant in variants]
        served.endpoint.add_rollback_alarm(*(alarm for name in names for alarm in made.rollback_alarms[name]))
    return made


def watched(served: ModelEndpoint) -> Sequence[Watched]:
    """Each component, or each variant."""
    endpoint, config, components = served.endpoint, served.config, served.components
    if config.holds_components:
        own = without_adapters(components)
        return [
            # Percentages are of all GPUs of the component; an adapter has none of its own, and no memory.
            Watched(name=name, metrics=one.metrics, gpus=int(one.has_accelerators), has_hosts=name in own)
            for name, one in components.items()
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
