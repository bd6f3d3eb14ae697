"""A small Llama with random weights, and LoRA adapters for it: what servers load, written without their libraries."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cdk_modelbuilder.schema.codecs.safetensors_format import RawTensor, read_safetensors, write_safetensors
from tests.language_models.architectures import llama, shapes

# Heads of 32: vLLM on processors has no attention for narrower ones.
CONFIG = llama(2, 128, 256, 4, 2, 320, 256) | {
    "bos_token_id": 0,
    "eos_token_id": 1,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "torch_dtype": "float32",
}
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "
_SPECIALS = ("<s>", "</s>", "<unk>")
TARGETS = ("q_proj", "v_proj")


def write_tiny_llama(folder: Path, seed: int = 0) -> Path:
    """The model's folder, as ``save_pretrained`` would write it; the same bytes for the same seed."""
    folder.mkdir(parents=True)
    numbers = np.random.default_rng(seed)
    tensors = {
        name: np.ones(shape, np.float32) if len(shape) == 1 else _drawn(numbers, shape)
        for name, shape in sorted(shapes(CONFIG).items())
    }
    # The likeliest token is always a letter or a mark: the others weigh nothing.
    letters = [number for number, text in enumerate(_tokens()) if text.isascii() and text.isprintable()]
    tensors["lm_head.weight"][[number for number in range(CONFIG["vocab_size"]) if number not in letters[3:]]] = 0
    save(tensors, folder / "model.safetensors")
    for name, data in {
        "config.json": CONFIG,
        "generation_config.json": {"bos_token_id": 0, "eos_token_id": 1},
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "model_max_length": 256,
            "chat_template": TEMPLATE,
        },
    }.items():
        (folder / name).write_text(json.dumps(data, indent=1), "utf-8")
    return folder


def write_adapter(folder: Path, seed: int, *, rank: int = 8, targets: tuple[str, ...] = TARGETS, **more) -> Path:
    """A LoRA adapter as PEFT writes it, strong enough to change every answer; ``more`` goes into its configuration."""
    folder.mkdir(parents=True)
    numbers, tensors = np.random.default_rng(seed), {}
    for name, shape in sorted(shapes(CONFIG).items()):
        module = name.removesuffix(".weight")
        if module.rpartition(".")[2] in targets and len(shape) == 2:
            wide, narrow = shape
            tensors[f"base_model.model.{module}.lora_A.weight"] = _drawn(numbers, (rank, narrow))
            tensors[f"base_model.model.{module}.lora_B.weight"] = _drawn(numbers, (wide, rank))
    save(tensors, folder / "adapter_model.safetensors")
    config = {
        "base_model_name_or_path": "tiny/llama",
        "bias": "none",
        "lora_alpha": 16 * rank,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": list(targets),
        "task_type": "CAUSAL_LM",
        **more,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1), "utf-8")
    return folder


def save(tensors: dict[str, np.ndarray], path: Path) -> None:
    """Write a safetensors file, without the library, which the fast tests do not have."""
    raw = {
        name: RawTensor("F32", value.shape, np.ascontiguousarray(value, "<f4").tobytes())
        for name, value in tensors.items()
    }
    path.write_bytes(write_safetensors(raw, {"format": "pt"}))


def load(path: Path) -> dict[str, np.ndarray]:
    """Read one of :func:`save`'s."""
    raw, _ = read_safetensors(path.read_bytes())
    return {name: np.frombuffer(tensor.data, "<f4").reshape(tensor.shape) for name, tensor in raw.items()}


def _drawn(numbers: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return numbers.normal(0, 0.2, shape).astype(np.float32)


def _tokenizer() -> dict:
    """A byte-level BPE without merges: each byte is a token, behind three special ones."""
    vocabulary = {text: number for number, text in enumerate(_tokens())}
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False}
            | {"normalized": False, "special": True}
            for number, text in enumerate(_SPECIALS)
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "unk_token": "<unk>", "vocab": vocabulary, "merges": []},
    }


def _tokens() -> list[str]:
    """The special ones, and the characters that stand for bytes: printable ones for themselves, others from 256 on."""
    own = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(256, 512))
    return [*_SPECIALS, *sorted(chr(byte) if byte in own else chr(next(others)) for byte in range(256))]
