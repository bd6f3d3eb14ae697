"""Who may call what: IAM grants on endpoints and components, ours or imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aws_cdk import aws_iam as iam

from cdk_modelbuilder.constructs.arguments import is_token

_INVOKE = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]


class HasComponentArn(Protocol):
    """An inference component: ours, or an imported one."""

    @property
    def inference_component_arn(self) -> str:
        """Its ARN."""
        ...


class EndpointGrants:
    """Grants on one endpoint; ``endpoint.grants``.

    Args:
        endpoint_arn: The endpoint.
    """

    def __init__(self, endpoint_arn: str) -> None:
        self._arn = endpoint_arn

    def invoke(self, grantee: iam.IGrantable, *components: HasComponentArn) -> iam.Grant:
        """Send requests, for an answer in one piece or as a stream; to ``components`` of it too."""
        arns = [self._arn, *(component.inference_component_arn for component in components)]
        return _granted(grantee, _INVOKE, arns)

    def invoke_async(self, grantee: iam.IGrantable) -> iam.Grant:
        """Queue asynchronous requests."""
        return self.actions(grantee, "sagemaker:InvokeEndpointAsync")

    def describe(self, grantee: iam.IGrantable) -> iam.Grant:
        """See the endpoint's state and configuration name."""
        return self.actions(grantee, "sagemaker:DescribeEndpoint")

    def actions(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        """Any other actions on the endpoint."""
        return _granted(grantee, actions, [self._arn])


class InferenceComponentGrants:
    """Grants on one inference component; ``component.grants``.

    Args:
        component_arn: The component.
        endpoint_arn: Its endpoint.
    """

    def __init__(self, component_arn: str, endpoint_arn: str) -> None:
        self._component, self._endpoint = component_arn, endpoint_arn

    def invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Send requests to this component. SageMaker asks for the action on the endpoint and on the component."""
        return _granted(grantee, _INVOKE, [self._endpoint, self._component])

    def actions(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        """Any other actions on the component."""
        return _granted(grantee, actions, [self._component])


def _granted(grantee: iam.IGrantable, actions: Sequence[str], arns: Sequence[str]) -> iam.Grant:
    """Grant on ARNs as they are and, where a name was made an ARN, as SageMaker writes it: in lower case."""
    resources = []
    for arn in arns:
        start, slash, name = arn.rpartition("/")
        resources += [arn, arn if is_token(name) else f"{start}{slash}{name.lower()}"]
    return iam.Grant.add_to_principal(
        grantee=grantee, actions=list(actions), resource_arns=list(dict.fromkeys(resources))
    )
