"""Names of secrets are told from tokens, and tokens stand nowhere."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.container_spec import ContainerSpec, ImageReference
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.own_secrets import own_secrets
from cdk_modelbuilder.secret_reference import SecretReference, refuse_tokens

TOKEN = "hf_" + "aBcD1234" * 4
NAMES = st.text(string.ascii_letters + string.digits + "/_+=.@-", min_size=1, max_size=60)
FIELDS = st.none() | st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=30)


@given(name=NAMES, field=FIELDS)
def test_what_is_written_is_read(name, field):
    text = name if field is None else f"{name}#{field}"
    found = SecretReference.parse(text, "hub_token_secret")
    assert (found.secret, found.field) == (name, field)
    assert found.dynamic_reference.count(":") == 6


@pytest.mark.parametrize("text", ["", "two words", "name#", "name#a:b", "name}}", "arn:aws:s3:::bucket", 5, None])
def test_what_names_no_secret(text):
    with pytest.raises(UsageError, match=r"hub_token_secret is .*names no secret"):
        SecretReference.parse(text, "hub_token_secret")


def builder(tmp_path, **options):
    schema = SchemaBuilder({"messages": []}, {"choices": []})
    return ModelBuilder(model="org/name@main", model_server="vllm", schema_builder=schema, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"env_vars": {"HF_TOKEN": "anything"}},
        {"env_vars": {"HUGGING_FACE_HUB_TOKEN": TOKEN}},
        {"env_vars": {"SM_VLLM_HEADER": f"Bearer {TOKEN}"}},
        {"hub_token_secret": TOKEN},
    ],
)
def test_a_token_is_refused_and_not_repeated(tmp_path, options):
    with pytest.raises(UsageError, match="AWS Secrets Manager") as refused:
        builder(tmp_path, **options)
    assert TOKEN not in str(refused.value)
    assert "anything" not in str(refused.value)


def test_references_and_other_values_are_none():
    refuse_tokens(
        {"HF_TOKEN": "{{resolve:secretsmanager:x}}", "HF_MODEL_ID": "org/hf_model", "HF_HUB_OFFLINE": "1"}, "x"
    )


@pytest.mark.parametrize("model", ["s3://bucket/llama/", "org/name@main"])
def test_a_container_that_downloads_nothing_needs_no_token(tmp_path, model):
    schema = SchemaBuilder({"messages": []}, {"choices": []})
    made = ModelBuilder(
        model=model,
        model_server="vllm",
        schema_builder=schema,
        hub_token_secret="hub/token",
        download=model.startswith("org"),
        model_path=tmp_path / "bundle",
    )
    with pytest.raises(UsageError, match="for a container that downloads its model"):
        made.build()
    assert list(tmp_path.iterdir()) == []


def spec(**secrets: str) -> ContainerSpec:
    return ContainerSpec(ImageReference(uri="image:1"), "vllm", {}, {}, secrets=secrets)


def test_here_it_is_the_variable_of_whoever_runs():
    assert own_secrets(spec(), {}) == {}
    assert own_secrets(spec(HF_TOKEN="hub/token"), {"HF_TOKEN": "mine", "OTHER": "x"}) == {"HF_TOKEN": "mine"}
    with pytest.raises(UsageError, match=r"HF_TOKEN is not set.*the secret hub/token\..*export HF_TOKEN="):
        own_secrets(spec(HF_TOKEN="hub/token"), {"HF_TOKEN": ""})


def test_specs_from_before_there_were_secrets_are_read_and_written_alike():
    old = spec().to_json()
    assert "secrets" not in old
    assert ContainerSpec.from_json(json.loads(json.dumps(old))) == spec()
    assert ContainerSpec.from_json(json.loads(json.dumps(spec(A="b").to_json()))) == spec(A="b")
