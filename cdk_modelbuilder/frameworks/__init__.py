"""One file an adapter: how the models of one framework are recognised, saved, loaded, and which versions matter."""

from __future__ import annotations

from cdk_modelbuilder.frameworks.base import FrameworkAdapter, SavedModel
from cdk_modelbuilder.frameworks.registry import adapter_for, adapter_named, known_frameworks, open_model
from cdk_modelbuilder.images.read_by import ReadBy

__all__ = ["FrameworkAdapter", "ReadBy", "SavedModel", "adapter_for", "adapter_named", "known_frameworks", "open_model"]
