"""vLLM without its image: the server for processors as it is on PyPI, started as AWS's image starts it.

What of the image is in no package is written here as aws/deep-learning-containers, ``scripts/docker/vllm``, says:
``SM_VLLM_X_Y`` becomes ``--x-y``, an array of JSON several words; ``route=`` in CustomAttributes leads ``/invocations``
to another route. A verifying entry point goes before it, as in an image of the bundle's own.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import urllib3

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment
from tests.containers.serving import end_session, free_port, secrets_of

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-vllm-venv",
    folder_variable="CDK_MODELBUILDER_VLLM_VENV",
    requirements=Path(__file__).with_name("vllm-requirements.txt"),
    model_packages=("torch",),
    instead={"setuptools": "78.1.1"},  # which vLLM asks for
)

_START_SECONDS = 180

_ENTRY_POINT = """\
import json, os, sys
words = ["--host", "127.0.0.1"]
for name, value in sorted(os.environ.items()):
    if not name.startswith("SM_VLLM_") or value.lower() == "false":
        continue
    words.append("--" + name.removeprefix("SM_VLLM_").lower().replace("_", "-"))
    if value.lower() == "true":
        continue
    several = json.loads(value) if value.startswith("[") else [value]
    words += [json.dumps(one) if isinstance(one, dict) else str(one) for one in several]
words += ["--middleware", "routes_of_sagemaker.Routes"]
os.execvp("standard-supervisor", ["standard-supervisor", "python", "-m", "vllm.entrypoints.openai.api_server", *words])
"""

_ROUTES = '''\
"""Leads requests of /invocations to the route that CustomAttributes names."""
import re

class Routes:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope.get("path") == "/invocations":
            said = dict(scope["headers"]).get(b"x-amzn-sagemaker-custom-attributes", b"").decode()
            found = re.search(r"route=(/[^\\\\s,]+)", said)
            if found:
                scope = {**scope, "path": found[1], "raw_path": found[1].encode()}
        await self.app(scope, receive, send)
'''.replace("\\\\", "\\")


class VllmContainer:
    """One run of vLLM on a bundle's files, for gateways and for tests; ends with the ``with`` block.

    Args:
        bundle: What it serves.
        environment: The container's variables.
        on_log: Called with each line of its log.
        python: The environment's Python. Default: :data:`ENVIRONMENT`'s.
        secrets: Values for the container spec's secret variables. Default: the bundle's own, after a look at its files.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        environment: Mapping[str, str],
        *,
        on_log: Callable[[str], object] = lambda line: None,
        python: Path | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        variables = {**environment, **(secrets_of(bundle) if secrets is None else secrets)}
        self._folder = tempfile.TemporaryDirectory(prefix="vllm-container-")
        self._base = Path(self._folder.name)
        self.model_dir = self._base / "model"
        shutil.copytree(bundle.path / "model", self.model_dir)
        (self._base / "routes_of_sagemaker.py").write_text(_ROUTES, "utf-8")
        self._python = python or ENVIRONMENT.python()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            [self._python, *self._verifying(bundle), self._python, "-c", _ENTRY_POINT]
            if bundle.container.verified == "entry-point"
            else [self._python, "-c", _ENTRY_POINT],
            env=self._variables(variables),
            cwd=self._base,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(on_log,), daemon=True)
        self._reader.start()
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise

    def _verifying(self, bundle: ModelBundle) -> list[str]:
        """The bundle's own entry point, with this run's folder in the place of the image's."""
        shutil.copytree(bundle.path / "image" / "verify", self._base / "verify")
        entry_point = self._base / "verify" / "entry_point.py"
        entry_point.write_text(self._here(entry_point.read_text("utf-8")), "utf-8")
        return [str(entry_point)]

    def _here(self, text: str) -> str:
        return text.replace("/opt/ml/model", str(self.model_dir))

    def _variables(self, said: Mapping[str, str]) -> dict[str, str]:
        return {
            **{name: self._here(value) for name, value in said.items()},
            "SM_VLLM_PORT": str(self.port),
            "HF_HUB_OFFLINE": "1",
            "HOME": str(self._base),
            "OMP_NUM_THREADS": "2",
            "PATH": os.pathsep.join([str(self._python.parent), os.defpath]),
            "PROCESS_AUTO_RECOVERY": "false",
            "PYTHONPATH": str(self._base),
            "TRANSFORMERS_OFFLINE": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "VLLM_NO_USAGE_STATS": "1",
        }

    def _read(self, on_log: Callable[[str], object]) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            self._lines.append(line)
            on_log(line)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        with urllib3.PoolManager(retries=False, timeout=5) as http:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    self._reader.join(5)
                    raise AssertionError(f"it ended with status {self._process.returncode}:\n{self.log}")
                with contextlib.suppress(urllib3.exceptions.HTTPError):
                    if http.request("GET", f"{self.url}/ping").status == 200:
                        return
                time.sleep(0.2)
        raise AssertionError(f"it is not healthy after {_START_SECONDS} s:\n{self.log}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """Everything that it has printed so far, but for its routes."""
        return "\n".join(line for line in self._lines if not re.search(r"Route: /", line))

    # A RunningModel, as the gateway wants one

    @property
    def identity(self) -> str:
        return f"process {self._process.pid}"

    def is_running(self) -> bool:
        return self._process.poll() is None

    def memory_bytes(self) -> int | None:
        return None

    def last_log_lines(self) -> list[str]:
        return self._lines[-20:]

    def wait(self) -> int:
        return self._process.wait()

    def stop(self) -> None:
        end_session(self._process)
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()
