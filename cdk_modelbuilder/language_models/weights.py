"""Counts a model's weights by what a server does with them when it splits the model over accelerators.

Source of what is split: vllm-project/vllm, ``vllm/model_executor/layers/linear.py`` and the models under
``vllm/model_executor/models`` (``ReplicatedLinear`` for routers and for the compressing projections of latent
attention). SGLang's models are made of layers of the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cdk_modelbuilder.language_models.architecture import Quantization
from cdk_modelbuilder.language_models.safetensors_headers import Tensor

Role = Literal["linear", "embedding", "key-value", "copied"]

_EMBEDDING = re.compile(
    r"(^|\.)(embed_tokens|lm_head|wte|word_embeddings|embed_in|embed_out|tok_embeddings|output)\.weight$"
)
_COPIED = re.compile(
    r"(^|\.)(router|gate|shared_expert_gate|q_a_proj|kv_a_proj_with_mqa|fused_qkv_a_proj|wpe|position_embeddings"
    r"|token_type_embeddings)\.|(^|\.)(vision\w*|visual|audio\w*|multi_modal_projector|mm_projector|mlp1)\."
)
_KEY_VALUE = re.compile(r"(^|\.)[kv]_proj\.")
_OF_SCALES = re.compile(
    r"(scales?|qzeros|zero_point|g_idx|absmax|quant_map|quant_state\S*|weight_scale\S*|input_scale)$"
)
_HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.weight$")
_OF_FLOATS = frozenset(("F64", "F32", "F16", "BF16"))


@dataclass(frozen=True, slots=True)
class WeightGroup:
    """Weights of one role and one data type.

    Attributes:
        role: ``linear`` and ``embedding`` are split over accelerators; ``key-value`` too, but no further than there are
            heads; ``copied`` is on each.
        dtype: As safetensors names it.
        elements: How many numbers.
        size: In bytes, as they are in the files.
    """

    role: Role
    dtype: str
    elements: int
    size: int

    @property
    def is_float(self) -> bool:
        """Whether a server converts it to the data type that it computes in; packed and 8-bit numbers stay."""
        return self.dtype in _OF_FLOATS


@dataclass(frozen=True, slots=True)
class Weights:
    """All weights of a model.

    Attributes:
        parameters: How many parameters, packed ones unpacked, scales not counted.
        size: In bytes, as they are in the files.
        groups: By role and data type, sorted.
        files: The files' names, sorted.
    """

    parameters: int
    size: int
    groups: tuple[WeightGroup, ...]
    files: tuple[str, ...]


def count_weights(
    tensors: Iterable[Tensor], files: Iterable[str], *, tied: bool, quantization: Quantization | None
) -> Weights:
    """Sum up tensors; an output layer that is the same as the embeddings is not counted."""
    sums: dict[tuple[Role, str], list[int]] = {}
    parameters = size = 0
    for tensor in tensors:
        if tied and _HEAD.search(tensor.name):
            continue
        entry = sums.setdefault((_role(tensor), tensor.dtype), [0, 0])
        entry[0] += tensor.elements
        entry[1] += tensor.size
        size += tensor.size
        parameters += _parameters(tensor, quantization)
    groups = tuple(WeightGroup(role, dtype, *sums[role, dtype]) for role, dtype in sorted(sums))
    return Weights(parameters, size, groups, tuple(sorted(files)))


def _role(tensor: Tensor) -> Role:
    if len(tensor.shape) < 2 or _COPIED.search(tensor.name):
        return "copied"
    if _EMBEDDING.search(tensor.name):
        return "embedding"
    return "key-value" if _KEY_VALUE.search(tensor.name) else "linear"


def _parameters(tensor: Tensor, quantization: Quantization | None) -> int:
    if quantization is None:
        return tensor.elements
    if _OF_SCALES.search(tensor.name):
        return 0
    if tensor.dtype in ("I32", "U8", "I8") and quantization.bits and len(tensor.shape) > 1:
        return 8 * tensor.size // quantization.bits
    return tensor.elements
