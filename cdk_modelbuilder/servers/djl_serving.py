"""DJL Serving: ``model.py`` of its Python engine calls the hooks.

Source: deepjavalibrary/djl-serving, ``serving/docs/lmi`` and ``engines/python/setup/djl_python`` (``inputs.py``,
``outputs.py``, ``service_loader.py``) and ``serving/docs/configurations.md``; no package holds the server, so this is
tested against what these files say.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer, ServerAdapter
from cdk_modelbuilder.servers.native import NativeServer


class DjlServing(PythonServer):
    """One process a worker; settings are in ``serving.properties``."""

    name: str = ModelServer.DJL_SERVING
    title: str = "DJL Serving"
    requirements_file = "requirements.txt"

    def for_files(self) -> ServerAdapter | None:
        return DjlLmi()

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "MAX_NETTY_BUFFER_SIZE": str(layout.max_payload_bytes),  # of an answer; 20 MiB by default
            "MODEL_LOADING_TIMEOUT": str(layout.startup_seconds),
            "PREDICT_TIMEOUT": str(layout.invocation_seconds),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(layout.max_payload_bytes >> 20),
        }

    def files(self, layout: Layout) -> Mapping[str, str]:
        return {
            "model.py": render("servers/djl.py.jinja"),
            "serving.properties": render(
                "servers/djl.properties.jinja",
                startup_seconds=layout.startup_seconds,
                invocation_seconds=layout.invocation_seconds,
            ),
        }


class DjlLmi(NativeServer):
    """Its Large Model Inference: vLLM behind DJL's routes; ``OPTION_*`` variables are its ``option.*`` properties.

    Over how many GPUs it splits a model is chosen where the model's files say what divides it; left out, LMI takes all
    (``LmiConfigRecommender.java``).
    """

    name: str = ModelServer.DJL_SERVING
    title: str = "DJL Serving"

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            **super().environment(layout),
            "MODEL_LOADING_TIMEOUT": str(layout.startup_seconds),
        }

    def model_environment(self, model: str, revision: str | None) -> Mapping[str, str]:
        return {"HF_MODEL_ID": model, **({} if revision is None else {"HF_REVISION": revision})}
