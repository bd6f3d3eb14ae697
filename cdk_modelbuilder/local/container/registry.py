"""Which registry an image comes from, and the login to Amazon ECR: to hosts that are ECR's, and to no other."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.errors import LocalEndpointError, UsageError

_ECR = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.amazonaws\.com(\.cn)?")
_DOCKER_HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class EcrRegistry:
    """A private registry of Amazon ECR.

    Attributes:
        account: The account that owns it.
        region: Its region.
    """

    account: str
    region: str


def registry_host(image: str) -> str:
    """The host that an image is pulled from, with its port, as Docker reads the name.

    >>> registry_host("ubuntu:24.04"), registry_host("localhost:5000/a"), registry_host("example.com/team/a@sha256:0")
    ('docker.io', 'localhost:5000', 'example.com')
    """
    first, slash, _ = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost" or first != first.lower())
    return first if is_host else _DOCKER_HUB


def ecr_registry(image: str) -> EcrRegistry | None:
    """The ECR registry that an image is in; None where its host is not exactly one of ECR's.

    >>> ecr_registry("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/a:1")
    EcrRegistry(account='123456789012', region='eu-west-1')
    >>> ecr_registry("123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com/team/a:1")
    """
    found = _ECR.fullmatch(registry_host(image))
    if found is None or (found[3] is not None) != found[2].startswith("cn-"):
        return None
    return EcrRegistry(found[1], found[2])


def ecr_login(registry: EcrRegistry, image: str, session: Any = None) -> dict[str, str]:
    """User and password for a pull, valid for twelve hours; they go to the daemon with the request and stay nowhere.

    Source: ``GetAuthorizationToken`` in the API reference of Amazon ECR.

    Raises:
        LocalEndpointError: No boto3, no credentials, or not allowed.
    """
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError:
        raise LocalEndpointError(
            f"{image} is in Amazon ECR, and boto3, which logs in to it, is not installed.",
            remedy="pip install 'cdk-modelbuilder[aws]', or pull the image yourself.",
        ) from None
    import base64  # noqa: PLC0415 - for this alone

    try:
        client = (session or boto3.Session()).client("ecr", region_name=registry.region)
        answer = client.get_authorization_token(registryIds=[registry.account])
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise LocalEndpointError(
            f"Amazon ECR in {registry.region} gave no login for {image}: {code}.",
            remedy="Your credentials need ecr:GetAuthorizationToken, and on the repository ecr:BatchGetImage and "
            "ecr:GetDownloadUrlForLayer.",
        ) from None
    except BotoCoreError as error:
        raise LocalEndpointError(
            f"there is no login to Amazon ECR for {image}: {error}.",
            remedy="Sign in to AWS (aws sso login, or AWS_PROFILE), or pull the image yourself.",
        ) from None
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    user, _, password = token.partition(":")
    return {"username": user, "password": password}


def image_uri(image: ImageReference, region: str | None = None) -> str:
    """The URI of the image that a container spec names; AWS's own stand in another account in every region.

    Args:
        image: What the spec says.
        region: Default: that of the environment, ``AWS_REGION`` or ``AWS_DEFAULT_REGION``.

    Raises:
        UsageError: No region is known, or AWS does not offer the image there.
    """
    if image.uri is not None:
        return image.uri
    chosen = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    name = f"{image.repository}:{image.tag}"
    if chosen is None:
        raise UsageError(
            f"{name} stands in another registry in every region, and no region is known.",
            remedy="Give region=, or set AWS_REGION.",
        )
    if chosen not in image.accounts:
        raise UsageError(
            f"AWS does not offer {name} in {chosen!r}.", remedy=f"Give one of {', '.join(sorted(image.accounts))}."
        )
    suffix = "amazonaws.com.cn" if chosen.startswith("cn-") else "amazonaws.com"
    return f"{image.accounts[chosen]}.dkr.ecr.{chosen}.{suffix}/{name}"
