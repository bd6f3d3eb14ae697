"""Every property that CloudFormation has for SageMaker hosting can be reached through our constructs.

What the installed aws-cdk-lib knows is compared with what the stacks of `everything.py` write. A newer aws-cdk-lib with
a new property fails here with the property's name, until a construct has it or it stands below with the reason why not.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.assertions import Template

from tests.constructs.everything import STACKS

TYPES = ("Model", "EndpointConfig", "Endpoint", "InferenceComponent", "ModelPackageGroup", "ModelPackage")
STRUCT = re.compile(r"(Cfn\w+)\.(\w+Property)")

_READ_ONLY = "only ever read: CloudFormation's registry lists it as a result"
# Property -> why no construct writes it, nor what is below it.
LEFT_OUT: dict[str, str] = {
    "EndpointConfig.ProductionVariants.AcceleratorType": "Elastic Inference has ended",
    "EndpointConfig.ShadowProductionVariants.AcceleratorType": "Elastic Inference has ended",
    "EndpointConfig.ShadowProductionVariants.ManagedInstanceScaling": "is for components, which have no shadow",
    "EndpointConfig.ShadowProductionVariants.ServerlessConfig": "a serverless endpoint has one variant and no shadow",
    "InferenceComponent.EndpointArn": "the endpoint's name, which is required, says it",
    "InferenceComponent.RuntimeConfig.CurrentCopyCount": _READ_ONLY,
    "InferenceComponent.RuntimeConfig.DesiredCopyCount": _READ_ONLY,
    "InferenceComponent.RuntimeConfig.PlacementStatus": _READ_ONLY,
    "InferenceComponent.Specification.Container.DeployedImage": _READ_ONLY,
    "InferenceComponent.Specification.CurrentDataCacheConfig": _READ_ONLY,
    "InferenceComponent.Specifications.CurrentDataCacheConfig": _READ_ONLY,
}
# The user gives CloudFormation's own structure, so all that is below is within reach.
AS_IT_IS = (
    "ModelPackage.AdditionalInferenceSpecifications",
    "ModelPackage.AdditionalInferenceSpecificationsToAdd",
    "ModelPackage.DriftCheckBaselines",
    "ModelPackage.InferenceSpecification",
    "ModelPackage.MetadataProperties",
    "ModelPackage.ModelCard",
    "ModelPackage.ModelMetrics",
    "ModelPackage.ModelPackageStatusDetails",
    "ModelPackage.SourceAlgorithmSpecification.SourceAlgorithms",
    "ModelPackage.ValidationSpecification",
)


def flat(path: str) -> str:
    """As names compare: the CDK for Python writes enable_ssm_access where CloudFormation has EnableSSMAccess."""
    return path.replace("_", "").lower()


def known_to_the_cdk() -> dict[str, str]:
    """Flat path -> path of every property, those of structures inside of structures too."""
    found: dict[str, str] = {}

    def walk(struct: type, prefix: str, above: frozenset[type]) -> None:
        for name, parameter in inspect.signature(struct.__init__).parameters.items():
            if name == "self":
                continue
            path = f"{prefix}.{name}"
            found[flat(path)] = path
            for outer, inner in set(STRUCT.findall(str(parameter.annotation))):
                below = getattr(getattr(sagemaker, outer), inner)
                if below not in above:
                    walk(below, path, above | {below})

    for name in TYPES:
        walk(getattr(sagemaker, f"Cfn{name}Props"), name, frozenset())
    return found


def written_paths(template: dict[str, Any]) -> Iterator[str]:
    """Flat paths of all properties in a template's resources; lists do not count as a level."""

    def walk(value: Any, prefix: str) -> Iterator[str]:
        if isinstance(value, list):
            for inner in value:
                yield from walk(inner, prefix)
        elif isinstance(value, dict):
            for name, inner in value.items():
                yield flat(f"{prefix}.{name}")
                yield from walk(inner, f"{prefix}.{name}")

    for resource in template["Resources"].values():
        kind = resource["Type"]
        if kind.startswith("AWS::SageMaker::"):
            yield from walk(resource.get("Properties", {}), kind.rpartition("::")[2])


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> set[str]:
    folder = tmp_path_factory.mktemp("everything")
    found: set[str] = set()
    for build in STACKS:
        app = cdk.App(outdir=str(folder / build.__name__), builtin_cloud_formation_validation=False)
        stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="123456789012", region="eu-west-1"))
        build(stack)
        cdk.Tags.of(stack).add("owner", "team")
        found |= set(written_paths(Template.from_stack(stack).to_json()))
    return found


def unreachable(known: dict[str, str], written: set[str]) -> list[str]:
    """What of the known properties nothing writes, and nothing excuses."""
    excused = {flat(path) for path in LEFT_OUT}
    below = tuple(f"{flat(path)}." for path in (*LEFT_OUT, *AS_IT_IS))
    return sorted(
        path for key, path in known.items() if key not in written and key not in excused and not key.startswith(below)
    )


def test_every_property_is_within_reach(written):
    missing = unreachable(known_to_the_cdk(), written)
    assert not missing, "no construct writes\n" + "\n".join(missing)


def test_reflection_finds_what_there_is():
    known = known_to_the_cdk()
    assert len(known) > 500
    # Names that the CDK for Python changes, and structures in lists of structures.
    assert flat("EndpointConfig.ProductionVariants.EnableSSMAccess") in known
    assert flat("InferenceComponent.Specifications.Container.ContainerMetricsConfig.MetricsEndpoints") in known
    assert flat("Model.Containers.ImageConfig.RepositoryAuthConfig.RepositoryCredentialsProviderArn") in known


def test_new_property_would_be_named(written, monkeypatch):
    known = {**known_to_the_cdk(), "model.brandnew": "Model.brand_new"}
    assert "Model.brand_new" in unreachable(known, written)


def test_excuses_are_needed(written):
    known = known_to_the_cdk()
    for path in LEFT_OUT:
        assert flat(path) in known, f"{path} is no property (any more)"
        assert flat(path) not in written, f"{path} is written after all"
    for path in AS_IT_IS:
        assert flat(path) in written, f"nothing writes {path}, which is said to be given as it is"
        assert any(key.startswith(f"{flat(path)}.") for key in known), f"{path} has nothing below"


def test_constructs_write_nothing_that_the_cdk_does_not_know(written):
    known = known_to_the_cdk()
    leaves = {key for key in known if not any(other.startswith(f"{key}.") for other in known)}
    strange = sorted(
        path for path in written if path not in known and not any(path.startswith(f"{leaf}.") for leaf in leaves)
    )
    assert not strange


SCHEMAS = Path(".venv-review/lib") / f"python3.{sys.version_info.minor}" / "site-packages/cfnlint/data/schemas"


@pytest.mark.slow
def test_every_property_of_the_schema_is_within_reach(written):
    """The same against CloudFormation's registry, as cfn-lint ships it: it may be newer than the CDK."""
    folder = Path(__file__).resolve().parents[2] / SCHEMAS
    if not folder.exists():
        pytest.skip("the review tools are not installed: run `make setup-all`")
    digests = json.loads((folder / "providers/us-east-1.json").read_text(encoding="utf-8"))
    known: dict[str, str] = {}
    for name in TYPES:
        schema = json.loads((folder / "resources" / f"{digests[f'AWS::SageMaker::{name}']}.json").read_text("utf-8"))
        results = {path.removeprefix("/properties/") for path in schema.get("readOnlyProperties", [])}
        for path in schema_paths(schema):
            if path.partition(".")[0] not in results:
                known[flat(f"{name}.{path}")] = f"{name}.{path}"
    assert len(known) > 500
    missing = unreachable(known, written)
    assert not missing, "no construct writes\n" + "\n".join(missing)


def schema_paths(schema: dict[str, Any]) -> Iterator[str]:
    def walk(node: dict[str, Any], prefix: str, above: frozenset[str]) -> Iterator[str]:
        reference = node.get("$ref")
        if reference is not None:
            if reference in above:
                return
            node, above = schema["definitions"][reference.rpartition("/")[2]], above | {reference}
        yield from walk(node["items"], prefix, above) if "items" in node else ()
        for name, inner in node.get("properties", {}).items():
            path = f"{prefix}.{name}" if prefix else name
            yield path
            yield from walk(inner, path, above)

    yield from walk(schema, "", frozenset())
