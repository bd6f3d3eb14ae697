"""TorchServe, as in SageMaker's PyTorch inference containers, which ended on 2026-06-30.

Sources: aws/sagemaker-pytorch-inference-toolkit 2.0.25 (``torchserve.py``, ``etc/default-ts.properties``),
pytorch/serve (``docs/configuration.md``); measured on both.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer


class TorchServe(PythonServer):
    """The same hooks and layout as SageMaker's other toolkits."""

    name: str = ModelServer.TORCHSERVE
    title: str = "TorchServe"

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "*/*",
            "SAGEMAKER_PROGRAM": "modelbuilder_torchserve.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": f"{layout.mount_path}/code",
            # The properties files of the toolkit end without a line feed, so its own first line is lost: the timeout
            # in a container of one model, the door for models in a container of several.
            "TS_DEFAULT_RESPONSE_TIMEOUT": str(layout.invocation_seconds),
            "TS_DEFAULT_STARTUP_TIMEOUT": str(layout.startup_seconds),
            "TS_ENABLE_MODEL_API": "true",
            "TS_MAX_REQUEST_SIZE": str(layout.max_payload_bytes),
            "TS_MAX_RESPONSE_SIZE": str(layout.max_payload_bytes),
        }

    def files(self, layout: Layout) -> Mapping[str, str]:  # noqa: ARG002
        return {"code/modelbuilder_torchserve.py": render("servers/torchserve.py.jinja")}
