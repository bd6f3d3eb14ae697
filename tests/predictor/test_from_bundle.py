"""A predictor from a bundle's text files alone, for real servers, here and behind SageMaker's API."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cdk_modelbuilder import InferenceSpec, Mode, ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from cdk_modelbuilder.errors import (
    BundleError,
    ModelFailedError,
    PredictionTimeoutError,
    RequestRejectedError,
    UsageError,
)
from tests.conftest import MASTER_KEY


class Doubler(InferenceSpec):
    """Doubles numbers; fails or dawdles on request."""

    def load(self, model_dir: str) -> None:
        return None

    def invoke(self, input_object, model):
        if input_object["numbers"] == [-1]:
            raise RuntimeError("secret detail of the model")
        if input_object["numbers"] == [-2]:
            time.sleep(2)
        return {"doubled": [2 * number for number in input_object["numbers"]]}


def text_files(bundle: ModelBundle, target: Path) -> Path:
    target.mkdir()
    for file in bundle.path.iterdir():
        if file.is_file() and file.suffix != ".gz":
            shutil.copy(file, target)
    return target


@pytest.fixture(scope="module")
def doubler(tmp_path_factory) -> ModelBundle:
    schema = SchemaBuilder({"numbers": [1]}, {"doubled": [2]})
    path = tmp_path_factory.mktemp("doubler") / "doubler"
    return ModelBuilder(
        inference_spec=Doubler(), schema_builder=schema, model_path=path, signing_key=MASTER_KEY
    ).build()


@pytest.fixture(scope="module")
def running(doubler):
    with doubler.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        yield predictor


@pytest.fixture(scope="module")
def tumour_endpoint(tumour_bundle):
    with tumour_bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        yield predictor


@pytest.mark.parametrize("opened", [True, False])
def test_text_files_are_enough(doubler, running, tmp_path, opened):
    folder = text_files(doubler, tmp_path / "text")
    with Predictor.from_bundle(ModelBundle.read(folder) if opened else folder, url=running.url) as predictor:
        assert predictor.predict({"numbers": [1, 2]}) == {"doubled": [2, 4]}
        assert predictor.predict_async({"numbers": [5]}).result() == {"doubled": [10]}
        assert list(predictor.predict_stream({"numbers": [5]})) == [{"doubled": [10]}]
        found = predictor.predict_batch([{"numbers": [n]} for n in range(20)])
        assert found == [{"doubled": [2 * n]} for n in range(20)]
    assert running.predict({"numbers": [1]}) == {"doubled": [2]}  # it runs on


LIGHT = """
import sys
from cdk_modelbuilder import Predictor
with Predictor.from_bundle(sys.argv[1], url=sys.argv[2]) as predictor:
    assert predictor.predict({"numbers": [1]}) == {"doubled": [2]}
heavy = {"boto3", "botocore", "numpy", "pandas", "pyarrow", "sklearn", "torch", "xgboost", "rich", "click", "uvicorn"}
print(sorted(heavy & set(sys.modules)))
"""


def test_it_imports_nothing_that_the_data_does_not_need(doubler, running, tmp_path):
    folder = text_files(doubler, tmp_path / "text")
    run = subprocess.run([sys.executable, "-c", LIGHT, folder, running.url], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("[]\n", "")


def test_arrays_come_writable_and_in_one_piece(tumour_endpoint, tumour_bundle, tumours, tmp_path):
    folder = text_files(tumour_bundle, tmp_path / "text")
    with Predictor.from_bundle(folder, url=tumour_endpoint.url) as predictor:
        found = predictor.predict(tumours.X)
    np.testing.assert_array_equal(found, tumours.model.predict(tumours.X))
    found += 1
    assert found.flags.writeable
    assert not found.flags.owndata  # a view of the bytes that came


def test_a_real_server_behind_sagemakers_api(service, tumour_endpoint, tumour_bundle, tumours, tmp_path):
    service.endpoints["tumour"] = tumour_endpoint.url
    folder = text_files(tumour_bundle, tmp_path / "text")
    with Predictor.from_bundle(folder, endpoint_name="tumour") as predictor:
        expected = tumours.model.predict(tumours.X)
        found = predictor.predict(tumours.X)
        np.testing.assert_array_equal(found, expected)
        assert found.flags.writeable
        (streamed,) = predictor.predict_stream(tumours.X[:9])
        np.testing.assert_array_equal(streamed, expected[:9])
        batch = predictor.predict_batch(np.split(tumours.X[:60], 6), concurrency=3)
        np.testing.assert_array_equal(np.concatenate(batch), expected[:60])
        with pytest.raises(RequestRejectedError, match=r"answered 400: expected an array of shape") as caught:
            predictor.invoke(b"[[1]]", content_type="application/json")
        assert caught.value.status == 400
        with pytest.raises(RequestRejectedError, match=r"answered 415"):
            predictor.invoke(b"x", content_type="image/png")


def test_errors_of_a_real_server(doubler, running):
    with Predictor.from_bundle(doubler, url=running.url) as predictor:
        with pytest.raises(ModelFailedError, match="answered 500: the model failed") as caught:
            predictor.predict({"numbers": [-1]})
        assert "secret detail" not in str(caught.value)
        found = predictor.predict_batch([{"numbers": [n]} for n in (1, -1)], return_errors=True)
        assert [type(item) for item in found] == [dict, ModelFailedError]


def test_a_real_server_that_takes_too_long(doubler):
    late = pytest.raises(PredictionTimeoutError, match=r"within 0\.3 s")
    with doubler.deploy(mode=Mode.LOCAL_PROCESS) as endpoint, late:
        Predictor.from_bundle(doubler, url=endpoint.url, timeout=0.3).predict({"numbers": [-2]})


def test_a_schema_of_another_version(doubler, running):
    other = replace(doubler, schema={**doubler.schema, "format_version": 99})
    with Predictor.from_bundle(other, url=running.url) as predictor:
        assert predictor.invoke(b'{"numbers": [1]}', content_type="application/json")[0]
        with pytest.raises(BundleError, match="format version 99"):
            predictor.predict({"numbers": [1]})


def test_translators_for_a_schema_without(doubler, running):
    predictor = Predictor.from_bundle(doubler, url=running.url, input_translator=object())
    with pytest.raises(BundleError, match="input_translator was given"):
        predictor.predict({"numbers": [1]})


def test_a_folder_that_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="is not a bundle"):
        Predictor.from_bundle(tmp_path, url="http://127.0.0.1:1")


def test_boto3_that_is_not_installed(doubler, tmp_path):
    # A process that finds no boto3, as one that installed no extra does.
    script = (
        "import sys\nsys.modules['boto3'] = None\nfrom cdk_modelbuilder import Predictor\n"
        "Predictor.from_bundle(sys.argv[1], endpoint_name='tumour')\n"
    )
    run = subprocess.run([sys.executable, "-c", script, doubler.path], capture_output=True, text=True)
    assert "needs boto3, which is not installed. Run: pip install 'cdk-modelbuilder[aws]'" in run.stderr


def test_deploy_returns_one_that_owns_its_endpoint(doubler):
    predictor = doubler.deploy(mode=Mode.LOCAL_PROCESS)
    assert isinstance(predictor, Predictor)
    predictor.delete_endpoint()
    predictor.delete_endpoint()
    with pytest.raises(UsageError):
        Predictor.from_bundle(doubler, url="http://127.0.0.1:1").delete_endpoint()
