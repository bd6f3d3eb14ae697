"""Families of images: which file of sagemaker-core lists them, which server they hold, and how their tags are made.

The rules for tags are those of ``sagemaker.core.image_uris.retrieve`` (sagemaker-core 2.27.0), against whose answers
the tables are tested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.version import Version

Config = Mapping[str, Any]
PROCESSORS = {"cpu": "cpu", "gpu": "gpu", "inf": "neuron", "inf2": "neuron", "neuronx": "neuron"}


@dataclass(frozen=True, slots=True)
class Family:
    """Images that one file lists.

    Attributes:
        server: The model server inside.
        framework: What their main version is a version of.
        config: The file's name: ``image_uri_config/<config>.json``.
        scope: The part of the file.
        hardware: The processor of images whose tags name none.
        tool: What stands in the tag where others have the processor.
        architecture: Of the processor.
    """

    server: str
    framework: str
    config: str
    scope: str = "inference"
    hardware: str = "cpu"
    tool: str = ""
    architecture: str = "x86_64"


@dataclass(frozen=True, slots=True)
class Offered:
    """One image, as the file lists it.

    Attributes:
        family: Its family.
        version: AWS's version of it.
        base: What a Hugging Face image is built on, such as ``"pytorch2.6.0"``; else empty.
        repository: Its repository.
        tag: Its tag.
        processor: ``"cpu"``, ``"gpu"`` or ``"neuron"``.
        python: Its Python as the tag has it, such as ``"py312"``; None without.
        accounts: Region -> account of its registry.
    """

    family: Family
    version: str
    base: str
    repository: str
    tag: str
    processor: str
    python: str | None
    accounts: Mapping[str, str] = field(repr=False)


# In a server's table, what stands higher here comes first among images of the same version.
FAMILIES = (
    Family("sklearn", "sklearn", "sklearn"),
    Family("sklearn", "sklearn", "sklearn", scope="inference_graviton", architecture="arm64"),
    Family("xgboost", "xgboost", "xgboost"),
    Family("xgboost", "xgboost", "xgboost", scope="inference_graviton", architecture="arm64"),
    Family("torchserve", "pytorch", "pytorch"),
    Family("torchserve", "pytorch", "pytorch", scope="inference_graviton", architecture="arm64"),
    Family("mms", "transformers", "huggingface"),
    Family("mms", "transformers", "huggingface-neuronx", tool="neuronx"),
    Family("mms", "transformers", "huggingface-neuron", tool="neuron"),
    Family("tensorflow_serving", "tensorflow", "tensorflow"),
    Family("tensorflow_serving", "tensorflow", "tensorflow", scope="inference_graviton", architecture="arm64"),
    Family("triton", "triton", "sagemaker-tritonserver"),
    Family("djl_serving", "djl", "djl-lmi", hardware="gpu"),
    Family("djl_serving", "djl", "djl-tensorrtllm", hardware="gpu"),
    Family("djl_serving", "djl", "djl-neuronx", hardware="neuron"),
    Family("vllm", "vllm", "vllm-server"),
    Family("vllm", "vllm", "vllm"),
    Family("vllm", "vllm", "huggingface-vllm"),
    Family("vllm", "vllm", "huggingface-vllm-neuronx"),
    Family("sglang", "sglang", "sglang-server"),
    Family("sglang", "sglang", "sglang"),
    Family("sglang", "sglang", "huggingface-sglang"),
    Family("tgi", "tgi", "huggingface-llm"),
    Family("tgi", "tgi", "huggingface-llm-neuronx", tool="neuronx"),
    Family("tei", "tei", "huggingface-tei"),
    Family("tei", "tei", "huggingface-tei-cpu"),
    Family("ray", "ray", "ray-serve"),
    Family("smd", "smd", "sagemaker-distribution"),
)


def offered(family: Family, config: Config) -> Iterator[Offered]:
    """Every image that a file lists for a family."""
    part = config.get(family.scope, config if family.scope == "inference" else {})
    for version, row in part.get("versions", {}).items():
        nested = {base: entry for base, entry in row.items() if isinstance(entry, dict) and "registries" in entry}
        for base, entry in (nested or {"": row}).items():
            for processor in part.get("processors") or entry.get("processors") or [""]:
                for python in entry.get("py_versions") or [None]:
                    yield Offered(
                        family=family,
                        version=version,
                        base=base,
                        repository=entry["repository"],
                        tag=_tag(family, entry, _prefix(family, version, base, entry), processor, python),
                        processor=PROCESSORS.get(processor, family.hardware),
                        python=python,
                        accounts=entry["registries"],
                    )


def _prefix(family: Family, version: str, base: str, entry: Config) -> str:
    if base:
        return f"{base.removeprefix('pytorch').removeprefix('tensorflow')}-transformers{version}"
    if family.config in ("sklearn", "xgboost") and family.architecture == "arm64":
        return f"{version}-arm64"
    return str(entry.get("tag_prefix", version))


def _tag(family: Family, entry: Config, prefix: str, processor: str, python: str | None) -> str:
    container = entry.get("container_version", {}).get(processor, "")
    if "sdk_versions" in entry:
        container = f"{max(entry['sdk_versions'])}-{container}"
    if entry["repository"].endswith(("-inference-graviton", "-inference-arm64")):
        container += "-sagemaker"
    middle = family.tool or processor
    if not entry.get("processor_in_tag", True) or (family.server == "triton" and processor == "gpu"):
        middle = ""
    if family.server == "triton":
        return "-".join(part for part in (prefix, middle) if part)
    return "-".join(part for part in (prefix, middle, python, container) if part)


def minor_python(tag: str | None) -> str | None:
    """``"3.12"`` of ``"py312"``; None of ``"py3"``, which says nothing."""
    digits = (tag or "").removeprefix("py")
    return f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else None


def base_version(base: str) -> tuple[str, str]:
    """``("pytorch", "2.6.0")`` of ``"pytorch2.6.0"``."""
    name = "pytorch" if base.startswith("pytorch") else "tensorflow"
    return name, str(Version(base.removeprefix(name)))
