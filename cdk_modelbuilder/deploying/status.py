"""How a deployment is: its stack, its endpoint, its components, and which bundle it serves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cdk_modelbuilder.deploying.kept import Outcome
from cdk_modelbuilder.deploying.target import Target, pinned_digest


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """A deployment at one moment.

    Attributes:
        name: Name of the bundle.
        account: Account number.
        region: Region.
        stack_name: The stack.
        stack_status: Such as ``UPDATE_COMPLETE``; ``absent`` for a stack that is not there.
        reason: Why, where CloudFormation says it.
        updated: When the stack was last changed, or made.
        endpoint_name: The endpoint.
        endpoint_status: Such as ``InService``; empty where it is not there.
        failure_reason: What SageMaker says of a failure.
        instances: Variant -> instances of which type.
        components: Inference component -> status.
        root_sha256: Root digest of the bundle that the stack's template pins.
        deployment: Number of the deployment in the history here; None where it was not made here.
        earlier: Numbers of earlier deployments that ``rollback`` can bring back, latest first.
    """

    name: str
    account: str
    region: str
    stack_name: str
    stack_status: str
    reason: str
    updated: datetime | None
    endpoint_name: str
    endpoint_status: str
    failure_reason: str
    instances: dict[str, str]
    components: dict[str, str]
    root_sha256: str | None
    deployment: int | None
    earlier: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **asdict(self),
            "updated": None if self.updated is None else self.updated.isoformat(),
            "earlier": list(self.earlier),
        }


def status_of(target: Target) -> DeploymentStatus:
    """Ask AWS how ``target`` is.

    Raises:
        DeploymentError: AWS cannot be asked, or does not let the caller see it.
    """
    with target.account.in_words(f"asking how {target.name} is"):
        state = target.stack.state()
        template = target.stack.template() if state is not None else None
        sagemaker = target.account.client("sagemaker")
        endpoint = _described(sagemaker.describe_endpoint, EndpointName=target.endpoint_name)
        instances = _instances(sagemaker, endpoint)
        components = {
            name: str(
                _described(sagemaker.describe_inference_component, InferenceComponentName=name).get(
                    "InferenceComponentStatus", "absent"
                )
            )
            for name in target.components
        }
    running = target.kept.running(template, settled=state is not None and not state.is_moving)
    return DeploymentStatus(
        name=target.name,
        account=target.account.number,
        region=target.account.region,
        stack_name=target.stack.name,
        stack_status="absent" if state is None else state.status,
        reason="" if state is None else state.reason,
        updated=None if state is None else (state.updated or state.created),
        endpoint_name=target.endpoint_name,
        endpoint_status=str(endpoint.get("EndpointStatus", "absent")),
        failure_reason=str(endpoint.get("FailureReason", "")),
        instances=instances,
        components=components,
        root_sha256=pinned_digest(template),
        deployment=None if running is None else running.number,
        earlier=tuple(
            kept.number
            for kept in reversed(target.kept.history())
            if running is not None and kept.number < running.number and kept.outcome is Outcome.DEPLOYED
        ),
    )


def _described(describe: Any, **names: str) -> dict[str, Any]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - an extra

    if not all(names.values()):
        return {}
    try:
        return dict(describe(**names))
    except ClientError as error:
        if error.response["Error"].get("Code") in ("ValidationException", "ResourceNotFound"):
            return {}  # SageMaker's way to say that there is none
        raise


def _instances(sagemaker: Any, endpoint: dict[str, Any]) -> dict[str, str]:
    variants = endpoint.get("ProductionVariants", ())
    if not variants:
        return {}
    config = _described(sagemaker.describe_endpoint_config, EndpointConfigName=endpoint["EndpointConfigName"])
    kinds = {one["VariantName"]: one for one in config.get("ProductionVariants", ())}
    found: dict[str, str] = {}
    for variant in variants:
        of = kinds.get(variant["VariantName"], {})
        if "ServerlessConfig" in of:
            found[variant["VariantName"]] = f"serverless, {of['ServerlessConfig']['MemorySizeInMB']} MB"
            continue
        count = variant.get("CurrentInstanceCount", of.get("InitialInstanceCount", "?"))
        found[variant["VariantName"]] = f"{count} x {of.get('InstanceType', '?')}"
    return found
