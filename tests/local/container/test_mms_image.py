"""AWS's toolkit and Multi Model Server in a container of their own, through the runner."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator

import pytest

from cdk_modelbuilder import Mode, ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.errors import PredictionError
from cdk_modelbuilder.local.container.image import context_digest
from tests.conftest import MASTER_KEY
from tests.containers.docker_base import python_version, run_docker, why_not
from tests.local.container.mms_image import IMAGE, make_mms_image
from tests.local.container.probe import Probe

pytestmark = [
    pytest.mark.docker,
    pytest.mark.heavy,
    pytest.mark.slow,
    pytest.mark.extra_install,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.skipif(shutil.which("java") is None, reason="no java here, which Multi Model Server runs on"),
]

QUESTION = {"ask": "twice", "of": [1.5]}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, daemon) -> Iterator[ModelBundle]:
    if python_version() != f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("the base image has another Python")
    make_mms_image(tmp_path_factory.mktemp("context"))
    built = ModelBuilder(
        inference_spec=Probe(),
        schema_builder=SchemaBuilder(json.dumps(QUESTION), json.dumps({"said": [3.0]})),
        model_path=tmp_path_factory.mktemp("mms") / "probe",
        signing_key=MASTER_KEY,
        model_server="mms",
        image_uri=IMAGE,
        dependencies={"auto": False, "packaging": "image"},
    ).build()
    yield built
    derived = f"cdk-modelbuilder/probe:{context_digest(built.path / 'image', IMAGE)[:16]}"
    run_docker("image", "rm", "--force", derived, IMAGE, check=False)


@pytest.mark.parametrize("isolation", [False, True])
def test_it_answers_within_limits_and_in_isolation(bundle, isolation):
    lines: list[str] = []
    with bundle.deploy(
        mode=Mode.LOCAL_CONTAINER, memory_mb=1024, network_isolation=isolation, pull="never", on_log=lines.append
    ) as predictor:
        assert json.loads(predictor.predict(json.dumps(QUESTION))) == {"said": [3.0]}
        assert json.loads(predictor.predict(json.dumps({"ask": "limits"})))["memory"] == 1024 << 20
        seen = json.loads(predictor.predict(json.dumps({"ask": "interfaces"})))["names"]
        assert (seen == ["lo"]) is isolation
        with pytest.raises(PredictionError):
            predictor.predict("no JSON")
    assert any("Model server started" in line for line in lines)


@pytest.mark.parametrize("place", ["model.pkl", "code/inference.py"])
def test_a_changed_bundle_is_never_served(bundle, tmp_path, place):
    copy = tmp_path / "copy"
    shutil.copytree(bundle.path, copy)
    file = copy / "model" / place
    file.write_bytes((file.read_bytes() if file.exists() else b"") + b"\n")
    lines: list[str] = []
    # This server says that it is healthy before it loads anything.
    predictor = ModelBundle.read(copy).deploy(mode=Mode.LOCAL_CONTAINER, pull="never", on_log=lines.append)
    with predictor, pytest.raises(PredictionError):
        predictor.predict(json.dumps(QUESTION))
    assert any(place in line for line in lines)
