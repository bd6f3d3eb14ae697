"""The container image of a bundle: one URI where the region is known, a mapping where it is not."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import region_info
from constructs import Construct

from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.errors import ImageError

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/(?P<repository>[^:@]+)")


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """An image as a template names it; the values may hold CDK tokens.

    Attributes:
        uri: For the Model.
        repository_arn: ECR repository for the role; None for images from elsewhere.
    """

    uri: str
    repository_arn: str | None


def resolve_image(scope: Construct, image: ImageReference) -> ResolvedImage:
    """The image in the region of ``scope``'s stack.

    Raises:
        ImageError: AWS does not offer the image in that region.
    """
    if image.uri is not None:
        return ResolvedImage(image.uri, _arn_of(image.uri))
    region = cdk.Stack.of(scope).region
    if cdk.Token.is_unresolved(region):
        accounts = cdk.CfnMapping(
            scope, "ImageAccounts", mapping={name: {"account": account} for name, account in image.accounts.items()}
        )
        account, suffix = accounts.find_in_map(cdk.Aws.REGION, "account"), cdk.Aws.URL_SUFFIX
        region = cdk.Aws.REGION
    else:
        if region not in image.accounts:
            raise ImageError(
                f"AWS does not offer {image.repository}:{image.tag} in {region}.",
                remedy=f"Deploy to one of {', '.join(sorted(image.accounts))}, or build with an image_uri of your own.",
            )
        account, suffix = image.accounts[region], region_info.RegionInfo.get(region).domain_suffix or cdk.Aws.URL_SUFFIX
    return ResolvedImage(
        uri=f"{account}.dkr.ecr.{region}.{suffix}/{image.repository}:{image.tag}",
        repository_arn=f"arn:{cdk.Aws.PARTITION}:ecr:{region}:{account}:repository/{image.repository}",
    )


def _arn_of(uri: str) -> str | None:
    found = _ECR.match(uri)
    if found is None:
        return None
    return f"arn:{cdk.Aws.PARTITION}:ecr:{found['region']}:{found['account']}:repository/{found['repository']}"
