"""LightGBM's models, packaged and answering as in memory."""

from __future__ import annotations

import os
import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import adapter_for
from cdk_modelbuilder.frameworks.lightgbm import LightGBMAdapter
from tests.frameworks.building import answers, build

lgb = pytest.importorskip("lightgbm", exc_type=ImportError)

QUICK = {"n_estimators": 8, "num_leaves": 5, "min_child_samples": 3, "verbosity": -1, "n_jobs": 1, "random_state": 0}
STOPPING = {"pred_early_stop": True, "pred_early_stop_freq": 1, "pred_early_stop_margin": 0.01}


class Subclass(lgb.LGBMClassifier):
    pass


@pytest.fixture(scope="module")
def flowers() -> SimpleNamespace:
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    labels = np.array(["setosa", "versicolor", "virginica"])[y]
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    frame["colour"] = pd.Categorical(np.where(X[:, 0] > 6, "red", "blue"), categories=["blue", "red", "green"])
    booster = lgb.train({"verbosity": -1, "num_threads": 1}, lgb.Dataset(X, y.astype(float)), num_boost_round=5)
    return SimpleNamespace(
        X=X,
        y=y,
        frame=frame,
        booster=booster,
        words=classifier(frame, labels),
        two=classifier(X, y == 1),
        stopping=classifier(X, y == 1, **STOPPING),
        ranker=lgb.LGBMRanker(**QUICK).fit(X, y, group=[50, 50, 50]),
        regressor=lgb.LGBMRegressor(**QUICK).fit(X, y),
        own_objective=classifier(X, y == 1, objective=squares),
    )


def classifier(X, y, **parameters):
    return lgb.LGBMClassifier(**QUICK, **parameters).fit(X, y)


def squares(true, predicted):
    return predicted - true, np.ones_like(true, dtype=float)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("which", "method"),
    [
        ("booster", "predict"),
        ("words", "predict"),
        ("words", "predict_proba"),
        ("two", "predict"),
        ("two", "predict_proba"),
        ("two", "raw_score"),
        ("two", "pred_leaf"),
        ("two", "pred_contrib"),
        ("stopping", "predict_proba"),
        ("ranker", "predict"),
        ("regressor", "predict"),
        ("own_objective", "predict"),
    ],
)
def test_the_packaged_model_predicts_as_the_one_in_memory(flowers, tmp_path, which, method):
    model = getattr(flowers, which)
    sample = (flowers.frame if which == "words" else flowers.X)[48:103:6]
    adapter = adapter_for(model)
    assert adapter.name == "lightgbm"
    bundle = build(model, sample, adapter.predict(model, sample, method), tmp_path, method=method)
    assert (bundle.model_dir / "model.txt").is_file()
    assert bundle.info["model"]["predict_method"] == method


def test_the_kept_parameters_change_the_prediction(flowers):
    as_saved = flowers.stopping.booster_.predict(flowers.X)
    assert not np.allclose(flowers.stopping.predict_proba(flowers.X)[:, 1], as_saved)


def test_the_endpoint_answers_labels_for_a_table_with_categories(flowers, tmp_path):
    sample = flowers.frame[48:103:6]
    expected = flowers.words.predict(sample)
    assert len(set(expected)) == 3
    found = answers(flowers.words, sample, expected.astype(str), tmp_path)
    assert found.tolist() == expected.tolist()


def test_the_same_model_gives_the_same_bytes(flowers, tmp_path):
    one, two = (
        build(flowers.two, flowers.X[:4], flowers.two.predict(flowers.X[:4]), tmp_path / place) for place in "ab"
    )
    assert one.root_sha256 == two.root_sha256


def test_its_packages_are_captured_without_scikit_learn(flowers, tmp_path):
    sample = flowers.X[:4]
    bundle = build(flowers.two, sample, flowers.two.predict(sample), tmp_path, dependencies={})
    names = {line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()}
    assert {"lightgbm", "numpy", "scipy"} <= names
    assert "scikit-learn" not in names


def test_a_file_is_opened_by_its_first_bytes(flowers, tmp_path):
    adapter = LightGBMAdapter()
    path = tmp_path / "trees.dat"
    flowers.booster.save_model(path)
    assert adapter.opens(path)
    opened = adapter.open(path, trust=())
    assert adapter.recognises(opened)
    np.testing.assert_array_equal(opened.predict(flowers.X), flowers.booster.predict(flowers.X))
    path.write_bytes(pickle.dumps(1))
    assert not adapter.opens(path)
    assert not adapter.opens(tmp_path)


def test_a_cut_file_is_refused(flowers, tmp_path, capfd):
    path = tmp_path / "cut.txt"
    path.write_text(flowers.booster.model_to_string()[:60])
    with pytest.raises(ModelError, match=r"cut\.txt is no model that LightGBM"):
        LightGBMAdapter().open(path, trust=())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda X, y: lgb.LGBMClassifier(), "the LGBMClassifier is not fitted"),
        (lambda X, y: Subclass(**QUICK).fit(X, y), r"tests\.frameworks\.test_lightgbm\.Subclass is a subclass"),
        (lambda X, y: lgb.DaskLGBMRegressor, "which no framework adapter recognises"),
    ],
)
def test_what_cannot_be_packaged_says_so(flowers, make, message):
    model = make(flowers.X, flowers.y)
    with pytest.raises(ModelError, match=message) as caught:
        adapter_for(model).check(model)
    assert caught.value.remedy


def test_text_is_not_taken_for_a_file_to_predict(flowers, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("1,2,3,4\n")
    with pytest.raises(ModelError, match="the model rejects sample_input: TypeError"):
        build(flowers.booster, os.fspath(path), np.array([1.0]), tmp_path)


def test_another_format_is_refused(flowers, tmp_path):
    with pytest.raises(ModelError, match="model_format 'onnx' is not one that LightGBM"):
        build(flowers.booster, flowers.X[:2], flowers.booster.predict(flowers.X[:2]), tmp_path, model_format="onnx")
