"""Ray Serve as AWS's Ray containers start it, without an image: Ray as it is published, and a front of the same rules.

The steps are those of aws/deep-learning-containers, ``scripts/docker/ray/sagemaker_entrypoint.sh``, and the front does
what ``sagemaker_serve.py`` there does: ``/ping`` asks for Ray's health, ``/invocations`` passes on body, Content-Type
and Accept, and gives back body, type and status; a type that is text gets a charset. Ray listens on every interface,
so it gets a network of its own.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment
from tests.containers.private_network import inside, lead_in
from tests.containers.serving import ServingContainer
from tests.containers.toolkit import read_only_for

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-ray-venv",
    folder_variable="CDK_MODELBUILDER_RAY_VENV",
    requirements=Path(__file__).with_name("ray-requirements.txt"),
    model_packages=("numpy", "scikit-learn", "skops"),
)

_FRONT = """\
import os
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

RAY = "http://127.0.0.1:8000"


@asynccontextmanager
async def lifespan(app):
    async with httpx.AsyncClient(timeout=int(os.environ.get("RAYSERVE_BACKEND_TIMEOUT", "300"))) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/invocations")
async def invocations(request: Request):
    headers = {name: value for name, value in request.headers.items() if name.startswith("x-amzn-sagemaker-")}
    for name in ("Content-Type", "Accept"):
        headers[name] = request.headers.get(name, "application/json")
    answer = await request.app.state.client.post(RAY + "/", content=await request.body(), headers=headers)
    kind = answer.headers.get("Content-Type", headers["Accept"])
    return Response(answer.content, answer.status_code, media_type=kind)


@app.get("/ping")
async def ping(request: Request):
    try:
        found = await request.app.state.client.get(RAY + "/-/healthz", timeout=5.0)
    except httpx.HTTPError:
        return PlainTextResponse("", status_code=503)
    return PlainTextResponse("", status_code=200 if found.status_code == 200 else 503)


uvicorn.run(app, host="127.0.0.1", port=8080, log_level="warning")
"""

_ENTRY_POINT = """\
set -e
ray start --head --port=6379 --include-dashboard=False --num-gpus=0 --disable-usage-stats \\
  --node-ip-address=127.0.0.1 --num-cpus=2 --object-store-memory=100000000
serve start --http-host=127.0.0.1 --http-port=8000
serve run {model}/config.yaml &
serve=$!
sleep 5
kill -0 $serve || {{ echo "ERROR: serve run exited immediately"; exit 1; }}
exec python {front}
"""


class RayContainer(ServingContainer):
    """Ray Serve behind the front."""

    commands: ClassVar[dict[str, str]] = {
        "ray": "from ray.scripts.scripts import main\n\nmain()\n",
        "serve": "from ray.serve.scripts import cli\n\ncli()\n",
    }

    def __init__(self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path) -> None:
        super().__init__(python, bundle, secrets, base)
        front = base / "front.py"
        front.write_text(_FRONT)
        door = base / "door"
        self._listener = socket.create_server(("127.0.0.1", self.port))
        lead_in(self._listener, door)
        self._sockets = tempfile.TemporaryDirectory(prefix="ray", dir="/tmp")  # paths of sockets are short
        script = _ENTRY_POINT.format(model=self.model_dir, front=front)
        started = inside([*read_only_for(self.model_dir), "bash", "-c", script], door=door, port=8080)
        self.start(
            ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *started],  # its many processes end with it
            OMP_NUM_THREADS="1",
            PYTHONPATH=f"{self.model_dir}:{self.model_dir}/code",
            RAY_TMPDIR=self._sockets.name,
        )

    def __exit__(self, *unused: object) -> None:
        self._process.kill()  # what is first in its own space of processes is deaf to SIGTERM; the rest ends with it
        super().__exit__(*unused)
        self._listener.close()
        self._sockets.cleanup()
