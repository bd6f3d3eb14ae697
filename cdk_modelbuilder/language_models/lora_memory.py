"""Memory that a server keeps free for LoRA adapters.

Source: vllm-project/vllm, ``vllm/lora/layers`` (``create_lora_weights``): room for each adapter of a batch, of the
largest rank, in every layer that could have one, whether or not it has. What is split over accelerators is what the
layer itself splits: the output of those that fan out, the input of those that gather. LMI runs the same; SGLang and
Text Generation Inference need no more.
"""

from __future__ import annotations

import math

from cdk_modelbuilder.language_models.architecture import Architecture


def adapter_bytes(shape: Architecture, *, adapters: int, rank: int, each: float, degree: int) -> int:
    """Room for ``adapters`` of ``rank``, on one accelerator.

    Args:
        shape: The base model's.
        adapters: How many a batch may mix.
        rank: The largest.
        each: Bytes a number.
        degree: Accelerators that the model is split over.
    """

    def fans_out(inside: int, outside: int, split: int = degree) -> int:
        return inside + math.ceil(outside / split)

    def gathers(inside: int, outside: int) -> int:
        return math.ceil(inside / degree) + outside

    def feed_forward(width: int) -> int:
        return 2 * fans_out(shape.hidden_size, width) + gathers(width, shape.hidden_size)

    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    attention = (
        fans_out(shape.hidden_size, queries)
        + 2 * fans_out(shape.hidden_size, keys, min(degree, shape.kv_heads))
        + gathers(queries, shape.hidden_size)
    )
    wide = feed_forward(shape.intermediate_size)
    if shape.experts is not None:
        wide = shape.experts.count * feed_forward(shape.experts.intermediate_size)
    vocabulary = 2 * (shape.vocabulary + shape.hidden_size)  # embeddings, and the layer that writes tokens
    return math.ceil(adapters * rank * each * (shape.layers * (attention + wide) + vocabulary))
