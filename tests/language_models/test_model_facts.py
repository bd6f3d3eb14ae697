from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.language_models import read_model
from cdk_modelbuilder.language_models.architecture import read_architecture
from cdk_modelbuilder.language_models.safetensors_headers import read_header
from tests.language_models.architectures import PUBLISHED, llama, write_model, write_safetensors

SMALL = llama(2, 64, 128, 4, 2, 100, 512)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_model_card(facts, name):
    assert facts[name].weights.parameters == pytest.approx(PUBLISHED[name].parameters, rel=0.01)


def test_the_shapes_of_real_architectures(facts):
    shapes = {name: found.architecture for name, found in facts.items()}
    assert (shapes["llama-3-8b"].heads, shapes["llama-3-8b"].kv_heads, shapes["llama-3-8b"].head_dim) == (32, 8, 128)
    assert shapes["gemma-2-9b"].head_dim == 256
    assert (shapes["gemma-2-9b"].windows.size, shapes["gemma-2-9b"].windows.layers) == (4096, 21)
    assert shapes["mistral-7b"].windows.layers == 32
    assert shapes["qwen-2.5-7b"].windows.layers == 0  # use_sliding_window is false
    assert (shapes["mixtral-8x7b"].experts.count, shapes["mixtral-8x7b"].experts.active) == (8, 2)
    assert (shapes["deepseek-v2-lite"].latent.rank, shapes["deepseek-v2-lite"].latent.rope_dim) == (512, 64)
    assert shapes["deepseek-v2-lite"].experts.intermediate_size == 1408
    assert shapes["deepseek-v2-lite"].context == 163840
    assert (shapes["minilm"].kind, shapes["minilm"].context) == ("encoder", 512)
    assert facts["llama-3-70b"].weights.files[0] == "model-00001-of-00004.safetensors"
    assert facts["llama-3-8b"].has_chat_template


@pytest.mark.parametrize(
    ("rope", "context"),
    [
        (None, 4096),
        ({"rope_type": "linear", "factor": 4.0}, 16384),
        ({"type": "dynamic", "factor": 2}, 8192),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}, 131072),
        ({"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}, 4096),
        ({"full_attention": {"rope_type": "default"}, "sliding_attention": {"rope_type": "default"}}, 4096),
    ],
)
def test_rope_scaling_makes_the_context_longer(rope, context):
    assert read_architecture(SMALL | {"max_position_embeddings": 4096, "rope_scaling": rope}, "x").context == context


def test_padded_positions_are_not_to_be_had():
    shape = read_architecture(SMALL | {"model_type": "xlm-roberta", "max_position_embeddings": 514}, "x")
    assert (shape.kind, shape.context) == ("encoder", 512)


def test_the_language_part_of_a_model_with_several():
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": SMALL | {"model_type": "gemma3_text", "num_hidden_layers": 12, "sliding_window": 1024},
        "vision_config": {"hidden_size": 1152},
    }
    shape = read_architecture(config, "x")
    assert (shape.parts, shape.model_type, shape.layers, shape.windows.layers) == (("vision",), "gemma3_text", 12, 10)


def test_what_is_as_usual_is_left_out():
    """The configuration of huggingface.co/google/gemma-3-4b-it."""
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": {
            "hidden_size": 2560,
            "intermediate_size": 10240,
            "model_type": "gemma3_text",
            "num_hidden_layers": 34,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
            "sliding_window": 1024,
        },
        "torch_dtype": "bfloat16",
        "vision_config": {"hidden_size": 1152},
    }
    shape = read_architecture(config, "x")
    assert (shape.heads, shape.kv_heads, shape.head_dim, shape.vocabulary) == (8, 4, 256, 262208)
    assert (shape.windows.size, shape.windows.layers) == (1024, 29)
    assert (shape.context, shape.tied, shape.dtype) == (131072, True, "bfloat16")


def test_what_is_said_under_another_name_is_not_usual():
    config = {"model_type": "falcon", "n_layer": 2, "n_head": 8, "hidden_size": 512, "multi_query": True}
    shape = read_architecture(config, "x")
    assert (shape.layers, shape.heads, shape.kv_heads, shape.context, shape.intermediate_size) == (2, 8, 1, 2048, 2048)


def test_no_window_is_not_the_usual_window():
    mistral = SMALL | {"model_type": "mistral"}
    assert read_architecture(mistral, "x").windows.layers == 2
    assert read_architecture(mistral | {"sliding_window": None}, "x").windows.layers == 0


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, ("awq", 4, 128)),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, ("gptq", 8, None)),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, ("fp8", 8, 128)),
        ({"quant_method": "mxfp4"}, ("mxfp4", 4, None)),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, ("bitsandbytes", 4, None)),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8}}}},
            ("compressed-tensors", 8, None),
        ),
    ],
)
def test_quantized_files_say_how(config, expected):
    found = read_architecture(SMALL | {"quantization_config": config}, "x").quantization
    assert (found.method, found.bits, found.group_size) == expected


def test_packed_weights_are_counted_unpacked(tmp_path):
    folder = write_model(tmp_path / "m", SMALL)
    plain = read_model(folder).weights.parameters
    config = SMALL | {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32}}
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {}
    for tensor in read_header(folder / "model.safetensors"):
        if "_proj" not in tensor.name:
            tensors[tensor.name] = (tensor.dtype, tensor.shape)
            continue
        base, (rows, columns) = tensor.name.removesuffix("weight"), tensor.shape
        tensors[base + "qweight"] = ("I32", (columns // 8, rows))
        tensors[base + "scales"] = ("F16", (columns // 32, rows))
        tensors[base + "qzeros"] = ("I32", (columns // 32, rows // 8))
    write_safetensors(folder / "model.safetensors", tensors)
    assert read_model(folder).weights.parameters == plain


def test_tied_embeddings_count_once(tmp_path):
    apart = read_model(write_model(tmp_path / "a", SMALL)).weights
    (tmp_path / "a" / "config.json").write_text(json.dumps(SMALL | {"tie_word_embeddings": True}))
    tied = read_model(tmp_path / "a").weights
    assert apart.parameters - tied.parameters == 100 * 64


def _break(folder, name):
    match name:
        case "no folder":
            return folder / "nowhere"
        case "no config":
            (folder / "config.json").unlink()
        case "config is a list":
            (folder / "config.json").write_text("[]")
        case "config is cut short":
            (folder / "config.json").write_text('{"a": ')
        case "no tokenizer":
            (folder / "tokenizer.json").unlink()
        case "no weights":
            (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        case "weights cut short":
            with (folder / "model.safetensors").open("r+b") as file:
                file.truncate((folder / "model.safetensors").stat().st_size - 1)
        case "weights empty":
            (folder / "model.safetensors").write_bytes(b"")
        case "file of the index missing":
            (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "b.safetensors"}}))
        case "index leads out":
            (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../b.safetensors"}}))
        case "tensor of the index missing":
            index = {"weight_map": {"lost.weight": "model.safetensors"}}
            (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        case "other layers":
            (folder / "config.json").write_text(json.dumps(SMALL | {"num_hidden_layers": 3}))
        case "other width":
            (folder / "config.json").write_text(json.dumps(SMALL | {"hidden_size": 32}))
        case "no heads":
            (folder / "config.json").write_text(
                json.dumps({k: v for k, v in SMALL.items() if "heads" not in k} | {"model_type": "own"})
            )
        case "heads as text":
            (folder / "config.json").write_text(json.dumps(SMALL | {"num_attention_heads": "4"}))
        case "heads that do not divide":
            (folder / "config.json").write_text(json.dumps(SMALL | {"num_key_value_heads": 3}))
        case "encoder with decoder":
            (folder / "config.json").write_text(json.dumps({"model_type": "t5", "is_encoder_decoder": True}))
        case "state space":
            (folder / "config.json").write_text(json.dumps(SMALL | {"layer_types": ["mamba", "full_attention"]}))
        case "bad factor":
            scaling = {"rope_scaling": {"type": "linear", "factor": "x"}}
            (folder / "config.json").write_text(json.dumps(SMALL | scaling))
    return folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no folder", "is no folder"),
        ("no config", "has no config.json"),
        ("config is a list", "is no JSON object"),
        ("config is cut short", "is no JSON"),
        ("no tokenizer", "has no tokenizer"),
        ("no weights", r"pytorch_model.bin are read by nothing here.*save_pretrained"),
        ("weights cut short", r"describes \d+ bytes and the file has \d+"),
        ("weights empty", "the file has 0"),
        ("file of the index missing", r"b.safetensors, which is not there"),
        ("index leads out", "is outside the folder"),
        ("tensor of the index missing", "such as lost.weight"),
        ("other layers", "says 3 layers, and the weights have 2"),
        ("other width", "says a width of 32"),
        ("no heads", "has no num_attention_heads"),
        ("heads as text", "num_attention_heads is '4'"),
        ("heads that do not divide", "num_key_value_heads is 3.*does not divide the 4"),
        ("encoder with decoder", "an encoder with a decoder"),
        ("state space", r"keep a state \(mamba\)"),
        ("bad factor", "factor of rope_scaling is 'x'"),
    ],
)
def test_a_broken_folder_says_what_is_wrong(tmp_path, name, message):
    folder = _break(write_model(tmp_path / "m", SMALL), name)
    with pytest.raises(ModelError, match=message) as caught:
        read_model(folder)
    assert caught.value.remedy


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    for body in (raw, len(raw).to_bytes(8, "little") + raw):
        path.write_bytes(body)
        try:
            tensors = read_header(path)
        except ModelError:
            continue
        assert sum(tensor.size for tensor in tensors) <= len(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from([*SMALL, "rope_scaling", "sliding_window", "layer_types", "kv_lora_rank"]), value=_JSON)
def test_any_value_in_a_configuration_is_taken_or_refused(key, value):
    try:
        shape = read_architecture(SMALL | {key: value}, "x")
    except ModelError:
        return
    assert min(shape.layers, shape.heads, shape.kv_heads, shape.hidden_size, shape.context) > 0


@given(
    entry=st.fixed_dictionaries(
        {"dtype": _JSON | st.just("F32"), "shape": _JSON, "data_offsets": _JSON | st.just([0, 4])}
    )
)
def test_any_entry_of_a_header_is_taken_or_refused(tmp_path_factory, entry):
    path = tmp_path_factory.getbasetemp() / "entry.safetensors"
    raw = json.dumps({"a": entry}).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(4))
    try:
        tensors = read_header(path)
    except ModelError:
        return
    assert sum(tensor.size for tensor in tensors) == 4
