"""Model: containers, their role, and where they run."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cdk_modelbuilder.constructs.acknowledgements import no_isolation
from cdk_modelbuilder.constructs.arguments import check_name, same_place
from cdk_modelbuilder.constructs.container import ROOT_TAG, BoundContainer, Container, check_environment
from cdk_modelbuilder.constructs.execution_role import ExecutionRole, wait_for
from cdk_modelbuilder.constructs.permissions import ACCOUNT, PARTITION, REGION, write_log, write_metrics
from cdk_modelbuilder.constructs.references import name_in_arn, reference
from cdk_modelbuilder.constructs.vpc import place_in_vpc
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk.interfaces import aws_sagemaker as refs

MAX_CONTAINERS = 15


class InferenceExecution(StrEnum):
    """How the containers of one Model work together."""

    SERIAL = "Serial"
    """A pipeline: each container's answer is the next one's request."""
    DIRECT = "Direct"
    """Each request names its container (``TargetContainerHostname``)."""


class ImportedModel:
    """A Model that another stack, or nobody's stack, made.

    Attributes:
        model_arn: ARN.
        model_name: Name.
    """

    def __init__(self, model_arn: str, model_name: str) -> None:
        self.model_arn, self.model_name = model_arn, model_name

    @property
    def model_ref(self) -> refs.ModelReference:
        """ARN, for what takes a Model."""
        made: refs.ModelReference = reference("Model", self.model_arn)
        return made


@jsii.implements(iam.IGrantable)
class Model(cdk.Resource):
    """A SageMaker Model: one container, or up to 15 of them.

    It has no fixed name by default: SageMaker cannot change a Model, so CloudFormation makes another one for every
    change, which a fixed name forbids.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        containers: One container, or several.
        execution: How several containers work together.
        role: Execution role. Default: a new one that may fetch these models, pull these images and write the log.
        model_name: Fixed name; then no property can ever change.
        network_isolation: Cut the containers off the network. Default: where that can work; the reason why it cannot
            stands in the template.
        vpc: Give the containers network interfaces in this VPC.
        vpc_subnets: Which of its subnets, up to 16. Default: the private ones.
        security_groups: Up to 5. Default: a new one.
        allow_all_outbound: Whether the new security group lets everything out.
        endpoint_name: Narrows the role to the log of this endpoint. Default: those of all endpoints.

    Attributes:
        model_name: Name, as a token.
        model_arn: ARN, as a token.
        role: The execution role.
        access: The same, to which permissions can be added that other resources wait for.
        containers: The containers as they were bound.
        made_in: Its parent.
        resource: The L1.

    Raises:
        UsageError: Containers, names or environments that SageMaker would refuse.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        containers: Container | Sequence[Container],
        execution: InferenceExecution | None = None,
        role: iam.IRole | ExecutionRole | None = None,
        model_name: str | None = None,
        network_isolation: bool | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        allow_all_outbound: bool = True,
        endpoint_name: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        same_place(self, scope)
        self.made_in = scope
        given = [containers] if isinstance(containers, Container) else list(containers)
        check_name("model_name", model_name)
        _check_containers(given, execution)
        self.containers: list[BoundContainer] = [
            container.bind(self if len(given) == 1 else Construct(self, f"Container{number}"))
            for number, container in enumerate(given, 1)
        ]
        check_environment(self.containers)
        hindrance = next((one.isolation_hindrance for one in self.containers if one.isolation_hindrance), None)
        if network_isolation and hindrance is not None:
            raise UsageError(
                f"network_isolation=True, but {hindrance}.",
                remedy="Leave network_isolation out, or remove what needs the network.",
            )
        self.is_isolated = hindrance is None if network_isolation is None else network_isolation
        placed = place_in_vpc(self, vpc, vpc_subnets, security_groups, allow_all_outbound=allow_all_outbound)
        if placed is None and any(container.private_registry for container in given):
            raise UsageError("an image in a private registry is reached through your VPC.", remedy="Give vpc= too.")
        self._connections = None if placed is None else placed.connections
        self.access = role if isinstance(role, ExecutionRole) else ExecutionRole(self, role)
        self.role = self.access.role
        waits_for = self.access.grant(
            [
                *(statement for container in self.containers for statement in container.permissions),
                *(placed.permissions if placed else ()),
                write_log(endpoint_name),
                write_metrics(),
            ]
        )
        definitions = [container.definition for container in self.containers]
        roots = [container.root_sha256 for container in self.containers if container.root_sha256]
        self.resource = sagemaker.CfnModel(
            self,
            "Resource",
            execution_role_arn=self.access.arn,
            model_name=model_name,
            enable_network_isolation=self.is_isolated,
            primary_container=definitions[0] if len(definitions) == 1 else None,
            containers=definitions if len(definitions) > 1 else None,
            inference_execution_config=None
            if execution is None
            else sagemaker.CfnModel.InferenceExecutionConfigProperty(mode=execution.value),
            vpc_config=None
            if placed is None
            else sagemaker.CfnModel.VpcConfigProperty(security_group_ids=placed.group_ids, subnets=placed.subnet_ids),
            tags=root_tags(roots),
        )
        wait_for(self.resource, waits_for)
        if not self.is_isolated:
            no_isolation(self.resource, hindrance or "It was made with network_isolation=False.")
        self.model_name: str = self.resource.attr_model_name
        self.root_sha256s = roots

    @classmethod
    def from_model_name(cls, scope: Construct, id: str, model_name: str) -> ImportedModel:  # noqa: A002, ARG003
        """A Model of this account and region by its name, as it is."""
        return ImportedModel(f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:model/{model_name}", model_name)

    @classmethod
    def from_model_arn(cls, scope: Construct, id: str, model_arn: str) -> ImportedModel:  # noqa: A002, ARG003
        """A Model by its ARN, as it is.

        Raises:
            UsageError: It is no ARN of a Model.
        """
        return ImportedModel(model_arn, name_in_arn(model_arn, "model"))

    @property
    def model_arn(self) -> str:
        """ARN, as a token."""
        return self.resource.ref

    @property
    def model_ref(self) -> refs.ModelReference:
        """ARN, for what takes a Model."""
        made: refs.ModelReference = reference("Model", self.resource.ref)
        return made

    @property
    def connections(self) -> ec2.Connections:
        """For security group rules between the containers and others.

        Raises:
            UsageError: The Model is in no VPC.
        """
        if self._connections is None:
            raise UsageError("this Model is in no VPC, so it has no connections.", remedy="Give vpc= to the Model.")
        return self._connections

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The execution role, so that ``bucket.grant_read(model)`` works."""
        return self.role.grant_principal

    def add_to_role_policy(self, statement: iam.PolicyStatement) -> None:
        """Let the containers do more."""
        self.role.add_to_principal_policy(statement)


def root_tags(roots: Sequence[str]) -> list[cdk.CfnTag] | None:
    """The tag with the root digests of the bundles, so that whoever looks at the resource can find them."""
    if not roots:
        return None
    # A tag's value ends at 256 characters: three digests.
    return [cdk.CfnTag(key=ROOT_TAG, value=" ".join(roots[:3]))]


def _check_containers(containers: Sequence[Container], execution: InferenceExecution | None) -> None:
    if not 1 <= len(containers) <= MAX_CONTAINERS:
        raise UsageError(f"a Model has {len(containers)} containers.", remedy=f"SageMaker takes 1 to {MAX_CONTAINERS}.")
    if execution is InferenceExecution.DIRECT:
        names = [container.hostname for container in containers]
        if None in names or len(set(names)) < len(names):
            raise UsageError(
                "direct invocation names the container by its hostname.",
                remedy="Give each container a hostname of its own.",
            )
    named = [container.hostname for container in containers if container.hostname is not None]
    if len(containers) > 1 and named and (len(named) < len(containers) or len(set(named)) < len(named)):
        raise UsageError(
            f"of {len(containers)} containers {len(named)} have a hostname, or two have the same.",
            remedy="Give each a hostname of its own, or none.",
        )
    in_pipeline = len(containers) > 1 and execution is not InferenceExecution.DIRECT
    if in_pipeline and any(container.multi_model for container in containers):
        raise UsageError(
            "a multi-model container cannot be part of a serial pipeline.",
            remedy="Give it a Model of its own, or execution=InferenceExecution.DIRECT.",
        )
