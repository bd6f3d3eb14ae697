"""CustomPayloadTranslator and codecs of users: shipped with the bundle, proven through the real server."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pydantic
import pytest

from cdk_modelbuilder import CustomPayloadTranslator, Mode, ModelBuilder, Predictor, SchemaBuilder, register_codec
from cdk_modelbuilder.errors import PredictionError, SchemaError
from cdk_modelbuilder.schema.codecs import registry
from tests.conftest import MASTER_KEY
from tests.payloads.cases import SAMPLES


@pytest.fixture(scope="module")
def samples():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        import echo
        import translators

        yield type("Samples", (), {"echo": echo, "translators": translators})
    for name in ("echo", "translators"):
        sys.modules.pop(name)
    registry._registered.clear()


def build(samples, schema: SchemaBuilder, path):
    return ModelBuilder(
        inference_spec=samples.echo.Echo(),
        schema_builder=schema,
        model_path=path,
        signing_key=MASTER_KEY,
        archive=False,
    ).build()


def test_a_translator_in_each_direction(samples, tmp_path):
    semicolons = samples.translators.Separated(";", content_type="text/x-semicolons; version=1")
    bars = samples.translators.Separated("|", accept_type="text/x-bars")
    schema = SchemaBuilder([1, 2], [1, 2], input_translator=semicolons, output_translator=bars)
    bundle = build(samples, schema, tmp_path / "own")
    assert bundle.schema["input"]["spec"]["state"]["separator"] == ";"
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        assert predictor.predict([3, 4]) == [3, 4]
        assert predictor.invoke(b"5;6", content_type="text/x-semicolons") == (b"5|6", "text/x-bars")
        with pytest.raises(PredictionError, match="415"):
            predictor.invoke(b"[5]", content_type="application/json")
        with pytest.raises(PredictionError, match="Separated payload cannot read the body: ValueError") as caught:
            predictor.invoke(b"five", content_type="text/x-semicolons")
        assert caught.value.status == 400
        with pytest.raises(SchemaError, match="cannot serialize this int"):
            predictor.predict(5)
        elsewhere = Predictor.from_bundle(
            bundle, url=predictor.url, input_translator=semicolons, output_translator=bars
        )
        assert elsewhere.predict([7]) == [7]


def test_a_translator_with_a_codec_on_the_other_side(samples, tmp_path):
    schema = SchemaBuilder([1, 2], [1, 2], input_translator=samples.translators.Separated(","))
    with build(samples, schema, tmp_path / "half").deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        assert predictor.predict([3, 4]) == [3, 4]
    assert "Separated payload" in repr(schema)


def test_what_is_wrong_with_a_translator_is_told_at_construction(samples):
    with pytest.raises(SchemaError, match=r"sample_input does not survive Forgetful: .*IndexError"):
        SchemaBuilder([1], [1], input_translator=samples.translators.Forgetful())
    with pytest.raises(SchemaError, match="sample_output does not survive Forgetful"):
        SchemaBuilder([1], [1], output_translator=samples.translators.Forgetful())
    with pytest.raises(SchemaError, match="attribute 'separator' of Separated is no plain data"):
        SchemaBuilder([1], [1], input_translator=samples.translators.Separated({1, 2}))
    with pytest.raises(SchemaError, match="a str"):
        SchemaBuilder([1], [1], input_translator="translator")
    with pytest.raises(TypeError, match="abstract"):
        CustomPayloadTranslator()


def test_a_codec_of_a_user(samples, tmp_path):
    Money = samples.translators.Money
    schema = SchemaBuilder(Money(1, "EUR"), {"total": Money(2, "EUR"), "note": "x"})
    bundle = ModelBuilder(
        inference_spec=samples.echo.Echo(),
        schema_builder=SchemaBuilder(Money(1, "EUR"), Money(2, "EUR")),
        model_path=tmp_path / "money",
        signing_key=MASTER_KEY,
    ).build()
    assert bundle.schema["input"]["codec"] == "money"
    assert (bundle.model_dir / "code" / "translators.py").is_file()
    assert "Money in EUR" in repr(schema)
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        assert predictor.predict(Money(5, "EUR")) == Money(5, "EUR")
        with pytest.raises(PredictionError, match="expected cents"):
            predictor.invoke(b'"x"', content_type="application/json")


def test_names_of_built_in_codecs_are_taken():
    with pytest.raises(ValueError, match="needs a name of its own"):
        register_codec(type("Impostor", (registry.codec_class("numpy"),), {"name": "numpy"}))


def test_classes_of_a_script_are_shipped(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent(
            """\
            import dataclasses

            from cdk_modelbuilder import CustomPayloadTranslator, InferenceSpec, Mode, ModelBuilder, SchemaBuilder


            class Hex(CustomPayloadTranslator):
                def serialize_payload_to_bytes(self, payload):
                    return hex(payload).encode()

                def deserialize_payload_from_stream(self, stream):
                    return int(stream.read(), 16)


            @dataclasses.dataclass
            class Answer:
                parts: tuple
                data: bytes


            class Spec(InferenceSpec):
                def load(self, model_dir):
                    return 2

                def invoke(self, number, model):
                    return Answer((number, number * model), b"x")


            schema = SchemaBuilder(17, Answer((17, 34), b"x"), input_translator=Hex())
            bundle = ModelBuilder(inference_spec=Spec(), schema_builder=schema, name="hex").build()
            with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
                print(predictor.predict(255))
            """
        )
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path)
    assert run.stdout == "Answer(parts=(255, 510), data=b'x')\n", run.stderr


class Account(pydantic.BaseModel):
    key: pydantic.SecretStr


class Aliased(pydantic.BaseModel):
    name: str = pydantic.Field(validation_alias="in", serialization_alias="out")


class Computed(pydantic.BaseModel, extra="forbid"):
    n: int

    @pydantic.computed_field
    def double(self) -> int:
        return self.n * 2


def test_pydantic_models_that_json_would_change_are_refused():
    with pytest.raises(SchemaError, match="another one: does it hold a secret"):
        SchemaBuilder(Account(key="hush"), 1)
    with pytest.raises(SchemaError, match="does not survive as JSON"):
        SchemaBuilder(Aliased(**{"in": "x"}), 1)
    codec = SchemaBuilder(Computed(n=1), 1).input_codec
    assert codec.decode(codec.encode(Computed(n=2), "application/json"), "application/json") == Computed(n=2)


def test_classes_that_cannot_be_shipped_are_refused():
    class Local(pydantic.BaseModel):
        n: int

    with pytest.raises(SchemaError, match="defined inside of a function"):
        SchemaBuilder(Local(n=1), 1)
