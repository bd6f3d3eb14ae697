"""The arithmetic against what servers print and model cards say; the sources stand beside the numbers."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.language_models import memory
from cdk_modelbuilder.language_models.architecture import read_architecture
from cdk_modelbuilder.language_models.memory import (
    GIBI,
    Load,
    activation_bytes,
    cache_bytes,
    cache_bytes_a_token,
    footprint,
    overhead_bytes,
    weight_bytes,
)
from tests.language_models.architectures import llama

DECODERS = [
    "llama-3-8b",
    "llama-3-70b",
    "mistral-7b",
    "qwen-2.5-7b",
    "gemma-2-9b",
    "mixtral-8x7b",
    "deepseek-v2-lite",
]


def _weights(facts, **load):
    return weight_bytes(facts.weights, facts.architecture, Load(**load)) / GIBI


@pytest.mark.parametrize(
    ("name", "load", "gibi"),
    [
        ("llama-3-8b", {}, 14.96),  # vllm-project/vllm, pull request 10511
        ("llama-3-8b", {"degree": 2}, 7.48),  # the same
        ("llama-3-70b", {}, 131.4),  # 141.1 GB of safetensors at meta-llama/Meta-Llama-3-70B
        ("mistral-7b", {}, 13.5),  # 14.5 GB of safetensors at mistralai/Mistral-7B-v0.1
        ("qwen-2.5-7b", {}, 14.2),  # 15.2 GB of safetensors at Qwen/Qwen2.5-7B
        ("gemma-2-9b", {}, 17.2),  # 37.0 GB of safetensors in 32 bits at google/gemma-2-9b, in 16 here
        ("mixtral-8x7b", {}, 87.0),  # 93.4 GB of safetensors at mistralai/Mixtral-8x7B-v0.1
        ("deepseek-v2-lite", {}, 29.3),  # 31.4 GB of safetensors at deepseek-ai/DeepSeek-V2-Lite
        ("minilm", {"dtype": "float32"}, 0.0846),  # 90.9 MB of safetensors
        ("llama-3-70b", {"quantization": "fp8"}, 65.2),  # sgl-project/sglang, pull request 664: about 70 GB
    ],
)
def test_weights_are_within_a_tenth_of_the_published_size(facts, name, load, gibi):
    assert _weights(facts[name], **load) == pytest.approx(gibi, rel=0.1)


@pytest.mark.parametrize(
    ("name", "kibi"),
    [
        ("llama-3-8b", 3.81 * GIBI / 31232 / 1024),  # vllm-project/vllm, issue 10517: 3.81 GiB are 1952 blocks of 16
        ("llama-3-70b", 320),
        ("qwen-2.5-7b", 56),
        ("mixtral-8x7b", 128),
        ("deepseek-v2-lite", 30.375),  # DeepSeek-V2, arXiv 2405.04434: (512 + 64) numbers a layer, 27 layers
    ],
)
def test_the_cache_of_a_token(facts, name, kibi):
    shape = facts[name].architecture
    assert cache_bytes(shape, 1600, Load()) / 1600 / 1024 == pytest.approx(kibi, rel=0.01)


SMALL = llama(4, 256, 512, 4, 2, 1024, 4096) | {"head_dim": 64}
LATENT = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "num_experts_per_tok": 2}


@pytest.mark.parametrize(
    ("config", "page", "reported"),
    [
        (SMALL, 128, 128.0),
        (SMALL | {"model_type": "gemma2", "sliding_window": 512}, 128, 154.56603773584905),
        (SMALL | {"model_type": "mistral", "sliding_window": 512}, 128, 195.04761904761904),
        (SMALL | {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}, 128, 128.0),
        (SMALL | {"model_type": "deepseek_v2", "num_key_value_heads": 4, **LATENT}, 16, 56.88671875),
    ],
)
def test_the_cache_is_what_vllm_reports(monkeypatch, config, page, reported):
    """What vLLM 0.32.0 on processors said of models of these shapes that `save_pretrained` wrote.

    `kv_cache_max_concurrency` of 4096 tokens with 1 GiB of cache in bfloat16 and 2048 tokens a step, in whole pages.
    """
    monkeypatch.setattr(memory, "BLOCK", page)
    shape = read_architecture(config, "x")
    held = cache_bytes(shape, 4096, Load(batched_tokens=2048))
    assert GIBI / held == pytest.approx(reported, rel=1e-4)


@pytest.mark.parametrize(
    ("tokens", "sequences", "gibi"),
    [
        (8192, 256, 1.26),  # vllm-project/vllm, pull request 10511
        (20_000, 1, 2.07),  # issue 10517: peak 17.06 GiB less 14.99 of weights
        (29_000, 1, 2.99),  # the same: 17.98 less 14.99
    ],
)
def test_activations_are_within_a_tenth_of_what_vllm_measured(facts, tokens, sequences, gibi):
    load = Load(batched_tokens=tokens, sequences=sequences)
    assert activation_bytes(facts["llama-3-8b"].architecture, tokens, load) / GIBI == pytest.approx(gibi, rel=0.1)


def test_overhead_is_no_less_than_what_vllm_measured():
    assert overhead_bytes(Load(large=True)) >= 1.79 * GIBI  # pull request 10511, H100
    assert overhead_bytes(Load()) >= 0.35 * GIBI  # issue 10517, RTX 3090


def test_windows_hold_no_more_than_their_size(facts):
    shape = facts["mistral-7b"].architecture
    load = Load(batched_tokens=2048)
    assert (
        cache_bytes(shape, 32768, load)
        == cache_bytes(shape, 8192, load)
        < cache_bytes(shape, 8192, dataclasses.replace(load, windows_save=False))
    )
    half = facts["gemma-2-9b"].architecture
    full = cache_bytes(half, 8192, dataclasses.replace(load, windows_save=False))
    assert full / 2 < cache_bytes(half, 8192, load) < full


def test_what_is_copied_is_not_split(facts):
    latent = facts["deepseek-v2-lite"].architecture
    assert cache_bytes_a_token(latent, Load(degree=8)) == cache_bytes_a_token(latent, Load()) == 576 * 2
    few = facts["qwen-2.5-7b"]
    assert cache_bytes_a_token(few.architecture, Load(degree=7)) == cache_bytes_a_token(
        few.architecture, Load(degree=4)
    )
    assert _weights(few, degree=4) > _weights(few) / 4  # biases and norms are on each


def test_quantization_leaves_embeddings_and_norms_alone(facts):
    groups = facts["llama-3-8b"].weights.groups
    linear = sum(group.elements for group in groups if group.role in ("linear", "key-value"))
    whole, half, quarter = (_weights(facts["llama-3-8b"], quantization=name) for name in (None, "fp8", "nf4"))
    assert (whole - half) * GIBI == pytest.approx(linear, abs=8)
    assert (whole - quarter) * GIBI == pytest.approx(1.4375 * linear, abs=8)


@given(
    name=st.sampled_from(DECODERS),
    degree=st.integers(1, 16),
    length=st.integers(1, 200_000),
    more=st.integers(0, 200_000),
    batched=st.integers(1, 32_768),
    saves=st.booleans(),
)
def test_more_never_takes_less(facts, name, degree, length, more, batched, saves):
    shape, weights = facts[name].architecture, facts[name].weights
    load = Load(degree=degree, batched_tokens=batched, windows_save=saves)
    short, long = (footprint(weights, shape, tokens, load, 1) for tokens in (length, length + more))
    assert long.needed >= short.needed
    assert activation_bytes(shape, length, dataclasses.replace(load, batched_tokens=batched + more)) >= (
        short.activations
    )
    wider = footprint(weights, shape, length, dataclasses.replace(load, degree=degree + 1), 1)
    assert wider.weights <= short.weights
    assert wider.cache <= short.cache
    assert wider.weights * (degree + 1) >= weight_bytes(weights, shape, Load())
