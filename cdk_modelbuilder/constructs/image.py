"""Container images: of AWS by region, from any registry, from your own ECR repository, or built from a folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from cdk_modelbuilder.constructs.arguments import is_token, region_of
from cdk_modelbuilder.constructs.permissions import PARTITION, REGION, Statement, allow
from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.errors import ImageError, UsageError

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_ecr as ecr
    from aws_cdk import aws_ecr_assets as ecr_assets
    from aws_cdk import aws_lambda as lambda_

# By stack and mapping: asked again, the CDK would give another token for the same account.
_mapped: WeakKeyDictionary[cdk.Stack, dict[str, str]] = WeakKeyDictionary()
_PLACEHOLDER = r"\$\{Token\[[^\]]*\]\}"
_ECR = re.compile(
    rf"(?P<account>\d{{12}}|{_PLACEHOLDER})\.dkr\.ecr\.(?P<region>[a-z0-9-]+|{_PLACEHOLDER})\.(?:[a-z0-9.-]|{_PLACEHOLDER})+/"
    r"(?P<repository>[^:@]+)"
)


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """An image as a template names it; the values may hold CDK tokens.

    Attributes:
        uri: For the Model.
        repository_arn: ECR repository for the role; None for images from elsewhere.
    """

    uri: str
    repository_arn: str | None


@dataclass(frozen=True, kw_only=True)
class PrivateRegistry:
    """A registry inside your VPC, which the Model reaches through its own VPC configuration.

    Attributes:
        credentials_provider: Lambda function that returns user name and password; None for a registry that asks for
            none. Source: the guide's page "Use a Private Docker Registry for Real-Time Inference Containers".
    """

    credentials_provider: lambda_.IFunction | None = None

    def permissions(self) -> list[Statement]:
        """What the execution role needs: SageMaker asks the function in its name."""
        if self.credentials_provider is None:
            return []
        return [allow("AskForCredentials", ["lambda:InvokeFunction"], [self.credentials_provider.function_arn])]

    def render(self) -> sagemaker.CfnModel.ImageConfigProperty:
        """The L1 property."""
        provider = self.credentials_provider
        return sagemaker.CfnModel.ImageConfigProperty(
            repository_access_mode="Vpc",
            repository_auth_config=None
            if provider is None
            else sagemaker.CfnModel.RepositoryAuthConfigProperty(
                repository_credentials_provider_arn=provider.function_arn
            ),
        )


class ContainerImage:
    """Where a container's image comes from. Make one with the class methods."""

    def __init__(self, resolve: Callable[[Construct], ResolvedImage]) -> None:
        self._resolve = resolve

    @classmethod
    def from_uri(cls, uri: str) -> ContainerImage:
        """An image by its full URI, such as ``123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/model:7``.

        Raises:
            UsageError: It names no image.
        """
        if not isinstance(uri, str) or not uri.strip():
            raise UsageError(f"{uri!r} names no image.", remedy="Give a URI such as registry/repository:tag.")
        return cls(lambda _: ResolvedImage(uri, repository_arn(uri)))

    @classmethod
    def from_ecr_repository(cls, repository: ecr.IRepository, tag_or_digest: str) -> ContainerImage:
        """An image in an ECR repository, by tag or by ``sha256:`` digest."""
        return cls(
            lambda _: ResolvedImage(
                repository.repository_uri_for_tag_or_digest(tag_or_digest), repository.repository_arn
            )
        )

    @classmethod
    def from_asset(
        cls,
        directory: Path | str,
        *,
        file: str | None = None,
        build_args: Mapping[str, str] | None = None,
        platform: ecr_assets.Platform | None = None,
        architecture: str = "x86_64",
    ) -> ContainerImage:
        """An image that the CDK CLI builds from the Dockerfile in ``directory`` and pushes to the bootstrap repository.

        Args:
            directory: The build context.
            file: Name of the Dockerfile in it.
            build_args: Build arguments. They stand in the cloud assembly: no secret.
            platform: Default: what ``architecture`` says.
            architecture: ``x86_64``, or ``arm64`` for Graviton instances.
        """

        def resolve(scope: Construct) -> ResolvedImage:
            from aws_cdk import aws_ecr_assets as ecr_assets  # noqa: PLC0415 - see above

            platforms = {"x86_64": ecr_assets.Platform.LINUX_AMD64, "arm64": ecr_assets.Platform.LINUX_ARM64}
            asset = ecr_assets.DockerImageAsset(
                scope,
                "Image",
                directory=str(directory),
                file=file,
                build_args=build_args,
                platform=platform or platforms[architecture],
            )
            return ResolvedImage(asset.image_uri, asset.repository.repository_arn)

        return cls(resolve)

    @classmethod
    def from_reference(cls, image: ImageReference, *, bundle: Path | None = None) -> ContainerImage:
        """The image that a container spec names: one URI, or AWS's registry of the stack's region.

        Args:
            image: The container spec's image.
            bundle: The bundle's folder, which an image that is built on top of that one is built from.
        """

        def resolve(scope: Construct) -> ResolvedImage:
            base = _of_reference(scope, image)
            if image.build is None:
                return base
            assert bundle is not None
            if is_token(base.uri):
                raise ImageError(
                    f"{bundle.name} builds an image on top of {image.repository or image.uri}, whose address depends "
                    "on the region, and the stack does not say which that is.",
                    remedy="Give the stack env=cdk.Environment(account=..., region=...).",
                )
            arguments = {"BASE_IMAGE": base.uri}
            return cls.from_asset(bundle / image.build, build_args=arguments, architecture=image.architecture).bind(
                scope
            )

        return cls(resolve)

    def bind(self, scope: Construct) -> ResolvedImage:
        """The image in the region of ``scope``'s stack.

        Raises:
            ImageError: AWS does not offer the image in that region.
        """
        return self._resolve(scope)


def _of_reference(scope: Construct, image: ImageReference) -> ResolvedImage:
    if image.uri is not None:
        return ResolvedImage(image.uri, repository_arn(image.uri))
    region = region_of(scope)
    if is_token(region):
        account, suffix = _mapped_account(cdk.Stack.of(scope), image), cdk.Aws.URL_SUFFIX
        region = REGION
    else:
        if region not in image.accounts:
            raise ImageError(
                f"AWS does not offer {image.repository}:{image.tag} in {region}.",
                remedy=f"Deploy to one of {', '.join(sorted(image.accounts))}, or build with an image_uri of your own.",
            )
        account, suffix = image.accounts[region], _domain_suffix(region)
    return ResolvedImage(
        uri=f"{account}.dkr.ecr.{region}.{suffix}/{image.repository}:{image.tag}",
        repository_arn=f"arn:{PARTITION}:ecr:{region}:{account}:repository/{image.repository}",
    )


@cache
def _domain_suffix(region: str) -> str:
    from aws_cdk import region_info  # noqa: PLC0415 - only where the region is known

    return region_info.RegionInfo.get(region).domain_suffix or cdk.Aws.URL_SUFFIX


def _mapped_account(stack: cdk.Stack, image: ImageReference) -> str:
    """The account of the registry in the stack's region, from one mapping for each repository and stack."""
    known = _mapped.setdefault(stack, {})
    name = "ImageAccounts" + re.sub(r"[^A-Za-z0-9]", "", str(image.repository).title())
    if name not in known:
        mapping = stack.node.try_find_child(name)
        if not isinstance(mapping, cdk.CfnMapping):
            rows = {region: {"account": account} for region, account in sorted(image.accounts.items())}
            mapping = cdk.CfnMapping(stack, name, mapping=rows)
        known[name] = mapping.find_in_map(REGION, "account")
    return known[name]


def repository_arn(uri: str) -> str | None:
    """The ECR repository of an image; None for an image that is elsewhere, or whose URI is decided when deploying."""
    found = _ECR.match(uri)
    if found is None:
        return None
    return f"arn:{PARTITION}:ecr:{found['region']}:{found['account']}:repository/{found['repository']}"
