"""Multi Model Server under SageMaker's inference toolkits: the generic one, and that of Hugging Face's containers.

Sources: aws/sagemaker-huggingface-inference-toolkit (``handler_service.py``), aws/sagemaker-inference-toolkit,
awslabs/multi-model-server (``docs/configuration.md``); measured on both.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer, ServerAdapter
from cdk_modelbuilder.servers.native import NativeServer


class MultiModelServer(PythonServer):
    """Its toolkits call the hooks; Hugging Face's sends what ``output_fn`` returns as it is."""

    name: str = ModelServer.MMS
    title: str = "Multi Model Server"
    labels_answers = False  # the Hugging Face toolkit repeats the Accept header, even if that is a list

    def for_files(self) -> ServerAdapter | None:
        return HuggingFaceToolkit()

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "MMS_MAX_REQUEST_SIZE": str(layout.max_payload_bytes),
            "MMS_MAX_RESPONSE_SIZE": str(layout.max_payload_bytes),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "*/*",  # the schema chooses; the toolkit would ask for JSON
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(layout.max_payload_bytes >> 20),
            # A load counts as a response. The variable without _SECONDS counts minutes in this server.
            "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": str(max(layout.startup_seconds, layout.invocation_seconds)),
            "SAGEMAKER_PROGRAM": "modelbuilder_mms.py",
            "SAGEMAKER_STARTUP_TIMEOUT": str(layout.startup_seconds),
            "SAGEMAKER_SUBMIT_DIRECTORY": f"{layout.mount_path}/code",
        }

    def files(self, layout: Layout) -> Mapping[str, str]:  # noqa: ARG002
        # It takes any manifest.json below the model for that of an archive of its own, unless this one is there.
        return {"MAR-INF/MANIFEST.json": "{}\n", "code/modelbuilder_mms.py": render("servers/mms.py.jinja")}


class HuggingFaceToolkit(NativeServer):
    """Hugging Face's toolkit without code of the bundle: it makes a pipeline of the files. Requests have ``inputs``.

    The task is read off the model's ``config.json``, or ``env_vars={"HF_TASK": ...}`` says it.
    """

    name: str = ModelServer.MMS
    title: str = "Hugging Face's toolkit"
    labels_answers = False

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            **super().environment(layout),
            "MMS_MAX_REQUEST_SIZE": str(layout.max_payload_bytes),
            "MMS_MAX_RESPONSE_SIZE": str(layout.max_payload_bytes),
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": str(max(layout.startup_seconds, layout.invocation_seconds)),
        }

    def model_environment(self, model: str, revision: str | None) -> Mapping[str, str]:
        if model.startswith("/"):  # it looks where SageMaker mounts the files by itself
            return {}
        return {"HF_MODEL_ID": model, **({} if revision is None else {"HF_MODEL_REVISION": revision})}

    def files(self, layout: Layout) -> Mapping[str, str]:
        return {} if not layout.model.startswith("/") else {"MAR-INF/MANIFEST.json": "{}\n"}
