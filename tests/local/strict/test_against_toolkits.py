"""The same requests to strict mode and to the toolkit that it stands in for: the answers are the same."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from cdk_modelbuilder.local.starting import start_process
from tests.containers import huggingface, mms, toolkit, torchserve
from tests.containers.serving import ServingContainer, secrets_of
from tests.local.strict.requests import REQUESTS, Asked, ask
from tests.local.strict.test_strict import build_for

_NO_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="no java here, which the model servers run on")
_NO_MOUNT = pytest.mark.skipif(not toolkit.can_mount(), reason="this process may make no mount namespace")

pytestmark = [pytest.mark.slow, pytest.mark.extra_install]


def _until_loaded(container: ServingContainer) -> None:
    container.wait_until_listening()
    deadline = time.monotonic() + 90
    while ask(container.url, Asked("warm-up", b"[[1.0,2.0]]", {"Content-Type": "application/json"})).status != 200:
        assert time.monotonic() < deadline, container.log
        time.sleep(0.2)


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
    ],
)
def test_every_answer_is_the_same(family, module, container, tmp_path: Path):
    bundle = build_for(family, tmp_path / "bundle")
    (tmp_path / "ml").mkdir()
    process = start_process(bundle, strict=True)
    try:
        with container(module.ENVIRONMENT.python(), bundle, secrets_of(bundle), tmp_path / "ml") as real:
            _until_loaded(real)
            differing = {
                asked.name: (found, expected)
                for asked in REQUESTS
                if (found := ask(process.url, asked)) != (expected := ask(real.url, asked))
            }
            assert not differing
    finally:
        process.stop()
