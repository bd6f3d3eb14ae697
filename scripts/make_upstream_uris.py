"""Ask the SageMaker SDK's own look-up for every image in every region, and write its answers down for the tests.

Example:
    python -m venv /tmp/sdk && /tmp/sdk/bin/pip install sagemaker-core==2.27.0
    /tmp/sdk/bin/python scripts/make_upstream_uris.py > tests/images/upstream_uris.json

It imports nothing of this project: the answers are what the catalogue is held against. Each combination of version,
Python, base framework and processor that the SDK's tables allow is asked for; what the look-up refuses is no answer.
The hosts of a registry (one a region) are written once, as most images share them.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from itertools import product
from typing import Any

from sagemaker.core import image_uris  # type: ignore[import-not-found]

FRAMEWORKS = (
    *("sklearn", "xgboost", "pytorch", "tensorflow", "huggingface", "sagemaker-tritonserver", "ray-serve"),
    *(
        "djl-lmi",
        "djl-tensorrtllm",
        "djl-neuronx",
        "vllm",
        "vllm-server",
        "huggingface-vllm",
        "huggingface-vllm-neuronx",
    ),
    *("sglang", "sglang-server", "huggingface-sglang", "huggingface-llm", "huggingface-llm-neuronx", "huggingface-tei"),
    *("huggingface-tei-cpu", "sagemaker-distribution"),
)
# One instance type of each kind; the SDK's tables name "neuronx" as a family of its own.
INSTANCES = {"cpu": "ml.m5.xlarge", "gpu": "ml.g5.xlarge", "inf": "ml.inf2.xlarge", "neuronx": "ml.neuronx.xlarge"}
INSTANCES["inf2"] = INSTANCES["inf"]
GRAVITON = "ml.c7g.xlarge"
TOOLS = {"huggingface-neuronx": "neuronx", "huggingface-neuron": "neuron", "huggingface-llm-neuronx": "neuronx"}

Json = dict[str, Any]


def questions(framework: str) -> Iterator[tuple[Json, list[str]]]:
    """Arguments of the look-up, and the regions to ask for."""
    names = [framework, "huggingface-neuronx", "huggingface-neuron"] if framework == "huggingface" else [framework]
    for name in names:
        config = image_uris.config_for_framework(name)
        for scope in ("inference", "inference_graviton"):
            part = config.get(scope, config if scope == "inference" else None)
            if part is not None:
                for version_, row in part["versions"].items():
                    asked = {"framework": framework, "version": version_, "image_scope": scope}
                    yield from of_row(asked, name, part, row)


def of_row(question: Json, name: str, part: Json, row: Json) -> Iterator[tuple[Json, list[str]]]:
    bases = {key: entry for key, entry in row.items() if isinstance(entry, dict) and "registries" in entry}
    for base, entry in (bases or {None: row}).items():
        processors = part.get("processors") or entry.get("processors") or ["gpu"]
        for processor, python in product(processors, entry.get("py_versions") or [None]):
            instance = GRAVITON if question["image_scope"] == "inference_graviton" else INSTANCES[processor]
            asked = question | {"py_version": python, "instance_type": instance, "base_framework_version": base}
            asked["inference_tool"] = TOOLS.get(name)
            yield {key: value for key, value in asked.items() if value is not None}, sorted(entry["registries"])


def main() -> None:
    """Write the answers to standard output."""
    logging.disable(logging.CRITICAL)
    # Both read files at every question otherwise: minutes in all.
    image_uris.utils._botocore_resolver = cache(image_uris.utils._botocore_resolver)  # noqa: SLF001
    image_uris.config_for_framework = cache(image_uris.config_for_framework)
    hosts: dict[str, Json] = {}
    images: Json = {}
    for framework in FRAMEWORKS:
        for asked, regions in questions(framework):
            names, answers = set(), {}
            for region in regions:
                host, _, image = image_uris.retrieve(region=region, **asked).partition("/")
                answers[region] = host
                names.add(image)
            (name,) = names  # an image has the same name everywhere
            key = next((key for key, known in hosts.items() if known == answers), f"{len(hosts) + 1:02}")
            hosts[key] = answers
            assert images.setdefault(name, key) == key, f"two registries for {name}"
    made_by = f"scripts/make_upstream_uris.py with sagemaker-core {version('sagemaker-core')}"
    lines = [f'"made_by": {json.dumps(made_by)}']
    lines += [f'"hosts": {{\n  {block(hosts)}\n }}', f'"images": {{\n  {block(dict(sorted(images.items())))}\n }}']
    sys.stdout.write("{\n " + ",\n ".join(lines) + "\n}\n")


def block(rows: Json) -> str:
    """One entry a line."""
    return ",\n  ".join(f"{json.dumps(key)}: {json.dumps(value, sort_keys=True)}" for key, value in rows.items())


if __name__ == "__main__":
    main()
