"""Every kind of payload, in every content type, both ways, through the real server over HTTP."""

from __future__ import annotations

from importlib import metadata

import pytest

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.schema.codecs import decode, open_codec
from cdk_modelbuilder.schema.schema_builder import schema_json
from tests.conftest import MASTER_KEY
from tests.payloads.cases import CASES, Case
from tests.payloads.equality import same

SLOW_LIBRARIES = ("torch", "tensorflow")
IN_CI = ("torch Tensor, float32", "TensorFlow Tensor, float32")
"""The others have the same way through the server, and their codecs tests of their own; `make test-all` goes it."""


def params() -> list:
    return [pytest.param(case, id=case.name, marks=marks_of(case)) for case in CASES]


def marks_of(case: Case) -> list[pytest.MarkDecorator]:
    if case.library not in SLOW_LIBRARIES:
        return []
    return [pytest.mark.slow] if case.name in IN_CI else [pytest.mark.slow, pytest.mark.heavy]


def public_version_of(library: str | None) -> list[str]:
    """A line for a library that is installed in a local version, such as 2.13.0+cpu, which is on no index."""
    version = metadata.version(library) if library == "torch" else ""
    return [f"{library}=={version.partition('+')[0]}"] if "+" in version else []


@pytest.mark.parametrize("case", params())
def test_round_trip(case: Case, echo, tmp_path):
    if case.missing:
        pytest.skip(f"{case.missing} is not installed; `make test-all` installs it")
    sample = case.make()
    schema = SchemaBuilder(sample, sample)
    bundle = ModelBuilder(
        inference_spec=echo.Echo(),
        schema_builder=schema,
        model_path=tmp_path / "echo",
        signing_key=MASTER_KEY,
        archive=False,
        # What is installed here is there too: so Arrow is offered, whatever the image of the spec brings.
        dependencies={"auto": True, "custom": ["pyarrow", *public_version_of(case.library)]},
    ).build()
    assert open_codec(bundle.schema["input"]).content_types == schema.input_codec.content_types
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        assert same(predictor.predict(sample), sample)
        for content_type in schema.input_codec.written_types:
            if "*" in content_type:
                continue
            codec = schema.input_codec
            body = codec.encode(sample, content_type)
            answer, answer_type = predictor.invoke(
                body, content_type=codec.label(content_type, body), accept=content_type
            )
            assert answer_type.partition(";")[0] == content_type
            found = decode(schema.output_codec, bytearray(answer), answer_type)
            assert same(found, sample) is (content_type not in case.inexact), (content_type, found)
        assert schema_json(schema.marshaller)["input"]["content_types"]
