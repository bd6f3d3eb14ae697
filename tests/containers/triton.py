"""Triton without its image: the server and the Python backend out of NVIDIA's wheel, started as SageMaker starts them.

The arguments are those that ``docker/sagemaker/serve`` of triton-inference-server/server makes of the environment. The
server's front for SageMaker listens on every interface, so it gets a network of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment, packages_of
from tests.containers.private_network import inside, lead_in
from tests.containers.serving import ServingContainer
from tests.containers.toolkit import read_only_for

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-triton-venv",
    folder_variable="CDK_MODELBUILDER_TRITON_VENV",
    requirements=Path(__file__).with_name("triton-requirements.txt"),
    model_packages=("numpy", "pandas", "scikit-learn", "xgboost-cpu"),
    instead={
        "numpy": "1.26.4",
        "pandas": "2.2.3",
        "pytz": "2025.2",
    },  # this backend was compiled before NumPy 2, whose arrays it takes for empty ones
)


def why_not() -> str | None:
    """Why the server does not run here; None if it does."""
    library = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    if not any(Path(folder, library).exists() for folder in _library_folders()):
        return f"there is no {library}, which Triton's Python backend runs"
    return None


def _library_folders() -> list[str]:
    return [str(sysconfig.get_config_var("LIBDIR")), f"/usr/lib/{os.uname().machine}-linux-gnu"]


class TritonContainer(ServingContainer):
    """``tritonserver`` with SageMaker's front."""

    commands: ClassVar[dict[str, str]] = {}

    def __init__(self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path) -> None:
        super().__init__(python, bundle, secrets, base)
        packages = packages_of(python.parents[1])
        server = packages / "pytriton" / "tritonserver"
        backends = base / "backends"
        shutil.copytree(server / "backends" / "python", backends / "python")
        stub = server / "python_backend_stubs" / f"{sys.version_info.major}.{sys.version_info.minor}"
        shutil.copy(stub / "triton_python_backend_stub", backends / "python")
        model = bundle.container.environment["SAGEMAKER_TRITON_DEFAULT_MODEL_NAME"]
        verbose = bundle.container.environment["SAGEMAKER_TRITON_LOG_VERBOSE"]
        command = [
            *(server / "bin" / "tritonserver", "--allow-sagemaker=true", "--allow-http=false", "--allow-grpc=false"),
            *("--allow-metrics=false", f"--model-repository={self.model_dir}", "--model-namespacing=true"),
            *("--model-control-mode=explicit", f"--load-model={model}", f"--log-verbose={verbose}"),
            *("--sagemaker-port=8080", "--sagemaker-thread-count=4", f"--backend-directory={backends}"),
            *("--backend-config=python,shm-default-byte-size=16777216",),
            *("--backend-config=python,shm-growth-byte-size=1048576",),
        ]
        door = base / "door"
        self._listener = socket.create_server(("127.0.0.1", self.port))
        lead_in(self._listener, door)
        libraries = [str(packages / "nvidia_pytriton.libs"), *_library_folders()]
        self.start(
            inside([*read_only_for(self.model_dir), *command], door=door, port=8080),
            LD_LIBRARY_PATH=os.pathsep.join(libraries),
            PYTHONPATH=str(packages),
            SAGEMAKER_TRITON_PING_MODE="ready",
        )

    def __exit__(self, *unused: object) -> None:
        super().__exit__(*unused)
        self._listener.close()
