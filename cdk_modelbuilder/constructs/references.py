"""What one construct takes of another: the CDK's own reference interfaces, which L1, L2 and imported resources have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import aws_cdk as cdk

from cdk_modelbuilder.constructs.arguments import is_token
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk.interfaces import aws_sagemaker as refs


class HasModelRef(Protocol):
    """A Model: ours, an L1, or one from ``Model.from_model_name()``."""

    @property
    def model_ref(self) -> refs.ModelReference:
        """Its ARN."""
        ...


class HasEndpointConfigRef(Protocol):
    """An EndpointConfig: ours, an L1, or an imported one."""

    @property
    def endpoint_config_ref(self) -> refs.EndpointConfigReference:
        """Its ARN."""
        ...


class HasAlarmName(Protocol):
    """A CloudWatch alarm of any kind."""

    @property
    def alarm_name(self) -> str:
        """Its name."""
        ...


def name_of_alarm(alarm: HasAlarmName) -> str:
    """The name of an alarm; of an L1 the reference to it, as its property is None where CloudFormation names it."""
    return alarm.ref if isinstance(alarm, cdk.CfnResource) else alarm.alarm_name


def reference(kind: str, arn: str) -> Any:
    """The CDK's reference to the ``kind`` (such as ``Model``) of an ARN."""
    from aws_cdk.interfaces import aws_sagemaker as refs  # noqa: PLC0415 - see above

    words = re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()
    return getattr(refs, f"{kind}Reference")(**{f"{words}_arn": arn})


def model_name(model: HasModelRef) -> str:
    """The name of a Model; a reference to it, where it is in the app, so that CloudFormation knows the order."""
    name = getattr(model, "attr_model_name", None) or getattr(model, "model_name", None)
    return str(name) if name else name_in_arn(model.model_ref.model_arn, "model")


def endpoint_config_name(config: HasEndpointConfigRef) -> str:
    """The name of an EndpointConfig, in the same way."""
    name = getattr(config, "attr_endpoint_config_name", None) or getattr(config, "endpoint_config_name", None)
    return str(name) if name else name_in_arn(config.endpoint_config_ref.endpoint_config_arn, "endpoint-config")


def name_in_arn(arn: str, kind: str) -> str:
    """The name at the end of ``arn:...:kind/name``.

    Raises:
        UsageError: It is no such ARN.
    """
    if is_token(arn):
        from aws_cdk import Fn  # noqa: PLC0415 - rarely needed

        return Fn.select(1, Fn.split("/", arn))
    before, _, name = arn.partition(f":{kind}/")
    if not (before.startswith("arn:") and name):
        raise UsageError(f"{arn!r} is no ARN of a SageMaker {kind}.", remedy=f"It looks like arn:...:{kind}/name.")
    return name


def not_text(what: str, value: Any, has: str) -> None:
    """Refuse what is no construct with the attribute ``has``.

    Raises:
        UsageError: It is none; a name as text among them, which would hide the order from CloudFormation.
    """
    # Asked of the type: the value would answer, at the price of calls to another process.
    if not hasattr(type(value), has) and has not in getattr(value, "__dict__", {}):
        shown = repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
        raise UsageError(
            f"{what} is {shown}.", remedy="Give the construct, or import it: Model.from_model_name(self, 'M', 'name')."
        )
