"""The InferenceSpec of these benchmarks: nothing of its own, so that what is measured is the package."""

from __future__ import annotations

from typing import Any

from cdk_modelbuilder import InferenceSpec

REQUEST = b'{"x": [5.1, 3.5, 1.4, 0.2]}'
RESPONSE = b'{"y": 1}'


class NoOp(InferenceSpec):
    """Loads nothing and answers every request alike."""

    def load(self, model_dir: str) -> Any:  # noqa: ARG002 - the interface's
        return RESPONSE

    def invoke(self, input_object: Any, model: Any) -> Any:  # noqa: ARG002 - the interface's
        return model
