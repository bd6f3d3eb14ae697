"""An InferenceSpec with nothing of its own, for bundles of large files."""

from __future__ import annotations

from cdk_modelbuilder import InferenceSpec

REQUEST = b'{"x": 1}'
RESPONSE = b'{"y": 1}'


class NoOp(InferenceSpec):
    """Loads nothing and answers every request alike."""

    def load(self, model_dir):
        return RESPONSE

    def invoke(self, input_object, model):
        return model
