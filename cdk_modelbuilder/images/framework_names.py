"""What frameworks are called, here and on the package index, and which model servers are made for each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "huggingface": "transformers",
        "scikit-learn": "sklearn",
        "sentence_transformers": "sentence-transformers",
        "torch": "pytorch",
    }
)
_DISTRIBUTIONS: Mapping[str, str] = MappingProxyType(
    {"onnx": "onnxruntime", "pytorch": "torch", "sklearn": "scikit-learn"}
)
# Best first. A framework that is missing here has no server made for it, and runs where its packages are installed.
_OWN_SERVERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "onnx": ("triton",),
        "pytorch": ("ray", "torchserve"),
        "sklearn": ("sklearn",),
        "tensorflow": ("tensorflow_serving",),
        "transformers": ("mms", "ray"),
        "xgboost": ("xgboost",),
    }
)


def canonical_framework(name: str) -> str:
    """The name that the tables use: ``"pytorch"`` for ``"torch"``; an unknown name stays as it is."""
    return _ALIASES.get(name, name)


def distribution_of(framework: str) -> str:
    """The distribution that brings a framework: ``"scikit-learn"`` for ``"sklearn"``."""
    name = canonical_framework(framework)
    return _DISTRIBUTIONS.get(name, name)


def own_servers(framework: str) -> tuple[str, ...]:
    """The model servers that are made for a framework, best first; empty where there is none."""
    return _OWN_SERVERS.get(canonical_framework(framework), ())
