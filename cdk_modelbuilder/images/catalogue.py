"""The rows of the catalogue, read from the tables beside this file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from json import loads
from types import MappingProxyType
from typing import Any

from cdk_modelbuilder.images.errors import UnknownFramework, UnknownRegion
from cdk_modelbuilder.images.regions import accounts, dns_suffix, neighbours


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """One of AWS's images.

    Attributes:
        framework: Name in this package: ``"xgboost"``.
        distribution: Name of the framework's distribution: ``"xgboost"``, ``"scikit-learn"``.
        version: AWS's name for the image: ``"3.2-0"``. No PEP 440 version, whatever it looks like: ``packaging`` takes
            it for a post-release of 3.2, and refuses ``"1.4-2-py312"``. Compare ``framework_version`` instead.
        framework_version: Version of the framework inside: ``"3.2.0"``.
        repository: ``"sagemaker-xgboost"``.
        tag: ``"3.2-0"``. AWS rebuilds a tag in place to patch it, so it does not pin the image's content.
        processor: ``"cpu"``.
        python: Minor version of the Python inside: ``"3.12"``.
        accounts: Region -> account that owns the registry there.
        end_of_patch: Last day with security patches; None where AWS names none.
        provides: Distribution -> version inside, as the image's build files pin them. Incomplete: a name that is
            missing may be inside or not.
        model_server: The server inside, as :class:`~cdk_modelbuilder.servers.ModelServer` names it.
        architecture: ``"x86_64"``, or ``"arm64"`` for Graviton.
        frameworks: Framework -> version inside, for every framework whose models the image runs as it is; None for a
            version that no source states.
        retired: Why nothing new should run on it and what to use instead; None for an image that is alive.
        cuda: ``"12.4"``; None without CUDA or where no source states it.
        inference_ami: ``InferenceAmiVersion`` that a production variant needs for it; None for the default.
        entry_point: The image's ENTRYPOINT; None where no source states it.
        command: The image's CMD; None where no source states it.
        has_python: Whether a ``python3`` is inside.
        public_uri: The same image in Amazon ECR Public, for pulling it to a machine of your own; None for none.
    """

    framework: str
    distribution: str
    version: str
    framework_version: str
    repository: str
    tag: str
    processor: str
    python: str
    accounts: Mapping[str, str] = field(repr=False, hash=False)
    end_of_patch: dt.date | None
    provides: Mapping[str, str] = field(repr=False, hash=False)
    model_server: str = ""
    architecture: str = "x86_64"
    frameworks: Mapping[str, str | None] = field(default_factory=dict, repr=False, hash=False)
    retired: str | None = None
    cuda: str | None = None
    inference_ami: str | None = None
    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    has_python: bool = True
    public_uri: str | None = None

    @property
    def name(self) -> str:
        """The part of the URI that is the same everywhere: ``sagemaker-xgboost:3.2-0``."""
        return f"{self.repository}:{self.tag}"

    def uri(self, region: str) -> str:
        """The image's URI in a region.

        Raises:
            UnknownRegion: AWS does not offer the image there, or there is no such region.
        """
        suffix = dns_suffix(region)
        if region not in self.accounts:
            near = neighbours(region, self.accounts)
            raise UnknownRegion(
                f"AWS does not offer the image {self.name} in {region!r}.",
                remedy=f"Deploy to {near}, or copy the image into a registry of your own."
                if near
                else "Copy the image into a registry of your own, and name that by its URI.",
            )
        return f"{self.accounts[region]}.dkr.ecr.{region}.{suffix}/{self.name}"


@cache
def frameworks() -> tuple[str, ...]:
    """The frameworks that have a table."""
    tables = resources.files(__package__).joinpath("tables").iterdir()
    return tuple(sorted(table.name.removesuffix(".json") for table in tables if table.name.endswith(".json")))


def images_of_server(server: str) -> tuple[ContainerImage, ...]:
    """All images of a model server, newest first.

    Raises:
        UnknownFramework: AWS has no image with it.
    """
    found = tuple(image for name in frameworks() for image in images_for(name) if image.model_server == server)
    if not found:
        raise UnknownFramework(
            f"AWS offers no image with the model server {server!r} that this catalogue knows.",
            remedy="Use the model server 'builtin', or name an image of your own by its URI.",
        )
    return found


@cache
def images_for(framework: str) -> tuple[ContainerImage, ...]:
    """All images of a framework, newest first.

    Raises:
        UnknownFramework: The catalogue has no table for it.
    """
    if framework not in frameworks():
        raise UnknownFramework(
            f"AWS offers no image for the framework {framework!r} that this catalogue knows.",
            remedy=f"Use one of {', '.join(frameworks())}, or name an image of your own by its URI.",
        )
    text = resources.files(__package__).joinpath("tables", f"{framework}.json").read_text(encoding="utf-8")
    table: dict[str, Any] = loads(text)
    return tuple(_image(table, row) for row in table["images"])


def _image(table: Mapping[str, Any], row: Mapping[str, Any]) -> ContainerImage:
    end_of_patch = row["end_of_patch"]
    return ContainerImage(
        framework=table["framework"],
        distribution=table["distribution"],
        version=row["version"],
        framework_version=row["framework_version"],
        repository=row["repository"],
        tag=row["tag"],
        processor=row["processor"],
        python=row["python"],
        accounts=accounts(row["registry"]),
        end_of_patch=None if end_of_patch is None else dt.date.fromisoformat(end_of_patch),
        provides=MappingProxyType(row["provides"]),
        model_server=table["framework"],
        frameworks=MappingProxyType({table["framework"]: row["framework_version"]}),
    )
