"""A generator as ``invoke``: from SchemaBuilder to the pieces at the client, with nothing made by hand."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import urllib3

from cdk_modelbuilder import InferenceSpec, Mode, ModelBuilder, SchemaBuilder
from tests.serving.running_server import eventually


class Words(InferenceSpec):
    """Sends each word once there is a file of its name."""

    def load(self, model_dir):
        return None

    def preprocess(self, input_object):
        return input_object.strip()

    def invoke(self, input_object, model):
        folder, *words = input_object.split(" ")
        try:
            for word in words:
                while not Path(folder, word).exists():
                    time.sleep(0.01)
                yield word + " "
        finally:
            if Path(folder).is_dir():
                Path(folder, "closed").touch()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    from tests.conftest import MASTER_KEY

    path = tmp_path_factory.mktemp("words") / "words"
    schema = SchemaBuilder("nowhere", iter(["a ", "b "]))
    return ModelBuilder(inference_spec=Words(), schema_builder=schema, model_path=path, signing_key=MASTER_KEY).build()


def test_items_reach_the_client_while_the_next_is_made(bundle, tmp_path):
    (tmp_path / "x").touch()
    with (
        bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor,
        urllib3.PoolManager(retries=False, timeout=30) as http,
    ):
        headers = {"Content-Type": "text/plain", "Accept": "text/plain"}
        response = http.request(
            "POST", predictor.url + "/invocations", body=f" {tmp_path} x y z ", headers=headers, preload_content=False
        )
        pieces = response.stream()
        for word in ("x", "y", "z"):
            (tmp_path / word).touch()  # so the one after it is not even begun
            assert next(pieces) == f"{word} ".encode()
        assert list(pieces) == []
        response.release_conn()
        assert (tmp_path / "closed").exists()


def test_a_client_that_leaves_ends_the_spec_s_own_generator(bundle, tmp_path):
    (tmp_path / "x").touch()
    with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        with urllib3.PoolManager(retries=False, timeout=30) as http:
            response = http.request(
                "POST", predictor.url + "/invocations", body=f"{tmp_path} x y", preload_content=False
            )
            assert next(response.stream()) == b'"x "\n'
            response.close()
        time.sleep(0.2)
        (tmp_path / "y").touch()  # the next piece is made, and nobody is there to take it
        assert eventually((tmp_path / "closed").exists)
        assert predictor.predict(f"{tmp_path} x") == ["x "]
