"""A cloud assembly as its stacks' templates: ``cdk.out``, with its stages and nested stacks.

Source: the CDK's cloud assembly schema (``@aws-cdk/cloud-assembly-schema``), of which only this is read: an artifact's
``type``, ``displayName``, ``properties.templateFile`` and ``properties.directoryName``, and where construct paths are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cdk_modelbuilder.comparing.json_data import parse_json
from cdk_modelbuilder.comparing.trees import Tree
from cdk_modelbuilder.errors import BundleError

MANIFEST: Final = "manifest.json"
_NESTED_SUFFIX: Final = ".nested.template.json"
_NOT_THE_SERVICE: Final = ("AWS::CDK::Metadata",)
"""Says which constructs of which library version an app used, in every stack."""


@dataclass(frozen=True)
class Resource:
    """A resource of a template.

    Attributes:
        logical_id: Its name in the template.
        type: Such as ``AWS::SageMaker::Model``.
        properties: As in the template.
        attributes: What stands beside the properties: ``DeletionPolicy``, ``DependsOn``, ``Metadata``, ...
        path: The construct's path; empty if the assembly does not say it.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""


@dataclass(frozen=True)
class Stack:
    """A stack: its template, and what is decided beside it.

    Attributes:
        name: Path in the app, such as ``Prod/Service``.
        resources: By logical id.
        rest: The template's other sections.
        settings: ``environment``, ``terminationProtection``, ``stackName`` and ``tags``.
    """

    name: str
    resources: Mapping[str, Resource]
    rest: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CloudAssembly:
    """All stacks of an app.

    Attributes:
        name: What the user called the folder.
        stacks: By name.
    """

    name: str
    stacks: Mapping[str, Stack]


def is_cloud_assembly(tree: Tree) -> bool:
    """Whether the CDK wrote ``tree``."""
    if tree.read("cdk.out") is not None:
        return True
    data = tree.read(MANIFEST)
    if data is None:
        return False
    try:
        found = parse_json(data, MANIFEST)
    except BundleError:
        return False
    return isinstance(found, dict) and isinstance(found.get("artifacts"), dict) and "version" in found


def read_assembly(tree: Tree) -> CloudAssembly:
    """The stacks of the assembly in ``tree``.

    Raises:
        BundleError: A file that it names is missing or no JSON.
    """
    stacks: dict[str, Stack] = {}
    for stack in _stacks(tree, ""):
        stacks[stack.name] = stack
    return CloudAssembly(tree.name, dict(sorted(stacks.items())))


def stack_of(name: str, template: Any, paths: Mapping[str, str] | None = None, settings: Any = None) -> Stack:
    """The stack of a template, whatever the JSON is: what is no resource counts as another part of the template.

    Args:
        name: The stack's name.
        template: Parsed JSON.
        paths: Logical id -> construct path.
        settings: What is decided beside the template.
    """
    paths = paths or {}
    if not isinstance(template, Mapping):
        return Stack(name, {}, {"template": template}, settings or {})
    resources: dict[str, Resource] = {}
    rest = {str(key): value for key, value in template.items() if key != "Resources"}
    given = template.get("Resources", {})
    for logical_id, found in given.items() if isinstance(given, Mapping) else ():
        if not isinstance(found, Mapping) or not isinstance(found.get("Type"), str):
            rest[f"Resources.{logical_id}"] = found
            continue
        if found["Type"] in _NOT_THE_SERVICE:
            continue
        properties = found.get("Properties", {})
        whole = isinstance(properties, Mapping)
        attributes = {str(k): v for k, v in found.items() if k != "Type" and not (k == "Properties" and whole)}
        attributes, path = _without_path(attributes)
        resources[str(logical_id)] = Resource(
            str(logical_id), found["Type"], properties if whole else {}, attributes, path or paths.get(logical_id, "")
        )
    if not isinstance(given, Mapping):
        rest["Resources"] = given
    return Stack(name, dict(sorted(resources.items())), rest, settings or {})


def _stacks(tree: Tree, prefix: str) -> Iterator[Stack]:
    manifest = _read(tree, MANIFEST)
    artifacts = manifest.get("artifacts", {})
    for artifact_id, artifact in sorted(artifacts.items()) if isinstance(artifacts, Mapping) else ():
        if not isinstance(artifact, Mapping):
            continue
        properties = artifact.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        if artifact.get("type") == "aws:cloudformation:stack" and "templateFile" in properties:
            template = _read(tree, str(properties["templateFile"]))
            # A display name begins at the app, so a stage's name is in it.
            name = str(artifact.get("displayName") or f"{prefix}{artifact_id}")
            yield stack_of(name, template, _paths(tree, artifact), _settings(artifact, properties))
        elif artifact.get("type") == "cdk:cloud-assembly" and "directoryName" in properties:
            stage = str(properties.get("displayName") or f"{prefix}{artifact_id}")
            yield from _stacks(tree.below(str(properties["directoryName"])), f"{stage}/")
    for name in tree.names():
        if name.endswith(_NESTED_SUFFIX):
            yield stack_of(f"{prefix}{name.removesuffix(_NESTED_SUFFIX)}", _read(tree, name))


def _settings(artifact: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: properties[name] for name in ("stackName", "tags", "parameters") if properties.get(name)}
    if properties.get("terminationProtection"):
        settings["terminationProtection"] = True
    return {**settings, "environment": artifact.get("environment")}


def _paths(tree: Tree, artifact: Mapping[str, Any]) -> dict[str, str]:
    """Logical id -> construct path, as the assembly's metadata has it."""
    metadata = artifact.get("metadata")
    if not isinstance(metadata, Mapping):
        name = artifact.get("additionalMetadataFile")
        data = tree.read(name) if isinstance(name, str) else None
        metadata = {} if data is None else parse_json(data, f"{tree.name}/{name}")
    found: dict[str, str] = {}
    for path, entries in metadata.items() if isinstance(metadata, Mapping) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and entry.get("type") == "aws:cdk:logicalId":
                found[str(entry.get("data"))] = str(path).strip("/")
    return found


def _without_path(attributes: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The attributes without what the CDK writes for its own tools, and the construct's path if that is among it."""
    metadata = attributes.get("Metadata")
    if not isinstance(metadata, Mapping):
        return attributes, ""
    kept = {str(key): value for key, value in metadata.items() if not str(key).startswith("aws:")}
    path = metadata.get("aws:cdk:path")
    others = {key: value for key, value in attributes.items() if key != "Metadata"}
    return {**others, **({"Metadata": kept} if kept else {})}, path if isinstance(path, str) else ""


def _read(tree: Tree, name: str) -> dict[str, Any]:
    data = tree.read(name)
    if data is None:
        raise BundleError(
            f"{tree.name} has no {name}: it was not synthesized to its end.", remedy="Synthesize it again."
        )
    parsed = parse_json(data, f"{tree.name}/{name}")
    if not isinstance(parsed, dict):
        raise BundleError(f"{tree.name}/{name} is no JSON object.", remedy="Synthesize it again.")
    return parsed
