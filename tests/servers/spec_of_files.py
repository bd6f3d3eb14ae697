"""A spec whose files are whatever the test puts there."""

from __future__ import annotations

from cdk_modelbuilder import InferenceSpec


class Files(InferenceSpec):
    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        return input_object
