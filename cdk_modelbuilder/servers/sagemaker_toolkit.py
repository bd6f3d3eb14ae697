"""SageMaker's scikit-learn and XGBoost containers: both run the ``sagemaker_containers`` toolkit in script mode.

It copies the code folder, installs it with pip together with ``requirements.txt``, and calls the four hooks. Behind it
stand nginx and gunicorn. Sources: the containers' own repositories, aws/sagemaker-scikit-learn-container and
aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer


class _SageMakerToolkit(PythonServer):
    # nginx in these images sets no limit of its own to a body.
    takes_hashes = False  # it installs its own folder in the same command, and pip has no hash for a folder

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's inverted spelling: without it the start needs a network
            "PYTHONDONTWRITEBYTECODE": "1",  # a .pyc would be an unsigned file beside the signed ones
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "*/*",  # the schema chooses; the toolkit would ask for JSON
            # gunicorn kills a worker that is busy for longer, and the model loads in a worker's first health check.
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": str(layout.startup_seconds),
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": f"{layout.mount_path}/code",
        }


class SklearnContainer(_SageMakerToolkit):
    """The scikit-learn container."""

    name: str = ModelServer.SKLEARN
    title: str = "SageMaker's scikit-learn container"


class XGBoostContainer(_SageMakerToolkit):
    """The XGBoost container."""

    name: str = ModelServer.XGBOOST
    title: str = "SageMaker's XGBoost container"
