"""What makes a resource reachable by everybody, and what protects it: told when the one comes or the other goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.assemblies.cloud_assembly import Resource
from cdk_modelbuilder.comparing.assemblies.intrinsics import plain, readable
from cdk_modelbuilder.comparing.json_data import leaves, place_of
from cdk_modelbuilder.comparing.wording import quoted

_ANYWHERE: Final = ("0.0.0.0/0", "::/0")
_KEYS: Final = frozenset(
    {"KmsKeyId", "KmsMasterKeyId", "KMSMasterKeyID", "KmsKeyArn", "EncryptionKey", "SecurityConfig", "KMSKeyId"}
)
_BLOCKS: Final = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_KEPT: Final = ("Retain", "RetainExceptOnCreate", "Snapshot")


def public_ways(resource: Resource) -> set[str]:
    """In words, every way in which everybody may get at a resource. Policies are told apart, by their statements."""
    properties = plain(readable(resource.properties))
    return set(_public(resource.type, properties))


def protections(resource: Resource) -> set[str]:
    """In words, everything that protects a resource, as it would be said of one that lost it."""
    properties = plain(readable(resource.properties))
    return set(_protections(resource, properties))


def _public(kind: str, properties: Mapping[str, Any]) -> Iterator[str]:
    if kind == "AWS::S3::Bucket":
        if str(properties.get("AccessControl", "")).startswith(("PublicRead", "AuthenticatedRead")):
            yield f"its access control list is {quoted(properties['AccessControl'])}"
        if "WebsiteConfiguration" in properties:
            yield "it is a web site"
    if kind == "AWS::Lambda::Url" and properties.get("AuthType") == "NONE":
        yield "everybody may call it by its URL"
    if kind.startswith("AWS::EC2::SecurityGroup"):
        ingress = properties.get("SecurityGroupIngress", properties if kind.endswith("Ingress") else [])
        for path, value in leaves(ingress):
            if value in _ANYWHERE and path and path[-1].startswith("Cidr"):
                yield f"it lets in everybody ({quoted(value)})"
    if properties.get("PubliclyAccessible") is True:
        yield "it has a public address"


def _protections(resource: Resource, properties: Mapping[str, Any]) -> Iterator[str]:
    kind = resource.type
    for path, value in leaves(properties):
        if path and path[-1] in _KEYS and value not in (None, "", {}, []):
            yield f"it is not encrypted with a key of its own any more ({quoted(place_of(path))})"
    if properties.get("EnableNetworkIsolation") is True:
        yield "its network isolation is gone"
    if properties.get("VpcConfig"):
        yield "it is in no VPC any more"
    if kind == "AWS::S3::Bucket":
        yield from _of_a_bucket(properties)
    if kind == "AWS::KMS::Key" and properties.get("EnableKeyRotation") is True:
        yield "its key is not rotated any more"
    if kind == "AWS::SageMaker::Endpoint" and _has(properties, "DeploymentConfig", "AutoRollbackConfiguration"):
        yield "a failing update does not go back any more (no rollback alarms)"
    for name in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.attributes.get(name) in _KEPT:
            yield f"what it holds is not kept any more ({name})"


def _of_a_bucket(properties: Mapping[str, Any]) -> Iterator[str]:
    blocks = properties.get("PublicAccessBlockConfiguration")
    for name in _BLOCKS:
        if isinstance(blocks, Mapping) and blocks.get(name) is True:
            yield f"public access is not blocked any more ({name})"
    if properties.get("BucketEncryption"):
        yield "its encryption is S3's own again"
    versioning = properties.get("VersioningConfiguration")
    if isinstance(versioning, Mapping) and versioning.get("Status") == "Enabled":
        yield "its objects have no versions any more"
    if properties.get("ObjectLockEnabled") is True or properties.get("ObjectLockConfiguration"):
        yield "its objects are not locked any more"


def _has(properties: Mapping[str, Any], *path: str) -> bool:
    value: Any = properties
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return bool(value)
