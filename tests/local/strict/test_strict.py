"""Strict mode: what is said of each family holds, also where no toolkit is installed to compare with."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cdk_modelbuilder import Mode, ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.starting import start_process
from cdk_modelbuilder.local.strict import FAMILIES, family_of
from cdk_modelbuilder.local.strict.toolkit_rules import TOOLKITS
from tests.conftest import MASTER_KEY
from tests.local.strict.requests import REQUESTS, SAMPLE, Essence, ask

SAMPLES = Path(__file__).with_name("samples")
HTML = "text/html; charset=utf-8"
ASKED = {asked.name: asked for asked in REQUESTS}
IMAGES = dict.fromkeys(FAMILIES, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1")
IMAGES["huggingface"] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/huggingface-own:1"


def build_for(family: str, path: Path, sample: Any = SAMPLE) -> ModelBundle:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        import doubling

        spec = doubling.Doubler()
        try:
            return ModelBuilder(
                inference_spec=spec,
                schema_builder=SchemaBuilder(sample, sample * 2),
                model_path=path,
                signing_key=MASTER_KEY,
                model_server="mms" if family == "huggingface" else family,
                image_uri=IMAGES[family],
                dependencies={"auto": False, "custom": ["numpy"], "packaging": "image"},
            ).build()
        finally:
            sys.modules.pop("doubling")


@pytest.fixture(scope="module", params=["mms", "huggingface", "sklearn"])
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def bundle(family, tmp_path_factory) -> ModelBundle:
    return build_for(family, tmp_path_factory.mktemp("strict") / family)


@pytest.fixture(scope="module")
def url(bundle):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELBUILDER_MASTER_KEY", MASTER_KEY)
        process = start_process(bundle, strict=True)
    yield process.url
    process.stop()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "unknown content type",
            {"mms": (500, None), "huggingface": (400, "application/json"), "sklearn": (500, HTML)},
        ),
        ("a list", {"mms": (200, "application/json"), "huggingface": (200, "application/json, text/csv")}),
        ("text asked for", {"mms": (200, "text/csv"), "sklearn": (200, "text/csv; charset=utf-8")}),
        ("no content type", {"mms": (500, None), "sklearn": (200, "application/x-npy")}),
        ("too large", {"mms": (413, None), "sklearn": (200, "application/x-npy")}),
        ("a large answer", {"mms": (500, "application/json"), "sklearn": (200, "application/x-npy")}),
        ("ping with POST", {"mms": (200, "application/json"), "sklearn": (405, HTML)}),
    ],
)
def test_answers_are_the_toolkits(family, url, name, expected):
    if family not in expected:
        pytest.skip("as another family")
    status, content_type = expected[family]
    found = ask(url, ASKED[name])
    assert (found.status, found.content_type) == (status, content_type)


def test_an_error_of_the_model_names_it_or_not(family, url):
    found = ask(url, ASKED["an error of the model"])
    assert found.status == TOOLKITS[family].error_status
    assert (b"thirteen" in found.body) is (family != "sklearn")


def test_a_changed_file_is_refused_before_anything_is_imported(bundle, tmp_path):
    changed = replace(bundle, path=tmp_path / "changed")
    shutil.copytree(bundle.path, changed.path)
    with (changed.model_dir / "code" / "inference.py").open("a") as file:
        file.write("raise SystemExit('imported')")
    with pytest.raises(LocalEndpointError, match=r"the model folder was refused: code/inference\.py"):
        start_process(changed, strict=True)


def test_several_workers(bundle):
    process = start_process(bundle, strict=True, workers=2)
    try:
        expected = Essence(200, "application/json", b"[[2.0,4.0]]")
        assert {ask(process.url, ASKED["a charset"]) for _ in range(8)} == {expected}
    finally:
        process.stop()


def test_deploy_passes_it_on(bundle, family):
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, strict=True) as predictor:
        assert ask(predictor.url, ASKED["the root"]).status == (404 if family == "sklearn" else 405)
        assert predictor.predict(SAMPLE).tolist() == (SAMPLE * 2).tolist()


def test_code_of_the_bundle_finds_of_this_package_what_a_container_has(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        import beside_builder

        built = ModelBuilder(
            inference_spec=beside_builder.Says(),
            schema_builder=SchemaBuilder("a", "b"),
            model_path=tmp_path / "says",
            signing_key=MASTER_KEY,
            model_server="mms",
            image_uri=IMAGES["mms"],
            dependencies={"auto": False, "packaging": "image"},
        ).build()
    with built.deploy(mode=Mode.LOCAL_PROCESS, strict=True, signing_key=MASTER_KEY) as predictor:
        assert predictor.predict("builder") == "builder: False, True"


def test_servers_without_rules_are_refused(tumour_bundle):
    with pytest.raises(UsageError, match=r"no rules for the model server 'vllm'.*LOCAL_CONTAINER"):
        family_of(replace(tumour_bundle.container, model_server="vllm"))
    with pytest.raises(UsageError, match=r"speaks its protocol anyway.*Leave strict out"):
        family_of(replace(tumour_bundle.container, model_server="triton"))
    with pytest.raises(UsageError, match="Leave strict out"):
        family_of(replace(tumour_bundle.container, model_server="builtin"))


def test_what_the_container_has_of_its_own_is_asked_for(tumour_bundle, monkeypatch):
    pandas_only = replace(FAMILIES["mlflow"], needs=("pandas", "no_such_module"))
    monkeypatch.setitem(FAMILIES, "mlflow", pandas_only)
    with pytest.raises(UsageError, match=r"takes no_such_module, which the container has.*pip install no_such_module"):
        family_of(replace(tumour_bundle.container, model_server="mlflow"))
