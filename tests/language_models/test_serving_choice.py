from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.instances import instance_type, known_types
from cdk_modelbuilder.language_models import Overrides, choose, smallest_instance_type
from cdk_modelbuilder.language_models.accelerators import OLDEST, devices_of
from cdk_modelbuilder.language_models.architecture import Quantization
from cdk_modelbuilder.language_models.server_rules import rules_of, why_not

DECODERS = ["llama-3-8b", "llama-3-70b", "mistral-7b", "qwen-2.5-7b", "gemma-2-9b", "mixtral-8x7b", "deepseek-v2-lite"]
GENERATORS = ["vllm", "sglang", "djl_serving", "tgi"]
WITH_GPUS = [name for name in known_types() if devices_of(instance_type(name))]
BY_FAMILY = [
    ("ml.g5.xlarge", "ml.g5.12xlarge", "ml.g5.48xlarge"),
    ("ml.g6.xlarge", "ml.g6.12xlarge", "ml.g6.48xlarge"),
    ("ml.g6e.xlarge", "ml.g6e.12xlarge", "ml.g6e.48xlarge"),
    ("ml.g7e.2xlarge", "ml.g7e.12xlarge", "ml.g7e.24xlarge", "ml.g7e.48xlarge"),
    ("ml.p5.4xlarge", "ml.p5.48xlarge"),
    ("ml.p4d.24xlarge", "ml.p4de.24xlarge"),
    ("ml.p5.48xlarge", "ml.p5e.48xlarge"),
]


def _choice_or_none(*arguments):
    try:
        return choose(*arguments)
    except UsageError:
        return None


@pytest.mark.parametrize(
    ("name", "smallest"),
    [
        ("llama-3-8b", "ml.g5.xlarge"),
        ("qwen-2.5-7b", "ml.g5.xlarge"),
        ("gemma-2-9b", "ml.g5.xlarge"),
        ("deepseek-v2-lite", "ml.g6e.xlarge"),
        ("llama-3-70b", "ml.g6e.12xlarge"),
    ],
)
def test_the_smallest_instance_type(facts, name, smallest):
    assert smallest_instance_type(facts[name], "vllm") == smallest
    held = devices_of(instance_type(smallest)).count * instance_type(smallest).accelerator.memory_mib
    for other in WITH_GPUS:  # none with less memory holds it
        accelerator = instance_type(other).accelerator
        if accelerator.count * accelerator.memory_mib < held:
            assert _choice_or_none(facts[name], other, "vllm") is None


def test_a_refusal_has_the_arithmetic_and_the_way_out(facts):
    with pytest.raises(UsageError) as caught:
        choose(facts["llama-3-70b"], "ml.g5.12xlarge", "vllm")
    assert "70.55 billion parameters does not fit on ml.g5.12xlarge with 2048 tokens, split over 4" in caught.value.what
    assert "weights 32.86 GiB + KV cache of one sequence 0.16 GiB + activations" in caught.value.what
    assert caught.value.remedy == "ml.g6e.12xlarge is the smallest instance type that it fits on."


def test_what_no_instance_type_holds(facts):
    small = facts["llama-3-70b"]
    groups = tuple(dataclasses.replace(g, elements=100 * g.elements) for g in small.weights.groups)
    large = dataclasses.replace(small, weights=dataclasses.replace(small.weights, groups=groups))
    with pytest.raises(UsageError, match="No instance type of the table holds it"):
        choose(large, "ml.p5.48xlarge", "vllm")


@pytest.mark.parametrize("server", GENERATORS)
@pytest.mark.parametrize(
    ("name", "instance", "degree"),
    [
        ("llama-3-8b", "ml.g5.xlarge", 1),
        ("llama-3-8b", "ml.g5.12xlarge", 4),
        ("llama-3-70b", "ml.p4d.24xlarge", 8),
        ("qwen-2.5-7b", "ml.g5.48xlarge", 4),  # 28 heads: 8 does not divide them
        ("mixtral-8x7b", "ml.g6e.12xlarge", 4),
    ],
)
def test_how_it_is_split(facts, server, name, instance, degree):
    choice = choose(facts[name], instance, server)
    assert choice.tensor_parallel == degree
    assert choice.dtype == "bfloat16"
    assert set(choice.reasons) >= {"tensor_parallel", "dtype", "max_length", "memory_share", "sequences"}
    assert all(choice.reasons.values())


def test_unused_accelerators_are_told(facts):
    assert "4 of 8 accelerators stay unused" in choose(facts["qwen-2.5-7b"], "ml.g5.48xlarge", "vllm").notes[0]
    assert "2 copies" in choose(facts["qwen-2.5-7b"], "ml.g5.48xlarge", "djl_serving").notes[0]


def test_a_long_context_is_cut_to_what_fits(facts):
    choice = choose(facts["qwen-2.5-7b"], "ml.g5.xlarge", "vllm")
    assert 2048 < choice.max_length < 131072
    assert choice.max_length % 16 == 0
    assert "the model takes up to 131072" in choice.reasons["max_length"]
    longer = Overrides(max_length=choice.max_length + 16)
    with pytest.raises(UsageError, match="does not fit"):
        choose(facts["qwen-2.5-7b"], "ml.g5.xlarge", "vllm", longer)


def test_each_value_can_be_overridden(facts):
    wanted = Overrides(
        tensor_parallel=2,
        dtype="float16",
        max_length=4096,
        memory_share=0.8,
        sequences=7,
        batched_tokens=1024,
        quantization="fp8",
        cache_dtype="fp8",
    )
    choice = choose(facts["llama-3-8b"], "ml.g6.12xlarge", "vllm", wanted)
    for name in wanted.given:
        assert getattr(choice, name) == getattr(wanted, name)
        assert choice.reasons[name] == "as asked for"


@pytest.mark.parametrize(
    ("name", "instance", "server", "overrides", "message"),
    [
        ("llama-3-8b", "ml.g5.xlrge", "vllm", {}, r"no known instance type.*ml\.g5\.xlarge"),
        ("llama-3-8b", "ml.g5.xlarge", "torchserve", {}, "no server of language models.*vllm"),
        ("llama-3-8b", "ml.m5.xlarge", "vllm", {"tensor_parallel": 2}, "has no accelerators.*ml.g7.12xlarge"),
        ("llama-3-8b", "ml.p3.2xlarge", "vllm", {}, "V100 accelerators"),
        ("llama-3-8b", "ml.inf2.xlarge", "vllm", {}, "Inferentia2 accelerators"),
        ("minilm", "ml.m5.xlarge", "tei", {"tensor_parallel": 2}, "no option for tensor_parallel"),
        ("llama-3-8b", "ml.g5.xlarge", "vllm", {"tensor_parallel": 2}, "ml.g5.xlarge has 1 GPU"),
        ("llama-3-8b", "ml.g5.12xlarge", "vllm", {"tensor_parallel": 3}, "3 does not divide the 32.*one of 1, 2, 4"),
        ("llama-3-8b", "ml.g5.xlarge", "vllm", {"max_length": 9000}, "more than the model's context of 8192"),
        ("llama-3-8b", "ml.g5.xlarge", "vllm", {"dtype": "int8"}, "dtype='int8'"),
        ("llama-3-8b", "ml.g5.xlarge", "vllm", {"quantization": "int3"}, "quantization='int3'.*fp8, nf4"),
        ("llama-3-8b", "ml.g5.xlarge", "sglang", {"quantization": "nf4"}, "quantization='nf4'"),
        ("llama-3-8b", "ml.g4dn.xlarge", "vllm", {"quantization": "fp8"}, "fp8 weights need.*T4 has 7.5"),
        ("llama-3-8b", "ml.g5.xlarge", "vllm", {"cache_dtype": "fp8"}, "fp8 cache needs.*A10G has 8.6"),
        ("llama-3-8b", "ml.g4dn.12xlarge", "vllm", {"dtype": "bfloat16"}, "bfloat16 needs"),
        ("llama-3-8b", "ml.g5.xlarge", "tgi", {"sequences": 8}, "has no option for sequences"),
        ("llama-3-8b", "ml.g5.xlarge", "vllm", {"sequences": 20, "batched_tokens": 16}, r"sequences at a time \(20\)"),
        ("llama-3-8b", "ml.g5.xlarge", "tgi", {"batched_tokens": 4096}, r"the longest sequence.*\(8192\)"),
        ("minilm", "ml.g5.xlarge", "tei", {"batched_tokens": 256}, r"the longest sequence.*\(512\)"),
        ("gemma-2-9b", "ml.g4dn.12xlarge", "vllm", {}, "gemma2 overflows in float16"),
        ("minilm", "ml.g5.xlarge", "vllm", {}, "Take 'tei'"),
        ("llama-3-8b", "ml.g5.xlarge", "tei", {}, "Take 'vllm'"),
        ("deepseek-v2-lite", "ml.p5.48xlarge", "tgi", {}, "latent attention"),
    ],
)
def test_what_cannot_be_says_why(facts, name, instance, server, overrides, message):
    with pytest.raises(UsageError, match=message) as caught:
        choose(facts[name], instance, server, Overrides(**overrides))
    assert caught.value.remedy


@pytest.mark.parametrize(
    "wrong",
    [
        {"sequences": 0},
        {"max_length": True},
        {"memory_share": 0},
        {"memory_share": 1.5},
        {"memory_share": "half"},
        {"memory_share": True},
        {"batched_tokens": -1},
    ],
)
def test_impossible_overrides(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Overrides(**wrong)


def test_a_model_that_is_quantized_already_is_not_quantized_again(facts):
    facts = facts["llama-3-8b"]
    shape = dataclasses.replace(facts.architecture, quantization=Quantization("awq", 4, 128))
    with pytest.raises(UsageError, match="are quantized already"):
        choose(dataclasses.replace(facts, architecture=shape), "ml.g5.xlarge", "vllm", Overrides(quantization="fp8"))


def test_quantized_groups_are_not_cut(facts):
    """Qwen 2.5 72B in AWQ: 29568 / 8 is 28.875 groups of 128, and vLLM refuses it."""
    shape = dataclasses.replace(
        facts["llama-3-70b"].architecture, intermediate_size=29568, quantization=Quantization("awq", 4, 128)
    )
    assert "cuts the quantized groups" in why_not(shape, 8, rules_of("vllm"))
    assert why_not(dataclasses.replace(shape, quantization=None), 8, rules_of("vllm")) is None


def test_key_value_heads_are_repeated_where_the_server_does(facts):
    shape = dataclasses.replace(facts["llama-3-8b"].architecture, kv_heads=2)
    assert why_not(shape, 4, rules_of("vllm")) is None
    assert "key-value heads" in why_not(shape, 4, rules_of("tgi"))


def test_no_more_sequences_than_tokens_a_step(facts):
    assert choose(facts["llama-3-8b"], "ml.g5.12xlarge", "vllm", Overrides(batched_tokens=64)).sequences == 64


def test_old_gpus_compute_in_float16(facts):
    choice = choose(facts["llama-3-8b"], "ml.g4dn.12xlarge", "vllm")
    assert (choice.dtype, choice.reasons["dtype"]) == ("float16", "T4 has no bfloat16")


def test_embeddings_run_on_processors_too(facts):
    there, here = (choose(facts["minilm"], name, "tei") for name in ("ml.g5.xlarge", "ml.c6i.xlarge"))
    assert (there.dtype, here.dtype) == ("float16", "float32")
    assert here.max_length == there.max_length == 512
    assert here.batched_tokens < there.batched_tokens == 16384


def test_the_share_of_sglang_is_for_weights_and_cache_alone(facts):
    choice = choose(facts["llama-3-8b"], "ml.g5.xlarge", "sglang")
    devices = devices_of(instance_type("ml.g5.xlarge"))
    assert choice.footprint.weights + choice.footprint.cache <= choice.static_share * devices.memory
    assert choice.static_share < choice.memory_share


@pytest.mark.parametrize("name", WITH_GPUS)
def test_every_gpu_of_the_table_is_known(name):
    assert devices_of(instance_type(name)).capability >= OLDEST


def test_gpus_that_are_not_known_are_old():
    nvidia = {
        kind.accelerator.name
        for kind in map(instance_type, known_types())
        if kind.accelerator and kind.accelerator.manufacturer == "NVIDIA" and devices_of(kind) is None
    }
    assert nvidia == {"K80", "V100"}


@given(
    name=st.sampled_from(DECODERS),
    family=st.sampled_from(BY_FAMILY),
    server=st.sampled_from(GENERATORS),
    request=st.sampled_from([128, 1024, 8192]),
)
def test_a_larger_instance_never_fits_less(facts, name, family, server, request):
    length = 0
    for instance in family:
        choice = _choice_or_none(facts[name], instance, server, Overrides(request_tokens=request))
        found = choice.max_length if choice else 0
        assert found >= length
        length = found


@given(name=st.sampled_from(DECODERS), instance=st.sampled_from(WITH_GPUS), server=st.sampled_from(GENERATORS))
def test_what_is_chosen_fits_and_divides(facts, name, instance, server):
    choice = _choice_or_none(facts[name], instance, server)
    if choice is None:
        return
    shape, degree = facts[name].architecture, choice.tensor_parallel
    assert choice.footprint.fits
    assert degree <= choice.accelerators
    assert shape.heads % degree == 0
    assert shape.kv_heads % degree == 0 or degree % shape.kv_heads == 0 or shape.latent
    assert shape.intermediate_size % degree == 0
    assert 2048 <= choice.max_length <= shape.context
    assert choice.sequences >= 1


@given(
    name=st.sampled_from(DECODERS),
    instance=st.sampled_from(WITH_GPUS),
    length=st.integers(1, 8000),
    less=st.integers(0, 7999),
)
def test_a_shorter_length_fits_where_a_longer_one_does(facts, name, instance, length, less):
    long = _choice_or_none(facts[name], instance, "vllm", Overrides(max_length=length))
    short = _choice_or_none(facts[name], instance, "vllm", Overrides(max_length=max(1, length - less)))
    assert short is not None or long is None
