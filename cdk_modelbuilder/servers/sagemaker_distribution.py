"""The inference server of the SageMaker Distribution images: a handler that tornado calls.

Source: aws/sagemaker-distribution, ``template/v4/v4.5/dirs/etc/sagemaker-inference-server``
(``tornado_server/server.py``, ``sync_handler.py``, ``utils/environment.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer


class SageMakerDistribution(PythonServer):
    """It installs ``code/requirements.txt`` and calls a handler in a thread."""

    name: str = ModelServer.SMD
    title: str = "the SageMaker Distribution's server"
    labels_answers = False  # the handler returns a body, and cannot say what it is

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAGEMAKER_INFERENCE_CODE": "modelbuilder_smd.handler",
            "SAGEMAKER_INFERENCE_CODE_DIRECTORY": f"{layout.mount_path}/code",
            "SAGEMAKER_INFERENCE_LOG_LEVEL": "20",
        }

    def files(self, layout: Layout) -> Mapping[str, str]:  # noqa: ARG002
        return {"code/modelbuilder_smd.py": render("servers/smd.py.jinja")}
