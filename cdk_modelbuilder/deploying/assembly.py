"""What a cloud assembly (``cdk.out``) says about the one stack in it, before anything is deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import DeploymentError

ENDPOINT, COMPONENT = "AWS::SageMaker::Endpoint", "AWS::SageMaker::InferenceComponent"


@dataclass(frozen=True, slots=True)
class Assembly:
    """One stack of a cloud assembly.

    Attributes:
        folder: The cloud assembly.
        stack_name: The stack's name.
        template: Its template.
        template_file: File of the template in the folder.
    """

    folder: Path
    stack_name: str
    template: Mapping[str, Any]
    template_file: str

    @classmethod
    def read(cls, folder: Path) -> Assembly:
        """The only stack in ``folder``.

        Raises:
            DeploymentError: None, or several.
        """
        try:
            manifest = json.loads((folder / "manifest.json").read_bytes())
            stacks = [
                (artifact["properties"].get("stackName", name), artifact["properties"]["templateFile"])
                for name, artifact in manifest["artifacts"].items()
                if artifact["type"] == "aws:cloudformation:stack"
            ]
            if len(stacks) != 1:
                raise DeploymentError(
                    f"the app in {folder.parent} has {len(stacks)} stacks, and deploy() knows one.",
                    remedy="Use `cdk deploy` in that folder.",
                )
            name, file = stacks[0]
            return cls(folder, str(name), json.loads((folder / file).read_bytes()), str(file))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeploymentError(
                f"{folder} is no cloud assembly: {error}.", remedy="Delete the folder and deploy again."
            ) from None

    @property
    def resources(self) -> Mapping[str, Any]:
        """Logical id to resource."""
        found = self.template.get("Resources", {})
        return found if isinstance(found, dict) else {}

    @property
    def endpoint_name(self) -> str:
        """Name of the endpoint.

        Raises:
            DeploymentError: The stack has no endpoint with a name that is known now.
        """
        for name in self._names(ENDPOINT, "EndpointName"):
            return name
        raise DeploymentError(
            f"the stack {self.stack_name} has no endpoint with a name of its own.",
            remedy="Give ModelEndpoint(endpoint_name=...) in the app, or use `cdk deploy`.",
        )

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names of inference components, in the order of their names."""
        return tuple(sorted(self._names(COMPONENT, "InferenceComponentName")))

    def _names(self, kind: str, member: str) -> Iterator[str]:
        for resource in self.resources.values():
            if resource.get("Type") == kind:
                name = resource.get("Properties", {}).get(member)
                if isinstance(name, str):
                    yield name


@dataclass(frozen=True, slots=True)
class Changes:
    """Which resources a template adds, changes and removes, by logical id."""

    added: Mapping[str, str]
    changed: Mapping[str, str]
    removed: Mapping[str, str]

    @classmethod
    def between(cls, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Changes:
        """What differs from the template ``before``; None for a stack that is not there."""
        old = _resources(before or {})
        new = _resources(after)

        def kinds(names: set[str], of: Mapping[str, Any]) -> dict[str, str]:
            named = ((str(of[name].get("Type")), name) for name in names)
            return {name: kind for kind, name in sorted(named)}

        both = {name for name in old.keys() & new.keys() if old[name] != new[name]}
        return cls(kinds(new.keys() - old.keys(), new), kinds(both, new), kinds(old.keys() - new.keys(), old))

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each, as ``cdk diff`` marks them."""
        marked = (("+", self.added), ("~", self.changed), ("-", self.removed))
        return tuple(f"[{mark}] {kind} {name}" for mark, group in marked for name, kind in group.items())

    @property
    def summary(self) -> str:
        """In a few words."""
        parts = (("to add", self.added), ("to change", self.changed), ("to remove", self.removed))
        return ", ".join(f"{len(group)} {what}" for what, group in parts if group) or "nothing to change"


def _resources(template: Mapping[str, Any]) -> dict[str, Any]:
    found = template.get("Resources", {})
    # The CDK's own record of construct paths and library versions is no resource that anybody runs.
    return {
        name: {key: part for key, part in resource.items() if key != "Metadata"}
        for name, resource in (found.items() if isinstance(found, dict) else ())
        if isinstance(resource, dict) and resource.get("Type") != "AWS::CDK::Metadata"
    }
