"""SageMaker's scikit-learn and XGBoost containers: both run the ``sagemaker_containers`` toolkit in script mode.

It copies the code folder, installs it with pip together with ``requirements.txt``, and calls the four hooks. Behind it
stand nginx and gunicorn. Sources: the containers' own repositories, aws/sagemaker-scikit-learn-container and
aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.container_spec import HealthCheck


class SageMakerToolkit:
    """Server adapter for the two containers."""

    template = "inference/inference.py.jinja"
    max_payload_bytes = 25 << 20  # InvokeEndpoint's limit; nginx in these images sets none of its own
    requirements_file = "code/requirements.txt"
    takes_hashes = False  # it installs its own folder in the same command, and pip has no hash for a folder

    def environment(self, mount_path: str) -> Mapping[str, str]:
        return {
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's inverted spelling: without it the start needs a network
            "PYTHONDONTWRITEBYTECODE": "1",  # a .pyc would be an unsigned file beside the signed ones
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "*/*",  # the schema chooses; the toolkit would ask for JSON
            # gunicorn kills a worker that is busy for longer, and the model loads in a worker's first health check.
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": str(HealthCheck().startup_seconds),
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": f"{mount_path}/code",
        }
