"""Models of transformers: pipelines, models with their tokenizer or processor, models alone, and folders."""

from __future__ import annotations

import json
import sys
import warnings

import numpy as np
import pytest

from cdk_modelbuilder.errors import ModelError, SchemaError
from tests.frameworks import tiny_models
from tests.frameworks.packaged import build, public_version, served

torch = pytest.importorskip("torch", exc_type=ImportError)
transformers = pytest.importorskip("transformers", exc_type=ImportError)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

from cdk_modelbuilder.frameworks import adapter_for  # noqa: E402
from cdk_modelbuilder.frameworks.transformers import TransformersAdapter  # noqa: E402

ADAPTER = TransformersAdapter()
TEXTS = ["the film was good", "it was very bad"]


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def classifier():
    return tiny_models.bert(), tiny_models.tokenizer()


@pytest.fixture(scope="module")
def folder(classifier, tmp_path_factory):
    """A model's folder as a download has it, with what is not loaded."""
    path = tmp_path_factory.mktemp("hub") / "bert"
    for part in classifier:
        part.save_pretrained(path)
    (path / "README.md").write_text("# A model\n")
    (path / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    (path / "checkpoint-10").mkdir()
    (path / "checkpoint-10" / "model.safetensors").write_bytes(b"old")
    return path


def alike(found, expected):
    assert [item["label"] for item in found] == [item["label"] for item in expected]
    assert [item["score"] for item in found] == pytest.approx([item["score"] for item in expected], rel=1e-5)


@pytest.mark.heavy
def test_a_pipeline_keeps_its_parameters(classifier, tmp_path):
    model, tokenizer = classifier
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None, device="cpu")
    expected = pipe(TEXTS)
    assert [len(scores) for scores in expected] == [2, 2]
    bundle = build(pipe, TEXTS, expected, tmp_path)
    info = json.loads((bundle.path / "bundle.json").read_text())
    assert info["framework"]["name"] == "transformers"
    assert info["model"]["predict_method"] == "text-classification"
    assert info["model"]["class"] == "transformers.models.bert.modeling_bert.BertForSequenceClassification"
    with served(bundle) as predictor:
        found = predictor.predict(["good"])
        alike(found[0], pipe(["good"])[0])


@pytest.mark.heavy
def test_a_model_and_its_tokenizer_do_their_usual_task_or_the_one_that_is_named(classifier, tmp_path):
    assert ADAPTER.methods(classifier) == ["text-classification", "zero-shot-classification"]
    sample = {"sequences": "the film was good", "candidate_labels": ["good", "bad"]}
    named = {
        "model": tiny_models.bert(label2id={"entailment": 0, "neutral": 1, "contradiction": 2}, num_labels=3),
        "tokenizer": classifier[1],
        "task": "zero-shot-classification",
    }
    expected = ADAPTER.predict(named, sample, "zero-shot-classification")
    assert set(expected) == {"sequence", "labels", "scores"}
    bundle = build(named, sample, expected, tmp_path)
    with served(bundle) as predictor:
        assert predictor.predict(sample)["scores"] == pytest.approx(expected["scores"], rel=1e-5)


def test_requests_may_carry_parameters_but_none_that_loads_code(classifier):
    found = ADAPTER.predict(classifier, {"inputs": TEXTS, "parameters": {"top_k": 1}}, "text-classification")
    assert [len(scores) for scores in found] == [1, 1]
    with pytest.raises(ValueError, match="trust_remote_code is not taken"):
        ADAPTER.predict(classifier, {"inputs": "a", "parameters": {"trust_remote_code": True}}, "text-classification")


def test_a_folder_is_linked_and_only_what_is_loaded(folder, classifier, tmp_path):
    assert ADAPTER.opens(folder)
    model = ADAPTER.open(folder, trust=())
    assert adapter_for(model).name == "transformers"
    expected = ADAPTER.predict(classifier, TEXTS, "text-classification")
    bundle = build(model, TEXTS, expected, tmp_path)
    files = {path.name for path in (bundle.path / "model").iterdir()} - {"code", ".modelbuilder"}
    assert files == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    weights = bundle.path / "model" / "model.safetensors"
    assert weights.stat().st_nlink > 1 or weights.stat().st_ino != (folder / "model.safetensors").stat().st_ino
    with served(bundle) as predictor:
        alike(predictor.predict(TEXTS), expected)


@pytest.mark.heavy
def test_text_is_generated_without_chance_and_that_is_said(tmp_path):
    model = (tiny_models.llama(), tiny_models.tokenizer())
    expected = ADAPTER.predict(model, TEXTS[0], "text-generation")
    bundle = build(model, TEXTS[0], expected, tmp_path)
    assert any("without chance" in note for note in bundle.notes)
    with served(bundle) as predictor:
        assert predictor.predict(TEXTS[0]) == expected
        assert predictor.predict(TEXTS[1])[0]["generated_text"].startswith(TEXTS[1])


@pytest.mark.heavy
def test_text_from_text_needs_no_pipeline(tmp_path):
    model = (tiny_models.t5(), tiny_models.tokenizer())
    assert ADAPTER.methods(model) == ["text2text-generation"]
    expected = ADAPTER.predict(model, TEXTS, "text2text-generation")
    assert set(expected[0]) == {"generated_text"}
    with served(build(model, TEXTS, expected, tmp_path)) as predictor:
        assert predictor.predict(TEXTS) == expected


@pytest.mark.heavy
def test_a_member_of_an_enumeration_among_the_parameters_is_kept(tmp_path):
    model = tiny_models.bert("BertForTokenClassification")
    pipe = transformers.pipeline(
        "token-classification", model=model, tokenizer=tiny_models.tokenizer(), aggregation_strategy="max", device="cpu"
    )
    expected = ADAPTER.predict(pipe, TEXTS[0], "token-classification")
    assert "entity_group" in expected[0]
    with served(build(pipe, TEXTS[0], expected, tmp_path)) as predictor:
        assert [item["word"] for item in predictor.predict(TEXTS[0])] == [item["word"] for item in expected]


@pytest.mark.heavy
def test_images_are_classified_and_their_addresses_refused(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    model = tiny_models.vit()
    pixels = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    image = image_module.fromarray(pixels)
    expected = ADAPTER.predict(model, image, "image-classification")
    with served(build(model, image, expected, tmp_path)) as predictor:
        alike(predictor.predict(image), expected)
    with pytest.raises(TypeError, match="send the image"):
        ADAPTER.predict(model, "https://example.com/cat.png", "image-classification")


@pytest.mark.heavy
def test_sounds_are_classified(tmp_path):
    model = tiny_models.wav2vec2()
    assert ADAPTER.methods(model) == ["audio-classification"]
    sound = np.sin(np.arange(800, dtype=np.float32) / 7)
    expected = ADAPTER.predict(model, sound, "audio-classification")
    with served(build(model, sound, expected, tmp_path)) as predictor:
        alike(predictor.predict(sound), expected)


@pytest.mark.heavy
def test_a_model_alone_takes_arrays_by_name(tmp_path):
    model = tiny_models.bert("BertModel")
    sample = {"input_ids": np.array([[2, 5, 3]]), "attention_mask": np.ones((1, 3), dtype=np.int64)}
    expected = ADAPTER.predict(model, sample, "forward")
    assert expected["last_hidden_state"].shape == (1, 3, 16)
    with served(build(model, sample, expected, tmp_path)) as predictor:
        np.testing.assert_allclose(
            predictor.predict(sample)["last_hidden_state"], expected["last_hidden_state"], rtol=1e-5
        )


@pytest.mark.heavy
def test_packages_are_found(classifier, tmp_path):
    expected = ADAPTER.predict(classifier, TEXTS, "text-classification")
    bundle = build(classifier, TEXTS, expected, tmp_path, dependencies={"custom": [public_version("torch")]})
    names = [line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()]
    assert {"transformers", "torch", "tokenizers", "safetensors"} <= set(names)


def test_saving_twice_gives_the_same_bytes_and_no_paths(folder, tmp_path):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ADAPTER.save((model, tokenizer), tmp_path / name, model_format=None, trust=(), sample=TEXTS)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in files:
        data = (tmp_path / "one" / name).read_bytes()
        assert data == (tmp_path / "two" / name).read_bytes()
        assert str(folder).encode() not in data


def _with(folder, path, **changes):
    """A copy of a folder with other settings."""
    path.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (path / name).write_bytes((folder / name).read_bytes())
    settings = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**settings, **changes}))
    return path


@pytest.mark.heavy
def test_code_in_a_folder_runs_only_if_it_is_trusted(folder, tmp_path, monkeypatch):
    changes = {
        "architectures": ["OwnClassifier"],
        "model_type": "own",
        "auto_map": {
            "AutoConfig": "own_model.OwnConfig",
            "AutoModelForSequenceClassification": "own_model.OwnClassifier",
        },
    }
    path = _with(folder, tmp_path / "own", **changes)
    (path / "own_model.py").write_text(
        "from transformers import BertConfig, BertForSequenceClassification\n\n\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own'\n\n\n"
        "class OwnClassifier(BertForSequenceClassification):\n    config_class = OwnConfig\n"
    )
    with pytest.raises(ModelError, match=r"runs its own Python code: own_model\.OwnClassifier"):
        ADAPTER.open(path, trust=())
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("sys.path", [*sys.path, str(tmp_path / "modules")])
    model = ADAPTER.open(path, trust=("own_model.*",))
    expected = ADAPTER.predict(model, TEXTS, "text-classification")
    bundle = build(model, TEXTS, expected, tmp_path)
    assert (bundle.path / "model" / "own_model.py").exists()
    with served(bundle) as predictor:
        alike(predictor.predict(TEXTS), expected)
    changes["auto_map"] = {"AutoConfig": "org/name--own.OwnConfig"}
    elsewhere = _with(folder, tmp_path / "elsewhere", **changes)
    with pytest.raises(ModelError, match="code of another repository"):
        ADAPTER.open(elsewhere, trust=("*",))


def test_folders_that_cannot_be_loaded_are_refused_with_the_way_out(folder, tmp_path):
    pickled = _with(folder, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin, a pickle"):
        ADAPTER.open(pickled, trust=())
    empty = _with(folder, tmp_path / "empty")
    (empty / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="has no weights"):
        ADAPTER.open(empty, trust=())
    shards = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (empty / "model.safetensors.index.json").write_text(json.dumps(shards))
    (empty / "model-1.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"lacks model-2\.safetensors"):
        ADAPTER.open(empty, trust=())
    newer = _with(folder, tmp_path / "newer", architectures=["BertForTomorrow"])
    with pytest.raises(ModelError, match="has no class BertForTomorrow"):
        ADAPTER.open(newer, trust=())
    broken = _with(folder, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\0" * 16)
    with pytest.raises(ModelError, match="cannot be loaded as BertForSequenceClassification"):
        ADAPTER.predict(ADAPTER.open(broken, trust=()), TEXTS, "text-classification")
    headless = _with(folder, tmp_path / "headless", architectures=["BertForMaskedLM"])
    with pytest.raises(ModelError, match=r"has no weights for cls\."):
        ADAPTER.predict(ADAPTER.open(headless, trust=()), TEXTS, "fill-mask")
    lora = tmp_path / "lora"
    lora.mkdir()
    (lora / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    assert ADAPTER.opens(lora)
    with pytest.raises(ModelError, match=r"an adapter \(LoRA\) for org/base"):
        ADAPTER.open(lora, trust=())


def test_wrong_combinations_are_refused(classifier):
    model, tokenizer = classifier
    with pytest.raises(ModelError, match="two of the kind tokenizer"):
        ADAPTER.check((model, tokenizer, tokenizer))
    with pytest.raises(ModelError, match=r"beside the model there is a builtins\.int"):
        ADAPTER.check((model, 3))
    with pytest.raises(ModelError, match="there are 2 models"):
        ADAPTER.check({"model": model, "other": model})
    with pytest.raises(ModelError, match="the task of BertForNextSentencePrediction is not known"):
        ADAPTER.methods((tiny_models.bert("BertForNextSentencePrediction"), tokenizer))
    if int(transformers.__version__.partition(".")[0]) >= 5:
        with pytest.raises(ModelError, match="no pipeline for the task question-answering"):
            ADAPTER.methods((tiny_models.bert("BertForQuestionAnswering"), tokenizer))
    with pytest.raises(ModelError, match="is not one that models of transformers"):
        ADAPTER.save(model, None, model_format="pickle", trust=(), sample=None)


@pytest.mark.heavy
def test_the_source_of_ones_own_class_travels(tmp_path):
    from tests.frameworks.own_bert import SharperBert

    model = (SharperBert(tiny_models.bert().config).eval(), tiny_models.tokenizer())
    expected = ADAPTER.predict(model, TEXTS, "text-classification")
    bundle = build(model, TEXTS, expected, tmp_path)
    assert (bundle.path / "model/code/tests/frameworks/own_bert.py").exists()
    with served(bundle) as predictor:
        alike(predictor.predict(TEXTS), expected)


def test_an_output_sample_that_does_not_fit_is_said_so(classifier, tmp_path):
    with pytest.raises(SchemaError, match="sample_output"):
        build(classifier, TEXTS, np.zeros(3), tmp_path)


def test_look_alikes(classifier):
    assert adapter_for(classifier[0]).name == "transformers"
    assert adapter_for(torch.nn.Linear(1, 1)).name == "pytorch"
    assert not ADAPTER.recognises(classifier[1])
    assert not ADAPTER.recognises({"model": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert adapter_for(torch.compile(classifier[0])).name == "transformers"
