"""Which variable of a container sets how many processes and threads answer, and how requests are put together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerVariable:
    """One property of a server.

    Attributes:
        dimension: ``workers``, ``threads``, ``batch_size`` or ``batch_delay_ms``.
        variable: What carries it.
        usual: What the server does without it, in words.
        source: Where that is written down.
    """

    dimension: str
    variable: str
    usual: str
    source: str


_OWN = "docs/serving.md"
_TOOLKIT = "aws/sagemaker-inference-toolkit, src/sagemaker_inference/environment.py and parameters.py"
_CONTAINERS = "aws/sagemaker-containers, src/sagemaker_containers/_env.py and _server.py"
_TENSORFLOW = "aws/sagemaker-tensorflow-serving-container, docker/build_artifacts/sagemaker/serve.py"

_WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"
SERVER_VARIABLES: dict[str, tuple[ServerVariable, ...]] = {
    "builtin": (
        ServerVariable("workers", "MODELBUILDER_WORKERS", "one", _OWN),
        ServerVariable("threads", "MODELBUILDER_THREADS", "one", _OWN),
        ServerVariable("batch_size", "MODELBUILDER_MAX_BATCH_SIZE", "what the model's code says, else one", _OWN),
        ServerVariable("batch_delay_ms", "MODELBUILDER_MAX_BATCH_DELAY_MS", "what the model's code says, else 0", _OWN),
    ),
    "mlflow": (
        ServerVariable(
            "workers",
            "MLFLOW_MODELS_WORKERS",
            "one for each vCPU",
            "mlflow/mlflow, mlflow/models/container/__init__.py",
        ),
    ),
    "mms": (ServerVariable("workers", _WORKERS, "one for each GPU, else for each vCPU", _TOOLKIT),),
    "sklearn": (ServerVariable("workers", _WORKERS, "one for each vCPU", _CONTAINERS),),
    # TensorFlow Serving itself batches when SAGEMAKER_TFS_ENABLE_BATCHING says so and by further variables. The model's
    # code runs in gunicorn, in front of that.
    "tensorflow_serving": (
        ServerVariable("workers", "SAGEMAKER_GUNICORN_WORKERS", "one", _TENSORFLOW),
        ServerVariable("threads", "SAGEMAKER_GUNICORN_THREADS", "one", _TENSORFLOW),
    ),
    # SAGEMAKER_TS_BATCH_SIZE is left out: the toolkit's handler asks the model for each request of a batch by itself,
    # and with any SAGEMAKER_TS_ variable the number of workers comes from SAGEMAKER_TS_MIN_WORKERS instead.
    "torchserve": (ServerVariable("workers", _WORKERS, "one for each GPU, else for each vCPU", _TOOLKIT),),
    "xgboost": (ServerVariable("workers", _WORKERS, "one for each vCPU", _CONTAINERS),),
}
"""Model server -> what it can be told. Servers of language models are in
:mod:`cdk_modelbuilder.language_models.server_rules`; those that are missing have no such variable."""


def variables_known(server: str) -> tuple[tuple[str, str], ...]:
    """Dimension and variable of each property that ``server`` can be told; none for a server that is not listed.

    >>> variables_known("sklearn")
    (('workers', 'SAGEMAKER_MODEL_SERVER_WORKERS'),)
    """
    return tuple((one.dimension, one.variable) for one in SERVER_VARIABLES.get(server, ()))
