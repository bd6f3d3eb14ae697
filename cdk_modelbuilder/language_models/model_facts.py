"""Reads what serving a language model depends on from its folder, without loading a weight.

config.json ─────────────▶ Architecture (layers, heads, context, experts, ...)  ─┐
*.safetensors (headers) ─▶ Weights (parameters, bytes, what can be split)        ├─▶ ModelFacts
tokenizer*, chat template, generation_config.json  ──────────────────────────────┘
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError, NotReckonedError
from cdk_modelbuilder.language_models.architecture import Architecture, read_architecture
from cdk_modelbuilder.language_models.safetensors_headers import Tensor, read_header
from cdk_modelbuilder.language_models.weights import Weights, count_weights

_INDEX = "model.safetensors.index.json"
_TOKENIZERS = (
    *("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model"),
    *("tekken.json", "tokenizer.model.v3"),
)
_WRITERS = ("ForCausalLM", "LMHeadModel")
_MOST_JSON = 256 << 20
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_new_tokens")
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|layer|blocks)\.(\d+)\.")
_TOWER = re.compile(r"(^|\.)(vision|visual|audio)")
_OTHER_WIDTHS = ("embedding_size", "word_embed_proj_dim", "hidden_size_per_layer_input")
_OTHER_FORMATS = ("*.gguf", "params.json")
"""llama.cpp's, and Mistral's own, which servers read too."""
_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model in a folder.

    Attributes:
        architecture: Its shape.
        weights: Its weights.
        tokenizer: The file that the tokenizer is read from.
        has_chat_template: Whether a chat can be made a prompt of.
        sampling: What the files say of sampling, which vLLM and SGLang take as defaults.
        embeds: Whether its makers have it give vectors (sentence-transformers' ``modules.json``), decoder or not.
    """

    architecture: Architecture
    weights: Weights
    tokenizer: str
    has_chat_template: bool
    sampling: Mapping[str, float]
    embeds: bool = False


def read_model(folder: Path) -> ModelFacts:
    """Read a folder as ``save_pretrained`` writes it.

    Raises:
        NotReckonedError: The architecture, or the format of the weights, is none whose needs are known here.
        ModelError: There is no ``config.json``, no tokenizer or no weights; a file is broken; or the files do not
            belong together.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is no folder.", remedy="Give the folder with config.json, tokenizer and weights.")
    config = _json(folder / "config.json")
    if config is None:
        others = sorted(path.name for pattern in _OTHER_FORMATS for path in folder.glob(pattern))
        raise (NotReckonedError if others else ModelError)(
            f"{folder} has no config.json" + (f", but {', '.join(others[:3])}." if others else "."),
            remedy="Give the folder that model.save_pretrained(folder) wrote, or a whole download of the model.",
        )
    tokenizer = _tokenizer(folder)
    architecture = read_architecture(config, str(folder / "config.json"))
    files = _weight_files(folder)
    tensors = [tensor for name in files for tensor in read_header(folder / name)]
    _check_index(folder, tensors)
    _check_shapes(folder, config, architecture, tensors)
    weights = count_weights(tensors, files, tied=architecture.tied, quantization=architecture.quantization)
    tokenizer_config = _json(folder / "tokenizer_config.json") or {}
    templates = ("chat_template.jinja", "chat_template.json")
    generation = _json(folder / "generation_config.json") or {}
    return ModelFacts(
        architecture=architecture,
        weights=weights,
        tokenizer=tokenizer,
        has_chat_template=bool(tokenizer_config.get("chat_template"))
        or any((folder / name).is_file() for name in templates),
        sampling={
            name: generation[name]
            for name in _SAMPLING
            if isinstance(generation.get(name), int | float) and not isinstance(generation[name], bool)
        },
        embeds=(folder / "modules.json").is_file(),
    )


def is_language_model(folder: Path) -> bool:
    """Whether a folder holds a model that writes text, with a tokenizer, and weights as safetensors."""
    try:
        config = _json(folder / "config.json")
    except ModelError:
        return False
    config = config or {}
    names = config.get("architectures")
    writers = (*_WRITERS, "ForConditionalGeneration") if isinstance(config.get("text_config"), dict) else _WRITERS
    writes = isinstance(names, list) and any(str(name).endswith(writers) for name in names)
    return writes and any(folder.glob("*.safetensors")) and any((folder / name).is_file() for name in _TOKENIZERS)


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    remedy = "Get or save the file again."
    if path.stat().st_size > _MOST_JSON:
        raise ModelError(f"{path} has {path.stat().st_size} bytes, which no such file has.", remedy=remedy)
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is no JSON: {error}.", remedy=remedy) from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} is no JSON object.", remedy=remedy)
    return found


def _weight_map(folder: Path) -> dict[str, str] | None:
    index = _json(folder / _INDEX)
    if index is None:
        return None
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map or not all(isinstance(v, str) for v in weight_map.values()):
        raise ModelError(f"{folder / _INDEX} has no weight_map.", remedy="Get or save the file again.")
    return weight_map


def _weight_files(folder: Path) -> list[str]:
    """The files that a server loads: those of the index, else ``model.safetensors``, else all."""
    weight_map = _weight_map(folder)
    if weight_map is not None:
        names = sorted(set(weight_map.values()))
        outside = [name for name in names if Path(name).is_absolute() or ".." in Path(name).parts]
        missing = [name for name in names if name not in outside and not (folder / name).is_file()]
        if outside or missing:
            raise ModelError(
                f"{folder / _INDEX} names {', '.join((outside or missing)[:3])}, which "
                + ("is outside the folder." if outside else "is not there."),
                remedy="Get the whole model again; a download that broke off leaves files out.",
            )
        return names
    if (folder / "model.safetensors").is_file():
        return ["model.safetensors"]
    found = sorted(path.name for path in folder.glob("*.safetensors") if not path.name.startswith("adapter_"))
    names = [name for name in found if not name.startswith("consolidated")] or found
    if not names:
        others = sorted(path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".gguf"))
        has = f"; {', '.join(others[:3])} are read by nothing here" if others else ""
        raise (NotReckonedError if others else ModelError)(
            f"{folder} has no weights as safetensors{has}.",
            remedy="Save it with model.save_pretrained(folder), which writes safetensors.",
        )
    return names


def _check_index(folder: Path, tensors: list[Tensor]) -> None:
    weight_map = _weight_map(folder)
    if weight_map is not None:
        lost = sorted(set(weight_map) - {tensor.name for tensor in tensors})
        if lost:
            raise ModelError(
                f"{folder / _INDEX} lists {len(lost)} tensors that are in none of its files, such as {lost[0]}.",
                remedy="Get or save the model again: its files are of different versions.",
            )


def _check_shapes(folder: Path, config: Mapping[str, Any], shape: Architecture, tensors: list[Tensor]) -> None:
    """Configuration and weights of different models are a common mix-up, and a long start until a server says so."""
    layers = {
        int(match[1]) for tensor in tensors if (match := _LAYER.search(tensor.name)) and not _TOWER.search(tensor.name)
    }
    if layers and len(layers) < shape.layers:
        raise ModelError(
            f"config.json in {folder} says {shape.layers} layers, and the weights have {len(layers)}.",
            remedy="Take configuration and weights of the same model, and all of its weight files.",
        )
    if any(config.get(name) for name in _OTHER_WIDTHS):
        return
    for tensor in tensors:
        plain = tensor.name.endswith(_EMBEDDINGS) and tensor.dtype in ("F32", "F16", "BF16") and len(tensor.shape) == 2
        if plain and not _TOWER.search(tensor.name) and tensor.shape[1] != shape.hidden_size:
            raise ModelError(
                f"config.json in {folder} says a width of {shape.hidden_size}; {tensor.name} has {tensor.shape[1]}.",
                remedy="Take configuration and weights of the same model.",
            )


def _tokenizer(folder: Path) -> str:
    found = [name for name in _TOKENIZERS if (folder / name).is_file()]
    found += sorted(path.name for path in folder.glob("*.tiktoken"))
    if not found:
        raise ModelError(
            f"{folder} has no tokenizer ({', '.join(_TOKENIZERS[:4])}, ...), so no server can read text for it.",
            remedy="Save it beside the model: tokenizer.save_pretrained(folder).",
        )
    return found[0]
