"""Pipelines of spaCy, packaged and answering as in memory."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import adapter_for
from cdk_modelbuilder.frameworks.spacy import SpacyAdapter
from tests.frameworks.building import answers, build

spacy = pytest.importorskip("spacy", exc_type=ImportError)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TEXTS = ["Apple opens a shop in Paris.", "A good film. I liked it!", "nothing here"]


@pytest.fixture(scope="module")
def trained() -> SimpleNamespace:
    from spacy.training import Example

    spacy.util.fix_random_seed(0)
    rules = spacy.blank("en")
    rules.add_pipe("sentencizer")
    rules.add_pipe("entity_ruler").add_patterns([{"label": "ORG", "pattern": "Apple"}])
    films = spacy.blank("en")
    words = {"@architectures": "spacy.TextCatBOW.v3", "length": 2048, "exclusive_classes": True, "ngram_size": 1}
    films.add_pipe("textcat", config={"model": {**words, "no_output_layer": False}})
    told = [("good", {"GOOD": 1.0, "BAD": 0.0}), ("bad", {"GOOD": 0.0, "BAD": 1.0})] * 4
    examples = [Example.from_dict(films.make_doc(f"a {word} film"), {"cats": cats}) for word, cats in told]
    optimizer = films.initialize(lambda: examples)
    for _ in range(3):
        films.update(examples, sgd=optimizer)
    vectors = spacy.blank("en")
    vectors.vocab.set_vector("good", np.ones(4, "f4"))
    vectors.vocab.set_vector("film", np.full(4, 3, "f4"))
    importlib.import_module("tests.frameworks.spacy_components")
    own = spacy.blank("en")
    own.add_pipe("shout")
    own.add_pipe("quiet", config={"below": {"@misc": "tests.threshold.v1", "value": 3}})
    return SimpleNamespace(rules=rules, films=films, vectors=vectors, own=own)


@pytest.mark.parametrize(
    ("which", "method", "sample"),
    [
        ("rules", "to_json", TEXTS[0]),
        ("rules", "to_json", TEXTS),
        ("rules", "ents", TEXTS),
        ("rules", "ents", np.array(TEXTS)),
        ("films", "cats", "a good film"),
        ("films", "cats", ["a good film", "a bad film"]),
        ("vectors", "vector", "good film"),
        ("vectors", "vector", ["good film", "film"]),
    ],
)
def test_the_packaged_pipeline_answers_as_the_one_in_memory(trained, tmp_path, which, method, sample):
    model, adapter = getattr(trained, which), SpacyAdapter()
    assert adapter_for(model).name == "spacy"
    expected = adapter.predict(model, sample, method)
    bundle = build(model, sample, expected, tmp_path, method=method)
    assert (bundle.model_dir / "pipeline" / "config.cfg").is_file()
    assert bundle.info["model"]["pipeline"] == model.pipe_names


def test_what_the_forms_look_like(trained):
    adapter = SpacyAdapter()
    assert adapter.predict(trained.rules, TEXTS[0], "ents") == [{"text": "Apple", "label": "ORG", "start": 0, "end": 5}]
    assert adapter.predict(trained.rules, [], "ents") == []
    whole = adapter.predict(trained.rules, TEXTS[1], "to_json")
    assert [sentence["end"] for sentence in whole["sents"]] == [12, 24]
    scores = adapter.predict(trained.films, ["good", "bad"], "cats")
    assert scores[0]["GOOD"] > scores[1]["GOOD"]
    assert adapter.predict(trained.vectors, "good film", "vector").tolist() == [2, 2, 2, 2]


def test_the_endpoint_runs_components_of_ones_own_from_their_source(trained, tmp_path):
    expected = {"LOUD": 2.0, "QUIET": 1.0}
    assert answers(trained.own, "OH NO not", expected, tmp_path, method="cats") == expected
    code = tmp_path / "tried" / "model" / "code"
    assert (code / "tests" / "frameworks" / "spacy_components.py").is_file()
    assert "_MODULES = ['tests.frameworks.spacy_components']" in (code / "inference.py").read_text()


def test_the_same_pipeline_gives_the_same_bytes(trained, tmp_path):
    one, two = (build(trained.films, "a", {"GOOD": 0.5, "BAD": 0.5}, tmp_path / place) for place in "ab")
    assert one.root_sha256 == two.root_sha256


def test_its_packages_are_captured(trained, tmp_path):
    expected = SpacyAdapter().predict(trained.rules, TEXTS, "ents")
    without = {"exclude": ["torch"]}  # thinc imports it where it is installed
    bundle = build(trained.rules, TEXTS, expected, tmp_path, method="ents", dependencies=without)
    names = {line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()}
    assert {"spacy", "thinc", "numpy"} <= names


def test_a_folder_is_opened(trained, tmp_path):
    adapter = SpacyAdapter()
    trained.films.to_disk(tmp_path / "films")
    assert adapter.opens(tmp_path / "films")
    opened = adapter.open(tmp_path / "films", trust=())
    assert opened("a good film").cats == trained.films("a good film").cats
    (tmp_path / "films" / "meta.json").write_text("[]")
    assert not adapter.opens(tmp_path / "films")
    assert not adapter.opens(tmp_path)


def test_a_folder_whose_components_are_not_registered_says_so(trained, tmp_path):
    trained.rules.to_disk(tmp_path)
    config = tmp_path / "config.cfg"
    config.write_text(config.read_text().replace('factory = "sentencizer"', 'factory = "unheard_of"'))
    with pytest.raises(ModelError, match=r"cannot be loaded by spaCy .*unheard_of") as caught:
        SpacyAdapter().open(tmp_path, trust=())
    assert "register its components" in caught.value.remedy


def test_weights_that_would_be_unpickled_are_refused(trained, tmp_path, monkeypatch):
    trained.rules.to_disk(tmp_path)
    config = tmp_path / "config.cfg"
    config.write_text(config.read_text() + "\n[components.transformer]\n")
    monkeypatch.setattr("cdk_modelbuilder.frameworks.spacy.version", lambda name: "2.5.1")
    with pytest.raises(ModelError, match="unpickle without looking"):
        SpacyAdapter().open(tmp_path, trust=())


def test_what_cannot_be_packaged_says_so():
    untrained = spacy.blank("en")
    untrained.add_pipe("tagger")
    with pytest.raises(ModelError, match="a component of the pipeline is not trained"):
        SpacyAdapter().check(untrained)

    @spacy.language.Language.component("defined_inside")
    def defined_inside(doc):
        return doc

    inside = spacy.blank("en")
    inside.add_pipe("defined_inside")
    with pytest.raises(ModelError, match="uses the component 'defined_inside', which") as caught:
        SpacyAdapter().check(inside)
    assert "a module of its own" in caught.value.remedy


@pytest.mark.parametrize("sample", [3, [1, 2], {"text": "a"}])
def test_data_that_is_no_text_says_so(trained, tmp_path, sample):
    with pytest.raises(ModelError, match="the model rejects sample_input: TypeError: give a text"):
        build(trained.rules, sample, [], tmp_path)
