"""Payload translators at the caller's: found if their module is loaded, given as an instance if it is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cdk_modelbuilder import CustomPayloadTranslator, InferenceSpec, Mode, ModelBuilder, Predictor, SchemaBuilder
from tests.conftest import MASTER_KEY


class Semicolons(CustomPayloadTranslator):
    """Numbers with semicolons between them."""

    def serialize_payload_to_bytes(self, payload):
        return ";".join(map(str, payload)).encode()

    def deserialize_payload_from_stream(self, stream):
        return [int(part) for part in stream.read().split(b";")]


class Doubler(InferenceSpec):
    """Doubles numbers."""

    def load(self, model_dir: str) -> None:
        return None

    def invoke(self, input_object, model):
        return [2 * number for number in input_object]


@pytest.fixture(scope="module")
def semicolons(tmp_path_factory):
    schema = SchemaBuilder(
        [1, 2],
        [2, 4],
        input_translator=Semicolons(content_type="text/x-semicolons"),
        output_translator=Semicolons(accept_type="text/x-semicolons"),
    )
    path = tmp_path_factory.mktemp("semicolons") / "semicolons"
    bundle = ModelBuilder(
        inference_spec=Doubler(), schema_builder=schema, model_path=path, signing_key=MASTER_KEY
    ).build()
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        predictor.bundle = bundle
        yield predictor


def test_the_class_is_loaded_here(semicolons):
    assert semicolons.predict([1, 20]) == [2, 40]
    assert semicolons.invoke(b"1;20", content_type="text/x-semicolons") == (b"2;40", "text/x-semicolons")
    given = Semicolons()
    with Predictor.from_bundle(
        semicolons.bundle, url=semicolons.url, input_translator=given, output_translator=given
    ) as predictor:
        assert predictor.predict([3]) == [6]


ELSEWHERE = """
import sys
from cdk_modelbuilder import Predictor

class Mine:
    def serialize_payload_to_bytes(self, payload):
        return ";".join(map(str, payload)).encode()
    def deserialize_payload_from_stream(self, stream):
        return stream.read().decode().split(";")

given = {} if len(sys.argv) > 3 else {"input_translator": Mine(), "output_translator": Mine()}
with Predictor.from_bundle(sys.argv[1], url=sys.argv[2], **given) as predictor:
    print(predictor.predict([3, 4]))
"""


def test_a_program_that_does_not_know_the_class_gives_its_own(semicolons, tmp_path):
    words = [sys.executable, "-c", ELSEWHERE, str(semicolons.bundle.path), semicolons.url]
    assert subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=True).stdout == "['6', '8']\n"
    without = subprocess.run([*words, "none"], capture_output=True, text=True, cwd=tmp_path)
    assert "SchemaError" in without.stderr
    assert "give an instance as input_translator=" in without.stderr
