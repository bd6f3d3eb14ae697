"""MLflow's scoring server as it is published, started by ``mlflow models serve`` in an environment that has it all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment
from tests.containers.serving import ServingContainer
from tests.containers.toolkit import read_only_for

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-mlflow-venv",
    folder_variable="CDK_MODELBUILDER_MLFLOW_VENV",
    requirements=Path(__file__).with_name("mlflow_server-requirements.txt"),
    model_packages=("numpy", "pandas", "scikit-learn", "skops"),
)

_MLFLOW = """\
from mlflow.cli import cli

cli()
"""
_UVICORN = """\
from uvicorn.main import main

main()
"""


class MlflowContainer(ServingContainer):
    """``mlflow models serve``, which starts uvicorn."""

    commands: ClassVar[dict[str, str]] = {"mlflow": _MLFLOW, "uvicorn": _UVICORN}

    def __init__(self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path) -> None:
        super().__init__(python, bundle, secrets, base)
        serve = ["serve", "-m", self.model_dir, "--env-manager", "local"]
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        self.start([*read_only_for(self.model_dir), self.layer / "bin" / "mlflow", "models", *serve, *where])
