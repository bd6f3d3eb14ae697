"""The rows of the catalogue: AWS's container images, and what is known about each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cdk_modelbuilder.images.errors import UnknownFramework, UnknownRegion
from cdk_modelbuilder.images.framework_names import canonical_framework, distribution_of, own_servers
from cdk_modelbuilder.images.regions import accounts, dns_suffix, neighbours
from cdk_modelbuilder.images.table_files import folder, read_table


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """One of AWS's images.

    Attributes:
        framework: What the image's main version is a version of: ``"xgboost"``, ``"pytorch"``, ``"ray"``, ``"triton"``.
        distribution: Name of that framework's distribution: ``"xgboost"``, ``"scikit-learn"``.
        version: AWS's name for the image: ``"3.2-0"``. No PEP 440 version, whatever it looks like: ``packaging`` takes
            it for a post-release of 3.2, and refuses ``"1.4-2-py312"``. Compare ``framework_version`` instead.
        framework_version: Its version inside: ``"3.2.0"``.
        repository: ``"sagemaker-xgboost"``.
        tag: ``"3.2-0"``. AWS rebuilds a tag in place to patch it, so it does not pin the image's content.
        processor: ``"cpu"``, ``"gpu"`` or ``"neuron"`` (Inferentia, Trainium).
        python: Minor version of the Python inside: ``"3.12"``.
        accounts: Region -> account that owns the registry there.
        end_of_patch: Last day with security patches; None where AWS names none.
        provides: Distribution -> version inside, as the image's build files pin them. Incomplete: a name that is
            missing may be inside or not.
        model_server: The server inside, as :class:`~cdk_modelbuilder.servers.ModelServer` names it.
        architecture: ``"x86_64"``, or ``"arm64"`` for Graviton.
        frameworks: Framework -> version inside, for every framework whose models the image runs as it is; None for a
            version that no source states.
        retired: Why nothing new should run on it and what to use instead; None for an image that is alive, as of the
            table's date.
        cuda: ``"12.4"``; None without CUDA or where no source states it.
        inference_ami: ``InferenceAmiVersion`` that a production variant needs for it; None for the default.
        entry_point: The image's ENTRYPOINT; None where no source states one.
        command: The image's CMD; None where no source states one. SageMaker replaces it by ``serve``.
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
    model_server: str
    architecture: str
    frameworks: Mapping[str, str | None] = field(repr=False, hash=False)
    retired: str | None
    cuda: str | None
    inference_ami: str | None
    entry_point: tuple[str, ...] | None
    command: tuple[str, ...] | None
    has_python: bool
    public_uri: str | None

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


def table_date() -> dt.date:
    """The day that the tables describe: what has ended since then is not yet marked as retired."""
    return dt.date.fromisoformat(read_table("index.json")["as_of"])


def servers() -> tuple[str, ...]:
    """The model servers that AWS has images of."""
    return tuple(sorted(read_table("index.json")["servers"]))


def frameworks() -> tuple[str, ...]:
    """The frameworks whose models some image runs as it is."""
    held: dict[str, list[str]] = read_table("index.json")["servers"]
    return tuple(sorted({name for names in held.values() for name in names}))


def images_of_server(server: str) -> tuple[ContainerImage, ...]:
    """All images of a model server, newest first.

    Raises:
        UnknownFramework: AWS has no image with it.
    """
    if server not in servers():
        raise UnknownFramework(
            f"AWS offers no image with the model server {server!r} that this catalogue knows.",
            remedy=f"Use one of {', '.join(servers())}, the model server 'builtin', or name an image of your own by "
            "its URI.",
        )
    return _images(folder(), server)


def images_for(framework: str) -> tuple[ContainerImage, ...]:
    """All images that run models of a framework as they are: those made for it first, and newest first in each server.

    Raises:
        UnknownFramework: No image holds it.
    """
    name, found = canonical_framework(framework), holders(framework)
    if not found:
        raise UnknownFramework(
            f"AWS offers no image for the framework {framework!r} that this catalogue knows.",
            remedy=f"Use one of {', '.join(frameworks())}, or name an image of your own by its URI.",
        )
    return tuple(image for server in found for image in images_of_server(server) if name in image.frameworks)


def holders(framework: str) -> tuple[str, ...]:
    """The model servers with images that hold a framework, those made for it first; empty where there are none."""
    name = canonical_framework(framework)
    held: dict[str, list[str]] = read_table("index.json")["servers"]
    found = sorted(server for server, names in held.items() if name in names)
    return tuple(dict.fromkeys([*(server for server in own_servers(name) if server in found), *found]))


@cache
def _images(_: Path, server: str) -> tuple[ContainerImage, ...]:
    table = read_table(f"tables/{server}.json")
    return tuple(_image(server, row, table["provides"]) for row in table["images"])


def _image(server: str, row: Mapping[str, Any], provides: Mapping[str, Mapping[str, str]]) -> ContainerImage:
    end_of_patch = row.get("end_of_patch")
    return ContainerImage(
        framework=row["framework"],
        distribution=distribution_of(row["framework"]),
        version=row["version"],
        framework_version=row["framework_version"],
        repository=row["repository"],
        tag=row["tag"],
        processor=row["processor"],
        python=row["python"],
        accounts=accounts(row["registry"]),
        end_of_patch=None if end_of_patch is None else dt.date.fromisoformat(end_of_patch),
        provides=MappingProxyType(provides.get(f"{row['repository']}:{row['tag']}", {})),
        model_server=server,
        architecture=row.get("architecture", "x86_64"),
        frameworks=MappingProxyType(row["frameworks"]),
        retired=row.get("retired"),
        cuda=row.get("cuda"),
        inference_ami=row.get("inference_ami"),
        entry_point=_words(row.get("entry_point")),
        command=_words(row.get("command")),
        has_python=row.get("has_python", True),
        public_uri=row.get("public_uri"),
    )


def _words(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)
