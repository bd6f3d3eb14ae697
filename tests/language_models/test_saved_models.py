"""What transformers itself writes, weights and all, is read as what it is."""

from __future__ import annotations

import pytest

from cdk_modelbuilder.language_models import choose, environment, read_model
from cdk_modelbuilder.language_models.config_values import usual_values

pytestmark = pytest.mark.slow

SMALL = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "vocab_size": 256,
    "max_position_embeddings": 512,
}
GROUPED = SMALL | {"num_key_value_heads": 2}
CASES = {
    "Llama": GROUPED,
    "Mistral": GROUPED | {"sliding_window": 32, "head_dim": 16},
    "Qwen2": GROUPED,
    "Gemma2": GROUPED | {"head_dim": 32, "sliding_window": 64},
    "Mixtral": GROUPED | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "DeepseekV2": SMALL
    | {
        "kv_lora_rank": 32,
        "q_lora_rank": None,
        "qk_nope_head_dim": 16,
        "qk_rope_head_dim": 8,
        "v_head_dim": 16,
        "n_routed_experts": 4,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "first_k_dense_replace": 1,
        "n_group": 1,
        "topk_group": 1,
    },
    "Bert": SMALL,
}


@pytest.fixture(scope="module")
def transformers():
    pytest.importorskip("torch", exc_type=ImportError)
    return pytest.importorskip("transformers", exc_type=ImportError)


@pytest.mark.parametrize("name", CASES)
def test_a_saved_model(transformers, tmp_path, name):
    config = getattr(transformers, f"{name}Config")(**CASES[name])
    kind = "Model" if name == "Bert" else "ForCausalLM"
    model = getattr(transformers, f"{name}{kind}")(config).bfloat16()
    model.save_pretrained(tmp_path, max_shard_size="100kB")
    (tmp_path / "tokenizer.json").write_text("{}")
    facts = read_model(tmp_path)
    assert facts.weights.parameters == model.num_parameters()
    assert facts.weights.size == 2 * model.num_parameters()
    assert len(facts.weights.files) > 1
    shape, own = facts.architecture, config.to_dict()
    assert (shape.layers, shape.heads, shape.hidden_size) == (2, 4, 64)
    assert (shape.context, shape.vocabulary, shape.dtype) == (512, 256, "bfloat16")
    assert shape.tied == bool(own.get("tie_word_embeddings")) or name == "Bert"
    assert shape.windows.layers == (own.get("layer_types") or []).count("sliding_attention") or name == "Mistral"
    assert environment(choose(facts, "ml.g5.xlarge", "tei" if name == "Bert" else "vllm"))
    roles = {group.role for group in facts.weights.groups}
    assert {"linear", "embedding", "copied"} <= roles
    assert ("key-value" in roles) == (name not in ("Bert", "DeepseekV2"))


@pytest.mark.parametrize("model_type", ["bert", "deepseek_v2", "falcon", "gemma2", "gemma3_text", "gpt2", "llama"])
def test_what_is_usual_is_what_the_class_says(transformers, model_type):
    usual = dict(usual_values(model_type))
    assert usual
    assert {name: getattr(transformers.AutoConfig.for_model(model_type), name) for name in usual} == usual
