"""Checks of what a ModelEndpoint is told to serve: one bundle, a pipeline, variants, or components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_modelbuilder.constructs.container import BundleContainer, Container
from cdk_modelbuilder.constructs.hosting import AnyHosting, ComponentHosting, EndpointComponent
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.resources import EndpointType, ResourceRequirements


def check_one_of(**given: Any) -> None:
    """Refuse none and several.

    Raises:
        UsageError: It is so.
    """
    named = [name for name, value in given.items() if value is not None and value not in ((), [])]
    if len(named) != 1:
        raise UsageError(
            f"{' and '.join(named)} say what to serve." if named else "nothing says what to serve.",
            remedy=f"Give one of {', '.join(given)}.",
        )


def shares_instances(
    hosting: AnyHosting | None,
    components: Sequence[EndpointComponent],
    endpoint_type: EndpointType | None,
    resources: ResourceRequirements | None,
) -> bool:
    """Whether the arguments ask for inference components.

    Raises:
        UsageError: They contradict each other.
    """
    if resources is not None and not isinstance(resources, ResourceRequirements):
        raise UsageError(f"resources is {resources!r}.", remedy="Give ResourceRequirements(requests={'memory': 1024}).")
    if endpoint_type is not None and not isinstance(endpoint_type, EndpointType):
        raise UsageError(f"endpoint_type is {endpoint_type!r}.", remedy="Give EndpointType.INFERENCE_COMPONENT_BASED.")
    shared = bool(components) or endpoint_type is EndpointType.INFERENCE_COMPONENT_BASED
    shared = shared or isinstance(hosting, ComponentHosting)
    if resources is not None and not shared:
        raise UsageError(
            "resources are for inference components.",
            remedy="Give endpoint_type=EndpointType.INFERENCE_COMPONENT_BASED too, or leave resources out.",
        )
    if endpoint_type is EndpointType.MODEL_BASED and shared:
        raise UsageError("endpoint_type is MODEL_BASED, but components are given.", remedy="Leave endpoint_type out.")
    return shared


def component_of(container: Container, resources: ResourceRequirements | None) -> EndpointComponent:
    """The one component of an endpoint for one bundle.

    Raises:
        UsageError: Nothing says what a copy takes.
    """
    if resources is None:
        raise UsageError(
            "an inference component needs to say what one copy takes.",
            remedy="Give resources=ResourceRequirements(requests={'memory': 1024, 'copies': 1}).",
        )
    assert isinstance(container, BundleContainer)
    return EndpointComponent(name=container.bundle.name[:40].rstrip("-"), container=container, resources=resources)


def role_of(container: Container | None, scope: Construct) -> iam.IRole | None:
    """The role that the bundle was built with, if it names one."""
    wanted = container.bundle.container.execution_role_arn if isinstance(container, BundleContainer) else None
    return None if wanted is None else iam.Role.from_role_arn(scope, "Role", wanted)
