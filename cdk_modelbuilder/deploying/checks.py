"""What is looked at before anything is changed: the stack that is there, and who has the endpoint's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.assembly import ENDPOINT, Assembly
from cdk_modelbuilder.deploying.stack import Stack, StackState
from cdk_modelbuilder.errors import DeploymentError
from cdk_modelbuilder.local.doctor.aws_failures import code_of


def check_stack(state: StackState | None, template: Mapping[str, Any] | None, name: str) -> None:
    """Refuse a stack that nothing can be done with now, or that is another's.

    A stack whose creation was rolled back is no obstacle: the CDK CLI deletes it and begins anew.

    Args:
        state: How it is.
        template: Its template.
        name: Name of the deployment.

    Raises:
        DeploymentError: With the way out.
    """
    if state is None or state.status in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"):
        return
    if state.is_moving:
        raise DeploymentError(
            f"the stack {state.name} is being changed already: it is in {state.status}.",
            remedy=f"Wait for it (cdk-modelbuilder status {name}, cdk-modelbuilder logs {name} --follow), or stop it "
            f"(cdk-modelbuilder rollback {name}); then deploy again.",
            cause="stack-busy",
        )
    if state.status == "UPDATE_ROLLBACK_FAILED":
        raise DeploymentError(
            f"the stack {state.name} is in UPDATE_ROLLBACK_FAILED: going back after a failed update failed too"
            f"{': ' + state.reason if state.reason else ''}.",
            remedy=f"Mend what it names, then run: cdk-modelbuilder rollback {name}   (it goes on with going back), "
            "and deploy again.",
            cause="stack-update-rollback-failed",
        )
    if state.status.endswith("_FAILED"):
        raise DeploymentError(
            f"the stack {state.name} is in {state.status}{': ' + state.reason if state.reason else ''}.",
            remedy=f"Run: cdk-modelbuilder destroy {name}   and deploy again.",
            cause="stack-failed",
        )
    if template is not None and not any(
        resource.get("Type") == ENDPOINT for resource in template.get("Resources", {}).values()
    ):
        raise DeploymentError(
            f"there is a stack {state.name} already, and it is no endpoint's: {state.description or state.arn}.",
            remedy="Give another stack_name= (--stack-name); this one stays as it is.",
            cause="name-taken",
        )


def check_endpoint_name(account: Account, stack: Stack, assembly: Assembly) -> None:
    """Refuse an endpoint's name that another stack, or nobody's, has; says nothing where AWS does not tell.

    Raises:
        DeploymentError: It is taken.
    """
    name = assembly.endpoint_name
    try:
        if any(
            one["ResourceType"] == ENDPOINT and one.get("PhysicalResourceId", "").rpartition("/")[2] == name
            for one in stack.resources()
        ):
            return
    except Exception as error:  # noqa: BLE001 - see below
        if code_of(error) != "ValidationError":  # which says that there is no such stack
            return
    try:
        client = account.client("sagemaker")
        arn = client.describe_endpoint(EndpointName=name)["EndpointArn"]
        tags = {tag["Key"]: tag["Value"] for tag in client.list_tags(ResourceArn=arn)["Tags"]}
    except Exception:  # noqa: BLE001 - not there, or not to be seen: CloudFormation finds out
        return
    owner = tags.get("aws:cloudformation:stack-name")
    whose = f"the stack {owner} has it" if owner else "no stack of CloudFormation has it"
    raise DeploymentError(
        f"the endpoint name {name} is taken in account {account.number}, {account.region}: {whose}.",
        remedy="Choose another endpoint_name= (--endpoint-name), or delete that endpoint first.",
        cause="name-taken",
    )
