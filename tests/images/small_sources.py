"""Small made-up sources of the tables: a clone and two wheels with a few images of each family."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

REGISTRY = {"us-east-1": "111122223333", "cn-north-1": "444455556666"}
ALGORITHMS = {"us-east-1": "777788889999"}
LOCK = """
[[package]]
name = "dlc"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "Dask_Thing", extra = ["big"] }, { name = "winonly", marker = "sys_platform == 'win32'" }]
[[package]]
name = "Dask_Thing"
version = "2.0"
source = { registry = "x" }
optional-dependencies = { big = [{ name = "extra", version = "3.0" }], other = [{ name = "unwanted" }] }
[[package]]
name = "extra"
version = "2.9"
source = { registry = "x" }
[[package]]
name = "extra"
version = "3.0"
source = { registry = "x" }
[[package]]
name = "unwanted"
version = "4.0"
source = { registry = "x" }
[[package]]
name = "winonly"
version = "5.0"
source = { registry = "x" }
"""


def row(repository: str, accounts: dict[str, str] = REGISTRY, **fields: Any) -> dict[str, Any]:
    return {"repository": repository, "registries": accounts} | fields


def configs() -> dict[str, Any]:
    """File -> content of sagemaker-core's ``image_uri_config``."""
    skl = {"processors": ["cpu"], "py_versions": ["py3"]}
    both = ["cpu", "gpu"]
    server = {"processor_in_tag": False, "tag_prefix": "server-sagemaker", "processors": ["gpu"]}
    ray = server | {"tag_prefix": "serve-ml-sagemaker", "processors": both}
    py312 = {"py_versions": ["py312"]}

    def inference(versions: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"inference": {"versions": versions} | more}

    return {
        "sklearn": inference({name: row("sagemaker-scikit-learn", ALGORITHMS, **skl) for name in ("1.9-0", "1.2-1")}),
        "xgboost": inference(
            {
                "3.2-0": row("sagemaker-xgboost", ALGORITHMS),
                "1.7-1": row("sagemaker-xgboost", ALGORITHMS),
                "1.3-1": row("sagemaker-xgboost", ALGORITHMS),
                "9.9-9": row("sagemaker-xgboost", ALGORITHMS),
            }
        )
        | {"inference_graviton": {"versions": {"1.5-1": row("sagemaker-xgboost", ALGORITHMS)}}},
        "pytorch": inference(
            {
                "2.6.0": row("pytorch-inference", **py312),
                "2.5.1": row("pytorch-inference", py_versions=["py311"]),
                "1.12.1": row("pytorch-inference", py_versions=["py38"]),
                "1.7.1": row("pytorch-inference", py_versions=["py3", "py36"]),
            },
            processors=both,
        )
        | {
            "inference_graviton": {
                "processors": ["cpu"],
                "versions": {
                    "2.6.0": row("pytorch-inference-arm64", container_version={"cpu": "ubuntu22.04"}, **py312)
                },
            }
        },
        "tensorflow": inference({"2.19.0": row("tensorflow-inference")}, processors=both),
        "huggingface": inference(
            {
                "5.5.3": {
                    "version_aliases": {},
                    "pytorch2.6.0": row(
                        "huggingface-pytorch-inference",
                        container_version={"cpu": "ubuntu22.04", "gpu": "cu124-ubuntu22.04"},
                        **py312,
                    ),
                }
            },
            processors=["gpu", "cpu"],
        ),
        "huggingface-neuronx": inference(
            {
                "4.55.4": {
                    "pytorch2.8.0": row(
                        "huggingface-pytorch-inference-neuronx",
                        container_version={"inf": "ubuntu22.04"},
                        sdk_versions=["sdk2.26.0", "sdk2.24.1"],
                        py_versions=["py310"],
                    )
                }
            },
            processors=["inf"],
        ),
        "huggingface-neuron": inference({}),
        "sagemaker-tritonserver": {
            "processors": both,
            "versions": {"26.05": row("sagemaker-tritonserver", tag_prefix="26.05-py3")},
        },
        "djl-lmi": {
            "versions": {
                "0.36.0": row("djl-inference", tag_prefix="0.36.0-lmi27.0.0-cu130"),
                "0.99.0": row("djl-inference", tag_prefix="0.99.0-lmi99.0.0-cu140"),
            }
        },
        "djl-tensorrtllm": {"versions": {}},
        "djl-neuronx": {"versions": {}},
        "vllm-server": {
            "versions": {
                "2": row("vllm", container_version={"gpu": "cuda-v2"}, **server),
                "2.3": row("vllm", container_version={"gpu": "cuda-v2.3"}, **server),
                "2.9": row("vllm", container_version={"gpu": "cuda-v2.9"}, **server),
            }
        },
        "vllm": {"versions": {}},
        "huggingface-vllm": inference({}),
        "huggingface-vllm-neuronx": inference({}),
        "sglang-server": {"versions": {}},
        "sglang": inference(
            {"0.5.20": row("sglang", container_version={"gpu": "cu130-x"}, **py312)}, processors=["gpu"]
        ),
        "huggingface-sglang": inference({}),
        "huggingface-llm": inference(
            {"3.3.6": row("huggingface-pytorch-tgi-inference", tag_prefix="2.7.0-tgi3.3.6", **py312)},
            processors=["gpu"],
        ),
        "huggingface-llm-neuronx": inference({}),
        "huggingface-tei": inference(
            {"1.8.2": row("tei", ALGORITHMS, tag_prefix="2.0.1-tei1.8.2", py_versions=["py310"])}, processors=["gpu"]
        ),
        "huggingface-tei-cpu": inference(
            {"1.8.2": row("tei-cpu", ALGORITHMS, tag_prefix="2.0.1-tei1.8.2", py_versions=["py310"])},
            processors=["cpu"],
        ),
        "ray-serve": {
            "versions": {"1.4": row("ray", container_version={"cpu": "cpu-v1.4", "gpu": "cuda-v1.4"}, **ray)}
        },
        "sagemaker-distribution": {"processors": both, "versions": {"3.2.0": row("sagemaker-distribution-prod")}},
    }


def clone_files() -> dict[str, str]:
    """Path -> text of the clone's files."""
    return {
        "docs/reference/region_availability.md": (
            "# R\n\n## Deep Learning Containers\n| x | us-east-1 | 111122223333 |\n"
            "## SageMaker Algorithm Registry\n| x | us-east-1 | 777788889999 |\n"
        ),
        "docs/src/legacy/legacy_support.yml": (
            'pytorch:\n  - version: "2.5"\n    ga: "2024-10-29"\n    eop: "2025-10-29"\n'
            '  - version: "1.13"\n    ga: "2022-10-28"\n    eop: "2024-10-28"\n\n'
            'tensorflow:\n  - version: "2.14"\n    ga: "2023-09-26"\n    eop: "2024-09-26"\n'
        ),
        "docs/src/data/pytorch-inference/2.6-gpu.yml": (
            'version: "2.6"\naccelerator: gpu\npython: py312\ncuda: cu124\nplatform: sagemaker\neop: "2026-06-30"\n'
            'public_registry: true\n\ntags:\n  - "2.6-long"\n  - "2.6.0-gpu-py312"\n'
        ),
        "docs/src/data/tensorflow-inference/2.19-cpu.yml": (
            'version: "2.19"\naccelerator: cpu\nplatform: sagemaker\neop: "2026-09-11"\n\ntags:\n  - "2.19.0-other"\n'
        ),
        "docs/src/data/sagemaker-scikit-learn/a.yml": (
            'version: "1.9-0"\naccelerator: cpu\nplatform: sagemaker\neop: "2027-01-02"\n\ntags:\n  - "1.9-0"\n'
        ),
        "docs/src/data/vllm-server/a.yml": (
            'version: "0.27.0+amzn2023.4b"\necr_repository: vllm\naccelerator: gpu\npython: py312\ncuda: cu130\n'
            'platform: sagemaker\n\ntags:\n  - "server-sagemaker-cuda-v2.3"\n'
        ),
        "docs/src/data/djl-inference/0.36-cpu.yml": (
            'version: "0.36"\naccelerator: cpu\nplatform: sagemaker\n\ntags:\n  - "0.36.0-cpu-full"\n'
        ),
        ".github/config/image/xgboost/a.yml": (
            'metadata:\n  framework_version: "3.2.0"\n  customer_type: "sagemaker"\n'
            '  prod_image: "sagemaker-xgboost:3.2-0-cpu-py3"\nbuild:\n  dockerfile: "docker/xgboost/Dockerfile"\n'
            '  target: "xgboost-sagemaker"\n  python_version: "3.12"\n'
        ),
        ".github/config/image/sklearn/a.yml": (
            'metadata:\n  framework_version: "1.9.0"\n  prod_image: "sagemaker-scikit-learn:1.9-0-cpu-py3"\n'
            'build:\n  dockerfile: "docker/sklearn/Dockerfile"\n  target: "x"\n  python_version: "3.12"\n'
        ),
        ".github/config/image/ray/a.yml": (
            'metadata:\n  framework_version: "2.57.0"\n  customer_type: "sagemaker"\n  device_type: "cpu"\n'
            '  prod_image: "ray:serve-ml-sagemaker-cpu"\nbuild:\n  dockerfile: "docker/ray/Dockerfile.cpu"\n'
            '  target: "ray-sagemaker"\n  python_version: "3.13.12"\n'
            '  dlc_major_version: "1"\n  dlc_minor_version: "4"\n'
        ),
        "docker/xgboost/Dockerfile": "FROM amazonlinux AS base\nENTRYPOINT [\"/x\"]\nFROM base AS xgboost-sagemaker\n",
        "docker/xgboost/uv.lock": LOCK,
        "docker/sklearn/Dockerfile": "FROM amazonlinux AS x\nARG PYARROW_VERSION=17.0.0\n",
        "docker/sklearn/requirements.txt": "numpy==2.10 # why\nscipy>=1.9\n\n-r x\nPyYAML==6.0.*\nDask==2024.11.02\n",
        "docker/ray/Dockerfile.cpu": (
            'FROM a AS base\nFROM base AS ray-sagemaker\nENTRYPOINT ["/entry.sh"]\nCMD ["serve"]\n'
            'FROM base AS ray-ec2\nENTRYPOINT ["/other.sh"]\n'
        ),
        "docker/ray/uv.lock": LOCK.replace("Dask_Thing", "torch"),
    }  # fmt: skip


def make_wheels(folder: Path, contents: dict[str, Any]) -> list[Path]:
    """Wheels of sagemaker-core, with ``contents``, and of botocore."""
    core = folder / "sagemaker_core-9.9.9-py3-none-any.whl"
    with zipfile.ZipFile(core, "w") as wheel:
        for name, config in contents.items():
            wheel.writestr(f"sagemaker/core/image_uri_config/{name}.json", json.dumps(config))
    botocore = folder / "botocore-8.8.8-py3-none-any.whl"
    partitions = [
        {"id": "aws", "regionRegex": "^us-east-1$", "outputs": {"dnsSuffix": "amazonaws.com"}},
        {"id": "aws-cn", "regionRegex": "^cn-north-1$", "outputs": {"dnsSuffix": "amazonaws.com.cn"}},
    ]
    with zipfile.ZipFile(botocore, "w") as wheel:
        wheel.writestr("botocore/data/partitions.json", json.dumps({"partitions": partitions}))
    return [core, botocore]


def make_clone(folder: Path, files: dict[str, str]) -> Path:
    """A git repository with one commit."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    commit(folder, ["init", "-q"], ["add", "."], ["commit", "-q", "--no-verify", "-m", "x"])
    return folder


def commit(folder: Path, *commands: list[str]) -> None:
    """Run git commands as nobody, on a fixed day."""
    identity = {f"GIT_{who}_{what}": "nobody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": "2026-08-21T12:00:00Z", "GIT_COMMITTER_DATE": "2026-08-21T12:00:00Z"}
    environment = os.environ | identity | dates | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for command in commands:
        subprocess.run(["git", "-C", str(folder), *command], check=True, env=environment)
