"""AWS's generic serving stack without an image: ``sagemaker-inference`` and Multi Model Server, as they are published.

Both are told by their own switches where to be: ``SAGEMAKER_BASE_DIR`` moves ``/opt/ml`` into a test's folder, and the
``MMS_*`` variables, which win over the configuration that the toolkit writes, keep the server on loopback. Only the
path of that configuration, which lies in ``/etc``, is changed in the toolkit.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment, only_one_at_a_time
from tests.containers.serving import ServingContainer

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-mms-venv",
    folder_variable="CDK_MODELBUILDER_MMS_VENV",
    requirements=Path(__file__).with_name("mms-requirements.txt"),
    model_packages=("numpy", "pandas", "pillow", "polars", "pyarrow", "pydantic", "scipy"),
)

_START = """\
from sagemaker_inference import model_server

model_server.MMS_CONFIG_FILE = {configuration!r}
model_server.start_model_server()
"""

MULTI_MODEL_SERVER = """\
from mms.model_server import start

start()
"""


class MmsContainer(ServingContainer):
    """``sagemaker_inference`` in front of Multi Model Server. One at a time: the toolkit looks for a second one."""

    commands: ClassVar[dict[str, str]] = {"multi-model-server": MULTI_MODEL_SERVER}

    def __init__(self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path) -> None:
        super().__init__(python, bundle, secrets, base)
        configuration = base / "mms.properties"
        temporary = base / "tmp"
        temporary.mkdir()
        self._alone = contextlib.ExitStack()
        self._alone.enter_context(only_one_at_a_time(Path(tempfile.gettempdir(), "cdk-modelbuilder-mms.lock")))
        self.start(
            [self.layer / "bin" / "python", "-c", _START.format(configuration=str(configuration))],
            MMS_CONFIG_FILE=str(configuration),
            MMS_INFERENCE_ADDRESS=self.url,
            MMS_MANAGEMENT_ADDRESS=self.url,
            TEMP=str(temporary),
            TMPDIR=str(temporary),  # where it notes the process that it started
        )

    def __exit__(self, *unused: object) -> None:
        super().__exit__(*unused)
        self._alone.close()
