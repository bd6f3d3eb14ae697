"""AWS's serving toolkit without AWS's image: an environment that holds it, and "containers" that run it.

The toolkit is used as it is published. Two things of an image are made otherwise. ``SAGEMAKER_BASE_DIR``, the toolkit's
own switch, moves ``/opt/ml`` into a test's folder; and a ``gunicorn`` that comes first on the PATH listens on loopback
where the toolkit asks for every interface.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import urllib3

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.dependencies.distributions import pin_closure

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "toolkit-requirements.txt"
FOLDER_VARIABLE = "CDK_MODELBUILDER_TOOLKIT_VENV"
"""Names the folder of the environment, which is kept and used again."""

_MODEL_PACKAGES = ("numpy", "pandas", "scikit-learn", "xgboost-cpu")
_MOUNT_PATH = "/opt/ml"

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


def toolkit_python() -> Path:
    """The Python of an environment with the toolkit; made when it is not there or not complete."""
    folder = Path(os.environ.get(FOLDER_VARIABLE) or Path(tempfile.gettempdir(), "cdk-modelbuilder-toolkit-venv"))
    pins = _model_pins()
    wanted = hashlib.sha256("\n".join([sys.version, REQUIREMENTS.read_text("utf-8"), *pins]).encode()).hexdigest()
    done = folder / "complete"
    python = folder / "bin" / "python"
    with _lock(folder.with_name(f"{folder.name}.lock")):
        if not done.is_file() or done.read_text() != wanted:
            if folder.exists() and not (folder / "pyvenv.cfg").is_file():
                raise RuntimeError(f"{folder} is no environment that could be replaced; {FOLDER_VARIABLE} names it")
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [python, "-m", "pip", "install", "--quiet", "--no-deps"]
            lines = REQUIREMENTS.read_text("utf-8").splitlines()
            subprocess.run([*pip, *(line for line in lines if line.startswith("setuptools"))], check=True)
            subprocess.run([*pip, "--no-build-isolation", "-r", REQUIREMENTS, *pins], check=True)
            _mend_mapping(folder)
            done.write_text(wanted)
    if done.stat().st_uid != os.getuid():
        raise RuntimeError(f"{folder} belongs to someone else; set {FOLDER_VARIABLE}")
    return python


def can_mount() -> bool:
    """Whether this process may make a folder read-only for its children, which takes a mount namespace."""
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = [*_private_mounts(Path(folder)), "true"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Container:
    """One run of the toolkit's ``serve`` on a bundle's ``model.tar.gz``; ends with the ``with`` block.

    Its environment is that of the container spec and nothing of the caller's, and a fresh layer of packages on top of
    the toolkit's stands in for the image's own file system.

    Args:
        python: The toolkit's Python.
        bundle: The bundle to serve.
        secrets: Values for the container spec's secret variables.
        base: An empty folder that becomes ``/opt/ml``.
        read_only: Whether the model folder cannot be written to, as on SageMaker.
    """

    def __init__(
        self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path, *, read_only: bool = False
    ) -> None:
        self.bundle = bundle
        self.model_dir = base / "model"
        with tarfile.open(bundle.archive_path) as archive:
            archive.extractall(self.model_dir, filter="data")
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        layer = _layer(python, base / "layer")
        self._log = base / "container.log"
        environment = {
            name: value.replace(_MOUNT_PATH, str(base), 1) if value.startswith(_MOUNT_PATH) else value
            for name, value in {**bundle.container.environment, **secrets}.items()
        }
        environment |= {
            "HOME": str(base),
            "PATH": os.pathsep.join([str(layer / "bin"), os.defpath]),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INDEX": "1",  # there is no network in here
            "PIP_ROOT_USER_ACTION": "ignore",
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            "SAGEMAKER_SERVING_MODULE": "framework_stand_in:main",
            "SAGEMAKER_USE_NGINX": "false",
        }
        command = [layer / "bin" / "python", "-m", "sagemaker_containers.cli.serve"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*(_private_mounts(self.model_dir) if read_only else []), *command],
                env=environment,
                cwd=base,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._http = urllib3.PoolManager(retries=False, timeout=30, maxsize=8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._http.clear()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        with contextlib.suppress(ProcessLookupError):  # its own session: what is left of what it started
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def log(self) -> str:
        """Everything that it has printed so far."""
        return self._log.read_text("utf-8", errors="replace")

    def wait_until_listening(self, seconds: float = 60) -> None:
        """Until the toolkit has installed the code and gunicorn takes connections; nothing is loaded then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"it ended with status {self._process.returncode}:\n{self.log}")
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return
            time.sleep(0.05)
        raise AssertionError(f"it does not listen after {seconds} s:\n{self.log}")

    def ping(self) -> int:
        """The answer to a health check: 200, or what the endpoint fails with."""
        self.wait_until_listening()
        return int(self._http.request("GET", self.url + "/ping").status)

    def invoke(self, body: bytes, **headers: str) -> Answer:
        """Send a request; header names with underscores for hyphens."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self._http.request(
            "POST", self.url + self.bundle.container.invocations_path, body=body, headers=names
        )
        return Answer(response.status, response.headers.get("Content-Type", ""), response.data)

    def model_files(self) -> set[str]:
        """Paths below the model folder."""
        return {path.relative_to(self.model_dir).as_posix() for path in self.model_dir.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    content_type: str
    body: bytes


def _model_pins() -> list[str]:
    return [pin.requirement for pin in pin_closure(dict.fromkeys(_MODEL_PACKAGES, "the models"), {})]


def _mend_mapping(folder: Path) -> None:
    # AWS's images make the same change; the toolkit is older than Python 3.10.
    path = next(folder.glob("lib/python*/site-packages/sagemaker_containers/_mapping.py"))
    text = path.read_text("utf-8").replace("collections.Mapping", "collections.abc.Mapping")
    path.write_text(text.replace("import collections\n", "import collections\nimport collections.abc\n", 1), "utf-8")


def _layer(python: Path, folder: Path) -> Path:
    """An empty environment that sees the toolkit's packages, so that what a start installs goes with the test."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    toolkit = next(python.parents[1].glob("lib/python*/site-packages"))
    (packages / "toolkit.pth").write_text(f"import site; site.addsitedir({str(toolkit)!r})\n")
    shutil.copy(HERE / "framework_stand_in.py", packages)
    gunicorn = folder / "bin" / "gunicorn"
    gunicorn.write_text(f"#!{folder}/bin/python\n{_GUNICORN}")
    gunicorn.chmod(0o755)
    return folder


def _private_mounts(read_only: Path) -> list[str]:
    as_root = [] if os.getuid() == 0 else ["--map-root-user"]
    return ["unshare", *as_root, "--mount", "sh", "-c", _READ_ONLY, str(read_only)]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
