"""From ``deploy()`` in container mode to the first prediction, against ``docker run`` of the same image by hand."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path

from benchmarks.measure import Row, Settings, best_and_median, fresh

TARGET = 1.3


def rows(settings: Settings) -> list[Row]:
    from tests.containers.docker_base import make_base_image, why_not

    what = "container mode: from `deploy()` to the first prediction"
    if (reason := why_not()) is not None:
        return [Row(what, "not measured", "", None, f"{TARGET}x", None, f"{reason}.")]
    make_base_image()
    fresh(build_twice, settings.scratch)
    fresh(deploy_and_predict, settings.scratch)  # builds the image
    by_hand, runs = [], []
    for _ in range(settings.repeats):
        by_hand.append(fresh(run_by_hand, settings.scratch))
        runs.append(fresh(deploy_and_predict, settings.scratch))
    shutil.rmtree(settings.scratch / "twice")
    first = [run["first"] for run in runs]
    ratio = min(first) / min(by_hand)
    return [
        Row(
            what=what,
            measured=best_and_median(first),
            limit=f"`docker run` by hand {best_and_median(by_hand)}",
            ratio=ratio,
            target=f"{TARGET}x",
            reached=ratio <= TARGET,
            note="Both in a fresh process, image and model the same. "
            f"`stop()` takes {min(run['stop'] for run in runs):.2f} s.",
        )
    ]


def build_twice(scratch: str) -> None:
    """Write the bundle; for :func:`benchmarks.measure.fresh`."""
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder
    from tests.containers.docker_base import BASE_IMAGE
    from tests.local.container.probe import Probe

    ModelBuilder(
        inference_spec=Probe(),
        schema_builder=SchemaBuilder('{"ask": "twice", "of": [1]}', '{"said": [2]}'),
        model_path=Path(scratch) / "twice",
        model_server="builtin",
        base_image=BASE_IMAGE,
        dependencies={"auto": False},
    ).build()


def deploy_and_predict(scratch: str) -> dict[str, float]:
    """One start; for :func:`benchmarks.measure.fresh`."""
    from cdk_modelbuilder import Mode, ModelBundle

    bundle = ModelBundle.load(Path(scratch) / "twice")
    start = time.perf_counter()
    predictor = bundle.deploy(mode=Mode.LOCAL_CONTAINER, on_log=len, on_progress=len)
    predictor.predict('{"ask": "twice", "of": [1]}')
    answered = time.perf_counter()
    predictor.delete_endpoint()
    return {"first": answered - start, "stop": time.perf_counter() - answered}


def run_by_hand(scratch: str) -> float:
    """The same with Docker's command line; for :func:`benchmarks.measure.fresh`."""
    import urllib3

    from cdk_modelbuilder import ModelBundle
    from cdk_modelbuilder.integrity.keys import require_master_key
    from cdk_modelbuilder.local.container.image import context_digest

    bundle = ModelBundle.load(Path(scratch) / "twice")
    key = bundle.check_signature(require_master_key(None, purpose="to measure", remedy="").secret)
    spec = bundle.container
    variables = {**spec.environment, **dict.fromkeys(spec.secret_environment, key.secret.hex())}
    environment = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    image = f"cdk-modelbuilder/{bundle.name}:{context_digest(bundle.path / 'image', str(spec.image.uri))[:16]}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    mount = ["--volume", f"{bundle.model_dir.resolve()}:/opt/ml/model:ro", "--publish", f"127.0.0.1:{port}:8080"]
    body, headers = '{"ask": "twice", "of": [1]}', {"Content-Type": "text/plain", "Accept": "text/plain"}
    start = time.perf_counter()
    name = subprocess.run(
        ["docker", "run", "--detach", *mount, *environment, image, "serve"], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        with urllib3.PoolManager(retries=False, timeout=2) as http:
            while True:
                with contextlib.suppress(urllib3.exceptions.HTTPError):
                    if http.request("GET", f"http://127.0.0.1:{port}/ping").status == 200:
                        break
                time.sleep(0.02)
            answer = http.request("POST", f"http://127.0.0.1:{port}/invocations", body=body, headers=headers)
            assert answer.status == 200
        return time.perf_counter() - start
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=True)
