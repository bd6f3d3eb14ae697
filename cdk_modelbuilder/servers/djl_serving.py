"""DJL Serving: ``model.py`` of its Python engine calls the hooks.

Source: deepjavalibrary/djl-serving, ``serving/docs/lmi`` and ``engines/python/setup/djl_python`` (``inputs.py``,
``outputs.py``, ``service_loader.py``); no package holds the server, so this is tested against what these files say.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer


class DjlServing(PythonServer):
    """One process a worker; settings are in ``serving.properties``."""

    name: str = ModelServer.DJL_SERVING
    title: str = "DJL Serving"
    requirements_file = "requirements.txt"

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "MODEL_LOADING_TIMEOUT": str(layout.startup_seconds),
            "PREDICT_TIMEOUT": str(layout.invocation_seconds),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self.max_payload_bytes >> 20),
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
