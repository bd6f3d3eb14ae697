"""What every "container" of these tests is: a toolkit of AWS that serves a bundle's ``model.tar.gz`` on loopback."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import urllib3

from cdk_modelbuilder import ModelBundle
from tests.conftest import MASTER_KEY
from tests.containers.environments import make_layer

_MOUNT_PATH = "/opt/ml"


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    content_type: str
    body: bytes


def secrets_of(bundle: ModelBundle) -> dict[str, str]:
    """Values for the secret variables of a bundle's container spec."""
    return dict.fromkeys(bundle.container.secret_environment, bundle.verify(bytes.fromhex(MASTER_KEY)).secret.hex())


class ServingContainer:
    """One run of a toolkit's server on a bundle's ``model.tar.gz``; ends with the ``with`` block.

    Its environment is that of the container spec and nothing of the caller's, and a fresh layer of packages on top of
    the toolkit's stands in for the image's own file system.

    Args:
        python: The toolkit's Python.
        bundle: The bundle to serve.
        secrets: Values for the container spec's secret variables.
        base: An empty folder that becomes ``/opt/ml``.
        files: What lies under the prefix in S3, for a bundle that only refers to it.
    """

    commands: ClassVar[dict[str, str]] = {}
    """Scripts that stand in for programs of the image."""

    def __init__(
        self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path, *, files: Path | None = None
    ) -> None:
        self.bundle = bundle
        self.model_dir = base / "model"
        if files is None:
            with tarfile.open(bundle.archive_path) as archive:
                archive.extractall(self.model_dir, filter="data")
        else:
            shutil.copytree(files, self.model_dir)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.base = base
        self.layer = make_layer(python, base / "layer", self.commands)
        self._log = base / "container.log"
        self._environment = {
            name: value.replace(_MOUNT_PATH, str(base), 1) if value.startswith(_MOUNT_PATH) else value
            for name, value in {**bundle.container.environment, **secrets}.items()
        } | {
            "HOME": str(base),
            "PATH": os.pathsep.join([str(self.layer / "bin"), os.defpath]),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INDEX": "1",  # there is no network in here
            "PIP_ROOT_USER_ACTION": "ignore",
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        }
        self._http = urllib3.PoolManager(retries=False, timeout=30, maxsize=8)

    def start(self, command: Sequence[Any], **environment: str) -> None:
        """Run ``command`` as the image would, with more variables than the container spec's."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=self._environment | environment,
                cwd=self.base,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._http.clear()
        end_session(self._process)

    @property
    def log(self) -> str:
        """Everything that it has printed so far."""
        return self._log.read_text("utf-8", errors="replace")

    def wait_until_listening(self, seconds: float = 60) -> None:
        """Until the toolkit has installed the code and takes connections; nothing is loaded then."""
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


def end_session(process: subprocess.Popen) -> None:
    """End a process that leads a session of its own, and what is left of what it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    # Below 32767, which is the highest that Multi Model Server takes, and below those that the system gives to others.
    while True:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as found:
            return int(found.getsockname()[1])
