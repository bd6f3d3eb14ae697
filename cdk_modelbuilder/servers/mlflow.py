"""MLflow's scoring server: the model's folder is a model of MLflow whose loader calls the hooks.

AWS publishes no image of it; ``mlflow sagemaker build-and-push-container`` makes one, which ``image_uri`` names.
Sources: mlflow/mlflow 3.17, ``mlflow/pyfunc/scoring_server`` (requests and answers), ``mlflow/models/container`` (the
environment that a start makes), ``mlflow/environment_variables.py``; measured on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.schema.codecs import Marshaller
from cdk_modelbuilder.schema.mlflow_schema import as_mlflow_messages
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer


class MlflowServer(PythonServer):
    """Requests are MLflow's JSON, answers ``{"predictions": ...}``.

    An image made with ``--env-manager virtualenv`` makes an environment of ``requirements.txt`` at each start, which
    takes a network; one made with ``--env-manager local`` installs it into its own. Where the packages are in the image
    (``dependencies={"packaging": "image"}``), the model names no environment, so that nothing is made or installed.
    """

    name: str = ModelServer.MLFLOW
    title: str = "MLflow's scoring server"
    requirements_file: str | None = "requirements.txt"

    def wire(self, marshaller: Marshaller, description: Mapping[str, Any]) -> Marshaller:  # noqa: ARG002
        return as_mlflow_messages(marshaller)

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": str(layout.invocation_seconds),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def files(self, layout: Layout) -> Mapping[str, str]:
        files = {
            "MLmodel": render("servers/mlmodel.yaml.jinja", python=layout.python, installs=layout.installs),
            "code/modelbuilder_mlflow.py": render("servers/mlflow.py.jinja"),
        }
        if layout.installs:
            files["python_env.yaml"] = render("servers/mlflow_env.yaml.jinja", python=layout.python)
        return files
