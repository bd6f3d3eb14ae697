"""TensorFlow: models of Keras on its backend, modules, and SavedModel folders."""

from __future__ import annotations

from cdk_modelbuilder.frameworks.tensorflow.adapter import TensorFlowAdapter

__all__ = ["TensorFlowAdapter"]
