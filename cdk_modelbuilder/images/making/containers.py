"""What aws/deep-learning-containers says of images: its documentation's list, its support policy, its recipes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from packaging.version import Version

from cdk_modelbuilder.images.making.build_files import Start, flat_yaml, listed, locked, pinned, start_of
from cdk_modelbuilder.images.making.sources import Clone, SourceError

_PROCESSORS = {"cpu": "cpu", "gpu": "gpu", "neuronx": "neuron"}


@dataclass(frozen=True)
class Listed:
    """An image in the list that AWS publishes.

    Attributes:
        repository: Its repository.
        tags: All its tags, the first one first.
        facts: The fields of the list: ``version``, ``python``, ``cuda``, ``eop``, ``engine``, ``public_registry``, ...
        path: The file of the clone.
    """

    repository: str
    tags: tuple[str, ...]
    facts: Mapping[str, str]
    path: str

    @property
    def processor(self) -> str:
        """The processor as the tables name it."""
        return _PROCESSORS.get(self.facts["accelerator"], "cpu")


@dataclass(frozen=True)
class Recipe:
    """How an image is built today.

    Attributes:
        version: Version of the framework.
        python: Minor version.
        cuda: CUDA version, or None.
        start: How the container starts.
        provides: Distribution -> version, as the lock file or the requirements pin them.
        folder: Of the Dockerfile.
    """

    version: str
    python: str
    cuda: str | None
    start: Start
    provides: Mapping[str, str] = field(repr=False)
    folder: str


class Containers:
    """The clone, indexed by images."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone

    @cached_property
    def listed(self) -> Mapping[tuple[str, str], Listed]:
        """(repository, tag) -> the published list's entry."""
        found: dict[tuple[str, str], Listed] = {}
        for path in self.clone.files("docs/src/data/"):
            text = self.clone.read(path)
            facts = flat_yaml(text)
            if facts.get("platform") != "sagemaker":
                continue
            repository = facts.get("ecr_repository") or path.split("/")[3]
            entry = Listed(repository, tuple(listed(text, "tags")), facts, path)
            found |= {(repository, tag): entry for tag in entry.tags}
        return found

    @cached_property
    def recipes(self) -> Mapping[tuple[str, str], Recipe]:
        """(repository, tag or version) -> how it is built; under each name that its recipe gives rise to."""
        found: dict[tuple[str, str], Recipe] = {}
        for path in self.clone.files(".github/config/image/"):
            facts = flat_yaml(self.clone.read(path))
            if facts.get("customer_type", "sagemaker") != "sagemaker" or "prod_image" not in facts:
                continue
            repository, _, tag = facts["prod_image"].partition(":")
            recipe = self._recipe(facts)
            if recipe is None:
                continue
            minor = facts.get("dlc_minor_version")
            release = re.sub(r"-v\d+$", "", tag) + f"-v{facts.get('dlc_major_version')}.{minor}"
            names = [tag, tag.removesuffix("-cpu-py3")]
            if tag[0].isdigit():  # tags such as "server-..." and "omni-..." are other images of the same version
                names.append(f"{recipe.version} {facts.get('device_type', 'cpu')}")
            for name in names:
                found.setdefault((repository, name), recipe)
            if minor is not None:
                found[repository, release] = recipe
        return found

    @cached_property
    def listed_by_version(self) -> Mapping[tuple[str, str, str], Listed]:
        """(repository, minor version, processor) -> the published list's entry."""
        return {(one.repository, one.facts["version"], one.processor): one for one in self.listed.values()}

    def end_of_support(self, group: str) -> Mapping[str, str]:
        """Minor version -> end of patch, of the older versions of ``pytorch`` or ``tensorflow``."""
        text = self.clone.read("docs/src/legacy/legacy_support.yml")
        _, _, block = f"\n{text}".partition(f"\n{group}:\n")
        block = re.split(r"\n(?=[a-z])", block)[0]
        return dict(re.findall(r'version: "([^"]+)"\s+ga: "[^"]+"\s+eop: "([^"]+)"', block))

    def accounts(self, heading: str) -> Mapping[str, str]:
        """Region -> account below a heading of the page of regions."""
        page = self.clone.read("docs/reference/region_availability.md")
        return dict(re.findall(r"\| ([a-z0-9-]+) \| (\d{12}) \|", page.partition(heading)[2].partition("\n## ")[0]))

    def _recipe(self, facts: Mapping[str, str]) -> Recipe | None:
        folder = str(PurePosixPath(facts["dockerfile"]).parent)
        if facts["dockerfile"] not in self.clone.paths:
            return None
        dockerfile = self.clone.read(facts["dockerfile"])
        python = ".".join(facts["python_version"].split(".")[:2])
        return Recipe(
            version=str(Version(facts["framework_version"]).public),
            python=python,
            cuda=facts.get("cuda_version"),
            start=start_of(dockerfile, facts.get("target", "")),
            provides=self._provides(folder, dockerfile, python, facts.get("device_type", "cpu")),
            folder=folder,
        )

    def _provides(self, folder: str, dockerfile: str, python: str, device: str) -> dict[str, str]:
        device = {"gpu": "cuda"}.get(device, device)
        for path in (f"{folder}/uv.lock", f"{folder}/{device}/uv.lock"):
            if path in self.clone.paths:
                return locked(self.clone.read(path), python)
        if f"{folder}/requirements.txt" not in self.clone.paths:
            return {}
        provides = pinned(self.clone.read(f"{folder}/requirements.txt"))
        if arrow := re.search(r"^ARG PYARROW_VERSION=(\S+)$", dockerfile, re.MULTILINE):
            provides["pyarrow"] = arrow[1]
        return provides


def check_accounts(ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
    """Raise SourceError if two sources give a region different accounts."""
    for region, account in theirs.items():
        if ours.get(region, account) != account:
            raise SourceError(
                f"{region}: sagemaker-core says {ours[region]}, deep-learning-containers {account}.",
                remedy="Find out which one is right, and use a version of that source in which both agree.",
            )


def cuda_version(text: Any) -> str | None:
    """``"13.0"`` of ``"cu130"`` or ``"13.0.2"``; None of nothing."""
    if not text:
        return None
    short = re.search(r"cu(\d+)(\d)(?!\d)", str(text))
    return f"{short[1]}.{short[2]}" if short else ".".join(str(text).split(".")[:2])
