"""LoRA adapters: what is read of them, what is refused, what they cost, and how each server is told."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.cli.root_command import group
from cdk_modelbuilder.errors import ModelError, UsageError
from cdk_modelbuilder.language_models import Overrides, choose, read_model
from cdk_modelbuilder.language_models.lora import read_adapter, read_adapters, weights_in
from cdk_modelbuilder.language_models.lora_memory import adapter_bytes
from cdk_modelbuilder.language_models.lora_settings import leads_to_adapters
from tests.conftest import MASTER_KEY
from tests.language_models.architectures import llama, write_model
from tests.language_models.tiny_llama import CONFIG, load, save, write_adapter, write_tiny_llama


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_tiny_llama(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    wide = ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
    return {"sql": write_adapter(folder / "a", 1), "talk": write_adapter(folder / "b", 2, rank=20, targets=wide)}


@pytest.fixture
def changed(tmp_path, adapters):
    """Makes a copy of the adapter `sql` with another configuration, or other tensors."""

    def make(*, tensors=None, **config):
        folder = tmp_path / "changed"
        shutil.copytree(adapters["sql"], folder)
        path = folder / "adapter_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | config))
        if tensors is not None:
            weights = folder / "adapter_model.safetensors"
            save(tensors(load(weights)), weights)
        return folder

    return make


def build(model, lora, tmp_path, *, server="vllm", instance_type="ml.g5.xlarge", **options):
    return ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder({"messages": []}, {"choices": []}),
        model_server=server,
        instance_type=instance_type,
        lora_adapters=lora,
        name=options.pop("name", "chat"),
        model_path=tmp_path / "bundle",
        signing_key=MASTER_KEY,
        **options,
    ).build()


def test_what_is_read(adapters):
    sql, talk = read_adapters({"talk": adapters["talk"], "sql": str(adapters["sql"])})
    assert (sql.name, sql.rank, sql.targets, sql.base) == ("sql", 8, ("q_proj", "v_proj"), "tiny/llama")
    assert (talk.rank, len(talk.targets), len(talk.modules)) == (20, 7, 14)
    assert talk.modules["model.layers.1.mlp.down_proj"] == (256, 128, 20)
    assert sql.size == (adapters["sql"] / "adapter_model.safetensors").stat().st_size


def test_they_fit_their_base(base, adapters):
    for adapter in read_adapters(adapters):
        adapter.check_fits(weights_in(base))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"peft_type": "IA3"}, "of the kind 'IA3'"),
        ({"r": 0}, "the rank 0"),
        ({"r": "8"}, "the rank '8'"),
        ({"r": 4}, "says rank 4, and its weights have rank 8"),
        ({"use_dora": True}, "DoRA"),
        ({"bias": "all"}, "biases"),
        ({"modules_to_save": ["lm_head"]}, "whole modules"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4, which changes the base"),
    ],
)
def test_kinds_that_no_server_loads(changed, config, words):
    with pytest.raises(ModelError, match=words):
        read_adapter("sql", changed(**config))


def test_ranks_by_pattern(changed):
    def smaller(tensors):
        return {name: value[:4] if "lora_A" in name else value[:, :4] for name, value in tensors.items()}

    assert read_adapter("sql", changed(rank_pattern={"q_proj": 4}, tensors=smaller)).rank == 4


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (lambda found: {**found, "base_model.model.lm_head.weight": np.ones((2, 2))}, "lm_head.weight, which is no"),
        (lambda found: dict(list(found.items())[1:]), "no pair of matrices"),
        (lambda found: {}, "has no tensors"),
        (lambda found: {name: value[:, :3] for name, value in found.items()}, "no pair of matrices of one rank"),
    ],
)
def test_weights_that_are_no_adapters(changed, tensors, words):
    with pytest.raises(ModelError, match=words):
        read_adapter("sql", changed(tensors=tensors))


def test_pickles_and_missing_files(changed, tmp_path):
    folder = changed()
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"adapter_model.bin is a pickle.*safe_serialization"):
        read_adapter("sql", folder)
    (folder / "adapter_config.json").write_text("{")
    with pytest.raises(ModelError, match="is no JSON"):
        read_adapter("sql", folder)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(ModelError, match=r"has no adapter_config\.json"):
        read_adapter("sql", folder)
    with pytest.raises(ModelError, match="no such folder"):
        read_adapter("sql", tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["", "a b", "../up", "a=b", "a,b", "-a", "a" * 64, 3])
def test_names_that_cannot_be(adapters, name):
    with pytest.raises(UsageError, match="cannot name an adapter"):
        read_adapters({name: adapters["sql"]})


def test_names_that_are_one_on_some_systems(adapters):
    with pytest.raises(UsageError, match="SQL and sql differ in case alone"):
        read_adapters({"sql": adapters["sql"], "SQL": adapters["sql"]})
    with pytest.raises(UsageError, match="lora_adapters is a list"):
        read_adapters([adapters["sql"]])


def test_adapters_of_another_model(adapters, tmp_path):
    narrow = write_model(tmp_path / "narrow", llama(2, 64, 128, 4, 2, 320, 256))
    with pytest.raises(ModelError, match=r"q_proj from 128 to 128, and the model's is 64 x 64.*tiny/llama"):
        read_adapter("sql", adapters["sql"]).check_fits(weights_in(narrow))
    short = write_model(tmp_path / "short", llama(1, 128, 256, 4, 2, 320, 256))
    with pytest.raises(ModelError, match=r"layers.1.self_attn.q_proj, which the model does not have"):
        read_adapter("sql", adapters["sql"]).check_fits(weights_in(short))


def test_room_in_memory(facts):
    """For each adapter rank x (in + out) of every layer, 2 bytes each: 81,920 a layer of Llama 3 8B, 32 layers."""
    shape = facts["llama-3-8b"].architecture
    linear = 32 * (2 * (4096 + 4096) + 2 * (4096 + 1024) + 3 * (4096 + 14336))
    vocabulary = 2 * (128256 + 4096)
    assert linear == 32 * 81920
    assert adapter_bytes(shape, adapters=4, rank=16, each=2, degree=1) == 4 * 16 * 2 * (linear + vocabulary)
    split = adapter_bytes(shape, adapters=4, rank=16, each=2, degree=4)
    assert 4 * 16 * 2 * (linear + vocabulary) / 4 < split < 4 * 16 * 2 * (linear + vocabulary)
    plain = choose(facts["llama-3-8b"], "ml.g5.2xlarge", "vllm", Overrides(max_length=4096))
    room = choose(facts["llama-3-8b"], "ml.g5.2xlarge", "vllm", Overrides(max_length=4096, adapters=4, adapter_rank=16))
    assert room.footprint.adapters == 4 * 16 * 2 * (linear + vocabulary)
    assert room.footprint.needed > plain.footprint.needed
    assert "LoRA adapters 0.34 GiB" in room.footprint.words
    assert room.sequences < plain.sequences


def test_room_is_what_vllm_takes(base):
    """The sum of all ``lora_*_stacked`` tensors of vLLM 0.32.0 with this model, 3 adapters, rank 16 and 32 bits."""
    shape = read_model(base).architecture
    assert adapter_bytes(shape, adapters=3, rank=16, each=4, degree=1) == 958_464


def test_no_room_is_refused_with_the_sum(facts):
    with pytest.raises(UsageError, match=r"LoRA adapters 11.\d+ GiB .* smallest instance type"):
        choose(facts["llama-3-8b"], "ml.g5.xlarge", "vllm", Overrides(max_length=2048, adapters=4, adapter_rank=512))


@pytest.mark.parametrize("wrong", [{"adapters": 0}, {"adapter_rank": 16}, {"adapters": 2, "adapter_rank": 24}])
def test_room_that_cannot_be(wrong):
    with pytest.raises(UsageError, match="adapter"):
        Overrides(**wrong)


def test_room_for_adapters_that_come_later(base):
    from cdk_modelbuilder.language_models import environment

    choice = choose(read_model(base), "ml.g5.xlarge", "vllm", Overrides(adapters=3))
    said = environment(choice)
    assert (said["SM_VLLM_ENABLE_LORA"], said["SM_VLLM_MAX_LORAS"], said["SM_VLLM_MAX_LORA_RANK"]) == (
        "true",
        "3",
        "16",
    )


VARIABLES = {
    "vllm": {
        "SM_VLLM_ENABLE_LORA": "true",
        "SM_VLLM_MAX_LORAS": "2",
        "SM_VLLM_MAX_LORA_RANK": "32",
        "SM_VLLM_LORA_MODULES": '[{"name":"sql","path":"/opt/ml/model/adapters/sql"},'
        '{"name":"talk","path":"/opt/ml/model/adapters/talk"}]',
    },
    "djl_serving": {"OPTION_ENABLE_LORA": "true", "OPTION_MAX_LORAS": "2", "OPTION_MAX_LORA_RANK": "32"},
    "tgi": {"LORA_ADAPTERS": "sql=/opt/ml/model/adapters/sql,talk=/opt/ml/model/adapters/talk"},
}


@pytest.mark.parametrize("server", VARIABLES)
def test_a_bundle_with_adapters(base, adapters, tmp_path, server):
    bundle = build(base, adapters, tmp_path, server=server)
    said = bundle.container.environment
    assert VARIABLES[server].items() <= dict(said).items()
    for name in adapters:
        for file in ("adapter_config.json", "adapter_model.safetensors"):
            assert f"adapters/{name}/{file}" in bundle.manifest.files
    record = json.loads((bundle.path / "serving.json").read_text())
    assert [(one["name"], one["rank"], one["base"]) for one in record["adapters"]] == [
        ("sql", 8, "tiny/llama"),
        ("talk", 20, "tiny/llama"),
    ]
    if server != "tgi":
        assert record["values"]["adapter_rank"]["from"] == "lora_adapters"
        assert record["values"]["adapter_rank"]["reason"].endswith("sql 8, talk 20")
        assert record["arithmetic"]["bytes"]["adapters"] > 0


def test_the_image_has_routes_to_adapters(base, adapters, tmp_path):
    """The newest are Ubuntu's, where a request for an adapter would be answered by the base."""
    bundle = build(base, adapters, tmp_path / "1")
    assert leads_to_adapters(bundle.container.image.repository, bundle.container.image.tag)
    assert any("another route than /invocations" in note for note in bundle.notes)
    plain = build(base, None, tmp_path / "2").container.image
    assert not leads_to_adapters(plain.repository, plain.tag)
    own = build(base, adapters, tmp_path / "3", image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/vllm:1")
    assert own.container.image.uri.endswith("vllm:1")


@pytest.mark.parametrize(
    ("repository", "tag", "leads"),
    [
        ("vllm", "server-sagemaker-cuda-v2.4", True),
        ("vllm", "server-sagemaker-cuda-v3.0.1", True),
        ("vllm", "server-sagemaker-cuda-v2.3", False),
        ("vllm", "0.30.0-gpu-py312-cu130-ubuntu24.04-sagemaker", False),
        ("huggingface-vllm", "0.29.0-transformers5.15.0-gpu-py312-cu130-ubuntu24.04-v1.0", False),
    ],
)
def test_which_images_lead_to_adapters(repository, tag, leads):
    assert leads_to_adapters(repository, tag) is leads


def test_what_a_reviewer_sees(base, adapters, tmp_path):
    build(base, adapters, tmp_path)
    shown = CliRunner().invoke(group, ["inspect", str(tmp_path / "bundle")]).output
    assert "adapter talk: rank 20 on down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj; trained on" in shown
    assert "all of lora_adapters in one batch" in shown


def test_sglang_gets_one(base, adapters, tmp_path):
    bundle = build(base, {"sql": adapters["sql"]}, tmp_path, server="sglang")
    said = bundle.container.environment
    assert said["SM_SGLANG_LORA_PATHS"] == "sql=/opt/ml/model/adapters/sql"
    assert (said["SM_SGLANG_ENABLE_LORA"], said["SM_SGLANG_MAX_LORAS_PER_BATCH"]) == ("true", "1")
    with pytest.raises(UsageError, match=r"2 adapters were given \(sql, talk\).*SGLang"):
        build(base, adapters, tmp_path, server="sglang")


def test_without_choices_the_room_is_told_all_the_same(base, adapters, tmp_path):
    said = build(base, adapters, tmp_path, serving=False).container.environment
    assert VARIABLES["vllm"].items() <= dict(said).items()


def test_more_adapters_than_a_batch_mixes(base, adapters, tmp_path):
    many = {f"a{number}": adapters["sql"] for number in range(6)}
    said = build(base, many, tmp_path, serving={"adapter_rank": 64, "adapters": 2}).container.environment
    names = ("SM_VLLM_MAX_LORAS", "SM_VLLM_MAX_LORA_RANK", "SM_VLLM_MAX_CPU_LORAS")
    assert [said[name] for name in names] == ["2", "64", "6"]
    assert len(json.loads(said["SM_VLLM_LORA_MODULES"])) == 6


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"server": "tei"}, UsageError, "takes none"),
        ({"server": "builtin", "instance_type": None}, UsageError, "lora_adapters= is about language models"),
        ({"name": "sql"}, UsageError, "an adapter is called 'sql', and the bundle too"),
        ({"model": "s3://weights/llama/"}, UsageError, "elsewhere"),
    ],
)
def test_where_adapters_cannot_be(base, adapters, tmp_path, options, error, words):
    with pytest.raises(error, match=words):
        build(options.pop("model", base), adapters, tmp_path, **options)


def test_a_rank_that_the_asked_room_is_too_small_for(base, adapters, tmp_path):
    with pytest.raises(UsageError, match=r"adapter_rank is 8.*talk has rank 20"):
        build(base, adapters, tmp_path, serving={"adapters": 2, "adapter_rank": 8})


def test_adapters_of_another_base_are_refused_when_the_bundle_is_built(adapters, tmp_path):
    narrow = write_model(tmp_path / "narrow", llama(2, 64, 128, 4, 2, 320, 256))
    with pytest.raises(ModelError, match="and the model's is"):
        build(narrow, adapters, tmp_path)
    assert not (tmp_path / "bundle").exists()


def test_a_folder_of_adapters_that_is_there_already(base, adapters, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(base, model)
    (model / "adapters").mkdir()
    (model / "adapters" / "x.json").write_text("{}")
    with pytest.raises(UsageError, match="adapters/ already"):
        build(model, adapters, tmp_path)


def test_the_helper_writes_what_transformers_would_read(base):
    facts = read_model(base)
    assert facts.architecture.head_dim == CONFIG["hidden_size"] // CONFIG["num_attention_heads"] == 32
