"""Starts each server with a model and says where it listens and how long its first answer took."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import urllib3

from benchmarks.peers.models import ROWS, build, classifier
from tests.conftest import MASTER_KEY
from tests.containers import mlflow_server, mms, torchserve
from tests.containers.environments import KeptEnvironment
from tests.containers.serving import ServingContainer, free_port, secrets_of

APPS = Path(__file__).with_name("apps")
PLAIN = json.dumps(ROWS.tolist()).encode()
_PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Listening:
    """A server that answers.

    Attributes:
        port: Where.
        body: A request for ``POST /invocations``, in JSON.
        first_answer: Seconds from the start of its process to its first good answer.
    """

    port: int
    body: bytes
    first_answer: float


Server = Callable[[str, Path], contextlib.AbstractContextManager[Listening]]


@contextlib.contextmanager
def own(model: str, scratch: Path) -> Iterator[Listening]:
    """Process mode."""
    from cdk_modelbuilder import Mode

    bundle = build(model, scratch / "own")
    began = time.perf_counter()
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY, on_log=len) as predictor:
        port = int(predictor.url.rpartition(":")[2])
        yield _when_it_answers(port, PLAIN, began)


def in_harness(server: str, kept: KeptEnvironment, container: type[ServingContainer], body: bytes = PLAIN) -> Server:
    """A server that the tests start as AWS's images do, on a bundle."""

    @contextlib.contextmanager
    def start(model: str, scratch: Path) -> Iterator[Listening]:
        environment = replace(
            kept,
            name=f"{kept.name}-bench",
            folder_variable=f"{kept.folder_variable}_BENCH",
            model_packages=tuple(sorted({*kept.model_packages, "scikit-learn"})),
        )
        python = environment.python()
        bundle = build(model, scratch / "bundle", server)
        (scratch / "ml").mkdir()

        class Timed(container):  # type: ignore[misc, valid-type]
            began = 0.0

            def start(self, command: Sequence[object], **variables: str) -> None:
                self.began = time.perf_counter()  # what comes before is the image's, and there already
                super().start(command, **variables)

        with Timed(python, bundle, secrets_of(bundle), scratch / "ml") as running:
            yield _when_it_answers(running.port, body, running.began)

    return start


def of_app(
    packages: Sequence[str], command: Callable[[Path, int, str | None], list[str]], body: bytes = PLAIN
) -> Server:
    """A server with an application of its own, installed with pip.

    Args:
        packages: What pip installs.
        command: The words that start it, from the folder of its programs, the port, and the model's path.
        body: A request.
    """

    @contextlib.contextmanager
    def start(model: str, scratch: Path) -> Iterator[Listening]:
        import joblib

        programs = _environment(packages)
        path = None
        if model != "no-op":
            path = str(scratch / "model.joblib")
            joblib.dump(classifier(), path)
        port = free_port()
        variables = {
            **os.environ,
            **({} if path is None else {"MODEL": path}),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(APPS),
            "HOME": str(scratch),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        with (scratch / "server.log").open("wb") as log:
            began = time.perf_counter()
            child = subprocess.Popen(
                command(programs, port, path),
                cwd=scratch,
                env=variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield _when_it_answers(port, body, began, child, scratch / "server.log")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(15)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    return start


def _environment(packages: Sequence[str]) -> Path:
    """The folder of the programs of an environment with ``packages``, made once."""
    wanted = hashlib.sha256("\n".join([sys.version, *packages]).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir(), f"cdk-modelbuilder-peer-{wanted}")
    if not (folder / "complete").is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        (folder / "complete").touch()
    return folder / "bin"


def _mlserver_settings(scratch: Path, port: int) -> None:
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    (scratch / "settings.json").write_text(json.dumps({**settings, "debug": False, "parallel_workers": 0}))
    model = {"name": "m", "implementation": "mlserver_app.Runtime"}
    (scratch / "model-settings.json").write_text(json.dumps(model))


def _start_mlserver(programs: Path, port: int, _: str | None) -> list[str]:
    folder = Path(tempfile.mkdtemp(prefix="mlserver-"))
    _mlserver_settings(folder, port)
    return [str(programs / "mlserver"), "start", str(folder)]


def _start_bentoml(programs: Path, port: int, _: str | None) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(port), "--working-dir", str(APPS)]
    return [str(programs / "bentoml"), "serve", "bentoml_app:Service", *where]


def _start_litserve(programs: Path, port: int, path: str | None) -> list[str]:
    words = [str(programs / "python"), str(APPS / "litserve_app.py"), str(port)]
    return words if path is None else [*words, path]


_SKLEARN = "scikit-learn==1.9.1"
_INPUTS = json.dumps({"inputs": ROWS.tolist()}).encode()
PEERS: Mapping[str, Server] = {
    "Multi Model Server": in_harness("mms", mms.ENVIRONMENT, mms.MmsContainer),
    "TorchServe": in_harness("torchserve", torchserve.ENVIRONMENT, torchserve.TorchServeContainer),
    "MLflow": in_harness("mlflow", mlflow_server.ENVIRONMENT, mlflow_server.MlflowContainer, _INPUTS),
    "MLServer": of_app(["mlserver==1.7.1", _SKLEARN], _start_mlserver),
    "LitServe": of_app(["litserve==0.2.19", "joblib", _SKLEARN], _start_litserve),
    "BentoML": of_app(
        ["bentoml==1.4.39", "joblib", _SKLEARN], _start_bentoml, json.dumps({"x": ROWS.tolist()}).encode()
    ),
}


def _when_it_answers(
    port: int, body: bytes, began: float, child: subprocess.Popen[bytes] | None = None, log: Path | None = None
) -> Listening:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    said = ""
    with urllib3.PoolManager(retries=False, timeout=30) as http:
        while time.perf_counter() - began < _PATIENCE_SECONDS:
            if child is not None and child.poll() is not None:
                break
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                found = http.request("POST", f"http://127.0.0.1:{port}/invocations", body=body, headers=headers)
                if found.status == 200:
                    return Listening(port, body, time.perf_counter() - began)
                said = f"{found.status} {found.data[:300]!r}"
            time.sleep(0.01)
    words = "" if log is None else log.read_text("utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"no answer on port {port}: {said}\n{words}")
