"""Hugging Face's serving stack without an image: its toolkit in front of Multi Model Server, as they are published.

The same switches as for the generic toolkit keep it in a test's folder and on loopback. Bundles are built by a Python
that has this environment's versions, as a user does who trains with those of the image: see ``built_there``.
"""

from __future__ import annotations

import contextlib
import os
import site
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment, only_one_at_a_time
from tests.containers.mms import MULTI_MODEL_SERVER
from tests.containers.serving import ServingContainer
from tests.containers.toolkit import read_only_for

ROOT = Path(__file__).parents[2]

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-huggingface-venv",
    folder_variable="CDK_MODELBUILDER_HUGGINGFACE_VENV",
    requirements=Path(__file__).with_name("huggingface-requirements.txt"),
    model_packages=("numpy", "scikit-learn", "torch"),
    instead={"setuptools": "80.9.0"},
)

_START = """\
from sagemaker_inference import model_server
from sagemaker_huggingface_inference_toolkit import mms_model_server, serving

model_server.MMS_CONFIG_FILE = mms_model_server.MMS_CONFIG_FILE = {configuration!r}
serving.main()
"""

_ARCHIVER = """\
from model_archiver.model_packaging import generate_model_archive

generate_model_archive()
"""

_SCRIPT = """\
import runpy, sys

sys.path += {more!r}
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class HuggingFaceContainer(ServingContainer):
    """The toolkit in front of Multi Model Server. One at a time: the toolkit looks for a second one."""

    commands: ClassVar[dict[str, str]] = {"multi-model-server": MULTI_MODEL_SERVER, "model-archiver": _ARCHIVER}

    def __init__(
        self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path, *, files: Path | None = None
    ) -> None:
        super().__init__(python, bundle, secrets, base, files=files)
        configuration, temporary = base / "mms.properties", base / "tmp"
        temporary.mkdir()
        self._alone = contextlib.ExitStack()
        self._alone.enter_context(only_one_at_a_time(Path(tempfile.gettempdir(), "cdk-modelbuilder-mms.lock")))
        start = [self.layer / "bin" / "python", "-c", _START.format(configuration=str(configuration))]
        self.start(
            [*read_only_for(self.model_dir), *start],
            HF_HUB_OFFLINE="1",  # there is no network in here
            MMS_CONFIG_FILE=str(configuration),
            MMS_INFERENCE_ADDRESS=self.url,
            MMS_MANAGEMENT_ADDRESS=self.url,
            OMP_NUM_THREADS="1",
            TEMP=str(temporary),
            TMPDIR=str(temporary),  # where it notes the process that it started
        )

    def __exit__(self, *unused: object) -> None:
        super().__exit__(*unused)
        self._alone.close()


def built_there(script: Path, *arguments: object) -> None:
    """Run ``script`` with this environment's packages, and behind them those of the environment that runs the tests."""
    more = [*site.getsitepackages(), str(ROOT)]
    command = [ENVIRONMENT.python(), "-c", _SCRIPT.format(more=more), script, *arguments]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "USE_TF": "0"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
