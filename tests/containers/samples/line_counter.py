"""A spec that needs nothing but Python."""

from __future__ import annotations

from cdk_modelbuilder import InferenceSpec


class LineCounter(InferenceSpec):
    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        return len(input_object.splitlines())
