"""CatBoost's models, packaged and answering as in memory."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import adapter_for
from cdk_modelbuilder.frameworks.catboost import CatBoostAdapter
from tests.frameworks.building import answers, build

catboost = pytest.importorskip("catboost", exc_type=ImportError)
pytestmark = pytest.mark.slow

QUICK = {"iterations": 6, "depth": 3, "verbose": 0, "random_seed": 0, "thread_count": 1, "allow_writing_files": False}


class Subclass(catboost.CatBoostClassifier):
    pass


@pytest.fixture(scope="module")
def films() -> SimpleNamespace:
    rng = np.random.default_rng(0)
    size = 60
    frame = pd.DataFrame(
        {
            "length": rng.normal(100, 20, size),
            "country": rng.choice(["fr", "in", "us"], size),
            "review": rng.choice(["good film", "bad film", "a long day"], size),
        }
    )
    liked = np.where(frame["review"].str.contains("good") & (frame["country"] != "us"), "yes", "no")
    plain = frame[["length", "country"]]
    X, y = frame[["length"]].to_numpy(), (frame["length"] // 30).astype(int).to_numpy()
    return SimpleNamespace(
        frame=frame,
        plain=plain,
        X=X,
        texts=catboost.CatBoostClassifier(**QUICK, cat_features=["country"], text_features=["review"]).fit(
            frame, liked
        ),
        categories=catboost.CatBoostClassifier(**QUICK, cat_features=["country"]).fit(plain, liked),
        many=catboost.CatBoostClassifier(**QUICK).fit(X, y),
        counts=catboost.CatBoostRegressor(**QUICK, loss_function="Poisson").fit(X, y),
        ranker=catboost.CatBoostRanker(**QUICK, loss_function="QueryRMSE").fit(X, y, group_id=np.arange(60) // 10),
        base=catboost.CatBoost(QUICK).fit(X, y),
    )


@pytest.mark.parametrize(
    ("which", "data", "method", "data_format"),
    [
        ("texts", "frame", "predict", None),
        ("texts", "frame", "predict_proba", None),
        ("categories", "plain", "predict_log_proba", "json"),
        ("categories", "plain", "RawFormulaVal", None),
        ("many", "X", "predict", None),
        ("counts", "X", "predict", None),
        ("counts", "X", "RawFormulaVal", "json"),
        ("ranker", "X", "predict", None),
        ("base", "X", "predict", "cbm"),
    ],
)
def test_the_packaged_model_predicts_as_the_one_in_memory(films, tmp_path, which, data, method, data_format):
    model, sample = getattr(films, which), getattr(films, data)[:9]
    adapter = adapter_for(model)
    assert adapter.name == "catboost"
    expected = adapter.predict(model, sample, method)
    expected = expected.astype(str) if expected.dtype == object else expected
    bundle = build(model, sample, expected, tmp_path, method=method, model_format=data_format)
    assert bundle.info["model"]["format"] == (data_format or "cbm")


def test_the_endpoint_answers_labels_for_text_and_categories(films, tmp_path):
    sample = films.frame[:9]
    expected = films.texts.predict(sample)
    assert set(expected) == {"yes", "no"}
    found = answers(films.texts, sample, expected.astype(str), tmp_path)
    assert found.tolist() == expected.tolist()


@pytest.mark.heavy
def test_its_packages_are_captured(films, tmp_path):
    # Where polars is installed CatBoost imports it, and it PyTorch.
    without = {"exclude": ["torch"]}
    bundle = build(films.many, films.X[:3], films.many.predict(films.X[:3]), tmp_path, dependencies=without)
    names = {line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()}
    assert {"catboost", "numpy", "pandas"} <= names
    assert "scikit-learn" not in names


@pytest.mark.parametrize("which", ["many", "counts", "ranker", "categories"])
@pytest.mark.parametrize("data_format", ["cbm", "json"])
def test_a_file_is_opened_as_the_class_that_it_was(films, tmp_path, which, data_format):
    model, adapter, path = getattr(films, which), CatBoostAdapter(), tmp_path / f"model.{data_format}"
    model.save_model(path, format=data_format)
    assert adapter.opens(path)
    opened = adapter.open(path, trust=())
    assert type(opened) is type(model)
    data = films.plain if which == "categories" else films.X
    found, expected = opened.predict(data), model.predict(data)
    if expected.dtype.kind == "f":  # JSON is read with the last bits off
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    else:
        assert found.tolist() == expected.tolist()


def test_other_files_are_not_opened(tmp_path):
    (tmp_path / "model.json").write_text('{"learner": {"objective": "squarederror"}}')
    (tmp_path / "model.cbm").write_bytes(b"CBM")
    assert not any(CatBoostAdapter().opens(path) for path in [tmp_path, *tmp_path.iterdir()])


def test_a_cut_file_is_refused(films, tmp_path):
    films.many.save_model(tmp_path / "cut.cbm")
    (tmp_path / "cut.cbm").write_bytes((tmp_path / "cut.cbm").read_bytes()[:200])
    with pytest.raises(ModelError, match=r"cut\.cbm is no model that CatBoost"):
        CatBoostAdapter().open(tmp_path / "cut.cbm", trust=())


def test_a_file_that_says_nothing_of_its_training_is_of_the_base_class(films, tmp_path):
    path = tmp_path / "model.json"
    films.counts.save_model(path, format="json")
    content = json.loads(path.read_text())
    del content["model_info"]["params"]
    path.write_text(json.dumps(content))
    assert type(CatBoostAdapter().open(path, trust=())) is catboost.CatBoost


def test_what_cannot_be_packaged_says_so(films, tmp_path):
    adapter = CatBoostAdapter()
    with pytest.raises(ModelError, match="the CatBoostClassifier is not fitted"):
        adapter.check(catboost.CatBoostClassifier())
    with pytest.raises(ModelError, match=r"test_catboost\.Subclass is a subclass"):
        adapter.check(Subclass(**QUICK).fit(films.X, films.X[:, 0] > 100))
    sample, answer = films.frame[:3], films.texts.predict_proba(films.frame[:3])
    with pytest.raises(ModelError, match=r"does not save this model as json: Can save model with text features only"):
        build(films.texts, sample, answer, tmp_path, model_format="json", method="predict_proba")
    with pytest.raises(ModelError, match="model_format 'onnx' is not one that CatBoost"):
        build(films.texts, sample, answer, tmp_path, model_format="onnx", method="predict_proba")
