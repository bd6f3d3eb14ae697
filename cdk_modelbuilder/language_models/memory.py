"""The arithmetic of memory: what one accelerator holds of a model, term by term.

    weights ............. what is split / degree + what is copied
    cache ............... bytes a token and layer x layers x tokens (windows hold no more than their size)
    activations ......... the larger of: the widest layer over one batch, the sampler over one row a sequence
    attention scores .... where they are written out (on processors)
    adapters ............ room for LoRA adapters (lora_memory.py), where any are served
    overhead ............ CUDA's context, libraries, communication

Sources: vllm-project/vllm, ``vllm/v1/kv_cache_interface.py`` (sizes of cache pages) and what vLLM logs. Llama 3 8B with
8192 tokens and 256 sequences: activations 1.26 GiB, 40 bytes an entry of the logits; other memory 1.79 GiB on an H100
(pull request 10511). Llama 3.1 8B on an RTX 3090 with 20,000 and with 29,000 tokens: 2.07 and 2.99 GiB, 2 bytes x (3 x
feed-forward width + 3 x width) a token; 0.35 GiB of other memory; 3.81 GiB of cache are 31,232 tokens (issue 10517).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cdk_modelbuilder.language_models.architecture import Architecture
from cdk_modelbuilder.language_models.lora_memory import adapter_bytes
from cdk_modelbuilder.language_models.weights import WeightGroup, Weights

GIBI = 1 << 30
BLOCK = 16
"""Tokens a page of the cache."""
DTYPE_BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0}
QUANTIZED_BYTES = {"fp8": 1.0, "nf4": 0.5625}
"""Bytes a weight, scales included: one a row, and a 32-bit one for 64 weights (bitsandbytes)."""
SAMPLER_BYTES = 40
WIDEST = 3
"""A gated feed-forward layer has its two inputs and their product at a time; of the residual stream are as many."""


@dataclass(frozen=True, slots=True)
class Load:
    """How a model is loaded and what it is given.

    Attributes:
        degree: Accelerators that one copy is split over.
        dtype: What is computed in.
        quantization: ``fp8`` or ``nf4``: what the server makes of the linear layers when it loads them.
        cache_bytes: Bytes a number of the cache.
        batched_tokens: Tokens that one step computes.
        sequences: Sequences that one step samples for.
        windows_save: Whether the server's cache drops what a sliding window has left behind.
        caches: Whether it generates, and so keeps keys and values.
        writes_scores: Whether attention scores are written out (no flash attention).
        large: An accelerator of at least 70 GiB, whose context is larger.
        on_cpu: No accelerator at all.
        adapters: LoRA adapters that room is kept for.
        adapter_rank: Of the largest of them.
    """

    degree: int = 1
    dtype: str = "bfloat16"
    quantization: str | None = None
    cache_bytes: int = 2
    batched_tokens: int = 2048
    sequences: int = 256
    windows_save: bool = True
    caches: bool = True
    writes_scores: bool = False
    large: bool = False
    on_cpu: bool = False
    adapters: int = 0
    adapter_rank: int = 16


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one accelerator holds, in bytes.

    Attributes:
        weights: Of the model.
        cache: Keys and values of one sequence of the greatest length.
        activations: What a step computes with.
        overhead: What is there without a model.
        available: Memory times the server's share of it.
        adapters: Room for LoRA adapters.
    """

    weights: int
    cache: int
    activations: int
    overhead: int
    available: int
    adapters: int = 0

    @property
    def needed(self) -> int:
        """The sum."""
        return self.weights + self.adapters + self.cache + self.activations + self.overhead

    @property
    def left_for_cache(self) -> int:
        """What remains for keys and values of all sequences; below zero where not even the weights fit."""
        return self.available - self.weights - self.adapters - self.activations - self.overhead

    @property
    def fits(self) -> bool:
        """Whether one sequence of the greatest length can be served."""
        return self.needed <= self.available

    @property
    def words(self) -> str:
        """The sum in words."""
        parts = {"weights": self.weights, "LoRA adapters": self.adapters, "KV cache of one sequence": self.cache}
        parts |= {"activations": self.activations, "overhead": self.overhead}
        terms = " + ".join(f"{name} {gibi(size)}" for name, size in parts.items() if size)
        return f"{terms} = {gibi(self.needed)} against {gibi(self.available)}"


def gibi(size: int) -> str:
    """A number of bytes for people.

    >>> gibi(3 << 29)
    '1.50 GiB'
    """
    return f"{size / GIBI:.2f} GiB"


def weight_bytes(weights: Weights, shape: Architecture, load: Load) -> int:
    """Weights on one accelerator."""
    return sum(_group_bytes(group, shape, load) for group in weights.groups)


def _group_bytes(group: WeightGroup, shape: Architecture, load: Load) -> int:
    size = float(group.size)
    if group.is_float:
        quantized = load.quantization is not None and group.role in ("linear", "key-value")
        each = QUANTIZED_BYTES[load.quantization] if quantized and load.quantization else DTYPE_BYTES[load.dtype]
        size = group.elements * each
    if group.role == "copied":
        return math.ceil(size)
    split = min(load.degree, shape.kv_heads) if group.role == "key-value" else load.degree
    return math.ceil(size / split)


def cache_bytes_a_token(shape: Architecture, load: Load) -> int:
    """Cache of one token in one layer, on one accelerator."""
    if not load.caches:
        return 0
    if shape.latent is not None:  # one vector for all heads, so each accelerator has it whole
        return (shape.latent.rank + shape.latent.rope_dim) * load.cache_bytes
    return 2 * math.ceil(shape.kv_heads / load.degree) * shape.head_dim * load.cache_bytes


def cache_bytes(shape: Architecture, length: int, load: Load) -> int:
    """Cache of one sequence of this length, on one accelerator; whole pages."""
    each = cache_bytes_a_token(shape, load)
    pages = math.ceil(length / BLOCK)
    windowed = shape.windows.layers if load.windows_save else 0
    # Such layers hold the step's tokens beside the window, and a page more where it begins within one.
    within = min(pages, math.ceil((shape.windows.size - 1 + load.batched_tokens) / BLOCK) + 1) if windowed else 0
    return BLOCK * each * ((shape.layers - windowed) * pages + windowed * within)


def activation_bytes(shape: Architecture, length: int, load: Load) -> int:
    """The most that a step computes with, on one accelerator."""
    each = DTYPE_BYTES[load.dtype]
    width, streams = float(shape.intermediate_size), float(WIDEST)
    if shape.experts is not None:
        width = float(max(width, shape.experts.active * shape.experts.intermediate_size))
        streams += shape.experts.active
    attention = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
    widest = WIDEST * max(width, attention) / load.degree + streams * shape.hidden_size
    tokens = load.batched_tokens * each * widest
    sampler = load.sequences * shape.vocabulary * SAMPLER_BYTES if load.caches else 0
    scores = load.batched_tokens * length * shape.heads * each if load.writes_scores else 0.0
    return math.ceil(max(tokens, sampler) + scores)


def overhead_bytes(load: Load) -> int:
    """Memory that is taken before a model is there.

    An assumption above what is logged (see the module): 1 GiB, 2 GiB on large accelerators, half a GiB for
    communication buffers between several.
    """
    base = GIBI if load.on_cpu or not load.large else 2 * GIBI
    return base + (GIBI // 2 if load.degree > 1 else 0)


def footprint(weights: Weights, shape: Architecture, length: int, load: Load, available: int) -> Footprint:
    """All terms, for one sequence of this length."""
    return Footprint(
        weights=weight_bytes(weights, shape, load),
        cache=cache_bytes(shape, length, load),
        activations=activation_bytes(shape, length, load),
        overhead=overhead_bytes(load),
        available=available,
        adapters=adapter_bytes(
            shape,
            adapters=load.adapters,
            rank=load.adapter_rank,
            each=DTYPE_BYTES[load.dtype],
            degree=load.degree,
        ),
    )
