"""EndpointConfig: which variants an endpoint runs, and everything that SageMaker does around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct, IDependable

from cdk_modelbuilder.constructs.acknowledgements import no_storage_key
from cdk_modelbuilder.constructs.arguments import check_choice, check_name, is_token, same_place, seconds
from cdk_modelbuilder.constructs.async_inference import AsyncInference
from cdk_modelbuilder.constructs.data_capture import DataCapture
from cdk_modelbuilder.constructs.execution_role import ExecutionRole, wait_for
from cdk_modelbuilder.constructs.explainer import ClarifyExplainer
from cdk_modelbuilder.constructs.instance_type import check_offered, has_local_nvme
from cdk_modelbuilder.constructs.model import Model, root_tags
from cdk_modelbuilder.constructs.permissions import (
    ACCOUNT,
    PARTITION,
    REGION,
    Statement,
    use_key,
    write_component_logs,
    write_log,
    write_metrics,
    write_prefix,
)
from cdk_modelbuilder.constructs.references import name_in_arn, reference
from cdk_modelbuilder.constructs.variants import InstanceVariant, ServerlessVariant
from cdk_modelbuilder.constructs.vpc import place_in_vpc
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk.interfaces import aws_sagemaker as refs

MAX_VARIANTS = 10
_FREQUENCIES = (10, 30, 60, 120, 180, 240, 300)


@dataclass(frozen=True, kw_only=True)
class EndpointMetricsOptions:
    """More metrics than SageMaker publishes by itself; they cost what custom metrics cost. Source: ``MetricsConfig``.

    Attributes:
        enhanced: Utilization and invocations for each instance and container.
        detailed_observability: What the containers' own Prometheus endpoints say, and each GPU.
        publish_frequency: 10, 30, 60, 120, 180, 240 or 300 s.
    """

    enhanced: bool | None = None
    detailed_observability: bool | None = None
    publish_frequency: Duration | None = None

    def render(self) -> Any:
        """The L1 property."""
        return sagemaker.CfnEndpointConfig.MetricsConfigProperty(
            enable_enhanced_metrics=self.enhanced,
            enable_detailed_observability=self.detailed_observability,
            metric_publish_frequency_in_seconds=publish_seconds(self.publish_frequency),
        )


def publish_seconds(frequency: Duration | None) -> int | None:
    """Seconds of one of the frequencies that SageMaker publishes metrics at.

    Raises:
        UsageError: Another one.
    """
    if frequency is None:
        return None
    whole = seconds("publish_frequency", frequency, 0, 86400)
    if not is_token(whole):
        check_choice("publish_frequency", str(whole), [str(one) for one in _FREQUENCIES])
    return whole


class ImportedEndpointConfig:
    """An EndpointConfig that another stack, or nobody's stack, made.

    Attributes:
        endpoint_config_arn: ARN.
        endpoint_config_name: Name.
    """

    def __init__(self, endpoint_config_arn: str, endpoint_config_name: str) -> None:
        self.endpoint_config_arn, self.endpoint_config_name = endpoint_config_arn, endpoint_config_name

    @property
    def endpoint_config_ref(self) -> refs.EndpointConfigReference:
        """ARN, for what takes an EndpointConfig."""
        made: refs.EndpointConfigReference = reference("EndpointConfig", self.endpoint_config_arn)
        return made


class EndpointConfig(cdk.Resource):
    """A SageMaker EndpointConfig. Like a Model it never changes: every change makes a new one.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        variants: Up to ten instance variants, or one serverless variant.
        shadow_variants: One variant that gets a copy of the requests and whose answers nobody gets. Its ``weight``
            against the production variant's is the share of requests that is copied.
        asynchronous: Queue requests, answers to S3.
        data_capture: Keep a share of requests and answers.
        explainer: Explain answers.
        encryption_key: Key for the instances' storage volumes; of a serverless endpoint for SageMaker's copy of the
            image. Types with local disks refuse it: they encrypt these by themselves.
        endpoint_config_name: Fixed name; then no property can ever change.
        components: The endpoint is for inference components; its variant has no model then, and the configuration has
            the role, the VPC and the isolation.
        role: Execution role of such an endpoint. Default: a new one.
        network_isolation: Cut its components off the network.
        vpc: Network of its components.
        vpc_subnets: Which subnets, up to 16.
        security_groups: Up to 5. Default: a new one.
        allow_all_outbound: Whether the new security group lets everything out.
        metrics: More metrics.
        endpoint_name: Narrows the role to the log of this endpoint.

    Attributes:
        endpoint_config_name: Name, as a token.
        role: The execution role of an endpoint for components, else None.
        variants: The variants.
        resource: The L1.

    Raises:
        UsageError: What SageMaker would refuse, with the way out.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        variants: ServerlessVariant | InstanceVariant | Sequence[InstanceVariant],
        shadow_variants: Sequence[InstanceVariant] = (),
        asynchronous: AsyncInference | None = None,
        data_capture: DataCapture | None = None,
        explainer: ClarifyExplainer | None = None,
        encryption_key: kms.IKey | None = None,
        endpoint_config_name: str | None = None,
        components: bool = False,
        role: iam.IRole | ExecutionRole | None = None,
        network_isolation: bool | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        allow_all_outbound: bool = True,
        metrics: EndpointMetricsOptions | None = None,
        endpoint_name: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        same_place(self, scope)
        self._scope = scope
        given = [variants] if isinstance(variants, InstanceVariant | ServerlessVariant) else list(variants)
        check_name("endpoint_config_name", endpoint_config_name)
        _check_variants(given, shadow_variants, components=components)
        _check_features(
            given, asynchronous=asynchronous, data_capture=data_capture, explainer=explainer, shadow=shadow_variants,
            encryption_key=encryption_key, components=components,
        )  # fmt: skip
        if not components and (vpc is not None or network_isolation is not None or role is not None):
            raise UsageError(
                "role, network_isolation and vpc of an EndpointConfig are for inference components.",
                remedy="Give them to the Model, or set components=True.",
            )
        instance_variants = [v for v in [*given, *shadow_variants] if isinstance(v, InstanceVariant)]
        check_offered(self, [name for variant in instance_variants for name in variant.instance_types])
        self.variants: list[Any] = [*given]
        self.shadow_variants = list(shadow_variants)
        placed = place_in_vpc(self, vpc, vpc_subnets, security_groups, allow_all_outbound=allow_all_outbound)
        self._connections = None if placed is None else placed.connections
        waits_for: list[IDependable] = []
        self.access: ExecutionRole | None = None
        if components:
            self.access = role if isinstance(role, ExecutionRole) else ExecutionRole(self, role)
            own = [write_log(endpoint_name), write_component_logs(), write_metrics()]
            waits_for += self.access.grant([*own, *(placed.permissions if placed else ())])
        waits_for += self._grant_features(instance_variants, asynchronous, data_capture)
        roots = [root for model in _models([*given, *shadow_variants]) for root in model.root_sha256s]
        self.resource = sagemaker.CfnEndpointConfig(
            self,
            "Resource",
            production_variants=[variant.render() for variant in given],
            shadow_production_variants=[variant.render() for variant in shadow_variants] or None,
            async_inference_config=None if asynchronous is None else asynchronous.render(),
            data_capture_config=None if data_capture is None else data_capture.render(),
            explainer_config=None if explainer is None else explainer.render(),
            kms_key_id=None if encryption_key is None else encryption_key.key_arn,
            endpoint_config_name=endpoint_config_name,
            execution_role_arn=None if self.access is None else self.access.arn,
            enable_network_isolation=network_isolation,
            vpc_config=None
            if placed is None
            else sagemaker.CfnEndpointConfig.VpcConfigProperty(
                security_group_ids=placed.group_ids, subnets=placed.subnet_ids
            ),
            metrics_config=None if metrics is None else metrics.render(),
            tags=root_tags(roots),
        )
        wait_for(self.resource, waits_for)
        self._warn_of_exports()
        why = None if encryption_key is not None else _why_no_key([*given, *shadow_variants])
        if why is not None:
            no_storage_key(self.resource, why)
        self.endpoint_config_name: str = self.resource.attr_endpoint_config_name
        self.encryption_key = encryption_key
        self.is_asynchronous = asynchronous is not None
        self.is_serverless = isinstance(given[0], ServerlessVariant)
        self.holds_components = components

    @classmethod
    def from_endpoint_config_name(
        cls,
        scope: Construct,  # noqa: ARG003 - the CDK's form of imports
        id: str,  # noqa: A002, ARG003
        endpoint_config_name: str,
    ) -> ImportedEndpointConfig:
        """An EndpointConfig of this account and region by its name, as it is."""
        arn = f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:endpoint-config/{endpoint_config_name}"
        return ImportedEndpointConfig(arn, endpoint_config_name)

    @classmethod
    def from_endpoint_config_arn(
        cls,
        scope: Construct,  # noqa: ARG003 - the CDK's form of imports
        id: str,  # noqa: A002, ARG003
        endpoint_config_arn: str,
    ) -> ImportedEndpointConfig:
        """An EndpointConfig by its ARN, as it is.

        Raises:
            UsageError: It is no ARN of an EndpointConfig.
        """
        return ImportedEndpointConfig(endpoint_config_arn, name_in_arn(endpoint_config_arn, "endpoint-config"))

    @property
    def endpoint_config_arn(self) -> str:
        """ARN, as a token."""
        return self.resource.ref

    @property
    def endpoint_config_ref(self) -> refs.EndpointConfigReference:
        """ARN, for what takes an EndpointConfig."""
        made: refs.EndpointConfigReference = reference("EndpointConfig", self.resource.ref)
        return made

    @property
    def role(self) -> iam.IRole | None:
        """The execution role of an endpoint for components."""
        return None if self.access is None else self.access.role

    @property
    def connections(self) -> ec2.Connections:
        """For security group rules between its components and others.

        Raises:
            UsageError: It is in no VPC.
        """
        if self._connections is None:
            raise UsageError("this EndpointConfig is in no VPC, so it has no connections.", remedy="Give vpc= to it.")
        return self._connections

    def _grant_features(
        self, variants: Sequence[InstanceVariant], asynchronous: AsyncInference | None, capture: DataCapture | None
    ) -> list[IDependable]:
        """Captured data, asynchronous answers and core dumps are written with the models' role."""
        statements = [] if asynchronous is None else asynchronous.permissions()
        statements += [] if capture is None else capture.permissions()
        for number, variant in enumerate(v for v in variants if v.core_dump is not None):
            dump = variant.core_dump
            assert dump is not None
            statements.append(write_prefix(f"WriteCoreDump{number or ''}", dump.destination_s3_uri))
            if dump.encryption_key is not None:
                statements.append(use_key(f"EncryptCoreDump{number or ''}", dump.encryption_key.key_arn))
        return self.grant_to_roles(statements) if statements else []

    def _warn_of_exports(self) -> None:
        for model in _models([*self.variants, *self.shadow_variants]):
            if model.made_in is not self._scope and _root_of(model) != _root_of(self):
                cdk.Annotations.of(self).add_warning_v2(
                    "cdk-modelbuilder:model-in-another-stack",
                    f"The Model {model.node.path} is in another stack. Each change makes another Model, and "
                    "CloudFormation does not change an export that is in use: put both into one stack.",
                )

    def grant_to_roles(self, statements: Sequence[Statement], *, apart: bool = False) -> list[IDependable]:
        """Let the models do more; returns what has to wait for that. See ``ExecutionRole.grant``."""
        roles: list[ExecutionRole] = [] if self.access is None else [self.access]
        for model in _models([*self.variants, *self.shadow_variants]):
            if model.access not in roles:
                roles.append(model.access)
        return [dependable for role in roles for dependable in role.grant(statements, apart=apart)]


def _root_of(scope: Construct) -> str:
    """Path of the stack that is deployed; nested ones go with it, and need no exports."""
    stack = cdk.Stack.of(scope)
    while stack.nested_stack_parent is not None:
        stack = stack.nested_stack_parent
    return stack.node.path


def _models(variants: Sequence[InstanceVariant | ServerlessVariant]) -> list[Model]:
    """Our Models among those that they run: their own, and those for one instance type of several."""
    named = [
        model
        for variant in variants
        for model in (variant.model, *(pool.model for pool in getattr(variant, "instance_pools", ())))
    ]
    return [model for model in dict.fromkeys(named) if isinstance(model, Model)]


def _why_no_key(variants: Sequence[InstanceVariant | ServerlessVariant]) -> str | None:
    """Why SageMaker would refuse a key for the storage volumes; None if it takes one."""
    if isinstance(variants[0], ServerlessVariant):
        return "A serverless endpoint has no storage volume; a key would be for SageMaker's copy of the image."
    types = {str(name) for one in variants if isinstance(one, InstanceVariant) for name in one.instance_types}
    refusing = sorted(name for name in types if has_local_nvme(name))
    if not refusing:
        return None
    return f"{', '.join(refusing)} has local NVMe disks, which encrypt themselves; SageMaker refuses a key for it."


def _check_variants(
    variants: Sequence[InstanceVariant | ServerlessVariant], shadow: Sequence[InstanceVariant], *, components: bool
) -> None:
    names = [variant.name for variant in [*variants, *shadow]]
    if not variants or len(variants) > MAX_VARIANTS:
        raise UsageError(
            f"an EndpointConfig has {len(variants)} variants.", remedy=f"SageMaker takes 1 to {MAX_VARIANTS}."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two variants are called {', '.join(twice)}.", remedy="Give each a name= of its own.")
    serverless = [variant for variant in variants if isinstance(variant, ServerlessVariant)]
    if serverless and (len(variants) > 1 or shadow):
        raise UsageError(
            "a serverless variant cannot have others beside it.",
            remedy="Make an endpoint of its own for it, or use instance variants.",
        )
    if shadow and (len(shadow) != 1 or len(variants) != 1):
        raise UsageError(
            f"{len(variants)} production and {len(shadow)} shadow variants.",
            remedy="A shadow test has exactly one production and one shadow variant.",
        )
    if shadow and components:
        raise UsageError("an endpoint of inference components has no shadow variants.", remedy="Leave them out.")
    for variant in variants:
        if isinstance(variant, InstanceVariant) and (variant.model is None) != components:
            what = "has a model, but the endpoint is for inference components" if components else "has no model"
            raise UsageError(
                f"variant {variant.name} {what}.",
                remedy="Attach components with InferenceComponent(...), and leave model out."
                if components
                else "Give model=, or components=True for an endpoint of inference components.",
            )
        if isinstance(variant, InstanceVariant) and variant.managed_scaling is not None and not components:
            raise UsageError(
                f"variant {variant.name} has managed_scaling, which is for inference components.",
                remedy="Use autoscale() for instances, or components=True.",
            )
    total = sum(variant.weight for variant in variants if isinstance(variant, InstanceVariant))
    if not serverless and total == 0:
        raise UsageError("all weights are 0, so no request would be answered.", remedy="Raise one of them.")


def _check_features(
    variants: Sequence[InstanceVariant | ServerlessVariant],
    *,
    asynchronous: AsyncInference | None,
    data_capture: DataCapture | None,
    explainer: ClarifyExplainer | None,
    shadow: Sequence[InstanceVariant],
    encryption_key: kms.IKey | None,
    components: bool,
) -> None:
    if isinstance(variants[0], ServerlessVariant):
        for what, value in (
            ("data_capture", data_capture),
            ("asynchronous", asynchronous),
            ("explainer", explainer),
        ):
            if value is not None:
                raise UsageError(
                    f"a serverless endpoint has no {what}.", remedy="Leave it out, or use an instance variant."
                )
        _check_serverless_model(variants[0])
    if asynchronous is not None and (len(variants) > 1 or shadow or components or explainer is not None):
        raise UsageError(
            "an asynchronous endpoint has one variant with a model, and neither shadow nor explainer.",
            remedy="Make an endpoint of its own for asynchronous requests.",
        )
    types = [name for variant in [*variants, *shadow] if isinstance(variant, InstanceVariant)
             for name in variant.instance_types]  # fmt: skip
    refusing = sorted({str(name) for name in types if has_local_nvme(name)})
    if encryption_key is not None and refusing:
        raise UsageError(
            f"encryption_key is given, but {', '.join(refusing)} has local disks, which encrypt themselves, and "
            "SageMaker refuses the key.",
            remedy="Leave encryption_key out for this type.",
        )


def _check_serverless_model(variant: ServerlessVariant) -> None:
    model = variant.model
    if not isinstance(model, Model):
        return
    excluded = {
        "several containers": len(model.containers) > 1,
        "network isolation": model.resource.enable_network_isolation is True,
        "a VPC": model.resource.vpc_config is not None,
        "a multi-model container": any(one.definition.mode == "MultiModel" for one in model.containers),
        "model data that is no archive": any(one.definition.model_data_source is not None for one in model.containers),
    }
    found = [name for name, there in excluded.items() if there]
    if found:
        raise UsageError(
            f"a serverless endpoint serves no model with {' and '.join(found)}.",
            remedy="Give the Model network_isolation=False, no vpc, and one container with ModelData.archive() of a "
            ".tar.gz; or use an instance variant.",
        )
