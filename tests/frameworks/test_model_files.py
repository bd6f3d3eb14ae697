"""Models of scikit-learn and XGBoost that are opened from files and folders, and those that are kept by trust."""

from __future__ import annotations

import json
import pickle
import struct
import sys

import joblib
import numpy as np
import pytest

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import adapter_for
from cdk_modelbuilder.frameworks.lightgbm import LightGBMAdapter
from cdk_modelbuilder.frameworks.registry import open_model
from cdk_modelbuilder.frameworks.sklearn import SklearnAdapter
from cdk_modelbuilder.frameworks.xgboost import XGBoostAdapter
from tests.frameworks.building import build

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def line():
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(X, Y)


@pytest.fixture(scope="module")
def trees():
    import xgboost

    parameters = {"n_estimators": 3, "n_jobs": 1}
    return {
        "XGBClassifier": xgboost.XGBClassifier(**parameters).fit(X, Y),
        "XGBRegressor": xgboost.XGBRegressor(**parameters).fit(X, Y),
        "XGBRanker": xgboost.XGBRanker(**parameters).fit(X, Y, group=[20, 20]),
        "Booster": xgboost.train({"nthread": 1}, xgboost.DMatrix(X, Y), 3),
    }


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.skops", "model.pickle"])
def test_an_estimator_is_opened_from_a_file_or_its_folder(line, tmp_path, name):
    path, adapter = tmp_path / name, SklearnAdapter()
    if name.endswith("skops"):
        skops = pytest.importorskip("skops.io", exc_type=ImportError)
        skops.dump(line, path)
    elif name.endswith("joblib"):
        joblib.dump(line, path, compress=3)
    else:
        path.write_bytes(pickle.dumps(line))
    (tmp_path / "README.md").write_text("about it")
    for place in (path, tmp_path):
        assert adapter.opens(place)
        opened = adapter.open(place, trust=())
        np.testing.assert_array_equal(opened.predict_proba(X), line.predict_proba(X))


def test_two_models_in_a_folder_are_refused(line, trees, tmp_path):
    for name in ("scaler.pkl", "model.joblib"):
        joblib.dump(line, tmp_path / name)
    with pytest.raises(ModelError, match=r"holds 2 models: model\.joblib, scaler\.pkl") as caught:
        SklearnAdapter().open(tmp_path, trust=())
    assert "Give the path of the file" in caught.value.remedy
    for name in ("one.ubj", "two.json"):
        trees["Booster"].save_model(tmp_path / name)
    with pytest.raises(ModelError, match=r"holds 2 models: one\.ubj, two\.json"):
        XGBoostAdapter().open(tmp_path, trust=())


def test_the_folder_of_another_kind_of_model_is_left_alone(line, tmp_path):
    joblib.dump(line, tmp_path / "model.pkl")
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    assert not SklearnAdapter().opens(tmp_path)
    assert SklearnAdapter().opens(tmp_path / "model.pkl")


def test_each_file_is_of_one_framework(line, trees, tmp_path):
    import lightgbm
    import skops.io

    grown = lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1, n_jobs=1).fit(X, Y)
    (tmp_path / "folder").mkdir()
    joblib.dump(line, tmp_path / "line.joblib", compress=3)
    joblib.dump(line, tmp_path / "folder" / "line.pkl")
    skops.io.dump(line, tmp_path / "line.skops")
    joblib.dump(grown, tmp_path / "grown.pkl")
    grown.booster_.save_model(tmp_path / "grown.txt")
    joblib.dump(trees["XGBRegressor"], tmp_path / "trees.pkl")
    for name in ("trees.ubj", "trees.json"):
        trees["XGBRegressor"].save_model(tmp_path / name)
    (tmp_path / "trees.model").write_bytes((tmp_path / "trees.ubj").read_bytes())
    kinds = {path.name: type(open_model(path, trust=())).__name__ for path in tmp_path.iterdir()}
    assert kinds == {
        "folder": "LogisticRegression",
        "grown.pkl": "LGBMClassifier",
        "grown.txt": "Booster",
        "line.joblib": "LogisticRegression",
        "line.skops": "LogisticRegression",
        "trees.json": "XGBRegressor",
        "trees.model": "XGBRegressor",
        "trees.pkl": "XGBRegressor",
        "trees.ubj": "XGBRegressor",
    }
    joblib.dump(trees["Booster"], tmp_path / "folder" / "trees.pkl")
    with pytest.raises(ModelError, match="holds models of sklearn and xgboost"):
        open_model(tmp_path / "folder", trust=())


def test_a_bundle_is_built_from_a_path(line, tmp_path):
    joblib.dump(line, tmp_path / "line.joblib")
    bundle = build(tmp_path / "line.joblib", X[:4], line.predict_proba(X[:4]), tmp_path)
    assert bundle.info["model"]["class"] == "sklearn.linear_model._logistic.LogisticRegression"


@pytest.mark.parametrize("value", [{"model": 1}, [1, 2], np.arange(3)], ids=["dict", "list", "array"])
def test_a_pickle_of_something_else_is_refused(tmp_path, value):
    joblib.dump(value, tmp_path / "model.pkl")
    with pytest.raises(ModelError, match="which is no estimator of scikit-learn") as caught:
        SklearnAdapter().open(tmp_path / "model.pkl", trust=())
    assert "InferenceSpec" in caught.value.remedy


def test_no_file_of_skops_and_no_pickle_are_refused(tmp_path):
    pytest.importorskip("skops.io", exc_type=ImportError)
    for name, message in [("model.skops", "is no file of skops"), ("model.pkl", "is no pickle")]:
        (tmp_path / name).write_bytes(b"hello")
        with pytest.raises(ModelError, match=message):
            SklearnAdapter().open(tmp_path / name, trust=())


@pytest.mark.parametrize(("part", "refused"), [(0, True), (1, True), (2, False)])
def test_a_model_of_another_minor_version_is_refused(line, tmp_path, part, refused):
    import sklearn

    numbers = sklearn.__version__.split(".")
    numbers[part] = str(int(numbers[part]) + 1)
    data = pickle.dumps(line, 0).replace(sklearn.__version__.encode(), ".".join(numbers).encode())
    (tmp_path / "model.pkl").write_bytes(data)
    if refused:
        with pytest.raises(ModelError, match=rf"was saved by scikit-learn {'.'.join(numbers)}"):
            SklearnAdapter().open(tmp_path / "model.pkl", trust=())
    else:
        SklearnAdapter().open(tmp_path / "model.pkl", trust=())


@pytest.mark.parametrize("name", ["XGBClassifier", "XGBRegressor", "XGBRanker", "Booster"])
@pytest.mark.parametrize("suffix", [".ubj", ".json", ".pkl"])
def test_xgboost_is_opened_as_the_class_that_was_saved(trees, tmp_path, name, suffix):
    model, path, adapter = trees[name], tmp_path / f"model{suffix}", XGBoostAdapter()
    if suffix == ".pkl":
        path.write_bytes(pickle.dumps(model))
    else:
        model.save_model(path)
    assert adapter.opens(path)
    assert not SklearnAdapter().opens(path)
    opened = adapter.open(path, trust=())
    assert type(opened) is type(model)
    np.testing.assert_array_equal(adapter.predict(opened, X, "predict"), adapter.predict(model, X, "predict"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.bin", struct.pack("<fIIi", 0.5, 30, 0, 0) + bytes(120)),
        ("model.model", b"binf" + struct.pack("<fI", 0.5, 30)),
        ("anything", b"bs64\tAAAA"),
    ],
)
def test_the_binary_format_of_old_is_told_what_to_do(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert XGBoostAdapter().opens(tmp_path / name)
    with pytest.raises(ModelError, match="the binary format of old") as caught:
        XGBoostAdapter().open(tmp_path / name, trust=())
    assert "model.ubj" in caught.value.remedy


@pytest.mark.parametrize("data", [b"", b"\x0a\x0e\x0a\x05<unk>", b"PK\x03\x04" + bytes(40), b'{"a": 1}'], ids=repr)
def test_other_files_are_not_taken_for_xgboost(tmp_path, data):
    for name in ("spiece.model", "pytorch_model.bin", "config.json", "model.pkl"):
        (tmp_path / name).write_bytes(data)
        assert not XGBoostAdapter().opens(tmp_path / name)


def test_a_cut_file_of_xgboost_is_refused(trees, tmp_path):
    trees["Booster"].save_model(tmp_path / "cut.json")
    text = (tmp_path / "cut.json").read_text()
    assert json.loads(text)["learner"]
    (tmp_path / "cut.json").write_text(text[: len(text) // 2])
    with pytest.raises(ModelError, match=r"cut\.json is no model that XGBoost"):
        XGBoostAdapter().open(tmp_path / "cut.json", trust=())


def test_lightgbm_is_opened_from_a_pickle(tmp_path):
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=3, verbosity=-1, n_jobs=1).fit(X, Y)
    joblib.dump(model, tmp_path / "model.pkl")
    assert LightGBMAdapter().opens(tmp_path)
    assert not SklearnAdapter().opens(tmp_path)
    opened = LightGBMAdapter().open(tmp_path, trust=())
    np.testing.assert_array_equal(opened.predict_proba(X), model.predict_proba(X))


def boosters():
    import lightgbm
    import xgboost

    yield "lightgbm", lightgbm.LGBMClassifier(n_estimators=3, verbosity=-1, n_jobs=1)
    yield "xgboost", xgboost.XGBClassifier(n_estimators=3, n_jobs=1)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_a_pipeline_that_holds_boosted_trees_is_scikit_learns_and_needs_their_package(tmp_path, name):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler().set_output(transform="default"), dict(boosters())[name]).fit(X, Y)
    assert adapter_for(model).name == "sklearn"
    bundle = build(model, X[:5], model.predict_proba(X[:5]), tmp_path, dependencies={})
    names = {line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()}
    assert "scikit-learn" in names
    assert names & {name, f"{name}-cpu"}  # the same module without the libraries for GPUs


ENCODERS = """
from sklearn.base import BaseEstimator, TransformerMixin

class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X * 2
"""


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """A library of somebody else's transformers, installed beside the others."""
    site = tmp_path / "site"
    info = site / "encoders_of_others-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "encoders_of_others.py").write_text(ENCODERS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: encoders-of-others\nVersion: 1.0\n")
    (info / "RECORD").write_text("encoders_of_others.py,,\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr("cdk_modelbuilder.dependencies.local_source._installed_roots", lambda: (site.resolve(),))
    yield
    sys.modules.pop("encoders_of_others", None)


@pytest.mark.usefixtures("third_party")
def test_a_class_of_an_unknown_library_is_kept_where_it_is_trusted(line, tmp_path):
    import encoders_of_others
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(encoders_of_others.Doubled(), line).fit(X, Y)
    adapter, folder = SklearnAdapter(), tmp_path / "saved"
    folder.mkdir()
    arguments = {"model_format": None, "sample": X}
    with pytest.raises(ModelError, match=r"encoders_of_others\.Doubled") as caught:
        adapter.save(model, folder, trust=(), **arguments)
    assert "trust=" in caught.value.remedy
    saved = adapter.save(model, folder, trust=["encoders_of_others.*"], **arguments)
    assert "encoders_of_others" in saved.modules  # so its package is pinned
    joblib.dump(model, tmp_path / "model.pkl")
    opened = adapter.open(tmp_path / "model.pkl", trust=["encoders_of_others.*"])
    np.testing.assert_array_equal(opened.predict_proba(X), model.predict_proba(X))


def test_a_subclass_of_xgboosts_says_what_its_file_would_lose(trees):
    import xgboost

    class Own(xgboost.XGBClassifier):
        pass

    model = Own(n_estimators=2).fit(X, Y)
    adapter = adapter_for(model)
    assert adapter.name == "xgboost"
    with pytest.raises(ModelError, match=r"Own is a subclass of a class of XGBoost") as caught:
        adapter.check(model)
    assert "get_booster" in caught.value.remedy
    with pytest.raises(ModelError, match="model is a QuantileDMatrix, which is data"):
        adapter.check(xgboost.QuantileDMatrix(X))


def test_text_is_no_data_for_a_booster(trees, tmp_path):
    with pytest.raises(ModelError, match="text is no data for XGBoost"):
        build(trees["Booster"], "train.libsvm", np.array([0.5], "f4"), tmp_path)


def test_a_model_trained_on_a_gpu_says_that_it_predicts_on_the_cpu(trees, tmp_path):
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=2, device="cuda:0")
    model._Booster = trees["XGBClassifier"].get_booster()  # this machine has no such device to train on
    saved = XGBoostAdapter().save(model, tmp_path, model_format=None, trust=(), sample=None)
    assert saved.notes == ["the model was trained on cuda:0; its file holds no device, and it predicts on the CPU."]
