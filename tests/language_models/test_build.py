"""A folder of a language model becomes a bundle whose server is told what fits, and a reviewer why."""

from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.extensions.json import JSONSnapshotExtension

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.building.files_plan import reads_files
from cdk_modelbuilder.building.hosting import HostingWishes
from cdk_modelbuilder.errors import ModelError, UsageError
from cdk_modelbuilder.language_models import Overrides, choose, environment, read_model
from cdk_modelbuilder.language_models.server_options import options_of
from tests.conftest import MASTER_KEY
from tests.language_models.architectures import PUBLISHED, llama, write_model

SMALL = llama(2, 64, 128, 4, 4, 100, 4096)
WRITERS = ("vllm", "sglang", "djl_serving", "tgi")
A10G = "ml.g5.12xlarge"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("small") / "llama", SMALL)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    config = PUBLISHED["minilm"].config | {"num_hidden_layers": 1, "vocab_size": 100}
    return write_model(tmp_path_factory.mktemp("encoder") / "mini", config, dtype="F32")


@pytest.fixture(scope="module")
def seventy(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("large") / "llama-70b", PUBLISHED["llama-3-70b"].config, files=4)


@pytest.fixture
def build(tmp_path):
    def builder(**options) -> ModelBundle:
        given = {
            "schema_builder": SchemaBuilder({"messages": []}, {"choices": []}),
            "model_path": tmp_path / "chat",
            "signing_key": MASTER_KEY,
            **options,
        }
        return ModelBuilder(**given).build()

    return builder


def texts(bundle: ModelBundle) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bundle.path.iterdir() if path.is_file()}


@pytest.mark.parametrize("server", [*WRITERS, "tei"])
def test_the_container_is_told_what_was_chosen_and_a_reviewer_why(build, small, encoder, server, snapshot):
    folder = encoder if server == "tei" else small
    bundle = build(model=folder, model_server=server, instance_type=A10G)
    chosen = environment(choose(read_model(folder), A10G, server))
    assert chosen.items() <= dict(bundle.container.environment).items()
    assert bundle.info["files"]["serving"] == "serving.json"
    told = {name: text for one in bundle.serving["values"].values() for name, text in one["variables"].items()}
    assert told == chosen
    assert bundle.serving == snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("server", [*WRITERS, "tei"])
def test_weights_are_files_as_they_are(build, small, encoder, server):
    bundle = build(model=encoder if server == "tei" else small, model_server=server, instance_type=A10G)
    assert bundle.container.model_data.form == "folder"
    assert not bundle.archive_path.exists()
    source = (encoder if server == "tei" else small) / "model.safetensors"
    assert (bundle.model_dir / "model.safetensors").stat().st_ino == source.stat().st_ino  # linked, not copied
    archived = build(model=encoder if server == "tei" else small, model_server=server, archive=True)
    assert (archived.container.model_data.form, archived.archive_path.exists()) == ("archive", True)


def test_djl_serving_has_lmi_read_a_folder_and_its_python_engine_code(build, small, tmp_path):
    bundle = build(model=small, model_server="djl_serving", instance_type=A10G)
    assert bundle.container.environment["HF_MODEL_ID"] == "/opt/ml/model"
    assert bundle.container.environment["OPTION_TENSOR_PARALLEL_DEGREE"] == "4"
    assert not {"model.py", "serving.properties"} & set(bundle.manifest.files)
    shutil.copytree(small, tmp_path / "own")
    assert reads_files(tmp_path / "own", HostingWishes("djl_serving"))
    (tmp_path / "own" / "model.py").write_text("def handle(inputs): ...\n")
    assert not reads_files(tmp_path / "own", HostingWishes("djl_serving"))


def test_without_an_instance_type_the_smallest_is_proposed(build, small, encoder, seventy):
    found = {}
    for name, folder, server in (("small", small, "vllm"), ("70b", seventy, "vllm"), ("tei", encoder, "tei")):
        bundle = build(model="org/name", model_files=folder, model_server=server)
        found[name] = bundle.serving["instance_type"], bundle.container.image.processor
        assert any(f"the values are for {found[name][0]}, the smallest" in note for note in bundle.notes)
    assert found == {
        "small": ("ml.g4dn.xlarge", "gpu"),
        "70b": ("ml.g6e.12xlarge", "gpu"),
        "tei": ("ml.c6i.large", "cpu"),
    }


@pytest.mark.parametrize(
    "serving", [Overrides(max_length=1024, dtype="float16"), {"max_length": 1024, "dtype": "float16"}]
)
def test_what_is_asked_for_is_reckoned_and_told(build, small, serving):
    bundle = build(model=small, model_server="vllm", instance_type=A10G, serving=serving)
    assert bundle.container.environment["SM_VLLM_MAX_MODEL_LEN"] == "1024"
    values = bundle.serving["values"]
    assert (values["max_length"]["from"], values["dtype"]["reason"]) == ("serving", "as asked for")
    assert values["tensor_parallel"]["from"] == "choice"


def test_env_vars_win_and_say_so(build, small):
    variables = {"SM_VLLM_MAX_MODEL_LEN": "777", "SM_VLLM_DTYPE": "bfloat16", "SM_VLLM_SEED": "3"}
    bundle = build(model=small, model_server="vllm", instance_type=A10G, env_vars=variables)
    assert variables.items() <= dict(bundle.container.environment).items()
    length = bundle.serving["values"]["max_length"]
    assert (length["from"], length["variables"]) == ("env_vars", {"SM_VLLM_MAX_MODEL_LEN": "777"})
    (note,) = [note for note in bundle.notes if "env_vars" in note]  # the same value as chosen is nothing to say
    assert "SM_VLLM_MAX_MODEL_LEN to 777 instead of 4096" in note


def test_a_serving_properties_of_the_model_wins_with_lmi(build, small, tmp_path):
    folder = tmp_path / "with-properties"
    shutil.copytree(small, folder)
    (folder / "serving.properties").write_text("# ours\nengine=Python\noption.max_model_len=512\n")
    bundle = build(model=folder, model_server="djl_serving", instance_type=A10G)
    assert bundle.serving["values"]["max_length"]["from"] == "serving.properties"
    assert any("serving.properties sets OPTION_MAX_MODEL_LEN to 512" in note for note in bundle.notes)


@pytest.mark.parametrize("model", ["s3://weights/llama/", "org/llama@main"])
def test_a_copy_here_says_what_files_elsewhere_need(build, small, model):
    without = build(model=model, model_server="vllm", instance_type=A10G)
    assert "SM_VLLM_DTYPE" not in without.container.environment
    assert any("not chosen" in note and "model_files=" in note for note in without.notes)
    assert (without.serving["values"], without.serving["arithmetic"]) == ({}, None)
    bundle = build(model=model, model_server="vllm", instance_type=A10G, model_files=small)
    assert bundle.container.environment["SM_VLLM_TENSOR_PARALLEL_SIZE"] == "4"
    assert bundle.manifest.files == {}  # read, not packaged


def test_what_is_asked_for_is_told_where_nothing_can_be_reckoned(build):
    bundle = build(model="org/llama@main", model_server="tgi", instance_type=A10G, serving={"max_length": 2048})
    assert bundle.container.environment["MAX_TOTAL_TOKENS"] == "2048"
    assert bundle.container.environment["MAX_INPUT_TOKENS"] == "2047"
    assert bundle.serving["values"]["max_length"]["reason"] == "as asked for, not reckoned"


def test_an_image_that_holds_its_model_is_told_what_is_asked_for_alone(build):
    image = {"image_uri": "registry/vllm:1", "model_server": "vllm"}
    assert build(**image).serving is None
    bundle = build(**image, serving={"max_length": 2048})
    assert bundle.container.environment["SM_VLLM_MAX_MODEL_LEN"] == "2048"
    assert bundle.container.model_data.form == "none"


NOT_RECKONED = {
    "a state space model": ({"model_type": "mamba", "state_size": 16, "hidden_size": 64}, "keep a state"),
    "names of its own": (
        {"model_type": "nova", "architectures": ["NovaForCausalLM"], "width": 64},
        "has no hidden_size",
    ),
    "an encoder with a decoder": ({**SMALL, "model_type": "t5", "is_encoder_decoder": True}, "encoder with a decoder"),
}


@pytest.mark.parametrize("case", NOT_RECKONED)
def test_what_cannot_be_reckoned_is_built_and_said(build, small, tmp_path, case):
    config, words = NOT_RECKONED[case]
    folder = tmp_path / "model"
    shutil.copytree(small, folder)
    (folder / "config.json").write_text(json.dumps(config))
    bundle = build(model=folder, model_server="vllm", instance_type=A10G)
    (note,) = [note for note in bundle.notes if "not reckoned" in note]
    assert words in note
    assert words in bundle.serving["not_reckoned"]
    assert not any(str(tmp_path).encode() in text for text in texts(bundle).values())
    assert "SM_VLLM_DTYPE" not in bundle.container.environment
    assert bundle.container.model_data.form == "folder"


@pytest.mark.parametrize(("instance_type", "words"), [("ml.inf2.xlarge", "chips"), ("ml.g9.xlarge", "newer than")])
def test_instances_of_which_too_little_is_known(build, small, instance_type, words):
    bundle = build(model=small, model_server="vllm", instance_type=instance_type, image_uri="registry/vllm:1")
    assert words in bundle.serving["not_reckoned"]


def test_nothing_is_chosen_on_demand(build, small):
    bundle = build(model=small, model_server="vllm", instance_type=A10G, serving=False)
    assert bundle.serving is None
    assert "SM_VLLM_DTYPE" not in bundle.container.environment
    assert any("serving=False" in note for note in bundle.notes)


REFUSED = {
    "too large": ({"instance_type": A10G}, UsageError, r"weights 32\.86 GiB .*ml\.g6e\.12xlarge is the smallest"),
    "two of no GPU": (
        {"small": True, "instance_type": "ml.c6i.large", "serving": {"tensor_parallel": 2}},
        UsageError,
        r"ml\.c6i\.large has no accelerators",
    ),
    "two of one GPU": (
        {"small": True, "instance_type": "ml.g5.xlarge", "serving": {"tensor_parallel": 2}},
        UsageError,
        r"tensor_parallel=2 was asked for, and ml\.g5\.xlarge has 1 GPU",
    ),
    "two of one GPU, unread": (
        {"model": "org/name", "instance_type": "ml.g5.xlarge", "serving": {"tensor_parallel": 2}},
        UsageError,
        r"tensor_parallel=2 was asked for, and ml\.g5\.xlarge has 1 accelerators",
    ),
    "no such value": ({"serving": {"max_len": 5}}, UsageError, r"serving has max_len.*Did you mean max_length\?"),
    "no mapping": ({"serving": 5}, UsageError, r"serving is 5\. Give Overrides"),
    "no option": (
        {"small": True, "model_server": "tgi", "serving": {"sequences": 5}},
        UsageError,
        r"has no option for sequences\. .*max_length",
    ),
    "no such dtype, unread": (
        {"model": "org/name", "instance_type": "ml.g5.xlarge", "serving": {"dtype": "int3"}},
        UsageError,
        r"dtype='int3' is nothing that vLLM",
    ),
    "not split so": ({"small": True, "serving": {"tensor_parallel": 3}}, UsageError, "3 does not divide the 4"),
    "no other model": (
        {"model": "s3://bucket/model.tar.gz", "model_server": "mms", "serving": {"max_length": 5}},
        UsageError,
        "serving= is about language models, and mms serves others",
    ),
    "no folder": ({"model_files": "/nowhere"}, UsageError, "model_files is '/nowhere', and there is no such folder"),
    "two folders": ({"small": True, "model_files": "."}, UsageError, "model_files names a copy"),
    "a misspelt option": (
        {"small": True, "env_vars": {"SM_VLLM_MAX_MODEL_LENGTH": "5"}},
        UsageError,
        r"vLLM 0\.32\.0 has no option --max-model-length.*Did you mean SM_VLLM_MAX_MODEL_LEN\?",
    ),
    "a misspelt option, unread": (
        {"model": "org/name", "model_server": "sglang", "env_vars": {"SM_SGLANG_TPSIZE": "2"}},
        UsageError,
        r"SGLang 0\.5\.23 has no option --tpsize.*SM_SGLANG_TP_SIZE",
    ),
    "an embedding server": ({"small": True, "model_server": "tei"}, UsageError, "writes text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_leave_nothing_behind(build, small, seventy, tmp_path, case):
    options, error, words = REFUSED[case]
    options = dict(options)
    folder = small if options.pop("small", False) else seventy
    with pytest.raises(error, match=words):
        build(**{"model": folder, "model_server": "vllm", **options})
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize("missing", ["tokenizer.json", "config.json", "model.safetensors"])
def test_a_folder_that_is_not_whole(build, small, tmp_path, missing):
    folder = tmp_path / "model"
    shutil.copytree(small, folder)
    (folder / missing).unlink()
    with pytest.raises(ModelError, match=r"has no (tokenizer|config\.json|weights)"):
        build(model=folder, model_server="vllm", instance_type=A10G)
    assert not (tmp_path / "chat").exists()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(64, 4096), sequences=st.integers(1, 256), server=st.sampled_from(WRITERS[:3]))
def test_the_same_inputs_give_the_same_bytes(build, small, tmp_path, length, sequences, server):
    serving = {"max_length": length, "sequences": sequences}
    first = texts(build(model=small, model_server=server, instance_type=A10G, serving=serving))
    moved = tmp_path / "elsewhere"
    shutil.copytree(small, moved, dirs_exist_ok=True)
    again = build(
        model=moved, model_server=server, instance_type=A10G, serving=serving, model_path=tmp_path / "b" / "chat"
    )
    assert texts(again) == first


def test_options_that_no_table_has_are_noted(build, small):
    unlike = {"SM_VLLM_QUANTUM_ENTANGLEMENT": "true", "OWN": "1"}
    bundle = build(model=small, model_server="vllm", instance_type=A10G, env_vars=unlike)
    assert [note for note in bundle.notes if "has no option --quantum-entanglement" in note]
    like = {"SM_VLLM_MAX_MODEL_LENGTH": "5"}  # an image of one's own may hold another release
    own = build(model=small, model_server="vllm", instance_type=A10G, env_vars=like, image_uri="registry/vllm:1")
    assert [note for note in own.notes if "--max-model-length" in note]


@pytest.mark.parametrize("server", ["vllm", "sglang"])
def test_what_is_chosen_is_an_option_of_the_server(build, small, server):
    serving = {"quantization": "fp8", "cache_dtype": "fp8"}
    bundle = build(model=small, model_server=server, instance_type="ml.g6.12xlarge", serving=serving)
    names = [name for name in bundle.container.environment if name.startswith("SM_")]
    assert len(names) > 8
    options = {name.removeprefix(f"SM_{server.upper()}_").lower().replace("_", "-") for name in names}
    assert options <= options_of(server).names


def test_qwen_embedding_is_served_by_tei(build, small, tmp_path):
    """A decoder that its makers have give vectors: sentence-transformers' file says so."""
    folder = tmp_path / "embedding"
    shutil.copytree(small, folder)
    (folder / "modules.json").write_text("[]")
    bundle = build(model=folder, model_server="tei", instance_type="ml.g5.xlarge")
    assert bundle.container.environment["MAX_BATCH_TOKENS"] == "16384"
