"""Payloads in AWS's generic serving stack, ``sagemaker-inference`` and Multi Model Server, both unchanged."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from cdk_modelbuilder.schema.codecs import decode
from tests.conftest import MASTER_KEY
from tests.containers.mms import ENVIRONMENT, MmsContainer
from tests.containers.serving import secrets_of
from tests.payloads.cases import CASES, SAMPLES, Case
from tests.payloads.equality import same

pytestmark = [
    pytest.mark.slow,
    pytest.mark.extra_install,
    pytest.mark.skipif(shutil.which("java") is None, reason="no java here, which Multi Model Server runs on"),
]

JSON = "application/json"
TAKEN_APART = "multipart/form-data"
"""The server reads the parts itself, and the toolkit, which asks for the body, finds none. Answers may be of it."""

KNOWN_TO_CLIENTS = (
    "NumPy array of floats, NaN and infinity",
    "NumPy array of text",
    "pandas DataFrame, all kinds of columns",
    "pandas DataFrame with an index",
    "pandas Series",
    "polars DataFrame",
    "pyarrow Table",
    "scipy sparse, csr",
    "PIL image, RGB",
    "PNG file as bytes",
    "bytes",
    "text",
    "JSON document",
    "datetime",
    "date, time, timedelta",
    "dataclass",
    "pydantic model",
    "dict with a table, bytes and dates",
)


@pytest.fixture(scope="session")
def python() -> Path:
    return ENVIRONMENT.python()


@pytest.fixture(scope="module")
def samples():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        import echo
        import translators

        yield SimpleNamespace(echo=echo, translators=translators)
    for name in ("echo", "translators"):
        sys.modules.pop(name)


def build(spec, schema: SchemaBuilder, path: Path) -> ModelBundle:
    return ModelBuilder(
        inference_spec=spec,
        schema_builder=schema,
        model_path=path,
        signing_key=MASTER_KEY,
        model_server="mms",
        image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/mms:1",
        # In the environment already. The image is one of the user's own, so Arrow has to be listed to be offered.
        dependencies={"auto": True, "custom": ["pyarrow"], "packaging": "image"},
    ).build()


def serve(python: Path, bundle: ModelBundle, base: Path) -> MmsContainer:
    base.mkdir()
    return MmsContainer(python, bundle, secrets_of(bundle), base)


def predictor_of(container: MmsContainer) -> Predictor:
    """A client that does not send what the server takes apart."""
    container.wait_until_listening()
    schema = container.bundle.schema
    kept = [name for name in schema["input"]["content_types"] if name != TAKEN_APART]
    schema = {**schema, "input": {**schema["input"], "content_types": kept}}
    return Predictor(container.url, schema=schema, container=container.bundle.container)


IN_CI = ("NumPy array of floats, NaN and infinity", "pandas DataFrame, all kinds of columns", "PIL image, RGB", "text")
"""The others have the same ways through the toolkit; `make test-all` goes them."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if case.name in IN_CI else pytest.mark.heavy)
        for case in CASES
        if case.name in KNOWN_TO_CLIENTS
    ],
)
@pytest.mark.proves("InferenceSpec", "mms")
def test_every_content_type_both_ways(case: Case, python, samples, tmp_path):
    if case.missing:
        pytest.skip(f"{case.missing} is not installed; `make test-all` installs it")
    sample = case.make()
    schema = SchemaBuilder(sample, sample)
    bundle = build(samples.echo.Echo(), schema, tmp_path / "echo")
    with serve(python, bundle, tmp_path / "ml") as container:
        found = predictor_of(container).predict(sample)
        assert same(found, sample), found
        for content_type in schema.input_codec.written_types:
            if "*" in content_type:
                continue
            sent = JSON if content_type == TAKEN_APART else content_type
            body = schema.input_codec.encode(sample, sent)
            # Only one of these reaches the hook as text.
            for header in (sent, f"{sent}; charset=utf-8"):
                answer = container.invoke(bytes(body), Content_Type=header, Accept=content_type)
                assert answer.status == 200, (header, answer, container.log)
                assert answer.content_type.partition(";")[0] == content_type
                found = decode(schema.output_codec, bytearray(answer.body), answer.content_type)
                assert same(found, sample) is (content_type not in case.inexact), (content_type, found)


def test_a_stream_is_joined_and_a_list_of_types_is_negotiated(python, samples, tmp_path):
    items = [{"token": "Łó"}, {"token": "dź"}]
    bundle = build(samples.echo.EchoStream(), SchemaBuilder(items, iter(items)), tmp_path / "stream")
    with serve(python, bundle, tmp_path / "ml") as container:
        predictor = predictor_of(container)
        assert predictor.predict(items) == items
        assert list(predictor.predict_stream(items)) == items
        body = b'[{"token": "a"}]'
        answer = container.invoke(body, Content_Type="application/json", Accept="image/png, text/event-stream;q=0.5")
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert answer.body == b'data: {"token":"a"}\n\n'
        answer = container.invoke(b'[{"token": 1}]', Content_Type="application/json")
        assert answer.status == 500  # as the toolkit answers every error of a hook
        assert b"expected" in answer.body


def test_translators_of_a_user(python, samples, tmp_path):
    semicolons = samples.translators.Separated(";", content_type="text/x-semicolons")
    bars = samples.translators.Separated("|", accept_type="text/x-bars")
    schema = SchemaBuilder([1, 2], [1, 2], input_translator=semicolons, output_translator=bars)
    with serve(python, build(samples.echo.Echo(), schema, tmp_path / "own"), tmp_path / "ml") as container:
        assert predictor_of(container).predict([3, 4]) == [3, 4]
        answer = container.invoke(b"5;6", Content_Type="text/x-semicolons")
        assert (answer.status, answer.content_type, answer.body) == (200, "text/x-bars", b"5|6")


def test_bodies_as_large_as_sagemaker_sends(python, samples, tmp_path):
    sample = np.zeros((2, 1000))
    bundle = build(samples.echo.Echo(), SchemaBuilder(sample, sample), tmp_path / "large")
    with serve(python, bundle, tmp_path / "ml") as container:
        data = np.arange(3_000_000.0).reshape(-1, 1000)  # 24 MB
        assert same(predictor_of(container).predict(data), data)


def test_a_request_in_parts_is_an_error_and_the_next_one_is_answered(python, samples, tmp_path):
    sample = {"image": np.zeros((2, 2), "u1"), "tag": "x"}
    schema = SchemaBuilder(sample, sample)
    with serve(python, build(samples.echo.Echo(), schema, tmp_path / "parts"), tmp_path / "ml") as container:
        container.wait_until_listening()
        body = schema.input_codec.encode(sample, TAKEN_APART)
        answer = container.invoke(bytes(body), Content_Type=schema.input_codec.label(TAKEN_APART, body))
        assert answer.status == 500
        assert same(predictor_of(container).predict(sample), sample)


def test_nothing_is_served_without_the_key_or_after_a_change(python, samples, tmp_path):
    bundle = build(samples.echo.Echo(), SchemaBuilder("a", "a"), tmp_path / "signed")
    (tmp_path / "ml").mkdir()
    with MmsContainer(python, bundle, {}, tmp_path / "ml") as container:
        container.wait_until_listening()
        answer = container.invoke(b"x", Content_Type="text/plain")
        assert answer.status >= 500
        assert "the environment lacks MODELBUILDER_HMAC_KEY" in container.log
