"""One row of a table: what sagemaker-core lists, joined with what the other sources know of that image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from cdk_modelbuilder.images.making.containers import Containers, Listed, Recipe, cuda_version
from cdk_modelbuilder.images.making.families import Offered, minor_python
from cdk_modelbuilder.images.making.inside import frameworks_inside, provided

Json = dict[str, Any]
POLICY = ("pytorch-inference", "tensorflow-inference")  # AWS's support policy dates these
_OLDEST_PYTHON = (3, 8)  # what the verifier runs on


class LeftOutError(Exception):
    """An image that gets no row; its text is the reason."""


class Joiner:
    """The other sources, asked about one image after the other."""

    def __init__(self, containers: Containers, facts: Mapping[str, Any]) -> None:
        self.containers = containers
        self.facts = facts

    def row(self, image: Offered) -> Json:
        """The row of an image, without its registry.

        Raises:
            LeftOutError: It is left out on purpose, is too old, or too little is known.
        """
        name, short = f"{image.repository}:{image.tag}", f"{image.repository}:{image.version}"
        if reason := self.facts["left_out"].get(short) or self.facts["left_out"].get(name):
            raise LeftOutError(reason)
        own: Json = self.facts["image"].get(short) or self.facts["image"].get(name) or {}
        shelf: Json = self.facts["repository"].get(image.repository, {})
        listed = self._listed(image)
        recipe = self._recipe(image, listed)
        version = self._framework_version(image, own, listed, recipe)
        python = self._python(image, own, shelf, listed, recipe)
        provides = dict(recipe.provides if recipe else own.get("provides", {}))
        frameworks = frameworks_inside(image, version, provides)
        if onnxruntime := _by_version(shelf, "onnxruntime", image):
            frameworks["onnx"] = onnxruntime
        return {
            "architecture": image.family.architecture,
            "cuda": self._cuda(image, own, shelf, listed, recipe),
            "end_of_patch": self._end_of_patch(image, version, listed),
            "facts_from": self._origin(image, own, shelf, listed, recipe),
            "framework": image.family.framework,
            "framework_version": version,
            "frameworks": frameworks,
            "processor": image.processor,
            "provides": provided(image, frameworks) | provides,
            "public_uri": _public_uri(image, listed),
            "python": python,
            "repository": image.repository,
            "tag": image.tag,
            "version": image.version,
        } | self._start(own, shelf, recipe)

    def _listed(self, image: Offered) -> Listed | None:
        found = self.containers.listed
        exact = found.get((image.repository, image.tag)) or found.get((image.repository, image.version))
        if exact is None and image.repository.startswith(POLICY):  # listed under longer tags for the same images
            return self.containers.listed_by_version.get((image.repository, _minor(image.version), image.processor))
        return exact

    def _recipe(self, image: Offered, listed: Listed | None) -> Recipe | None:
        found = self.containers.recipes
        version = listed.facts["version"] if listed else image.version
        for key in (image.tag, image.version, f"{version} {image.processor}"):
            if recipe := found.get((image.repository, key)):
                return recipe
        return None

    @staticmethod
    def _framework_version(image: Offered, own: Json, listed: Listed | None, recipe: Recipe | None) -> str:
        if image.family.framework in ("djl", "transformers", "tgi", "tei", "triton"):
            return image.version
        if image.family.config == "huggingface-vllm-neuronx":  # AWS's version is that of optimum-neuron
            return image.tag.split("-")[0]
        found = own.get("framework_version") or (recipe.version if recipe else None)
        if found is None and image.family.config.endswith("-server") and listed:
            found = Version(listed.facts["version"]).public
        if found is None and image.family.config not in (
            "sklearn",
            "xgboost",
            "ray-serve",
            "vllm-server",
            "sglang-server",
        ):
            found = image.version
        try:
            return str(Version(found or ""))
        except InvalidVersion:
            raise LeftOutError(f"no source says which {image.family.framework} is inside") from None

    @staticmethod
    def _python(image: Offered, own: Json, shelf: Json, listed: Listed | None, recipe: Recipe | None) -> str:
        found = (
            minor_python(image.python)
            or own.get("python")
            or (recipe.python if recipe else None)
            or _by_version(shelf, "python", image)
            or (minor_python(listed.facts.get("python")) if listed else None)
        )
        if found is None:
            raise LeftOutError("no source states its Python")
        if tuple(map(int, found.split("."))) < _OLDEST_PYTHON:
            raise LeftOutError(f"Python {found}")
        return str(found)

    @staticmethod
    def _cuda(image: Offered, own: Json, shelf: Json, listed: Listed | None, recipe: Recipe | None) -> str | None:
        if image.processor != "gpu":
            return None
        in_tag = next((part for part in image.tag.split("-") if part.startswith("cu") and part[2:].isdigit()), None)
        stated = (listed.facts.get("cuda") if listed else None) or (recipe.cuda if recipe else None)
        return cuda_version(in_tag or own.get("cuda") or stated or _by_version(shelf, "cuda", image))

    def _end_of_patch(self, image: Offered, version: str, listed: Listed | None) -> str | None:
        if listed and "eop" in listed.facts:
            return listed.facts["eop"]
        if image.repository.startswith(POLICY) and image.processor != "neuron":
            return self.containers.end_of_support(image.family.framework).get(_minor(version))
        return None

    @staticmethod
    def _origin(image: Offered, own: Json, shelf: Json, listed: Listed | None, recipe: Recipe | None) -> str:
        if recipe:
            return f"aws/deep-learning-containers, {recipe.folder}"
        if own:
            return str(own["source"])
        if listed:
            return f"aws/deep-learning-containers, {listed.path}"
        return str(shelf.get("source", f"sagemaker-core, {image.family.config}.json"))

    @staticmethod
    def _start(own: Json, shelf: Json, recipe: Recipe | None) -> Json:
        entry_point, command = own.get("entry_point", shelf.get("entry_point")), shelf.get("command")
        if recipe and (recipe.start.entry_point or recipe.start.command):
            entry_point, command = recipe.start.entry_point, recipe.start.command
        return {
            "command": None if command is None else list(command),
            "entry_point": None if entry_point is None else list(entry_point),
            "has_python": shelf.get("has_python", True),
        }


def _by_version(shelf: Json, fact: str, image: Offered) -> str | None:
    """A fact that holds for a minor version, or for one kind of image of it."""
    minor = _minor(image.version) if image.family.framework != "triton" else image.version
    kind = next((kind for kind in ("lmi", "tensorrtllm", "neuronx", "cpu") if kind in image.tag), "")
    table: dict[str, str] = shelf.get(fact, {})
    return table.get(f"{minor} {kind}") or table.get(minor)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _public_uri(image: Offered, listed: Listed | None) -> str | None:
    if listed and listed.facts.get("public_registry") == "true" and image.tag in listed.tags:
        return f"public.ecr.aws/deep-learning-containers/{image.repository}:{image.tag}"
    return None


def documented(containers: Containers, repository: str, only: str) -> list[Listed]:
    """The images of a repository that the published list has, once each."""
    unique = {one.path: one for one in containers.listed.values() if one.repository == repository}
    return [one for _, one in sorted(unique.items()) if only in one.tags[0]]
