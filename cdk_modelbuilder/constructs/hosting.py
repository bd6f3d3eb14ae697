"""How a ModelEndpoint gets its processors: instances, serverless, asynchronous, or shared by inference components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from aws_cdk import Duration, Size

from cdk_modelbuilder.constructs.adapter import AdapterWeights, check_weights
from cdk_modelbuilder.constructs.arguments import check_name, check_whole, is_token
from cdk_modelbuilder.constructs.async_inference import AsyncInference
from cdk_modelbuilder.constructs.container import Container
from cdk_modelbuilder.constructs.inference_component import ComponentRollingUpdate, Scheduling
from cdk_modelbuilder.constructs.instance_type import check_instance_type
from cdk_modelbuilder.constructs.routing import Routing
from cdk_modelbuilder.constructs.variants import (
    CapacityReservation,
    CoreDump,
    InstancePool,
    ManagedInstanceScaling,
    check_serverless_memory,
)
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.resources import ResourceRequirements

LONGEST_COMPONENT = 52
"""Characters in a component's name, before which a digest of the endpoint's name has to find a place."""


@dataclass(frozen=True, kw_only=True)
class RealTimeHosting:
    """Instances of the model's own that answer at once. The fields are those of ``InstanceVariant``.

    Attributes:
        instance_type: Such as ``ml.c6i.large``; None where ``instance_pools`` says it.
        initial_instance_count: Instances at first. For production give two: one may be lost.
        volume_size: Storage volume of each.
        startup_health_check_timeout: Until the container must answer.
        model_data_download_timeout: For fetching the model data.
        instance_provision_timeout: For getting instances.
        routing: Which instance gets a request.
        instance_pools: Types to choose from.
        inference_ami_version: The host's image.
        capacity_reservation: Run on reserved capacity alone.
        core_dump: Where core dumps go.
        ssm_access: Let Systems Manager log in to the host.
    """

    instance_type: str | None = None
    initial_instance_count: int = 1
    volume_size: Size | None = None
    startup_health_check_timeout: Duration | None = None
    model_data_download_timeout: Duration | None = None
    instance_provision_timeout: Duration | None = None
    routing: Routing | None = None
    instance_pools: Sequence[InstancePool] = ()
    inference_ami_version: str | None = None
    capacity_reservation: CapacityReservation | None = None
    core_dump: CoreDump | None = None
    ssm_access: bool | None = None

    def variant_options(self) -> dict[str, Any]:
        """The fields, for an ``InstanceVariant``."""
        return {item.name: getattr(self, item.name) for item in fields(RealTimeHosting)}


@dataclass(frozen=True, kw_only=True)
class AsynchronousHosting(RealTimeHosting):
    """Instances that work off a queue: requests up to 1 GB and an hour, answers in S3.

    Attributes:
        asynchronous: Where answers go, and who hears of them.
    """

    asynchronous: AsyncInference

    def __post_init__(self) -> None:
        if not isinstance(self.asynchronous, AsyncInference):
            raise UsageError(
                f"asynchronous is {self.asynchronous!r}.",
                remedy="Give asynchronous=AsyncInference(output_s3_uri='s3://bucket/answers').",
            )


@dataclass(frozen=True, kw_only=True)
class ServerlessHosting:
    """No instances: started by requests, paid by the millisecond. No GPU, VPC or isolation; 4 MB a request.

    Attributes:
        memory_size: 1 to 6 GiB, in whole GiB.
        max_concurrency: Requests at the same time, 1 to 200.
        provisioned_concurrency: How many are kept warm.
    """

    memory_size: Size = field(default_factory=lambda: Size.gibibytes(2))
    max_concurrency: int = 5
    provisioned_concurrency: int | None = None

    def __post_init__(self) -> None:
        check_serverless_memory(self.memory_size)
        check_whole("max_concurrency", self.max_concurrency, 1, 200)


@dataclass(frozen=True, kw_only=True)
class ComponentHosting:
    """Instances that several models share, each with its part.

    Attributes:
        instance_type: Such as ``ml.g5.2xlarge``; None where ``instance_pools`` says it.
        initial_instance_count: Instances at first.
        max_instance_count: SageMaker adds instances up to this for copies that find no place. Default: it adds none.
        min_instance_count: It keeps at least this many. Default: ``initial_instance_count``; 0 lets the endpoint sleep.
        scaling: All of it, with the way in which instances are taken away; instead of the two before.
        volume_size: Storage volume of each.
        startup_health_check_timeout: Until containers must answer.
        model_data_download_timeout: For fetching model data.
        instance_provision_timeout: For getting instances.
        routing: Which copy gets a request. Default: the one with the fewest in work.
        instance_pools: Types to choose from.
        inference_ami_version: The host's image.
        capacity_reservation: Run on reserved capacity alone.
    """

    instance_type: str | None = None
    initial_instance_count: int = 1
    min_instance_count: int | None = None
    max_instance_count: int | None = None
    scaling: ManagedInstanceScaling | None = None
    volume_size: Size | None = None
    startup_health_check_timeout: Duration | None = None
    model_data_download_timeout: Duration | None = None
    instance_provision_timeout: Duration | None = None
    routing: Routing = field(default_factory=Routing.least_outstanding_requests)
    instance_pools: Sequence[InstancePool] = ()
    inference_ami_version: str | None = None
    capacity_reservation: CapacityReservation | None = None

    def __post_init__(self) -> None:
        if self.scaling is not None and (self.min_instance_count, self.max_instance_count) != (None, None):
            raise UsageError(
                "scaling says min_instance_count and max_instance_count already.", remedy="Give one or the other."
            )

    def managed_scaling(self) -> ManagedInstanceScaling | None:
        """What SageMaker does about the number of instances."""
        if self.scaling is not None or (self.min_instance_count, self.max_instance_count) == (None, None):
            return self.scaling
        low = self.initial_instance_count if self.min_instance_count is None else self.min_instance_count
        if self.max_instance_count is None and (is_token(low) or is_token(self.initial_instance_count)):
            raise UsageError("nothing says max_instance_count, and the least is a token.", remedy="Give it.")
        return ManagedInstanceScaling(
            min_instance_count=low,
            max_instance_count=max(low, self.initial_instance_count, 1)
            if self.max_instance_count is None
            else self.max_instance_count,
        )

    def variant_options(self) -> dict[str, Any]:
        """The fields, for an ``InstanceVariant``."""
        own = {"min_instance_count", "max_instance_count", "scaling"}
        options = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in own}
        return {**options, "managed_scaling": self.managed_scaling()}


class Hosting:
    """The ways of hosting: ``Hosting.real_time(instance_type="ml.c6i.large")`` and so on."""

    real_time: ClassVar[type[RealTimeHosting]] = RealTimeHosting
    serverless: ClassVar[type[ServerlessHosting]] = ServerlessHosting
    asynchronous: ClassVar[type[AsynchronousHosting]] = AsynchronousHosting
    inference_components: ClassVar[type[ComponentHosting]] = ComponentHosting


AnyHosting = RealTimeHosting | ServerlessHosting | AsynchronousHosting | ComponentHosting


@dataclass(frozen=True, kw_only=True)
class EndpointVariant:
    """One of several variants of a ModelEndpoint.

    Attributes:
        name: Keep it from one deployment to the next.
        containers: Its container, or its pipeline.
        weight: Share of the requests, against the sum of all; for a shadow the share that is copied.
        hosting: Instances of its own kind. Default: those of the endpoint.
    """

    name: str
    containers: Container | Sequence[Container]
    weight: float = 1
    hosting: RealTimeHosting | None = None

    def __post_init__(self) -> None:
        check_name("the variant's name", self.name)


@dataclass(frozen=True, kw_only=True)
class EndpointComponent:
    """One of several inference components of a ModelEndpoint.

    Attributes:
        name: Its id; the component's own name is made of it and the endpoint's.
        container: What it runs.
        resources: What one copy takes, and how many copies.
        adapters: LoRA adapters on it: name to the archive of its weights in S3, or to the folder here that PEFT wrote,
            as a Path, which is packed and becomes an asset.
        cache_data: Keep image and model data on instances, so that copies start faster.
        scheduling: Where copies go.
        rolling_update: How copies move to another model.
        startup_health_check_timeout: Until the container must answer.
        model_data_download_timeout: For fetching the model data.
    """

    name: str
    container: Container
    resources: ResourceRequirements
    adapters: Mapping[str, AdapterWeights] = field(default_factory=dict)
    cache_data: bool | None = None
    scheduling: Scheduling | None = None
    rolling_update: ComponentRollingUpdate | None = None
    startup_health_check_timeout: Duration | None = None
    model_data_download_timeout: Duration | None = None

    def __post_init__(self) -> None:
        check_name("the component's name", self.name, longest=LONGEST_COMPONENT)
        for name, uri in self.adapters.items():
            check_name("the adapter's name", name, longest=LONGEST_COMPONENT)
            check_weights(name, uri)


def hosting_from(
    hosting: AnyHosting | None, instance_type: str | None, count: int | None, *, components: bool
) -> AnyHosting:
    """The hosting that the arguments of a ModelEndpoint say, in the long form or the short one.

    Raises:
        UsageError: Both forms, or neither.
    """
    if hosting is not None:
        if instance_type is not None or count is not None:
            raise UsageError(
                "hosting= says instance_type and initial_instance_count already.", remedy="Give one or the other."
            )
        if not isinstance(hosting, AnyHosting):
            raise UsageError(f"hosting is {hosting!r}.", remedy="Use Hosting.real_time(...) or another of its kinds.")
        if components and not isinstance(hosting, ComponentHosting):
            raise UsageError(
                f"components and resources need another hosting than {type(hosting).__name__}.",
                remedy="Use Hosting.inference_components(...).",
            )
        return hosting
    if instance_type is None:
        raise UsageError("there is no hosting.", remedy="Give instance_type=, or hosting=Hosting.serverless(...).")
    check_instance_type(instance_type)
    kind = ComponentHosting if components else RealTimeHosting
    return kind(instance_type=instance_type, initial_instance_count=1 if count is None else count)
