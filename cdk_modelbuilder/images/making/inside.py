"""Which frameworks' models an image runs as it is, and the versions inside."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cdk_modelbuilder.images.framework_names import distribution_of
from cdk_modelbuilder.images.making.families import Offered, base_version

_FRAMEWORKS = {
    "diffusers": "diffusers",
    "keras": "keras",
    "onnxruntime": "onnx",
    "scikit-learn": "sklearn",
    "tensorflow": "tensorflow",
    "torch": "pytorch",
    "transformers": "transformers",
    "xgboost": "xgboost",
}
# In these the server runs whatever its Python can import; in the others the packages serve the server itself.
_PYTHON_HOSTS = frozenset({"djl_serving", "mms", "ray", "smd", "triton"})


def frameworks_inside(image: Offered, version: str, provides: Mapping[str, str]) -> dict[str, str | None]:
    """Framework -> version inside; None where no source states it."""
    found: dict[str, str | None] = {image.family.framework: version}
    if image.family.server in _PYTHON_HOSTS:
        found |= {_FRAMEWORKS[name]: provides[name] for name in provides if name in _FRAMEWORKS}
    if image.base:
        found |= dict([base_version(image.base)])
    in_tag = re.search(r"transformers(\d+\.\d+\.\d+)", image.tag)
    for name in _served_besides(image):
        found.setdefault(name, in_tag[1] if in_tag and name == "transformers" else None)
    return found


def provided(image: Offered, frameworks: Mapping[str, str | None]) -> dict[str, str]:
    """Distribution -> version of the frameworks that are there as Python packages, and not as compiled libraries."""
    if image.family.server in ("tei", "tensorflow_serving", "tgi", "triton"):
        return {}
    there = {distribution_of(name): version for name, version in frameworks.items() if version is not None}
    return {name: version for name, version in there.items() if name not in ("djl", "smd")}


def _served_besides(image: Offered) -> tuple[str, ...]:
    if image.family.server == "triton":
        return ("onnx",)  # by its own backend; other models run in its Python, which has none of their packages
    if image.family.server == "djl_serving":
        return () if "cpu" in image.tag else ("transformers",)
    if image.family.server in ("vllm", "sglang", "tgi"):
        return ("transformers",)
    if image.family.server == "tei":
        return ("sentence-transformers", "transformers")
    return ()
