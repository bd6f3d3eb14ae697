"""Endpoint: what callers name, and how it moves from one configuration to the next."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import Duration
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cdk_modelbuilder.constructs.arguments import check_name, is_token, seconds
from cdk_modelbuilder.constructs.deployment_policy import BlueGreen, Rolling
from cdk_modelbuilder.constructs.endpoint_config import EndpointConfig
from cdk_modelbuilder.constructs.execution_role import wait_for
from cdk_modelbuilder.constructs.grants import EndpointGrants
from cdk_modelbuilder.constructs.metrics import EndpointMetrics
from cdk_modelbuilder.constructs.permissions import ACCOUNT, PARTITION, REGION, see_alarms
from cdk_modelbuilder.constructs.references import (
    HasAlarmName,
    HasEndpointConfigRef,
    endpoint_config_name,
    name_in_arn,
    name_of_alarm,
    not_text,
    reference,
)
from cdk_modelbuilder.constructs.variants import InstanceVariant
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk.interfaces import aws_sagemaker as refs

MAX_ALARMS = 10
_BAKE_TIME = Duration.minutes(10)


class RetainedProperty(StrEnum):
    """What an update can leave as it is on the running endpoint.

    Source: ``VariantProperty``, whose third value, ``DataCaptureConfig``, is "not currently supported".
    """

    DESIRED_INSTANCE_COUNT = "DesiredInstanceCount"
    DESIRED_WEIGHT = "DesiredWeight"


class ImportedEndpoint:
    """An Endpoint that another stack, or nobody's stack, made.

    Attributes:
        endpoint_name: Name.
        endpoint_arn: ARN.
        grants: Who may call it.
        metrics: Its metrics.
    """

    def __init__(self, endpoint_arn: str, endpoint_name: str) -> None:
        self.endpoint_arn, self.endpoint_name = endpoint_arn, endpoint_name
        self.grants, self.metrics = EndpointGrants(endpoint_arn), EndpointMetrics(endpoint_name, [])

    @property
    def endpoint_ref(self) -> refs.EndpointReference:
        """ARN, for what takes an Endpoint."""
        made: refs.EndpointReference = reference("Endpoint", self.endpoint_arn)
        return made


class Endpoint(cdk.Resource):
    """A SageMaker Endpoint. It stays while its configuration and models are replaced.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        endpoint_config: What it runs.
        endpoint_name: Fixed name, which is safe here: no other property replaces an Endpoint.
        deployment: How it moves to another configuration. Default: SageMaker's, all at once and no bake time; with
            alarms all at once and ten minutes, in which they can go off.
        rollback_alarms: Up to ten alarms that make it go back while it moves.
        retain_variant_properties: Keep what autoscaling or an operator changed on the running endpoint: True for all,
            or those named. Then the initial counts and weights of a new configuration say nothing for variants
            that are there already.
        retain_deployment_config: Use the deployment configuration of the last update again.

    Attributes:
        endpoint_name: Name, as given or as a token.
        endpoint_config: What it runs.
        grants: Who may call it.
        metrics: Its metrics.
        resource: The L1.

    Raises:
        UsageError: What SageMaker would refuse, or silently not do.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        endpoint_config: HasEndpointConfigRef,
        endpoint_name: str | None = None,
        deployment: BlueGreen | Rolling | None = None,
        rollback_alarms: Sequence[HasAlarmName] = (),
        retain_variant_properties: bool | Sequence[RetainedProperty] = False,
        retain_deployment_config: bool | None = None,
    ) -> None:
        super().__init__(scope, id)
        check_name("endpoint_name", endpoint_name)
        not_text("endpoint_config", endpoint_config, "endpoint_config_ref")
        self.endpoint_config = endpoint_config
        self._deployment = deployment
        self._alarms: list[HasAlarmName] = list(rollback_alarms)
        ours = endpoint_config if isinstance(endpoint_config, EndpointConfig) else None
        if ours is not None:
            _check_deployment(ours, deployment, bool(rollback_alarms))
        self._kept = kept = _kept(retain_variant_properties)
        self.resource = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_config_name=endpoint_config_name(endpoint_config),
            endpoint_name=endpoint_name,
            deployment_config=self._deployment_config(),
            retain_all_variant_properties=None if kept is None else True,
            exclude_retained_variant_properties=_excluded(kept),
            retain_deployment_config=retain_deployment_config,
        )
        self._let_see(self._alarms)
        self.endpoint_name: str = endpoint_name or self.resource.attr_endpoint_name
        self._arn: str | None = None
        self.variant_names = [] if ours is None else [variant.name for variant in ours.variants]

    @classmethod
    def from_endpoint_name(cls, scope: Construct, id: str, endpoint_name: str) -> ImportedEndpoint:  # noqa: A002, ARG003
        """An Endpoint of this account and region by its name, as it is."""
        return ImportedEndpoint(f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:endpoint/{endpoint_name}", endpoint_name)

    @classmethod
    def from_endpoint_arn(cls, scope: Construct, id: str, endpoint_arn: str) -> ImportedEndpoint:  # noqa: A002, ARG003
        """An Endpoint by its ARN, as it is.

        Raises:
            UsageError: It is no ARN of an Endpoint.
        """
        return ImportedEndpoint(endpoint_arn, name_in_arn(endpoint_arn, "endpoint"))

    @property
    def endpoint_arn(self) -> str:
        """ARN, as a token."""
        if self._arn is None:
            self._arn = self.resource.ref
        return self._arn

    @property
    def endpoint_ref(self) -> refs.EndpointReference:
        """ARN, for what takes an Endpoint."""
        made: refs.EndpointReference = reference("Endpoint", self.endpoint_arn)
        return made

    @property
    def grants(self) -> EndpointGrants:
        """Who may call it."""
        return EndpointGrants(self.endpoint_arn)

    @property
    def metrics(self) -> EndpointMetrics:
        """Its metrics."""
        return EndpointMetrics(self.endpoint_name, self.variant_names)

    def add_rollback_alarm(self, *alarms: HasAlarmName) -> None:
        """Go back, while moving to another configuration, when one of ``alarms`` goes off.

        An alarm on this endpoint's own metrics needs its name before the endpoint is there: give ``endpoint_name``.

        Raises:
            UsageError: More than ten, or instances that cannot go back.
        """
        if isinstance(self.endpoint_config, EndpointConfig):
            _check_deployment(self.endpoint_config, self._deployment, bool(alarms))
        self._alarms += alarms
        self.resource.deployment_config = self._deployment_config()
        self._let_see(alarms)

    def retain_variant_properties(self) -> None:
        """Keep the number of instances, which autoscaling changes, when the endpoint moves to another configuration.

        Nothing is changed if the constructor was told what to keep.
        """
        if self._kept is None:
            self._kept = {RetainedProperty.DESIRED_INSTANCE_COUNT}
            self.resource.retain_all_variant_properties = True
            self.resource.exclude_retained_variant_properties = _excluded(self._kept)

    def _let_see(self, alarms: Sequence[HasAlarmName]) -> None:
        """SageMaker looks at them in the name of the models' role."""
        if alarms and isinstance(self.endpoint_config, EndpointConfig):
            statement = see_alarms([name_of_alarm(alarm) for alarm in alarms])
            # Apart: an alarm may watch this very configuration, which waits for the Models.
            wait_for(self.resource, self.endpoint_config.grant_to_roles([statement], apart=True))
        if alarms and self._deployment is not None and seconds("bake_time", self._deployment.bake_time, 0, 3600) == 0:
            cdk.Annotations.of(self).add_warning_v2(
                "cdk-modelbuilder:no-bake-time",
                "The endpoint has rollback alarms, and bake_time=0 gives them no time to go off.",
            )

    def _deployment_config(self) -> Any:
        for alarm in self._alarms:
            not_text("a rollback alarm", alarm, "alarm_name")
        if len(self._alarms) > MAX_ALARMS:
            raise UsageError(
                f"{len(self._alarms)} rollback alarms.",
                remedy=f"SageMaker takes {MAX_ALARMS}; join some in a composite alarm.",
            )
        if self._deployment is None and not self._alarms:
            return None
        l1 = sagemaker.CfnEndpoint
        policy = self._deployment or BlueGreen.all_at_once(bake_time=_BAKE_TIME)
        alarms = [l1.AlarmProperty(alarm_name=name_of_alarm(alarm)) for alarm in self._alarms]
        return l1.DeploymentConfigProperty(
            **policy.render(),
            auto_rollback_configuration=l1.AutoRollbackConfigProperty(alarms=alarms) if alarms else None,
        )


def _excluded(kept: set[RetainedProperty] | None) -> Any:
    if kept is None or kept == set(RetainedProperty):
        return None
    kind = sagemaker.CfnEndpoint.VariantPropertyProperty
    return [kind(variant_property_type=name.value) for name in RetainedProperty if name not in kept]


def _kept(given: bool | Sequence[RetainedProperty]) -> set[RetainedProperty] | None:
    if given is False:
        return None
    if given is True:
        return set(RetainedProperty)
    kept = {RetainedProperty(name) for name in given}
    return kept or None


def _check_deployment(config: EndpointConfig, deployment: BlueGreen | Rolling | None, alarms: bool) -> None:
    if deployment is None and not alarms:
        return
    types = [name for variant in config.variants if isinstance(variant, InstanceVariant)
             for name in variant.instance_types]  # fmt: skip
    if any(str(name).startswith("ml.inf1.") for name in types):
        raise UsageError(
            "deployment guardrails do not work with ml.inf1 instances.",
            remedy="Leave out deployment and rollback alarms (monitor(rollback=False)), or use ml.inf2.",
        )
    if isinstance(deployment, Rolling) and (config.is_serverless or len(config.variants) > 1):
        what = "a serverless endpoint" if config.is_serverless else "several variants"
        raise UsageError(
            f"SageMaker does not roll {what}: it would move all at once, without bake time and without a word.",
            remedy="Use BlueGreen.canary(...), .linear(...) or .all_at_once().",
        )
    if isinstance(deployment, BlueGreen) and deployment.kind != "ALL_AT_ONCE" and config.shadow_variants:
        raise UsageError(
            "an endpoint with a shadow variant moves all at once.", remedy="Use BlueGreen.all_at_once(), or Rolling."
        )
    for variant in config.variants:
        if isinstance(variant, InstanceVariant):
            _check_step(variant, deployment)


def _check_step(variant: InstanceVariant, deployment: BlueGreen | Rolling | None) -> None:
    step = deployment.batch if isinstance(deployment, Rolling) else deployment.step if deployment else None
    if step is None or step.kind != "INSTANCE_COUNT":
        return
    if is_token(step.value) or is_token(variant.initial_instance_count):
        return
    if step.value * 2 > variant.initial_instance_count:
        raise UsageError(
            f"a step of {step.value} instances is more than half of variant {variant.name}'s "
            f"{variant.initial_instance_count}.",
            remedy="Use a smaller step, Capacity.percent(...), or more instances.",
        )
