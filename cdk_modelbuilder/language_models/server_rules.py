"""What the servers of language models demand and default to, one entry a server.

Sources, read in 2026-11: vllm-project/vllm, ``vllm/config/cache.py``, ``vllm/engine/arg_utils.py`` and
``vllm/model_executor/models/llama.py``; sgl-project/sglang, ``python/sglang/srt/server_args.py``;
deepjavalibrary/djl-serving, ``serving/docs/lmi`` and ``engines/python/setup/djl_python/properties_manager``;
huggingface/text-generation-inference, ``docs/source/reference/launcher.md`` ``flash_llama_modeling.py`` and
``flash_deepseek_v2_modeling.py``;
huggingface/text-embeddings-inference, ``docs/source/en/cli_arguments.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.architecture import Architecture

_VLLM = {
    "tensor_parallel": "tensor-parallel-size",
    "dtype": "dtype",
    "max_length": "max-model-len",
    "memory_share": "gpu-memory-utilization",
    "sequences": "max-num-seqs",
    "batched_tokens": "max-num-batched-tokens",
    "quantization": "quantization",
    "cache_dtype": "kv-cache-dtype",
    "adapters": "max-loras",
    "adapter_rank": "max-lora-rank",
}
_SGLANG = {
    "tensor_parallel": "tp-size",
    "dtype": "dtype",
    "max_length": "context-length",
    "memory_share": "mem-fraction-static",
    "sequences": "max-running-requests",
    "batched_tokens": "chunked-prefill-size",
    "quantization": "quantization",
    "cache_dtype": "kv-cache-dtype",
    "adapters": "max-loras-per-batch",
    "adapter_rank": "max-lora-rank",
}
_LMI = {
    "tensor_parallel": "option.tensor_parallel_degree",
    "dtype": "option.dtype",
    "max_length": "option.max_model_len",
    "memory_share": "option.gpu_memory_utilization",
    "sequences": "option.max_rolling_batch_size",
    "batched_tokens": "option.max_rolling_batch_prefill_tokens",
    "quantization": "option.quantize",
    "cache_dtype": "option.kv_cache_dtype",
    "adapters": "option.max_loras",
    "adapter_rank": "option.max_lora_rank",
}
_TGI = {
    "tensor_parallel": "NUM_SHARD",
    "dtype": "DTYPE",
    "max_length": "MAX_TOTAL_TOKENS",
    "memory_share": "CUDA_MEMORY_FRACTION",
    "batched_tokens": "MAX_BATCH_PREFILL_TOKENS",
    "quantization": "QUANTIZE",
    "cache_dtype": "KV_CACHE_DTYPE",
}
_TEI = {"dtype": "DTYPE", "sequences": "MAX_BATCH_REQUESTS", "batched_tokens": "MAX_BATCH_TOKENS"}


@dataclass(frozen=True, slots=True)
class ServerRules:
    """One server.

    Attributes:
        name: As ``model_server=`` has it.
        title: For people.
        read_in: The release whose sources the options' names were read in.
        generates: Whether it writes text; else it embeds.
        windows_save: Whether its cache drops what a sliding window has left behind. Only vLLM's does for each model;
            the others are reckoned without, which is never too little.
        repeats_heads: Whether a key-value head may be on several accelerators.
        keeps_latent: Whether its cache holds what latent attention compresses, rather than keys and values.
        prefills_whole: Whether a prompt is one step however long it is.
        share: Of an accelerator's memory that it may use.
        dtypes: What it computes in.
        quantizations: Ours to its names, of what it makes of unquantized files.
        cache_dtypes: Ours to its names.
        adapter_switch: The option that turns LoRA adapters on; None where there is none to turn.
        options: Our names of values to its own. What has no option it decides by itself: Text Generation Inference
            takes as many sequences as its cache holds (``MAX_CONCURRENT_REQUESTS`` refuses, it does not queue).
    """

    name: str
    title: str
    read_in: str
    options: Mapping[str, str]
    adapter_switch: str | None = None
    generates: bool = True
    windows_save: bool = False
    repeats_heads: bool = True
    keeps_latent: bool = True
    prefills_whole: bool = False
    share: float = 0.9
    dtypes: tuple[str, ...] = ("bfloat16", "float16", "float32")
    quantizations: Mapping[str, str] = field(default_factory=dict)
    cache_dtypes: Mapping[str, str] = field(default_factory=dict)


_RULES = {
    rules.name: rules
    for rules in (
        ServerRules(
            name="vllm",
            title="vLLM",
            read_in="0.32.0",
            options=_VLLM,
            adapter_switch="enable-lora",
            windows_save=True,
            quantizations={"fp8": "fp8", "nf4": "bitsandbytes"},
            cache_dtypes={"fp8": "fp8"},
        ),
        ServerRules(
            name="sglang",
            title="SGLang",
            read_in="0.5.23",
            options=_SGLANG,
            adapter_switch="enable-lora",
            quantizations={"fp8": "fp8"},
            cache_dtypes={"fp8": "fp8_e4m3"},
        ),
        ServerRules(
            name="djl_serving",
            title="LMI (DJL Serving)",
            read_in="0.36.0",
            options=_LMI,
            adapter_switch="option.enable_lora",
            windows_save=True,
            quantizations={"fp8": "fp8", "nf4": "bitsandbytes"},
            cache_dtypes={"fp8": "fp8"},
        ),
        ServerRules(
            name="tgi",
            title="Text Generation Inference",
            read_in="3.3.7",
            options=_TGI,
            repeats_heads=False,
            keeps_latent=False,
            prefills_whole=True,
            dtypes=("bfloat16", "float16"),
            quantizations={"fp8": "fp8", "nf4": "bitsandbytes-nf4"},
            cache_dtypes={"fp8": "fp8_e4m3fn"},
        ),
        ServerRules(
            name="tei",
            title="Text Embeddings Inference",
            read_in="1.9.3",
            options=_TEI,
            generates=False,
            dtypes=("float16", "float32"),
        ),
    )
}


def is_served_as_language_model(server: str) -> bool:
    """Whether values are chosen for what the server serves.

    >>> is_served_as_language_model("vllm"), is_served_as_language_model("triton")
    (True, False)
    """
    return server in _RULES


def rules_of(server: str) -> ServerRules:
    """The rules of a server.

    Raises:
        UsageError: It serves no language models, or is not known.
    """
    if server not in _RULES:
        raise UsageError(
            f"{server!r} is no server of language models.",
            remedy=f"Take one of {', '.join(_RULES)}.",
        )
    return _RULES[server]


def why_not(shape: Architecture, degree: int, rules: ServerRules) -> str | None:
    """Why a model cannot be split over ``degree`` accelerators; None if it can.

    The attention heads are dealt out whole. Key-value heads too, or are repeated whole. Feed-forward layers, and
    experts, are cut into equal parts, and where the files are quantized with a scale a group, at the end of a group.
    """
    if degree == 1:
        return None
    if not rules.generates:
        return f"{rules.title} runs on one accelerator"
    if shape.heads % degree:
        return f"{degree} does not divide the {shape.heads} attention heads"
    if shape.latent is None and shape.kv_heads % degree and (degree % shape.kv_heads or not rules.repeats_heads):
        return f"the {shape.kv_heads} key-value heads cannot be dealt out to {degree}"
    widths = {"feed-forward width": shape.intermediate_size}
    if shape.experts is not None:
        widths["experts' width"] = shape.experts.intermediate_size
    group = shape.quantization.group_size if shape.quantization is not None else None
    for name, width in widths.items():
        if width % degree:
            return f"{degree} does not divide the {name} of {width}"
        if group and not width % group and (width // degree) % group:
            return f"a {degree}th of the {name} of {width} cuts the quantized groups of {group}"
    return None
