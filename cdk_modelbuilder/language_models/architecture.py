"""What a model's ``config.json`` says about its shape, by one name each, whatever the architecture calls it.

Source of the names: the configuration classes of huggingface/transformers (``models/*/configuration_*.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cdk_modelbuilder.errors import NotReckonedError
from cdk_modelbuilder.language_models.attention import LayerWindows, context_length, layer_windows
from cdk_modelbuilder.language_models.config_values import ConfigValues, usual_values

Kind = Literal["decoder", "encoder"]

_ENCODERS = frozenset(
    (
        *("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "gte", "jina_bert"),
        *("modernbert", "mpnet", "new", "nomic_bert", "roberta", "xlm-roberta"),
    )
)
_NESTED = ("text_config", "llm_config", "language_config")
_PARTS = {"vision_config": "vision", "visual": "vision", "audio_config": "audio", "speech_config": "audio"}


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts.

    Attributes:
        count: Experts a layer, without shared ones.
        active: How many of them a token goes through.
        intermediate_size: Width of one expert.
    """

    count: int
    active: int
    intermediate_size: int


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention: its cache holds one compressed vector a token and layer, not keys and values.

    Attributes:
        rank: Length of the compressed part (``kv_lora_rank``).
        rope_dim: Length of the part with positions (``qk_rope_head_dim``).
    """

    rank: int
    rope_dim: int


@dataclass(frozen=True, slots=True)
class Quantization:
    """How the files are quantized already.

    Attributes:
        method: As the files name it: ``awq``, ``gptq``, ``fp8``, ``compressed-tensors``, ``bitsandbytes``.
        bits: Bits a weight; None where the files do not say.
        group_size: How many weights of a row share a scale; None for one a row or tensor.
    """

    method: str
    bits: int | None
    group_size: int | None


@dataclass(frozen=True, slots=True)
class Architecture:
    """The shape of a model.

    Attributes:
        name: Its class, such as ``LlamaForCausalLM``; empty where the file does not say.
        model_type: Such as ``llama``; of the language part where there are several.
        kind: What it does with text.
        layers: Hidden layers.
        heads: Attention heads a layer.
        kv_heads: Key and value heads a layer; the same as ``heads`` without grouping.
        head_dim: Width of a head.
        hidden_size: Width of the model.
        intermediate_size: Width of the feed-forward layers.
        vocabulary: Number of tokens.
        context: Longest sequence in tokens, after rope scaling.
        windows: Which layers see a window of the last tokens alone.
        tied: Whether input and output embeddings are the same.
        dtype: Data type named in the file; None where it does not say.
        experts: Of a mixture of experts.
        latent: Of multi-head latent attention.
        quantization: If the files are quantized.
        parts: What it takes beside text: ``vision``, ``audio``.
    """

    name: str
    model_type: str
    kind: Kind
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden_size: int
    intermediate_size: int
    vocabulary: int
    context: int
    windows: LayerWindows
    tied: bool
    dtype: str | None
    experts: Experts | None
    latent: LatentAttention | None
    quantization: Quantization | None
    parts: tuple[str, ...]


def read_architecture(config: Mapping[str, Any], place: str) -> Architecture:
    """The shape that a parsed ``config.json`` describes.

    Args:
        config: The whole file.
        place: Where it is from, for messages.

    Raises:
        NotReckonedError: A value is missing, or the model has layers whose memory is not known here.
        ModelError: A value is impossible.
    """
    outer = ConfigValues(config, place, usual_values(str(config.get("model_type"))))
    key = next((name for name in _NESTED if isinstance(config.get(name), Mapping)), None)
    text = outer if key is None else _nested(config[key], f"{key} in {place}")
    if outer.flag("is_encoder_decoder"):
        raise NotReckonedError(
            f"{place} describes an encoder with a decoder, which is not reckoned here.",
            remedy="Give the server's options yourself, with env_vars=.",
        )
    text.refuse_states()
    names = config.get("architectures") or [""]
    name = str(names[0]) if isinstance(names, list) else str(names)
    model_type = str(text.values.get("model_type") or config.get("model_type") or "")
    hidden = text.size("hidden_size", "n_embd", "d_model", "dim")
    layers = text.size("num_hidden_layers", "n_layer", "n_layers", "num_layers")
    heads = text.size("num_attention_heads", "n_head", "n_heads")
    intermediate = text.optional("intermediate_size", "n_inner", "ffn_dim", "hidden_dim", "ffn_hidden_size")
    return Architecture(
        name=name,
        model_type=model_type,
        kind="encoder" if model_type in _ENCODERS else "decoder",
        layers=layers,
        heads=heads,
        kv_heads=_kv_heads(text, heads),
        head_dim=text.optional("head_dim", "attention_head_dim", "kv_channels") or max(1, hidden // heads),
        hidden_size=hidden,
        intermediate_size=intermediate or 4 * hidden,
        vocabulary=text.size("vocab_size", "padded_vocab_size"),
        context=context_length(text, model_type),
        windows=layer_windows(text, model_type, layers),
        tied=_tied(outer, text),
        dtype=_dtype(text) or _dtype(outer),
        experts=_experts(text, intermediate or 4 * hidden),
        latent=_latent(text),
        quantization=_quantization(outer) or _quantization(text),
        parts=tuple(sorted({part for name, part in _PARTS.items() if isinstance(config.get(name), Mapping)})),
    )


def _nested(values: Mapping[str, Any], place: str) -> ConfigValues:
    return ConfigValues(values, place, usual_values(str(values.get("model_type"))))


def _kv_heads(text: ConfigValues, heads: int) -> int:
    """Falcon and StarCoder say ``multi_query``, newer Falcons ``num_kv_heads``; else every head has its own."""
    found = text.optional("num_key_value_heads", "n_head_kv", "num_kv_heads", "multi_query_group_num")
    one = text.flag("multi_query") is True and not text.flag("new_decoder_architecture")
    count = 1 if one else (found or heads)
    if heads % count:
        raise text.wrong("num_key_value_heads", count, f"does not divide the {heads} attention heads")
    return count


def _tied(outer: ConfigValues, text: ConfigValues) -> bool:
    said = [values.values.get("tie_word_embeddings") for values in (text, outer)]
    return next((value for value in said if isinstance(value, bool)), bool(text.flag("tie_word_embeddings")))


def _experts(text: ConfigValues, intermediate: int) -> Experts | None:
    count = text.optional("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
    if count is None or count < 2:
        return None
    active = text.size("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "moe_k", "top_k_experts")
    if active > count:
        raise text.wrong("num_experts_per_tok", active, f"is more than the {count} experts")
    return Experts(count, active, text.optional("moe_intermediate_size", "expert_intermediate_size") or intermediate)


def _latent(text: ConfigValues) -> LatentAttention | None:
    rank = text.optional("kv_lora_rank")
    return None if rank is None else LatentAttention(rank, text.size("qk_rope_head_dim"))


def _dtype(values: ConfigValues) -> str | None:
    found = values.values.get("torch_dtype") or values.values.get("dtype")
    return found.removeprefix("torch.") if isinstance(found, str) else None


def _quantization(values: ConfigValues) -> Quantization | None:
    found = values.values.get("quantization_config") or values.values.get("compression_config")
    if not isinstance(found, Mapping):
        return None
    inner = ConfigValues(found, f"quantization_config in {values.place}")
    groups = found.get("config_groups")
    if isinstance(groups, Mapping) and groups:  # compressed-tensors
        first = next(iter(groups.values()))
        weights = first.get("weights") if isinstance(first, Mapping) else None
        inner = ConfigValues(weights, inner.place) if isinstance(weights, Mapping) else inner
    bits = inner.optional("bits", "w_bit", "num_bits")
    if found.get("load_in_4bit") is True or found.get("load_in_8bit") is True:
        bits = 4 if found.get("load_in_4bit") else 8
    block = found.get("weight_block_size")
    group = inner.values.get("group_size", inner.values.get("q_group_size"))
    if isinstance(block, list) and block and isinstance(block[-1], int):
        group = block[-1]
    method = str(found.get("quant_method") or found.get("quant_algo") or "unnamed").lower()
    if bits is None:
        bits = 8 if "fp8" in method else 4 if "fp4" in method else None
    # -1 is one scale a row.
    return Quantization(method, bits, group if isinstance(group, int) and group > 0 else None)
