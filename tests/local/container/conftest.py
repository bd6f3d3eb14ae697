"""One bundle with its own image, which is built once, and one container of it that gentle questions share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import urllib3

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.local.container.image import context_digest
from cdk_modelbuilder.local.container.ownership import PID_LABEL
from cdk_modelbuilder.local.starting import start_container
from tests.conftest import MASTER_KEY
from tests.containers.docker_base import BASE_IMAGE, make_base_image, run_docker, why_not
from tests.local.container.probe import Probe


@pytest.fixture(scope="session")
def probe_bundle(tmp_path_factory) -> ModelBundle:
    """Shared: copy it before changing it."""
    return ModelBuilder(
        inference_spec=Probe(),
        schema_builder=SchemaBuilder('{"ask": "twice", "of": [1]}', '{"said": [2]}'),
        model_path=tmp_path_factory.mktemp("probe") / "probe",
        model_server="builtin",
        base_image=BASE_IMAGE,
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture(scope="session")
def daemon(probe_bundle) -> Iterator[None]:
    """A daemon that has the base image."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    make_base_image()
    yield
    if "PYTEST_XDIST_WORKER" not in os.environ:  # another worker may be about to start it
        context = probe_bundle.path / "image"
        tag = f"cdk-modelbuilder/probe:{context_digest(context, BASE_IMAGE)[:16]}"
        run_docker("image", "rm", "--force", tag, check=False)


@pytest.fixture(scope="session")
def start(probe_bundle, daemon) -> Iterator:
    """Starts a container of the probe (or of another bundle) and returns it with a way to ask it."""
    started = []

    def starter(bundle: ModelBundle | None = None, **options) -> SimpleNamespace:
        chosen = bundle or probe_bundle
        lines: list[str] = []
        running = start_container(chosen, signing_key=MASTER_KEY, on_log=lines.append, **options)
        started.append(running)
        return SimpleNamespace(running=running, lines=lines, ask=_asker(running))

    yield starter
    for one in started:
        one.stop()


def _asker(running):
    http = urllib3.PoolManager(retries=False, timeout=30)

    def ask(question: str, of=None):
        body = json.dumps({"ask": question, "of": of})
        headers = {"Content-Type": "text/plain", "Accept": "text/plain"}
        answer = http.request("POST", running.url + "/invocations", body=body, headers=headers)
        assert answer.status == 200, answer.data
        return json.loads(answer.data)

    return ask


@pytest.fixture(scope="module")
def shared(start):
    """One that is asked nothing that would hurt it."""
    one = start(memory_mb=256, cpus=0.5, shm_mb=32, pids=300)
    yield one
    one.running.stop()


def containers_of(name: str) -> list[str]:
    """The containers whose name begins so."""
    listed = run_docker("ps", "--all", "--filter", f"name={name}", "--format", "{{.Names}}").stdout
    return listed.split()


def own_containers() -> list[str]:
    """The containers that this process has started; others may test beside it."""
    mine = ["--filter", f"label={PID_LABEL}={os.getpid()}"]
    return run_docker("ps", "--all", *mine, "--format", "{{.Names}}").stdout.split()
