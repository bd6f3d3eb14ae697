"""What a generated app consists of, as plain values: everything in its files follows from them.

An :class:`AppPlan` is kept in the app, as JSON, so that a later run knows what the app was made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from enum import Enum
from typing import Any

from cdk_modelbuilder.errors import UsageError

PLAN_VERSION = 1
EXAMPLE = "iris"
"""Name of the model that an app without a bundle brings."""


class HostingKind(Enum):
    """The kinds of hosting, by the words of the command line."""

    REAL_TIME = "real-time"
    SERVERLESS = "serverless"
    ASYNCHRONOUS = "async"
    COMPONENTS = "components"


class Pipeline(Enum):
    """Whose pipeline an app brings."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


class Part(Enum):
    """Parts of an app that can be written without the others.

    ``APP`` alone is what ``deploy()`` writes: all that ``cdk deploy`` needs. ``init`` adds the others later.
    """

    APP = "app"
    MODEL = "model"
    TESTS = "tests"
    PIPELINE = "pipeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesPlan:
    """What one copy of an inference component takes; the numbers of ``ResourceRequirements``.

    Attributes:
        memory: MiB that a copy is given.
        max_memory: MiB beyond which it is ended.
        num_cpus: Processors; parts of one count.
        num_accelerators: Accelerators.
        copies: How many copies at first.
    """

    memory: int = 1024
    max_memory: int | None = None
    num_cpus: float | None = None
    num_accelerators: int | None = None
    copies: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessPlan:
    """The numbers of a serverless endpoint.

    Attributes:
        memory_mib: 1024 to 6144, in steps of 1024.
        max_concurrency: Requests at the same time, 1 to 200.
        provisioned_concurrency: How many are kept warm.
    """

    memory_mib: int = 2048
    max_concurrency: int = 5
    provisioned_concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsynchronousPlan:
    """Where an asynchronous endpoint reads and writes.

    Attributes:
        output_s3_uri: Prefix for answers; None for a bucket that the stack makes.
        failure_s3_uri: Prefix for failures.
        input_s3_uri: Prefix of requests.
        max_concurrent_invocations_per_instance: Requests at once on an instance; None leaves it to SageMaker.
    """

    output_s3_uri: str | None = None
    failure_s3_uri: str | None = None
    input_s3_uri: str | None = None
    max_concurrent_invocations_per_instance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcPlan:
    """The network that the containers' interfaces are in.

    Attributes:
        vpc_id: The VPC.
        subnets: Ids of its subnets, in two zones or more.
        availability_zones: Zone of each subnet, where it is known.
        security_groups: Ids; empty for a new group.
        allow_all_outbound: Whether the new group lets everything out.
    """

    vpc_id: str
    subnets: tuple[str, ...]
    availability_zones: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    allow_all_outbound: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPlan:
    """Where the model data lies, if it is no asset of the app: a bucket that ``publish`` writes to.

    Attributes:
        bucket: Name of the bucket.
        prefix: What ``publish`` puts before the keys.
        form: ``archive`` or ``folder``; None for what the bundle was built for.
        uri: ``s3://...`` of this one bundle, with ``digest``, instead of the key that its content decides.
        digest: The artifact digest that ``publish`` printed with it.
    """

    bucket: str = ""
    prefix: str = ""
    form: str | None = None
    uri: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPlan:
    """One bundle as one endpoint in a stack of its own.

    Attributes:
        name: Name of the model; file, class and construct are called after it.
        bundle: The bundle's folder as it is written in the app: relative to the app, with slashes.
        hosting: Kind of hosting.
        instance_type: Such as ``ml.c6i.large``; None for a serverless endpoint.
        initial_instance_count: Instances at first; None for one, or for a serverless endpoint.
        max_instance_count: Components: SageMaker adds instances up to this.
        stack_name: Name of the stack. Default: ``<name>-endpoint``.
        endpoint_name: Fixed name of the endpoint; None for one made of the construct's path.
        role_arn: Execution role; None for the bundle's own, or a new one.
        vpc: Network; None for SageMaker's own.
        network_isolation: None for where it can work.
        environment: More variables for the container.
        tuning: When the bundle's tuning is used: ``always`` or ``never``; None for on matching instances.
        resources: Components: what one copy takes.
        serverless: Numbers of a serverless endpoint.
        asynchronous: Places of an asynchronous endpoint.
        signing_secret: Name or ARN of the secret of keys; None for where ``keys push`` puts them.
        public_key: File of a public key, relative to the app, to verify with instead of the secret.
        artifact: Where the model data lies; None for an asset.
        encrypt_storage: False leaves the volumes to SageMaker's own key.
        verify_on_deploy: Ask the endpoint the golden test when it is deployed.
        monitor: Alarms and a dashboard.
        packages: What a test needs to run the bundle on this machine, such as ``scikit-learn==1.7.2``.
    """

    name: str
    bundle: str
    hosting: HostingKind = HostingKind.REAL_TIME
    instance_type: str | None = None
    initial_instance_count: int | None = None
    max_instance_count: int | None = None
    stack_name: str | None = None
    endpoint_name: str | None = None
    role_arn: str | None = None
    vpc: VpcPlan | None = None
    network_isolation: bool | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    tuning: str | None = None
    resources: ResourcesPlan | None = None
    serverless: ServerlessPlan | None = None
    asynchronous: AsynchronousPlan | None = None
    signing_secret: str | None = None
    public_key: str | None = None
    artifact: ArtifactPlan | None = None
    encrypt_storage: bool = True
    verify_on_deploy: bool = False
    monitor: bool = True
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPlan:
    """An app: its endpoints, its pipeline, where it is deployed.

    Attributes:
        name: Name of the app, for people.
        endpoints: In the order of their names.
        pipeline: Whose pipeline it brings.
        example: Whether ``model.py`` builds a small real model, because no bundle was given.
        account: Where it is deployed; None for what the CDK CLI's credentials say.
        region: The same.
        python: Python of the pipeline: that which the bundles were built with.
    """

    name: str
    endpoints: tuple[EndpointPlan, ...]
    pipeline: Pipeline = Pipeline.NONE
    example: bool = False
    account: str | None = None
    region: str | None = None
    python: str = "3.12"

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is as it is by default is left out."""
        return {"plan_version": PLAN_VERSION, **_plain(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AppPlan:
        """The plan in ``data``.

        Raises:
            UsageError: Of another version, or not a plan.
        """
        if not isinstance(data, Mapping) or data.get("plan_version") != PLAN_VERSION:
            found = data.get("plan_version") if isinstance(data, Mapping) else data
            raise UsageError(
                f"the plan has version {found!r}; this version of cdk-modelbuilder reads {PLAN_VERSION}.",
                remedy="Use the version of cdk-modelbuilder that wrote it.",
            )
        try:
            values = {key: value for key, value in data.items() if key != "plan_version"}
            values["pipeline"] = Pipeline(values.get("pipeline", "none"))
            values["endpoints"] = tuple(map(_endpoint, values["endpoints"]))
            return cls(**values)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"the plan cannot be read: {error}.", remedy="Restore the file from version control."
            ) from None


_NESTED: Mapping[str, type[Any]] = {
    "resources": ResourcesPlan,
    "serverless": ServerlessPlan,
    "asynchronous": AsynchronousPlan,
    "vpc": VpcPlan,
    "artifact": ArtifactPlan,
}


def _endpoint(data: Mapping[str, Any]) -> EndpointPlan:
    values = dict(data)
    values["hosting"] = HostingKind(values.get("hosting", "real-time"))
    values["packages"] = tuple(values.get("packages", ()))
    for name, kind in _NESTED.items():
        if values.get(name) is not None:
            lists = {key: tuple(item) if isinstance(item, list) else item for key, item in values[name].items()}
            values[name] = kind(**lists)
    return EndpointPlan(**values)


def _plain(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in fields(value):
        item = getattr(value, one.name)
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        if item == default:
            continue
        if one.name == "endpoints":
            found[one.name] = [_plain(endpoint) for endpoint in item]
        elif isinstance(item, Enum):
            found[one.name] = item.value
        elif hasattr(item, "__dataclass_fields__"):
            found[one.name] = {key: part for key, part in asdict(item).items() if part is not None}
        elif isinstance(item, Mapping):
            found[one.name] = dict(sorted(item.items()))
        else:
            found[one.name] = list(item) if isinstance(item, tuple) else item
    return found
