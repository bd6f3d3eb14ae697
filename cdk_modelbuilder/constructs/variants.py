"""Production variants: instances or serverless, each with everything SageMaker lets one say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, Size
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs.arguments import (
    check_choice,
    check_name,
    check_range,
    check_s3_uri,
    check_whole,
    gibibytes,
    is_token,
    mebibytes,
    minutes,
    seconds,
)
from cdk_modelbuilder.constructs.instance_type import check_instance_type, has_local_nvme
from cdk_modelbuilder.constructs.references import HasModelRef, model_name, not_text
from cdk_modelbuilder.constructs.routing import Routing
from cdk_modelbuilder.errors import UsageError

DEFAULT_VARIANT_NAME = "AllTraffic"
INFERENCE_AMI_VERSIONS = (
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2-ami-sagemaker-inference-neuron-2",
    "al2023-ami-sagemaker-inference-gpu-4-1",
)
"""Source: ``ProductionVariantInferenceAmiVersion`` in the API reference."""
_L1 = sagemaker.CfnEndpointConfig


@dataclass(frozen=True, kw_only=True)
class ScaleIn:
    """How SageMaker takes instances away that hold no more copies. Make one with the class methods.

    Source: ``ProductionVariantManagedInstanceScalingScaleInPolicy``.

    Attributes:
        strategy: SageMaker's word for it.
        cooldown: Between two steps; 5 to 1440 minutes.
        maximum_step_size: Most instances in one step, up to 100.
    """

    strategy: str
    cooldown: Duration | None = None
    maximum_step_size: int | None = None

    @classmethod
    def idle_release(cls, *, cooldown: Duration | None = None, maximum_step_size: int | None = None) -> ScaleIn:
        """Release instances on which nothing runs."""
        return cls(strategy="IDLE_RELEASE", cooldown=cooldown, maximum_step_size=maximum_step_size)

    @classmethod
    def consolidation(cls, *, cooldown: Duration | None = None, maximum_step_size: int | None = None) -> ScaleIn:
        """Move copies together, so that instances become idle, and release those."""
        return cls(strategy="CONSOLIDATION", cooldown=cooldown, maximum_step_size=maximum_step_size)

    def render(self) -> Any:
        """The L1 property."""
        check_whole("maximum_step_size", self.maximum_step_size, 1, 100)
        return _L1.ScaleInPolicyProperty(
            strategy=self.strategy,
            cooldown_in_minutes=minutes("cooldown", self.cooldown, 5, 1440),
            maximum_step_size=self.maximum_step_size,
        )


@dataclass(frozen=True, kw_only=True)
class ManagedInstanceScaling:
    """SageMaker adds and removes instances as the copies of inference components need them.

    Attributes:
        min_instance_count: At least this many; 0 lets the endpoint go to sleep with its components.
        max_instance_count: At most this many.
        scale_in: How instances are taken away.
    """

    min_instance_count: int
    max_instance_count: int
    scale_in: ScaleIn | None = None

    def __post_init__(self) -> None:
        check_whole("min_instance_count", self.min_instance_count, 0)
        check_whole("max_instance_count", self.max_instance_count, 1)
        decided_later = is_token(self.max_instance_count) or is_token(self.min_instance_count)
        if not decided_later and self.max_instance_count < self.min_instance_count:
            raise UsageError(
                f"max_instance_count {self.max_instance_count} is below min_instance_count {self.min_instance_count}.",
                remedy="Raise one or lower the other.",
            )

    def render(self) -> Any:
        """The L1 property."""
        return _L1.ManagedInstanceScalingProperty(
            status="ENABLED",
            min_instance_count=self.min_instance_count,
            max_instance_count=self.max_instance_count,
            scale_in_policy=None if self.scale_in is None else self.scale_in.render(),
        )


@dataclass(frozen=True, kw_only=True)
class InstancePool:
    """An instance type among several that a variant may run on.

    Attributes:
        instance_type: Such as ``ml.g5.xlarge``.
        priority: 1 (first) to 5.
        model: Another model for this type, compiled for its accelerator for example.
    """

    instance_type: str
    priority: int
    model: HasModelRef | None = None

    def __post_init__(self) -> None:
        check_instance_type(self.instance_type)
        check_whole("priority", self.priority, 1, 5)
        if self.model is not None:
            not_text("model", self.model, "model_ref")

    def render(self) -> Any:
        """The L1 property."""
        return _L1.InstancePoolProperty(
            instance_type=str(self.instance_type),
            priority=self.priority,
            model_name_override=None if self.model is None else model_name(self.model),
        )


@dataclass(frozen=True, kw_only=True)
class CapacityReservation:
    """Run on reserved capacity alone.

    Attributes:
        ml_reservation_arn: The reservation.
    """

    ml_reservation_arn: str

    def render(self) -> Any:
        """The L1 property."""
        return _L1.CapacityReservationConfigProperty(
            capacity_reservation_preference="capacity-reservations-only", ml_reservation_arn=self.ml_reservation_arn
        )


@dataclass(frozen=True, kw_only=True)
class CoreDump:
    """Where a crashed process's memory goes. It holds whatever the process held.

    Attributes:
        destination_s3_uri: A prefix in S3.
        encryption_key: Key to encrypt it with.
    """

    destination_s3_uri: str
    encryption_key: kms.IKey | None = None

    def __post_init__(self) -> None:
        check_s3_uri("destination_s3_uri", self.destination_s3_uri)

    def render(self) -> Any:
        """The L1 property."""
        return _L1.CoreDumpConfigProperty(
            destination_s3_uri=self.destination_s3_uri,
            kms_key_id=None if self.encryption_key is None else self.encryption_key.key_arn,
        )


@dataclass(frozen=True, kw_only=True)
class InstanceVariant:
    """A variant on instances.

    Attributes:
        model: What it serves; None for an endpoint of inference components.
        instance_type: Such as ``ml.c6i.large``; None where ``instance_pools`` says it.
        name: Keep it from one deployment to the next: guardrails and autoscaling go by it.
        initial_instance_count: Instances at first. CDK's own default is 1; two survive the loss of one.
        weight: Share of the requests, against the sum of all variants' weights; 0 gets none.
        volume_size: Storage volume, 1 to 512 GiB; refused by types with local disks.
        startup_health_check_timeout: Until /ping must answer, 60 s to 1 h.
        model_data_download_timeout: For fetching the model data, 60 s to 1 h.
        instance_provision_timeout: For getting instances, 300 s to 1 h.
        managed_scaling: Instances by the need of inference components.
        routing: Which instance gets a request. Default: SageMaker's, at random.
        instance_pools: Up to 5 types to choose from.
        inference_ami_version: The host's image, which decides driver versions.
        capacity_reservation: Run on reserved capacity alone.
        core_dump: Where core dumps go.
        ssm_access: Let Systems Manager log in to the host; for debugging.

    Raises:
        UsageError: Fields that SageMaker would refuse.
    """

    model: HasModelRef | None = None
    instance_type: str | None = None
    name: str = DEFAULT_VARIANT_NAME
    initial_instance_count: int = 1
    weight: float = 1
    volume_size: Size | None = None
    startup_health_check_timeout: Duration | None = None
    model_data_download_timeout: Duration | None = None
    instance_provision_timeout: Duration | None = None
    managed_scaling: ManagedInstanceScaling | None = None
    routing: Routing | None = None
    instance_pools: Sequence[InstancePool] = ()
    inference_ami_version: str | None = None
    capacity_reservation: CapacityReservation | None = None
    core_dump: CoreDump | None = None
    ssm_access: bool | None = None

    def __post_init__(self) -> None:
        check_name("the variant's name", self.name)
        if self.model is not None:
            not_text("model", self.model, "model_ref")
        if (self.instance_type is None) == (not self.instance_pools):
            raise UsageError(
                f"variant {self.name} has {'neither' if self.instance_type is None else 'both'} an instance_type "
                f"{'nor' if self.instance_type is None else 'and'} instance_pools.",
                remedy="Give one of them.",
            )
        if self.instance_type is not None:
            check_instance_type(self.instance_type)
        if len(self.instance_pools) > 5 or len({pool.priority for pool in self.instance_pools}) < len(
            self.instance_pools
        ):
            raise UsageError(
                f"variant {self.name} has {len(self.instance_pools)} instance pools, or two with one priority.",
                remedy="Give up to 5 pools, each with a priority of its own.",
            )
        # Also where managed scaling may go down to 0 afterwards.
        check_whole("initial_instance_count", self.initial_instance_count, 1)
        check_range("weight", self.weight, 0)
        check_choice("inference_ami_version", self.inference_ami_version, INFERENCE_AMI_VERSIONS)
        with_disks = [name for name in self.instance_types if has_local_nvme(name)]
        if self.volume_size is not None and with_disks:
            raise UsageError(
                f"volume_size is given, but {', '.join(with_disks)} has local disks and SageMaker refuses it.",
                remedy="Leave volume_size out.",
            )

    @property
    def instance_types(self) -> list[str]:
        """Every type that it may run on."""
        return [*([self.instance_type] if self.instance_type else []), *(p.instance_type for p in self.instance_pools)]

    def render(self) -> Any:
        """The L1 property."""
        pools = [pool.render() for pool in self.instance_pools]
        return _L1.ProductionVariantProperty(
            variant_name=self.name,
            model_name=None if self.model is None else model_name(self.model),
            instance_type=None if self.instance_type is None else str(self.instance_type),
            initial_instance_count=self.initial_instance_count,
            # Components get their requests by name, so a weight would say nothing.
            initial_variant_weight=None if self.model is None and not pools else self.weight,
            volume_size_in_gb=gibibytes("volume_size", self.volume_size, 1, 512),
            container_startup_health_check_timeout_in_seconds=seconds(
                "startup_health_check_timeout", self.startup_health_check_timeout, 60, 3600
            ),
            model_data_download_timeout_in_seconds=seconds(
                "model_data_download_timeout", self.model_data_download_timeout, 60, 3600
            ),
            variant_instance_provision_timeout_in_seconds=seconds(
                "instance_provision_timeout", self.instance_provision_timeout, 300, 3600
            ),
            managed_instance_scaling=None if self.managed_scaling is None else self.managed_scaling.render(),
            routing_config=None if self.routing is None else self.routing.render(),
            instance_pools=pools or None,
            inference_ami_version=self.inference_ami_version,
            capacity_reservation_config=None
            if self.capacity_reservation is None
            else self.capacity_reservation.render(),
            core_dump_config=None if self.core_dump is None else self.core_dump.render(),
            enable_ssm_access=self.ssm_access,
        )


@dataclass(frozen=True, kw_only=True)
class ServerlessVariant:
    """A variant without instances: it starts when a request comes, and costs nothing between.

    Attributes:
        model: What it serves: one container, no isolation, no VPC.
        memory_size: 1, 2, 3, 4, 5 or 6 GiB; processors come with it.
        max_concurrency: Requests at the same time, 1 to 200.
        provisioned_concurrency: How many of them are kept warm.
        name: Keep it from one deployment to the next.

    Raises:
        UsageError: Fields that SageMaker would refuse.
    """

    model: HasModelRef
    memory_size: Size
    max_concurrency: int
    provisioned_concurrency: int | None = None
    name: str = DEFAULT_VARIANT_NAME

    def __post_init__(self) -> None:
        check_name("the variant's name", self.name)
        not_text("model", self.model, "model_ref")
        check_whole("max_concurrency", self.max_concurrency, 1, 200)
        check_whole("provisioned_concurrency", self.provisioned_concurrency, 1, 200)
        check_serverless_memory(self.memory_size)
        provisioned = self.provisioned_concurrency
        if provisioned is not None and not is_token(self.max_concurrency) and provisioned > self.max_concurrency:
            raise UsageError(
                f"provisioned_concurrency {provisioned} is above max_concurrency {self.max_concurrency}.",
                remedy="Raise max_concurrency, or keep fewer warm.",
            )

    def render(self) -> Any:
        """The L1 property."""
        memory = mebibytes("memory_size", self.memory_size, 1024, 6144)
        assert memory is not None
        return _L1.ProductionVariantProperty(
            variant_name=self.name,
            model_name=model_name(self.model),
            initial_variant_weight=1,
            serverless_config=_L1.ServerlessConfigProperty(
                max_concurrency=self.max_concurrency,
                memory_size_in_mb=memory,
                provisioned_concurrency=self.provisioned_concurrency,
            ),
        )


def check_serverless_memory(size: object) -> None:
    """Refuse what is no whole number of GiB from 1 to 6.

    Raises:
        UsageError: Something else.
    """
    if not isinstance(size, Size):
        raise UsageError(f"memory_size is {size!r}, not a Size.", remedy="Write Size.gibibytes(2).")
    amount = mebibytes("memory_size", size, 0)
    if not is_token(amount) and amount not in range(1024, 6145, 1024):
        raise UsageError(f"memory_size is {amount} MiB.", remedy="Serverless endpoints take 1, 2, 3, 4, 5 or 6 GiB.")
