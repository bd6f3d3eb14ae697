"""InferenceComponent: copies of a model on an endpoint that several share, each with its part of the instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import aws_cdk as cdk
from aws_cdk import Duration
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cdk_modelbuilder import instances
from cdk_modelbuilder.constructs.arguments import check_name, check_range, check_s3_uri, check_whole, is_token, seconds
from cdk_modelbuilder.constructs.container import check_variable
from cdk_modelbuilder.constructs.deployment_policy import RollingSteps
from cdk_modelbuilder.constructs.endpoint import MAX_ALARMS, Endpoint, ImportedEndpoint
from cdk_modelbuilder.constructs.endpoint_config import EndpointConfig, publish_seconds
from cdk_modelbuilder.constructs.execution_role import wait_for
from cdk_modelbuilder.constructs.grants import InferenceComponentGrants
from cdk_modelbuilder.constructs.image import repository_arn
from cdk_modelbuilder.constructs.instance_type import check_instance_type
from cdk_modelbuilder.constructs.metrics import InferenceComponentMetrics
from cdk_modelbuilder.constructs.model_data import ModelData
from cdk_modelbuilder.constructs.permissions import ACCOUNT, PARTITION, REGION, Statement, pull_image, see_alarms
from cdk_modelbuilder.constructs.references import (
    HasAlarmName,
    HasModelRef,
    model_name,
    name_in_arn,
    name_of_alarm,
    not_text,
    reference,
)
from cdk_modelbuilder.constructs.variants import DEFAULT_VARIANT_NAME
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.resources import ResourceRequirements

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk.interfaces import aws_sagemaker as refs

_L1 = sagemaker.CfnInferenceComponent


class Placement(StrEnum):
    """Where copies go. Source: ``InferenceComponentPlacementStrategy``."""

    SPREAD = "SPREAD"
    """Over many instances, so that the loss of one costs little."""
    BINPACK = "BINPACK"
    """On few instances, so that others become free."""


@dataclass(frozen=True, kw_only=True)
class Scheduling:
    """How copies are placed. Source: ``InferenceComponentSchedulingConfig``.

    Attributes:
        placement: Spread or packed.
        max_zone_imbalance: Largest difference in copies between two Availability Zones, as far as capacity allows;
            0 to 100.
    """

    placement: Placement
    max_zone_imbalance: int = 0

    def render(self) -> Any:
        """The L1 property."""
        check_whole("max_zone_imbalance", self.max_zone_imbalance, 0, 100)
        return _L1.InferenceComponentSchedulingConfigProperty(
            placement_strategy=self.placement.value,
            availability_zone_balance=_L1.InferenceComponentAvailabilityZoneBalanceProperty(
                enforcement_mode="PERMISSIVE", max_imbalance=self.max_zone_imbalance
            ),
        )


@dataclass(frozen=True, kw_only=True)
class ComponentContainer:
    """A container said in the component itself, without a Model. Its environment can change in place.

    Attributes:
        image: Image URI.
        artifact_s3_uri: An archive in S3; for an adapter, its weights.
        environment: Variables; values may be dynamic references.
        metrics_path: Where the container says its own metrics, such as ``/metrics``.
        metrics_frequency: How often they are read.
    """

    image: str | None = None
    artifact_s3_uri: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    metrics_path: str | None = None
    metrics_frequency: Duration | None = None

    def __post_init__(self) -> None:
        if self.artifact_s3_uri is not None:
            check_s3_uri("artifact_s3_uri", self.artifact_s3_uri)
        for name, text in self.environment.items():
            check_variable(name, text)
        if self.metrics_frequency is not None and self.metrics_path is None:
            raise UsageError("metrics_frequency needs metrics_path.", remedy="Give metrics_path='/metrics'.")

    def permissions(self) -> list[Statement]:
        """What the endpoint's execution role needs to fetch it."""
        repository = None if self.image is None else repository_arn(self.image)
        statements = pull_image([repository] if repository else [])
        if self.artifact_s3_uri is not None:
            statements += ModelData.archive(self.artifact_s3_uri).permissions
        return statements

    def render(self, *, for_instance_type: bool = False) -> Any:
        """The L1 property."""
        kind = (
            _L1.InferenceComponentContainerSpecificationForInstanceTypeProperty
            if for_instance_type
            else _L1.InferenceComponentContainerSpecificationProperty
        )
        metrics = None
        if self.metrics_path is not None:
            endpoint = _L1.MetricsEndpointProperty(
                metrics_endpoint_path=self.metrics_path,
                metric_publish_frequency_in_seconds=publish_seconds(self.metrics_frequency),
            )
            metrics = _L1.ContainerMetricsConfigProperty(metrics_endpoints=[endpoint])
        return kind(
            image=self.image,
            artifact_url=self.artifact_s3_uri,
            environment=dict(sorted(self.environment.items())) or None,
            container_metrics_config=metrics,
        )


@dataclass(frozen=True, kw_only=True)
class ComponentRollingUpdate(RollingSteps):
    """Copies are replaced part after part. Source: ``InferenceComponentRollingUpdatePolicy``.

    Attributes:
        batch: 5 to 50 % of the copies at a time.
        bake_time: Watch the alarms so long after each batch, up to an hour.
        rollback_batch: At a time when going back. Default: all at once.
        timeout: For the whole, 10 min to 8 h.
    """

    unit: ClassVar[str] = "COPY_COUNT"

    def render(self) -> Any:
        """The L1 property."""
        fields = self.fields_of_l1(_L1.InferenceComponentCapacitySizeProperty)
        return _L1.InferenceComponentRollingUpdatePolicyProperty(**fields)


@dataclass(frozen=True, kw_only=True)
class ComponentSpecification:
    """What the component runs and what it takes of an instance.

    Attributes:
        model: A Model; else ``container``.
        container: A container without a Model.
        resources: Accelerators, processors and memory of one copy, and how many copies; None for an adapter.
        instance_type: Which type this is for, where a component has specifications for several.
        cache_data: Keep image and model data on the instance, so that another copy starts faster.
        scheduling: Where copies go.
        startup_health_check_timeout: Until /ping must answer, 60 s to 1 h.
        model_data_download_timeout: For fetching the model data, 60 s to 1 h.

    Raises:
        UsageError: Fields that SageMaker would refuse.
    """

    model: HasModelRef | None = None
    container: ComponentContainer | None = None
    resources: ResourceRequirements | None = None
    instance_type: str | None = None
    cache_data: bool | None = None
    scheduling: Scheduling | None = None
    startup_health_check_timeout: Duration | None = None
    model_data_download_timeout: Duration | None = None

    def __post_init__(self) -> None:
        if self.model is not None:
            not_text("model", self.model, "model_ref")
            if self.container is not None and self.container.image is not None:
                raise UsageError("a component runs a model or a container image.", remedy="Give one of them.")
        if self.instance_type is not None:
            check_instance_type(self.instance_type)
            _check_fits(self.resources, self.instance_type)

    def render(self, base: str | None = None) -> Any:
        """The L1 property; ``base`` names the component that an adapter belongs to."""
        common = {
            "model_name": None if self.model is None else model_name(self.model),
            "container": None
            if self.container is None
            else self.container.render(for_instance_type=self.instance_type is not None),
            "compute_resource_requirements": None if self.resources is None else _compute(self.resources),
            "data_cache_config": None
            if self.cache_data is None
            else _L1.InferenceComponentDataCacheConfigProperty(enable_caching=self.cache_data),
            "scheduling_config": None if self.scheduling is None else self.scheduling.render(),
            "startup_parameters": self._startup(),
        }
        if self.instance_type is not None:
            return _L1.InferenceComponentSpecificationForInstanceTypeProperty(
                instance_type=str(self.instance_type), **common
            )
        return _L1.InferenceComponentSpecificationProperty(base_inference_component_name=base, **common)

    def _startup(self) -> Any:
        if self.startup_health_check_timeout is None and self.model_data_download_timeout is None:
            return None
        return _L1.InferenceComponentStartupParametersProperty(
            container_startup_health_check_timeout_in_seconds=seconds(
                "startup_health_check_timeout", self.startup_health_check_timeout, 60, 3600
            ),
            model_data_download_timeout_in_seconds=seconds(
                "model_data_download_timeout", self.model_data_download_timeout, 60, 3600
            ),
        )


class ImportedInferenceComponent:
    """A component that another stack, or nobody's stack, made.

    Attributes:
        inference_component_name: Name.
        inference_component_arn: ARN.
        metrics: Its metrics.
    """

    def __init__(self, arn: str, name: str) -> None:
        self.inference_component_arn, self.inference_component_name = arn, name
        self.metrics = InferenceComponentMetrics(name)

    @property
    def inference_component_ref(self) -> refs.InferenceComponentReference:
        """ARN, for what takes a component."""
        made: refs.InferenceComponentReference = reference("InferenceComponent", self.inference_component_arn)
        return made


class InferenceComponent(cdk.Resource):
    """A SageMaker inference component.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        endpoint: An endpoint made for components. Its configuration's role gets what containers without a Model need.
        specification: What it runs; or two to five specifications, one for each instance type.
        base: For an adapter: the component that holds the base model. An adapter has no resources of its own.
        variant_name: The endpoint's variant. Default: its first.
        inference_component_name: Fixed name. Default: one made of the construct's path, as only the ARN would tell
            another, in lower case, and metrics and scaling go by the name.
        copies: Copies at first. Default: what the resources say, else 1. 0 leaves it without any.
        rolling_update: How copies move to another specification.
        rollback_alarms: Alarms that make it go back.

    Attributes:
        inference_component_name: Name.
        metrics: Its metrics.
        grants: Who may call it.
        resource: The L1.

    Raises:
        UsageError: What SageMaker would refuse.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        endpoint: Endpoint | ImportedEndpoint,
        specification: ComponentSpecification | Sequence[ComponentSpecification],
        base: InferenceComponent | ImportedInferenceComponent | None = None,
        variant_name: str | None = None,
        inference_component_name: str | None = None,
        copies: int | None = None,
        rolling_update: ComponentRollingUpdate | None = None,
        rollback_alarms: Sequence[HasAlarmName] = (),
    ) -> None:
        super().__init__(scope, id)
        check_name("inference_component_name", inference_component_name)
        name = inference_component_name or cdk.Names.unique_resource_name(self, max_length=63, separator="-")
        self.inference_component_name: str = name
        check_whole("copies", copies, 0)
        given = [specification] if isinstance(specification, ComponentSpecification) else list(specification)
        _check_endpoint(endpoint, given)
        _check_specifications(given, adapter=base is not None)
        one = given[0] if len(given) == 1 else None
        base_name = None if base is None else base.inference_component_name
        count = copies
        if count is None and base is None:
            wanted = [spec.resources.copies for spec in given if spec.resources is not None]
            count = next((number for number in wanted if number is not None), 1)
        variants = getattr(endpoint, "variant_names", None) or [DEFAULT_VARIANT_NAME]
        self.endpoint, self.specifications = endpoint, given
        self._rolling, self._alarms = rolling_update, list(rollback_alarms)
        self.resource = sagemaker.CfnInferenceComponent(
            self,
            "Resource",
            endpoint_name=endpoint.endpoint_name
            if isinstance(endpoint, ImportedEndpoint)
            else endpoint.resource.attr_endpoint_name,
            inference_component_name=name,
            variant_name=None if base is not None else variant_name or variants[0],
            runtime_config=None if base is not None else _L1.InferenceComponentRuntimeConfigProperty(copy_count=count),
            specification=None if one is None else one.render(base_name),
            specifications=None if one is not None else [spec.render() for spec in given],
            deployment_config=self._deployment_config(),
        )
        if isinstance(base, InferenceComponent):
            self.resource.node.add_dependency(base.resource)
        self._grant_containers()
        self._let_see(self._alarms)

    @classmethod
    def from_inference_component_name(
        cls,
        scope: Construct,  # noqa: ARG003 - the CDK's form of imports
        id: str,  # noqa: A002, ARG003
        name: str,
    ) -> ImportedInferenceComponent:
        """A component of this account and region by its name, as it is."""
        arn = f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:inference-component/{name}"
        return ImportedInferenceComponent(arn, name)

    @classmethod
    def from_inference_component_arn(
        cls,
        scope: Construct,  # noqa: ARG003 - the CDK's form of imports
        id: str,  # noqa: A002, ARG003
        arn: str,
    ) -> ImportedInferenceComponent:
        """A component by its ARN, as it is.

        Raises:
            UsageError: It is no ARN of a component.
        """
        return ImportedInferenceComponent(arn, name_in_arn(arn, "inference-component"))

    @property
    def inference_component_arn(self) -> str:
        """ARN, as a token."""
        return self.resource.ref

    @property
    def inference_component_ref(self) -> refs.InferenceComponentReference:
        """ARN, for what takes a component."""
        made: refs.InferenceComponentReference = reference("InferenceComponent", self.resource.ref)
        return made

    @property
    def grants(self) -> InferenceComponentGrants:
        """Who may call it."""
        return InferenceComponentGrants(self.inference_component_arn, self.endpoint.endpoint_arn)

    @property
    def metrics(self) -> InferenceComponentMetrics:
        """Its metrics."""
        return InferenceComponentMetrics(self.inference_component_name)

    @property
    def has_accelerators(self) -> bool:
        """Whether a copy has accelerators to itself."""
        return any(spec.resources is not None and spec.resources.num_accelerators for spec in self.specifications)

    @property
    def rolls(self) -> bool:
        """Whether its copies move to another specification part after part, so that alarms can stop it."""
        return self._rolling is not None

    def add_rollback_alarm(self, *alarms: HasAlarmName) -> None:
        """Go back, while moving to another specification, when one of ``alarms`` goes off.

        Raises:
            UsageError: The component has no ``rolling_update``.
        """
        self._alarms += alarms
        self.resource.deployment_config = self._deployment_config()
        self._let_see(alarms)

    def _let_see(self, alarms: Sequence[HasAlarmName]) -> None:
        """SageMaker looks at them in the name of the configuration's role."""
        config = getattr(self.endpoint, "endpoint_config", None)
        if alarms and isinstance(config, EndpointConfig):
            statement = see_alarms([name_of_alarm(alarm) for alarm in alarms])
            wait_for(self.resource, config.grant_to_roles([statement], apart=True))

    def _grant_containers(self) -> None:
        """What has no Model is fetched with the role of the endpoint's configuration."""
        config = getattr(self.endpoint, "endpoint_config", None)
        wanted = [one for spec in self.specifications if spec.container is not None
                  for one in spec.container.permissions()]  # fmt: skip
        if wanted and isinstance(config, EndpointConfig) and config.access is not None:
            wait_for(self.resource, config.access.grant(wanted))

    def _deployment_config(self) -> Any:
        if self._rolling is None:
            if self._alarms:
                raise UsageError("rollback alarms need a rolling update.", remedy="Give rolling_update= too.")
            return None
        for alarm in self._alarms:
            not_text("a rollback alarm", alarm, "alarm_name")
        if len(self._alarms) > MAX_ALARMS:
            raise UsageError(f"{len(self._alarms)} rollback alarms.", remedy=f"SageMaker takes {MAX_ALARMS}.")
        alarms = [_L1.AlarmProperty(alarm_name=name_of_alarm(alarm)) for alarm in self._alarms]
        return _L1.InferenceComponentDeploymentConfigProperty(
            rolling_update_policy=self._rolling.render(),
            auto_rollback_configuration=_L1.AutoRollbackConfigurationProperty(alarms=alarms) if alarms else None,
        )


def without_adapters(components: Mapping[str, InferenceComponent]) -> dict[str, InferenceComponent]:
    """The components that have resources of their own; adapters live in their base's."""
    return {name: one for name, one in components.items() if one.specifications[0].resources is not None}


def _compute(resources: ResourceRequirements) -> Any:
    return _L1.InferenceComponentComputeResourceRequirementsProperty(
        min_memory_required_in_mb=resources.min_memory,
        max_memory_required_in_mb=resources.max_memory,
        number_of_accelerator_devices_required=resources.num_accelerators,
        number_of_cpu_cores_required=resources.num_cpus,
    )


def _check_endpoint(endpoint: object, specifications: Sequence[ComponentSpecification]) -> None:
    not_text("endpoint", endpoint, "endpoint_name")
    config = getattr(endpoint, "endpoint_config", None)
    if not isinstance(config, EndpointConfig):
        return
    if not config.holds_components:
        raise UsageError(
            "the endpoint serves a model; SageMaker attaches components only to one made for them.",
            remedy="Make its EndpointConfig with components=True and a variant without a model.",
        )
    for variant in config.variants:
        for specification in specifications:
            for name in [specification.instance_type] if specification.instance_type else variant.instance_types:
                _check_fits(specification.resources, name)


def _check_fits(resources: ResourceRequirements | None, instance_type: str) -> None:
    known = None if is_token(instance_type) else instances.instance_type(str(instance_type))
    if resources is None or known is None:
        return
    for what, wanted, there in (
        ("accelerators", resources.num_accelerators, known.accelerator_count),
        ("processors", resources.num_cpus, known.vcpus),
        ("MiB of memory", resources.min_memory, known.memory_mib),
    ):
        if wanted is not None and not is_token(wanted) and wanted > there:
            raise UsageError(
                f"one copy asks for {wanted:g} {what}, but {instance_type} has {there}.",
                remedy="Ask for less, or choose a larger instance type.",
            )


def _check_specifications(specifications: Sequence[ComponentSpecification], *, adapter: bool) -> None:
    if not 1 <= len(specifications) <= 5:
        raise UsageError(f"a component has {len(specifications)} specifications.", remedy="Give 1 to 5.")
    if len(specifications) > 1 and any(spec.instance_type is None for spec in specifications):
        raise UsageError(
            "several specifications need an instance_type each.", remedy="Give instance_type= in each of them."
        )
    if len(specifications) == 1 and specifications[0].instance_type is not None:
        raise UsageError(
            "a component with one specification has it for every instance type.",
            remedy="Leave instance_type out, or give two to five specifications.",
        )
    for spec in specifications:
        runs = spec.model is not None or (spec.container is not None and spec.container.image is not None)
        if adapter:
            weights = spec.container is not None and spec.container.artifact_s3_uri is not None
            if spec.resources is not None or runs or not weights or len(specifications) > 1:
                raise UsageError(
                    "an adapter is its weights alone: it lives in the resources of its base.",
                    remedy="Give container=ComponentContainer(artifact_s3_uri=...), and neither model nor resources.",
                )
            continue
        if not runs:
            raise UsageError("a component runs nothing.", remedy="Give model=, or a container with an image.")
        if spec.resources is None or spec.resources.min_memory is None:
            raise UsageError(
                "a component needs to say how much memory a copy takes.",
                remedy="Give resources=ResourceRequirements(requests={'memory': 1024}).",
            )
        check_range("memory", spec.resources.min_memory, 128)
