"""One file an adapter: how the models of one framework are recognised, saved, loaded, and which versions matter."""

from __future__ import annotations

from cdk_modelbuilder.frameworks.base import FrameworkAdapter, SavedModel
from cdk_modelbuilder.frameworks.registry import adapter_for, adapter_named, known_frameworks

__all__ = ["FrameworkAdapter", "SavedModel", "adapter_for", "adapter_named", "known_frameworks"]
