"""Endpoints from a synthesized cloud assembly, ``cdk.out``: what its templates say is what is hosted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.gateway.bundle_search import BundleSearch
from cdk_modelbuilder.local.gateway.hosted import LOCAL_ACCOUNT, LOCAL_REGION, Hosted
from cdk_modelbuilder.local.gateway.template_endpoints import TemplateEndpoints
from cdk_modelbuilder.local.gateway.template_values import Stack, TemplateValues, UnresolvedError

MOST_COPIES = 4


def host_assembly(
    assembly: Path | str,
    *,
    bundles_in: Sequence[Path | str] = (),
    stacks: Sequence[str] = (),
    most_copies: int = MOST_COPIES,
) -> Hosted:
    """The endpoints of a cloud assembly.

    Args:
        assembly: The folder that ``cdk synth`` wrote.
        bundles_in: Folders in which the bundles are. Default: the assembly's neighbours, and its own assets.
        stacks: Names of the stacks to read. Default: all.
        most_copies: No variant or component gets more copies than this.

    Returns:
        What is hosted. Its warnings name what the templates say and local mode does otherwise, and endpoints that are
        left out because their bundles are not there.

    Raises:
        BundleError: A bundle that is needed is not whole.
        IntegrityError: A bundle that is needed was changed.
        UsageError: The folder is no cloud assembly, a stack is not in it, or no endpoint is left.
    """
    folder = Path(assembly)
    found = [stack for stack in _stacks(folder) if not stacks or stack.name in stacks]
    absent = sorted(set(stacks) - {stack.name for stack in found})
    if absent:
        raise UsageError(f"{folder} has no stack {', '.join(absent)}.", remedy="Name stacks that `cdk list` shows.")
    places = [Path(place) for place in bundles_in] or [folder.resolve().parent]
    search = BundleSearch([*places, folder])
    exports = _Exports(found)
    warnings: list[str] = []
    endpoints: dict[str, Any] = {}
    for stack in found:
        read = TemplateEndpoints(stack, exports.values[id(stack)], search, most_copies, warnings)
        for endpoint in read.endpoints():
            if endpoint.name in endpoints:
                warnings.append(
                    f"{stack.name}: endpoint {endpoint.name} is in another stack already; that one is served."
                )
            else:
                endpoints[endpoint.name] = endpoint
    if not endpoints:
        reasons = " ".join(warnings) or "Its templates have no AWS::SageMaker::Endpoint."
        raise UsageError(
            f"{folder} has no endpoint that can be served here. {reasons}",
            remedy="Name the folders of the bundles, or another assembly.",
        )
    first = found[0]
    return Hosted(tuple(endpoints.values()), first.account, first.region, tuple(dict.fromkeys(warnings)))


class _Exports:
    """What the stacks export, for Fn::ImportValue."""

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self.values = {id(stack): TemplateValues(stack, self.find) for stack in stacks}
        self._stacks = stacks

    def find(self, name: str) -> Any:
        for stack in self._stacks:
            values = self.values[id(stack)]
            for output in stack.template.get("Outputs", {}).values():
                exported = output.get("Export", {}).get("Name")
                if exported is not None and values.resolve(exported) == name:
                    return values.resolve(output["Value"])
        raise UnresolvedError(f"no stack of the assembly exports {name}")


def _stacks(folder: Path) -> Iterator[Stack]:
    manifest = _read(folder / "manifest.json")
    artifacts = manifest.get("artifacts")
    if not isinstance(artifacts, dict):
        raise UsageError(f"{folder} is no cloud assembly.", remedy="Name the folder that `cdk synth` wrote, cdk.out.")
    for name, artifact in artifacts.items():
        properties = artifact.get("properties", {})
        if artifact.get("type") == "cdk:cloud-assembly":
            yield from _stacks(folder / properties["directoryName"])
        elif artifact.get("type") == "aws:cloudformation:stack":
            account, _, region = artifact.get("environment", "").removeprefix("aws://").partition("/")
            yield Stack(
                name=properties.get("stackName", name),
                account=account if account.isdigit() else LOCAL_ACCOUNT,
                region=region if region and not region.startswith("unknown") else LOCAL_REGION,
                template=_read(folder / properties["templateFile"]),
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Name the folder that `cdk synth` wrote.") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} is no JSON object.", remedy="Run `cdk synth` again.")
    return data
