"""AWS's serving toolkit without AWS's image: an environment that holds it, and "containers" that run it.

The toolkit is used as it is published. Two things of an image are made otherwise. ``SAGEMAKER_BASE_DIR``, the toolkit's
own switch, moves ``/opt/ml`` into a test's folder; and a ``gunicorn`` that comes first on the PATH listens on loopback
where the toolkit asks for every interface.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment, packages_of
from tests.containers.serving import ServingContainer

HERE = Path(__file__).parent

_GUNICORN = """\
import sys

from gunicorn.app.wsgiapp import run

sys.argv = ["gunicorn", *(word.replace("0.0.0.0:", "127.0.0.1:") for word in sys.argv[1:])]
run()
"""

# Makes the folder $0 read-only for the command that follows, as SageMaker does, and for nothing else.
_READ_ONLY = """\
mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" || exit 97
if touch "$0/probe" 2>/dev/null; then exit 98; fi
exec "$@"
"""


def _mend_mapping(folder: Path) -> None:
    # AWS's images make the same change; the toolkit is older than Python 3.10.
    path = packages_of(folder) / "sagemaker_containers" / "_mapping.py"
    text = path.read_text("utf-8").replace("collections.Mapping", "collections.abc.Mapping")
    path.write_text(text.replace("import collections\n", "import collections\nimport collections.abc\n", 1), "utf-8")


ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-toolkit-venv",
    folder_variable="CDK_MODELBUILDER_TOOLKIT_VENV",
    requirements=HERE / "toolkit-requirements.txt",
    model_packages=("numpy", "pandas", "pyarrow", "scikit-learn", "xgboost-cpu"),
    mend=_mend_mapping,
)


def can_mount() -> bool:
    """Whether this process may make a folder read-only for its children, which takes a mount namespace."""
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = [*read_only_for(Path(folder)), "true"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Container(ServingContainer):
    """``sagemaker_containers``, as in AWS's scikit-learn and XGBoost images.

    Args:
        python: The toolkit's Python.
        bundle: The bundle to serve.
        secrets: Values for the container spec's secret variables.
        base: An empty folder that becomes ``/opt/ml``.
        read_only: Whether the model folder cannot be written to, as on SageMaker.
    """

    commands: ClassVar[dict[str, str]] = {"gunicorn": _GUNICORN}

    def __init__(
        self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path, *, read_only: bool = False
    ) -> None:
        super().__init__(python, bundle, secrets, base)
        shutil.copy(HERE / "framework_stand_in.py", packages_of(self.layer))
        command = [self.layer / "bin" / "python", "-m", "sagemaker_containers.cli.serve"]
        self.start(
            [*(read_only_for(self.model_dir) if read_only else []), *command],
            SAGEMAKER_SERVING_MODULE="framework_stand_in:main",
            SAGEMAKER_USE_NGINX="false",
        )


def read_only_for(read_only: Path) -> list[str]:
    """What comes before a command for which the folder ``read_only`` is read-only, as SageMaker mounts it."""
    as_root = [] if os.getuid() == 0 else ["--map-root-user"]
    return ["unshare", *as_root, "--mount", "sh", "-c", _READ_ONLY, str(read_only)]
