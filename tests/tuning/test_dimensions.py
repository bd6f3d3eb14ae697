"""Dimensions of language model servers, and the variables that say them."""

from __future__ import annotations

import json

import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.tuning.by_command import server_command
from cdk_modelbuilder.tuning.change import with_environment
from cdk_modelbuilder.tuning.dimensions import LANGUAGE_SERVERS, offers_of, space_of, variables_of
from cdk_modelbuilder.tuning.hardware import Hardware
from tests.conftest import MASTER_KEY
from tests.language_models.tiny_llama import write_tiny_llama
from tests.tuning.scripted import MACHINE

FOUR_GPUS = Hardware("x86_64", "", 48, 196608, "NVIDIA A10G", 4, 23028)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """A small Llama for each server that writes text."""
    folder = tmp_path_factory.mktemp("llamas")
    weights = write_tiny_llama(folder / "weights")
    return {
        server: ModelBuilder(
            model=weights,
            schema_builder=SchemaBuilder({"messages": []}, {"choices": []}),
            model_server=server,
            instance_type="ml.g5.12xlarge",
            serving={"max_length": 128},
            name="tiny",
            model_path=folder / server,
            signing_key=MASTER_KEY,
        ).build()
        for server in LANGUAGE_SERVERS
        if server != "tei"
    }


@pytest.mark.parametrize("server", [name for name in LANGUAGE_SERVERS if name != "tei"])
def test_each_server_has_its_own_variables(bundles, server):
    bundle = bundles[server]
    space = space_of(bundle, FOUR_GPUS)
    assert {"tensor_parallel", "batched_tokens"} <= set(space.default)
    own = bundle.container.environment
    assert all(own.get(name) == text for name, text in space.environment(space.default).items())  # nothing changes
    for candidate in list(space)[:200]:
        assert set(space.environment(candidate)) <= variables_of(server)
    assert set(offers_of(bundle, FOUR_GPUS)) >= {"dtype", "max_length", "quantization"}


@pytest.mark.parametrize(
    ("server", "wished", "says"),
    [
        ("vllm", {"quantization": [None, "nf4"]}, {"SM_VLLM_QUANTIZATION": "bitsandbytes"}),
        ("sglang", {"cache_dtype": [None, "fp8"]}, {"SM_SGLANG_KV_CACHE_DTYPE": "fp8_e4m3"}),
        ("djl_serving", {"dtype": ["bfloat16", "float16"]}, {"OPTION_DTYPE": "fp16"}),
        ("tgi", {"max_length": [128, 64]}, {"MAX_TOTAL_TOKENS": "64", "MAX_INPUT_TOKENS": "63"}),
    ],
)
def test_values_are_worded_as_the_server_has_them(bundles, server, wished, says):
    space = space_of(bundles[server], FOUR_GPUS, wished)
    ((name, values),) = wished.items()
    assert says.items() <= space.environment({name: values[-1]}).items()
    own = bundles[server].container.environment
    assert all(own.get(variable) == text for variable, text in space.environment(space.default).items())


def test_more_accelerators_than_there_are(bundles):
    with pytest.raises(UsageError, match="tensor_parallel=2, and this machine has no accelerators"):
        bundles["vllm"].tune(dimensions={"tensor_parallel": [1, 2]})
    with pytest.raises(UsageError, match="tensor_parallel=8, and this machine has 4 accelerators"):
        space_of(bundles["vllm"], FOUR_GPUS, {"tensor_parallel": [8]})
    assert "tensor_parallel" not in space_of(bundles["vllm"], MACHINE).default


def test_what_vllm_alone_has(bundles):
    bundle = bundles["vllm"]
    wished = {"chunked_prefill": [True, False], "speculative": [None, "ngram:3"]}
    space = space_of(bundle, FOUR_GPUS, wished)
    assert space.default == {"chunked_prefill": None, "speculative": None}
    found = space.environment({"chunked_prefill": False, "speculative": "ngram:3"})
    assert json.loads(found.pop("SM_VLLM_SPECULATIVE_CONFIG")) == {
        "method": "ngram",
        "num_speculative_tokens": 3,
        "prompt_lookup_max": 3,
    }
    assert found == {"SM_VLLM_ENABLE_CHUNKED_PREFILL": None, "SM_VLLM_NO_ENABLE_CHUNKED_PREFILL": "true"}
    for wrong, says in (
        ({"chunked_prefill": [1]}, "chunked_prefill=1 is no switch"),
        ({"speculative": ["ngram:many"]}, "speculative='ngram:many'"),
    ):
        with pytest.raises(UsageError, match=says):
            space_of(bundle, FOUR_GPUS, wrong)
    with pytest.raises(UsageError, match="sglang has no speculative to tune"):
        space_of(bundles["sglang"], FOUR_GPUS, {"speculative": [None, "ngram:3"]})


def test_a_command_is_told_what_the_containers_entry_point_makes_of_the_variables(bundles):
    bundle = bundles["vllm"]
    changes = {
        "SM_VLLM_MAX_NUM_SEQS": "7",
        "SM_VLLM_ENFORCE_EAGER": "true",
        "SM_VLLM_NO_ENABLE_PREFIX_CACHING": "false",
    }
    spec = with_environment(bundle.container, changes)
    command = server_command(bundle, spec, ["python", "-m", "server", "--port", "{port}"])
    folder = str(bundle.model_dir.resolve())
    words = " ".join(command.argv)
    assert f"--model {folder}" in words
    assert "--max-num-seqs 7" in words
    assert "--enforce-eager" in command.argv
    assert "prefix-caching" not in words
    assert "/opt/ml/model" not in words
    with pytest.raises(UsageError, match="is told no port"):
        server_command(bundle, spec, ["python"])
