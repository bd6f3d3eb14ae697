"""Which stack and endpoint a name means: what is kept here, else what AWS says of the stack of that name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.assembly import COMPONENT, ENDPOINT
from cdk_modelbuilder.deploying.kept import Kept, KeptState
from cdk_modelbuilder.deploying.stack import Stack, StackState
from cdk_modelbuilder.errors import DeploymentError


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment to look at, or to do something with.

    Attributes:
        name: What the user calls it: the bundle's name.
        account: Where it is.
        kept: What is kept of it here; the folder may not be there.
        kept_state: The same, read; None where nothing is kept.
        stack: Its stack.
        endpoint_name: Its endpoint; empty for a stack that has none yet.
        components: Names of its inference components.
    """

    name: str
    account: Account
    kept: Kept
    kept_state: KeptState | None
    stack: Stack
    endpoint_name: str
    components: tuple[str, ...]

    @classmethod
    def find(
        cls,
        name: str,
        *,
        folder: Path | str = ".cdk-modelbuilder",
        region: str | None = None,
        profile: str | None = None,
        session: Any = None,
        stack_name: str | None = None,
    ) -> Target:
        """The deployment called ``name``.

        Args:
            name: Name of the bundle.
            folder: Where apps are kept.
            region: AWS region. Default: where it was deployed from here, else the session's.
            profile: Profile of the user's AWS settings.
            session: A boto3 session. Default: one with the environment's credentials.
            stack_name: Name of the stack, for one that was not deployed from here.

        Raises:
            DeploymentError: There is neither a folder nor a stack of it, or AWS cannot be asked.
        """
        kept = Kept(folder, name)
        state = kept.state()
        account = Account.open(
            session=session, profile=profile, region=region or (state.region if state is not None else None)
        )
        if state is not None and (state.account, state.region) == (account.number, account.region):
            stack = Stack(account.stack_client(), stack_name or state.stack_name)
            return cls(name, account, kept, state, stack, state.endpoint_name, state.components)
        stack = Stack(account.stack_client(), stack_name or f"{name}-endpoint")
        with account.in_words(f"asking for the stack {stack.name}"):
            there = stack.state()
            if there is None:
                raise _unknown(name, stack.name, account, state)
            return cls(name, account, kept, None, stack, *_served(stack, there))

    def state(self) -> StackState | None:
        """How the stack is now; None for one that is not there.

        Raises:
            DeploymentError: AWS cannot be asked.
        """
        with self.account.in_words(f"asking for the stack {self.stack.name}"):
            return self.stack.state()


def _served(stack: Stack, state: StackState) -> tuple[str, tuple[str, ...]]:
    resources = list(stack.resources())
    names: dict[str, list[str]] = {ENDPOINT: [], COMPONENT: []}
    for resource in resources:
        if resource["ResourceType"] in names and resource.get("PhysicalResourceId"):
            names[resource["ResourceType"]].append(str(resource["PhysicalResourceId"]).rpartition("/")[2])
    found = names[ENDPOINT]
    return (found[0] if found else state.outputs.get("EndpointName", "")), tuple(sorted(names[COMPONENT]))


def _unknown(name: str, stack: str, account: Account, state: KeptState | None) -> DeploymentError:
    elsewhere = f"; it was deployed to account {state.account}, {state.region}" if state is not None else ""
    return DeploymentError(
        f"{name} is not deployed in account {account.number}, {account.region}: there is no stack {stack}{elsewhere}.",
        remedy="Name the region it is in (--region) or its stack (--stack-name), or run: cdk-modelbuilder deploy",
        cause="not-deployed",
    )


def pinned_digest(template: Mapping[str, Any] | None) -> str | None:
    """The root digest that the Model in ``template`` pins; None where it pins none, or several."""
    from cdk_modelbuilder.integrity.verifier import ROOT_VARIABLE  # noqa: PLC0415 - one name

    found: set[str] = set()
    for resource in (template or {}).get("Resources", {}).values():
        properties = resource.get("Properties", {})
        containers = properties.get("Containers") or [properties.get("PrimaryContainer") or {}]
        for container in containers:
            value = (container.get("Environment") or {}).get(ROOT_VARIABLE)
            if isinstance(value, str):
                found.add(value)
    return found.pop() if len(found) == 1 else None
