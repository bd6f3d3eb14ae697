"""What deploy() is told about an endpoint in SageMaker, checked as far as that needs nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.plan import AsynchronousPlan, HostingKind, ServerlessPlan, VpcPlan
from cdk_modelbuilder.instances import instance_type as known_type
from cdk_modelbuilder.instances import known_types, nearest
from cdk_modelbuilder.resources import EndpointType, ResourceRequirements

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_LONGEST_NAME = 63
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployOptions:
    """How a bundle becomes an endpoint. What is None is taken from the deployment before, else inferred.

    Attributes:
        initial_instance_count: Instances at first.
        instance_type: Such as ``ml.c6i.xlarge``. Default: proposed from the bundle, with the reason shown.
        hosting: ``real-time``, ``serverless``, ``async`` or ``components``. Default: what the other arguments say.
        endpoint_type: ``EndpointType.INFERENCE_COMPONENT_BASED`` is another word for ``hosting="components"``.
        resources: What one copy takes, with inference components.
        max_instance_count: SageMaker adds instances up to this, with inference components.
        serverless: ``memory_mib``, ``max_concurrency`` and ``provisioned_concurrency`` of a serverless endpoint.
        asynchronous: ``output_s3_uri`` and others of an asynchronous endpoint; see ``AsynchronousPlan``.
        role: ARN of the execution role. Default: the bundle's own, else a new one that may do what is needed alone.
        endpoint_name: Name of the endpoint. Default: one made of the stack's name.
        stack_name: Name of the stack. Default: ``<name of the bundle>-endpoint``.
        vpc: ``vpc_id``, ``subnets`` and ``security_groups``; or the SageMaker SDK's ``Subnets`` and
            ``SecurityGroupIds``.
        network_isolation: Cut the container off the network. Default: where that can work.
        environment: More variables for the container; not for secrets.
        tuning: When the serving properties that ``tune()`` found are used: on ``matching`` instances, ``always`` or
            ``never``.
        signing_secret: Name or ARN of the secret of keys. Default: where ``keys push`` puts them.
        bucket: Publish the model data to this bucket. Default: the CDK's own bucket.
        prefix: What to put before the keys there.
        encrypt_storage: False leaves the volumes to SageMaker's own key.
        verify_on_deploy: Ask the endpoint its golden test; a wrong answer fails the deployment.
        monitor: Alarms and a dashboard.
        region: AWS region. Default: the session's.
        profile: Profile of the user's AWS settings.
        session: A boto3 session. Default: one with the environment's credentials.
        signing_key: The master key that signed the bundle. Default: the environment's, else the key file's.
        wait: False returns as soon as CloudFormation is at work.
        dry_run: Say what would change, and change nothing.
        folder: Where apps are kept. Default: ``.cdk-modelbuilder`` in the working directory.
        on_progress: Called with each line about the deployment. Default: shown on standard error.
        on_log: Called with each line of the container's log. Default: shown on standard error.
        poll_seconds: Pause between two questions to AWS.

    Raises:
        UsageError: A value that cannot be, or two that contradict each other.
    """

    initial_instance_count: int | None = None
    instance_type: str | None = None
    hosting: HostingKind | str | None = None
    endpoint_type: EndpointType | None = None
    resources: ResourceRequirements | None = None
    max_instance_count: int | None = None
    serverless: ServerlessPlan | Mapping[str, Any] | None = None
    asynchronous: AsynchronousPlan | Mapping[str, Any] | None = None
    role: str | None = None
    endpoint_name: str | None = None
    stack_name: str | None = None
    vpc: VpcPlan | Mapping[str, Any] | None = None
    network_isolation: bool | None = None
    environment: Mapping[str, str] | None = None
    tuning: str | None = None
    signing_secret: str | None = None
    bucket: str | None = None
    prefix: str = ""
    encrypt_storage: bool | None = None
    verify_on_deploy: bool | None = None
    monitor: bool | None = None
    region: str | None = None
    profile: str | None = None
    session: Any = None
    signing_key: str | bytes | None = field(default=None, repr=False)
    wait: bool = True
    dry_run: bool = False
    folder: Path | str = ".cdk-modelbuilder"
    on_progress: Callable[[str], object] | None = None
    on_log: Callable[[str], object] | None = None
    poll_seconds: float = 2.0

    def __post_init__(self) -> None:
        _check_count("initial_instance_count", self.initial_instance_count)
        _check_count("max_instance_count", self.max_instance_count)
        _check_type(self.instance_type)
        _check_name("endpoint_name", self.endpoint_name)
        _check_name("stack_name", self.stack_name)
        if self.role is not None and not _ROLE.fullmatch(str(self.role)):
            raise UsageError(
                f"role={self.role!r} is no ARN of a role.",
                remedy="Give one such as arn:aws:iam::123456789012:role/endpoint, or leave it out for a new one.",
            )
        for name, value in (self.environment or {}).items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise UsageError(f"environment[{name!r}] is {value!r}.", remedy="Give text for names and values alike.")
        self.kind()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> DeployOptions:
        """The options of these names.

        Raises:
            UsageError: A name that is no option, or a value that cannot be.
        """
        known = [item.name for item in fields(cls)]
        for name in sorted(given.keys() - set(known)):
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}=? " if near else ""
            raise UsageError(
                f"{name}= is no option of deploy() for an endpoint in SageMaker.",
                remedy=f"{hint}Its options are {', '.join(known)}.",
            )
        return cls(**given)

    def kind(self) -> HostingKind | None:
        """The kind of hosting that the arguments say; None where none does.

        Raises:
            UsageError: Two of them contradict each other.
        """
        said: dict[HostingKind, str] = {}
        if self.hosting is not None:
            said[_hosting(self.hosting)] = f"hosting={getattr(self.hosting, 'value', self.hosting)!r}"
        if self.endpoint_type is EndpointType.INFERENCE_COMPONENT_BASED:
            said.setdefault(HostingKind.COMPONENTS, "endpoint_type=INFERENCE_COMPONENT_BASED")
        if self.resources is not None:
            said.setdefault(HostingKind.COMPONENTS, "resources=")
        if self.max_instance_count is not None:
            said.setdefault(HostingKind.COMPONENTS, "max_instance_count=")
        if self.serverless is not None:
            said.setdefault(HostingKind.SERVERLESS, "serverless=")
        if self.asynchronous is not None:
            said.setdefault(HostingKind.ASYNCHRONOUS, "asynchronous=")
        if self.endpoint_type is EndpointType.MODEL_BASED and HostingKind.COMPONENTS in said:
            raise UsageError(
                f"endpoint_type=MODEL_BASED and {said[HostingKind.COMPONENTS]} contradict each other.",
                remedy="Use EndpointType.INFERENCE_COMPONENT_BASED, or leave the other out.",
            )
        if len(said) > 1:
            raise UsageError(
                f"{' and '.join(said.values())} ask for two kinds of hosting.", remedy="Leave one of them out."
            )
        chosen = next(iter(said), None)
        if chosen is HostingKind.SERVERLESS and (self.instance_type or self.initial_instance_count):
            raise UsageError(
                "a serverless endpoint has no instances, and instance_type or initial_instance_count was given.",
                remedy="Leave them out, or use hosting='real-time'.",
            )
        return chosen


def _hosting(given: HostingKind | str) -> HostingKind:
    try:
        return given if isinstance(given, HostingKind) else HostingKind(given)
    except ValueError:
        words = ", ".join(kind.value for kind in HostingKind)
        raise UsageError(f"hosting={given!r} is no kind of hosting.", remedy=f"Give one of {words}.") from None


def _check_count(name: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise UsageError(f"{name}={value!r} is no number of instances.", remedy="Give a whole number from 1.")


def _check_type(name: str | None) -> None:
    if name is None or known_type(name) is not None:
        return
    parts = re.fullmatch(r"ml\.([a-z0-9-]+)\.[a-z0-9-]+", str(name))
    if parts and not any(known.split(".")[1] == parts[1] for known in known_types()):
        return  # of a family that is newer than the table perhaps
    near = nearest(str(name))
    raise UsageError(
        f"instance_type={name!r} is no instance type of SageMaker.",
        remedy=f"Did you mean {near[0]}? docs/instances.md has all." if near else "Give one such as ml.c6i.xlarge.",
    )


def _check_name(what: str, name: str | None) -> None:
    if name is not None and (not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name)):
        raise UsageError(
            f"{what}={name!r} cannot be a name in AWS.",
            remedy=f"Use up to {_LONGEST_NAME} letters, digits and hyphens, with a letter or digit at both ends.",
        )
