"""SageMaker's PyTorch serving stack without an image: ``sagemaker-pytorch-inference`` and TorchServe, as published.

``SAGEMAKER_BASE_DIR`` moves ``/opt/ml`` into a test's folder, and the ``TS_*`` variables, which win over the
configuration that the toolkit writes, keep the server on loopback. Only the path of that configuration, which lies in
``/etc``, is changed in the toolkit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment
from tests.containers.serving import ServingContainer, free_port
from tests.containers.toolkit import read_only_for

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-torchserve-venv",
    folder_variable="CDK_MODELBUILDER_TORCHSERVE_VENV",
    requirements=Path(__file__).with_name("torchserve-requirements.txt"),
    model_packages=("numpy", "safetensors", "torch"),
    instead={"setuptools": "80.9.0"},
)

_START = """\
from sagemaker_pytorch_serving_container import serving, torchserve

torchserve.TS_CONFIG_FILE = {configuration!r}
serving.main()
"""

_TORCHSERVE = """\
from ts.model_server import start

start()
"""

_ARCHIVER = """\
from model_archiver.model_packaging import generate_model_archive

generate_model_archive()
"""


class TorchServeContainer(ServingContainer):
    """``sagemaker_pytorch_serving_container`` in front of TorchServe."""

    commands: ClassVar[dict[str, str]] = {"torchserve": _TORCHSERVE, "torch-model-archiver": _ARCHIVER}

    def __init__(self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path) -> None:
        super().__init__(python, bundle, secrets, base)
        configuration, temporary = base / "torchserve.properties", base / "tmp"
        temporary.mkdir()
        metrics, inference_rpc, management_rpc = (str(free_port()) for _ in range(3))
        self.start(
            [
                *read_only_for(self.model_dir),
                self.layer / "bin" / "python",
                "-c",
                _START.format(configuration=str(configuration)),
            ],
            LOG_LOCATION=str(base / "logs"),
            METRICS_LOCATION=str(base / "logs"),
            OMP_NUM_THREADS="1",
            TEMP=str(temporary),
            TMPDIR=str(temporary),
            TS_CONFIG_FILE=str(configuration),
            TS_GRPC_INFERENCE_PORT=inference_rpc,
            TS_GRPC_MANAGEMENT_PORT=management_rpc,
            TS_INFERENCE_ADDRESS=self.url,
            TS_MANAGEMENT_ADDRESS=self.url,
            TS_METRICS_ADDRESS=f"http://127.0.0.1:{metrics}",
        )
