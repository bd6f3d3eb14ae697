"""TensorFlow Serving: the server runs the SavedModel, and a Python service before it speaks the schema.

Source: aws/deep-learning-containers, ``scripts/docker/tensorflow/inference/sagemaker`` (``python_service.py``,
``tfs_utils.py``, ``serve.py``); no package holds the server, so this is tested against what these files say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.schema.codecs import Marshaller
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer

MODEL_NAME = "model"


class TensorFlowServing(PythonServer):
    """TensorFlow's models only."""

    name: str = ModelServer.TENSORFLOW_SERVING
    title: str = "TensorFlow Serving"
    template = "inference/tensorflow_serving.py.jinja"
    data_folder = f"{MODEL_NAME}/1"
    runs_model = False

    def refusal(self, framework: str) -> str | None:
        if framework == "tensorflow":
            return None
        return "TensorFlow Serving runs TensorFlow's SavedModels only; leave model_server out, or name 'builtin'."

    def data_format(self, framework: str) -> str | None:
        return "saved_model" if framework == "tensorflow" else None

    def wire(self, marshaller: Marshaller, description: Mapping[str, Any]) -> Marshaller:  # noqa: ARG002
        for codec in (marshaller.input, marshaller.output):
            if codec.name == "tensorflow":
                raise SchemaError(
                    f"the sample is a {codec.summary()}, and the Python before {self.title} has no TensorFlow.",
                    remedy="Give NumPy arrays as samples: tensor.numpy().",
                )
        return marshaller

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAGEMAKER_GUNICORN_TIMEOUT_SECONDS": str(layout.invocation_seconds),
            "SAGEMAKER_NGINX_PROXY_READ_TIMEOUT_SECONDS": str(layout.invocation_seconds),
            "SAGEMAKER_TFS_DEFAULT_MODEL_NAME": MODEL_NAME,
            "SAGEMAKER_TFS_WAIT_TIME_SECONDS": str(layout.startup_seconds),
        }
