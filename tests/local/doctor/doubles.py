"""A model that needs no framework. Alone in its file: what the file imports is taken for the model's."""

from __future__ import annotations

from cdk_modelbuilder import InferenceSpec


class Doubles(InferenceSpec):
    """No framework: quick to build."""

    def load(self, model_dir):
        return 2.0

    def invoke(self, input_object, model):
        return [value * model for value in input_object]
