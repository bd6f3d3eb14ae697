"""Published configurations as data, and folders with their weights as headers over empty (sparse) files.

The numbers are those of the models' `config.json`; published counts of parameters are those of their model cards.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

BYTES = {"BF16": 2, "F16": 2, "F32": 4, "I32": 4, "F8_E4M3": 1}


def llama(layers, hidden, intermediate, heads, kv_heads, vocabulary, context, **more):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocabulary,
        "max_position_embeddings": context,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        **more,
    }


@dataclass(frozen=True)
class Published:
    config: dict
    parameters: float


PUBLISHED = {
    # huggingface.co/meta-llama/Meta-Llama-3-8B and -70B
    "llama-3-8b": Published(llama(32, 4096, 14336, 32, 8, 128256, 8192), 8.03e9),
    "llama-3-70b": Published(llama(80, 8192, 28672, 64, 8, 128256, 8192), 70.6e9),
    # huggingface.co/mistralai/Mistral-7B-v0.1
    "mistral-7b": Published(
        llama(32, 4096, 14336, 32, 8, 32000, 32768, architectures=["MistralForCausalLM"], model_type="mistral")
        | {"sliding_window": 4096},
        7.24e9,
    ),
    # huggingface.co/Qwen/Qwen2.5-7B
    "qwen-2.5-7b": Published(
        llama(28, 3584, 18944, 28, 4, 152064, 131072, architectures=["Qwen2ForCausalLM"], model_type="qwen2")
        | {"use_sliding_window": False, "sliding_window": 131072, "max_window_layers": 28, "bias": True},
        7.61e9,
    ),
    # huggingface.co/google/gemma-2-9b
    "gemma-2-9b": Published(
        llama(42, 3584, 14336, 16, 8, 256000, 8192, architectures=["Gemma2ForCausalLM"], model_type="gemma2")
        | {"head_dim": 256, "sliding_window": 4096, "tie_word_embeddings": True, "torch_dtype": "float32"},
        9.24e9,
    ),
    # huggingface.co/mistralai/Mixtral-8x7B-v0.1
    "mixtral-8x7b": Published(
        llama(32, 4096, 14336, 32, 8, 32000, 32768, architectures=["MixtralForCausalLM"], model_type="mixtral")
        | {"num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": None},
        46.7e9,
    ),
    # huggingface.co/deepseek-ai/DeepSeek-V2-Lite
    "deepseek-v2-lite": Published(
        llama(27, 2048, 10944, 16, 16, 102400, 163840, architectures=["DeepseekV2ForCausalLM"])
        | {
            "model_type": "deepseek_v2",
            "n_routed_experts": 64,
            "n_shared_experts": 2,
            "num_experts_per_tok": 6,
            "moe_intermediate_size": 1408,
            "first_k_dense_replace": 1,
            "kv_lora_rank": 512,
            "q_lora_rank": None,
            "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64,
            "v_head_dim": 128,
            "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096},
        },
        15.7e9,
    ),
    # huggingface.co/sentence-transformers/all-MiniLM-L6-v2
    "minilm": Published(
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "num_hidden_layers": 6,
            "hidden_size": 384,
            "intermediate_size": 1536,
            "num_attention_heads": 12,
            "vocab_size": 30522,
            "max_position_embeddings": 512,
        },
        22.7e6,
    ),
}


def shapes(config) -> dict[str, tuple[int, ...]]:
    """The tensors that `save_pretrained` writes for a configuration."""
    return _bert(config) if config["model_type"] == "bert" else _decoder(config)


def _decoder(config):
    hidden, heads, kv = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    head = config.get("head_dim", hidden // heads)
    found = {"model.embed_tokens.weight": (config["vocab_size"], hidden), "model.norm.weight": (hidden,)}
    if not config["tie_word_embeddings"]:
        found["lm_head.weight"] = (config["vocab_size"], hidden)
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        found[at + "input_layernorm.weight"] = found[at + "post_attention_layernorm.weight"] = (hidden,)
        if "kv_lora_rank" in config:
            rank, rope, nope = config["kv_lora_rank"], config["qk_rope_head_dim"], config["qk_nope_head_dim"]
            found[at + "self_attn.q_proj.weight"] = (heads * (nope + rope), hidden)
            found[at + "self_attn.kv_a_proj_with_mqa.weight"] = (rank + rope, hidden)
            found[at + "self_attn.kv_a_layernorm.weight"] = (rank,)
            found[at + "self_attn.kv_b_proj.weight"] = (heads * (nope + config["v_head_dim"]), rank)
            found[at + "self_attn.o_proj.weight"] = (hidden, heads * config["v_head_dim"])
        else:
            found[at + "self_attn.q_proj.weight"] = (heads * head, hidden)
            found[at + "self_attn.k_proj.weight"] = found[at + "self_attn.v_proj.weight"] = (kv * head, hidden)
            found[at + "self_attn.o_proj.weight"] = (hidden, heads * head)
            if config.get("bias"):
                found[at + "self_attn.q_proj.bias"] = (heads * head,)
                found[at + "self_attn.k_proj.bias"] = found[at + "self_attn.v_proj.bias"] = (kv * head,)
        found |= _feed_forward(config, at, layer)
    return found


def _feed_forward(config, at, layer):
    hidden, width = config["hidden_size"], config["intermediate_size"]
    if "num_local_experts" in config:
        return {
            at + "block_sparse_moe.gate.weight": (config["num_local_experts"], hidden),
            **{
                f"{at}block_sparse_moe.experts.{expert}.{name}.weight": (hidden, width)
                if name == "w2"
                else (width, hidden)
                for expert in range(config["num_local_experts"])
                for name in ("w1", "w2", "w3")
            },
        }
    if "n_routed_experts" in config and layer >= config["first_k_dense_replace"]:
        width = config["moe_intermediate_size"]
        found = {at + "mlp.gate.weight": (config["n_routed_experts"], hidden)}
        for expert in range(config["n_routed_experts"]):
            found |= _gated(f"{at}mlp.experts.{expert}.", hidden, width)
        return found | _gated(f"{at}mlp.shared_experts.", hidden, width * config["n_shared_experts"])
    return _gated(f"{at}mlp.", hidden, width)


def _gated(at, hidden, width):
    return {
        f"{at}gate_proj.weight": (width, hidden),
        f"{at}up_proj.weight": (width, hidden),
        f"{at}down_proj.weight": (hidden, width),
    }


def _bert(config):
    hidden, width = config["hidden_size"], config["intermediate_size"]
    found = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
        "pooler.dense.weight": (hidden, hidden),
        "pooler.dense.bias": (hidden,),
    }
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        for name, rows, columns in (
            *((f"attention.self.{part}", hidden, hidden) for part in ("query", "key", "value")),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", width, hidden),
            ("output.dense", hidden, width),
        ):
            found[f"{at}{name}.weight"], found[f"{at}{name}.bias"] = (rows, columns), (rows,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"{at}{name}.weight"] = found[f"{at}{name}.bias"] = (hidden,)
    return found


def write_safetensors(path: Path, tensors: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """A header, and a hole where the data would be: nothing is written for it."""
    header, at = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = math.prod(shape) * BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        file.truncate(8 + len(raw) + at)


def write_model(folder: Path, config, *, dtype: str = "BF16", files: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    tensors = {name: (dtype, shape) for name, shape in shapes(config).items()}
    if files == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return folder
    names, weight_map = list(tensors), {}
    for number in range(files):
        file = f"model-{number + 1:05}-of-{files:05}.safetensors"
        part = names[number::files]
        write_safetensors(folder / file, {name: tensors[name] for name in part})
        weight_map |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder
