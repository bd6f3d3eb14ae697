"""How long a sequence may be, and which layers see a window of it alone.

Sources: vllm-project/vllm, ``vllm/config/model.py`` (rope scaling); huggingface/transformers,
``configuration_gemma2.py``, ``configuration_gemma3.py``, ``configuration_cohere2.py``, ``configuration_qwen2.py``
(which layers have a window where ``layer_types`` is not written).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cdk_modelbuilder.language_models.config_values import ConfigValues

_PATTERNS = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "cohere2": 4}
"""Every n-th layer sees everything, the others a window."""
_WRITTEN_OUT = frozenset(("llama3", "longrope", "su", "default", "mrope"))
"""Kinds of rope scaling whose result is in ``max_position_embeddings`` already."""
_WRITTEN_OUT_MODELS = "gemma3"
"""The same, whatever its kind of scaling."""
_PADDED = frozenset(("roberta", "xlm-roberta", "camembert", "mpnet"))
"""Their positions begin after the padding token's, so two of ``max_position_embeddings`` are not to be had."""


@dataclass(frozen=True, slots=True)
class LayerWindows:
    """Layers with a sliding window.

    Attributes:
        size: How many tokens such a layer sees; 0 without.
        layers: How many layers have it.
    """

    size: int
    layers: int


def context_length(text: ConfigValues, model_type: str) -> int:
    """The longest sequence in tokens, rope scaling included.

    Raises:
        ModelError: The length is missing or no positive number, or the scaling's factor is none.
    """
    length = text.size(
        *("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "max_sequence_length")
    )
    rope = text.values.get("rope_scaling") or text.values.get("rope_parameters")
    if isinstance(rope, Mapping) and not any(isinstance(value, Mapping) for value in rope.values()):
        kind = str(rope.get("rope_type") or rope.get("type") or "default")
        if kind not in _WRITTEN_OUT and not model_type.startswith(_WRITTEN_OUT_MODELS):
            factor = rope.get("factor", 1.0)
            if isinstance(factor, bool) or not isinstance(factor, int | float) or not 1 <= factor <= 10_000:
                raise text.wrong("factor of rope_scaling", factor, "is no number of at least 1")
            inner = ConfigValues(rope, f"rope_scaling in {text.place}")
            before = inner.optional("original_max_position_embeddings") if kind == "yarn" else None
            length = int((before or length) * factor)
    if model_type in _PADDED and length > 2:
        length -= 2
    return length


def layer_windows(text: ConfigValues, model_type: str, layers: int) -> LayerWindows:
    """Which layers have a window, and its size.

    Raises:
        ModelError: The window's size is no positive whole number.
    """
    # An explicit null is "none", whatever is usual.
    size = text.optional("sliding_window")
    if size is None or text.flag("use_sliding_window") is False:
        return LayerWindows(0, 0)
    kinds = text.values.get("layer_types")
    if isinstance(kinds, list):
        return _windows(size, kinds.count("sliding_attention"))
    if model_type in _PATTERNS:
        pattern = text.optional("sliding_window_pattern") or _PATTERNS[model_type]
        return _windows(size, layers - layers // pattern)
    if text.flag("use_sliding_window") is True:  # Qwen 2: the first layers see everything
        first = text.optional("max_window_layers") or 0
        return _windows(size, max(0, layers - first))
    return _windows(size, layers)


def _windows(size: int, layers: int) -> LayerWindows:
    return LayerWindows(size if layers else 0, layers)
