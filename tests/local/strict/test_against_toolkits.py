"""The same requests to strict mode and to the toolkit that it stands in for: the answers are the same."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest
import urllib3

from cdk_modelbuilder.local.starting import start_process
from tests.containers import huggingface, mlflow_server, mms, private_network, ray, smd, toolkit, torchserve
from tests.containers.serving import ServingContainer, secrets_of
from tests.local.strict import nginx
from tests.local.strict.requests import MLFLOW_REQUESTS, REQUESTS, SAMPLE, Asked, Essence, ask
from tests.local.strict.test_strict import build_for

_NO_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="no java here, which the model servers run on")
_NO_MOUNT = pytest.mark.skipif(not toolkit.can_mount(), reason="this process may make no mount namespace")
_NO_NETWORK = pytest.mark.skipif(not private_network.can_have_one(), reason="this process may make no network")

JSON = {"Content-Type": "application/json"}

pytestmark = [pytest.mark.slow, pytest.mark.extra_install]


def _until_loaded(container: ServingContainer) -> None:
    container.wait_until_listening()
    deadline = time.monotonic() + 90
    while not _answers(container.url):
        assert time.monotonic() < deadline, container.log
        time.sleep(0.2)


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib3.exceptions.HTTPError):  # behind a relay, before the server listens
        return ask(url, Asked("warm-up", b"[[1.0,2.0]]", JSON)).status == 200
    return False


@pytest.mark.parametrize(
    ("family", "module", "container"),
    [
        pytest.param("mms", mms, mms.MmsContainer, marks=_NO_JAVA, id="mms"),
        pytest.param("sklearn", toolkit, toolkit.Container, id="sklearn"),
        pytest.param(
            *("torchserve", torchserve, torchserve.TorchServeContainer),
            marks=[_NO_JAVA, _NO_MOUNT, pytest.mark.heavy],
            id="torchserve",
        ),
        pytest.param(
            *("huggingface", huggingface, huggingface.HuggingFaceContainer),
            marks=[_NO_JAVA, _NO_MOUNT, pytest.mark.heavy],
            id="huggingface",
        ),
        pytest.param("ray", ray, ray.RayContainer, marks=[_NO_MOUNT, _NO_NETWORK, pytest.mark.heavy], id="ray"),
        pytest.param("smd", smd, smd.SmdContainer, marks=[_NO_MOUNT, pytest.mark.heavy], id="smd"),
    ],
)
def test_every_answer_is_the_same(family, module, container, tmp_path: Path):
    bundle = build_for(family, tmp_path / "bundle")
    (tmp_path / "ml").mkdir()
    process = start_process(bundle, strict=True)
    try:
        with container(module.ENVIRONMENT.python(), bundle, secrets_of(bundle), tmp_path / "ml") as real:
            _until_loaded(real)
            assert differing(REQUESTS, process.url, real.url) == ""
    finally:
        process.stop()


def differing(requests: Sequence[Asked], ours: str, theirs: str) -> str:
    """What two servers answer differently, for a person to read."""
    answers = [(asked.name, ask(ours, asked), ask(theirs, asked)) for asked in requests]
    return "\n".join(
        f"{name}: {_brief(found)}, not {_brief(expected)}" for name, found, expected in answers if found != expected
    )


def _brief(found: Essence) -> str:
    return f"{found.status} {found.content_type} {found.body[:400]!r}"


_NGINX_OF_MLFLOW = """
  client_max_body_size 5m;
  location ~ ^/(ping|invocations) {{
    proxy_pass {url};
    proxy_set_header Host $http_host;
    client_max_body_size 100m;
  }}
  location / {{ return 404 "{{}}"; }}
"""


@contextlib.contextmanager
def _behind_nginx(url: str, folder: Path) -> Iterator[tuple[str, list[Asked]]]:
    """Where MLflow's server is behind its image's front, and what to ask; without nginx, what that passes on."""
    asked = [*REQUESTS, *MLFLOW_REQUESTS]
    if nginx.is_here():
        with nginx.in_front_of(_NGINX_OF_MLFLOW.format(url=url), folder) as front:
            yield front, asked
    else:
        yield url, [one for one in asked if one.path.startswith(("/ping", "/invocations"))]


@pytest.mark.heavy
@_NO_MOUNT
@pytest.mark.parametrize("sample", [SAMPLE, pd.DataFrame(SAMPLE, columns=["a", "b"])], ids=["array", "table"])
def test_every_answer_is_the_same_as_mlflows(sample, tmp_path: Path):
    bundle = build_for("mlflow", tmp_path / "bundle", sample)
    (tmp_path / "ml").mkdir()
    process = start_process(bundle, strict=True)
    python = mlflow_server.ENVIRONMENT.python()
    try:
        with mlflow_server.MlflowContainer(python, bundle, secrets_of(bundle), tmp_path / "ml") as real:
            assert real.ping() == 200, real.log
            with _behind_nginx(real.url, tmp_path / "nginx") as (url, requests):
                assert differing(requests, process.url, url) == ""
                assert ask(url, Asked("inputs", b'{"inputs": [[1.0, 2.0]]}', JSON)).status == 200
    finally:
        process.stop()
