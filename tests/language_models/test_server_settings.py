from __future__ import annotations

import pytest

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models import Overrides, choose, environment, serving_properties

FP8 = Overrides(quantization="fp8", cache_dtype="fp8")


@pytest.mark.parametrize(
    ("server", "overrides", "expected"),
    [
        (
            "vllm",
            FP8,
            {
                "SM_VLLM_DTYPE": "bfloat16",
                "SM_VLLM_GPU_MEMORY_UTILIZATION": "0.9",
                "SM_VLLM_KV_CACHE_DTYPE": "fp8",
                "SM_VLLM_MAX_MODEL_LEN": "8192",
                "SM_VLLM_MAX_NUM_BATCHED_TOKENS": "2048",
                "SM_VLLM_MAX_NUM_SEQS": None,
                "SM_VLLM_QUANTIZATION": "fp8",
                "SM_VLLM_TENSOR_PARALLEL_SIZE": "1",
            },
        ),
        ("vllm", Overrides(quantization="nf4"), {"SM_VLLM_QUANTIZATION": "bitsandbytes"}),
        (
            "sglang",
            FP8,
            {
                "SM_SGLANG_CHUNKED_PREFILL_SIZE": "2048",
                "SM_SGLANG_CONTEXT_LENGTH": "8192",
                "SM_SGLANG_DTYPE": "bfloat16",
                "SM_SGLANG_KV_CACHE_DTYPE": "fp8_e4m3",
                "SM_SGLANG_MAX_RUNNING_REQUESTS": None,
                "SM_SGLANG_MEM_FRACTION_STATIC": None,
                "SM_SGLANG_QUANTIZATION": "fp8",
                "SM_SGLANG_TP_SIZE": "1",
            },
        ),
        (
            "djl_serving",
            FP8,
            {
                "OPTION_DTYPE": "bf16",
                "OPTION_GPU_MEMORY_UTILIZATION": "0.9",
                "OPTION_KV_CACHE_DTYPE": "fp8",
                "OPTION_MAX_MODEL_LEN": "8192",
                "OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS": "2048",
                "OPTION_MAX_ROLLING_BATCH_SIZE": None,
                "OPTION_QUANTIZE": "fp8",
                "OPTION_TENSOR_PARALLEL_DEGREE": "1",
            },
        ),
        (
            "tgi",
            FP8,
            {
                "CUDA_MEMORY_FRACTION": "0.9",
                "DTYPE": "bfloat16",
                "KV_CACHE_DTYPE": "fp8_e4m3fn",
                "MAX_BATCH_PREFILL_TOKENS": "8192",
                "MAX_INPUT_TOKENS": "8191",
                "MAX_TOTAL_TOKENS": "8192",
                "NUM_SHARD": "1",
                "QUANTIZE": "fp8",
            },
        ),
        ("tgi", Overrides(quantization="nf4"), {"QUANTIZE": "bitsandbytes-nf4"}),
    ],
)
def test_the_documented_names(facts, server, overrides, expected):
    found = environment(choose(facts["llama-3-8b"], "ml.g6.xlarge", server, overrides))
    if overrides is FP8:
        assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == value if value is not None else float(found[name]) > 0
    assert list(found) == sorted(found)


def test_embeddings(facts):
    found = environment(choose(facts["minilm"], "ml.g5.xlarge", "tei"))
    assert found == {"DTYPE": "float16", "MAX_BATCH_REQUESTS": "256", "MAX_BATCH_TOKENS": "16384"}


def test_properties_say_the_same_as_the_environment_and_why(facts):
    choice = choose(facts["llama-3-70b"], "ml.p4d.24xlarge", "djl_serving")
    text = serving_properties(choice)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    pairs = dict(line.split("=", 1) for line in lines)
    assert pairs.pop("engine") == "Python"
    assert {name.replace(".", "_").upper(): value for name, value in pairs.items()} == environment(choice)
    assert "# of the possible 1, 2, 4, 8 it leaves the most room for the cache\noption.tensor_parallel_degree=8" in text
    assert text == serving_properties(choose(facts["llama-3-70b"], "ml.p4d.24xlarge", "djl_serving"))


def test_other_servers_read_no_properties(facts):
    with pytest.raises(UsageError, match=r"vLLM reads no serving\.properties"):
        serving_properties(choose(facts["llama-3-8b"], "ml.g5.xlarge", "vllm"))
