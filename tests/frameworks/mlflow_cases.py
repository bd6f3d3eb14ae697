"""Tests of models that MLflow saved and loads; run by test_mlflow.py where MLflow is installed."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.mlflow import MlflowAdapter
from tests.frameworks.building import answers, build

pytestmark = pytest.mark.filterwarnings("ignore")

X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=["a", "b", "c"])
Y = (X["a"] > 0).astype(int)
OWN = """
import mlflow

class Total(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        import patsy  # found by running it alone

        return model_input.sum(axis=1)
"""
NEEDED = [f"{name}=={version(name)}" for name in ("mlflow-skinny", "scikit-learn", "skops", "pandas")]


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A module of the user's, beside his notebook."""
    path = tmp_path / "source" / "total_of_all.py"
    path.parent.mkdir()
    path.write_text(OWN)
    monkeypatch.syspath_prepend(path.parent)
    yield path
    sys.modules.pop("total_of_all", None)


def saved(tmp_path: Path, save, **options) -> Path:
    save(path=tmp_path / "saved", pip_requirements=NEEDED, **options)
    return tmp_path / "saved"


@pytest.mark.parametrize("serialization", ["skops", "cloudpickle"])
def test_a_model_of_scikit_learn_answers_as_in_memory(tmp_path, serialization):
    model = LogisticRegression().fit(X, Y)
    options = {"serialization_format": serialization}
    if serialization == "skops":
        options["signature"] = mlflow.models.infer_signature(X, model.predict(X))
    path = saved(tmp_path, mlflow.sklearn.save_model, sk_model=model, **options)
    opened = MlflowAdapter().open(path, trust=())
    found = answers(opened, X[:4], model.predict(X[:4]), tmp_path)
    np.testing.assert_array_equal(found, model.predict(X[:4]))
    kept = tmp_path / "tried" / "model" / "mlflow_model"
    assert {item.name for item in kept.iterdir()} == {item.name for item in path.iterdir()}


def test_the_requirements_of_the_folder_are_those_of_the_bundle(tmp_path):
    model = LogisticRegression().fit(X, Y)
    path = saved(tmp_path, mlflow.sklearn.save_model, sk_model=model)
    (path / "requirements.txt").write_text("\n".join([*NEEDED, "tomli==2.0.1"]))
    opened = MlflowAdapter().open(path, trust=())
    bundle = build(opened, X[:4], model.predict(X[:4]), tmp_path, dependencies={"exclude": ["torch"]})
    lines = [line.split()[0] for line in (bundle.path / "requirements.lock").read_text().splitlines() if "==" in line]
    assert set(NEEDED) | {"tomli==2.0.1"} <= set(lines)


def test_a_model_of_the_users_own_class_needs_trust_and_brings_its_code(tmp_path, source):
    own = importlib.import_module("total_of_all")
    path = saved(tmp_path, mlflow.pyfunc.save_model, python_model=own.Total(), code_paths=[str(source)])
    with pytest.raises(ModelError, match="code of its own, which runs when it is loaded: total_of_all"):
        MlflowAdapter().open(path, trust=())
    opened = MlflowAdapter().open(path, trust=["total_of_all.*"])
    bundle = build(opened, X[:4], X[:4].sum(axis=1), tmp_path, dependencies={"exclude": ["torch"]})
    assert (bundle.model_dir / "mlflow_model" / "code" / "total_of_all.py").read_text() == OWN
    assert "\npatsy==" in (bundle.path / "requirements.lock").read_text()


def test_a_model_from_code_needs_trust(tmp_path, source):
    source.write_text(OWN + "\nmlflow.models.set_model(Total())\n")
    path = saved(tmp_path, mlflow.pyfunc.save_model, python_model=str(source))
    with pytest.raises(ModelError, match="total_of_all"):
        MlflowAdapter().open(path, trust=())
    opened = MlflowAdapter().open(path, trust=["total_of_all"])
    build(opened, X[:4], X[:4].sum(axis=1), tmp_path)


def test_a_model_is_found_by_its_uri(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(f"file://{tmp_path / 'store'}")
    model = LogisticRegression().fit(X, Y)
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="churn", pip_requirements=NEEDED)
    adapter = MlflowAdapter()
    for uri in (info.model_uri, f"runs:/{run.info.run_id}/churn"):
        assert adapter.opens_uri(uri)
        opened = adapter.open_uri(uri, trust=())
        np.testing.assert_array_equal(adapter.predict(opened, X, "predict"), model.predict(X))
    with pytest.raises(ModelError, match="MLflow cannot get models:/m-unheard-of"):
        adapter.open_uri("models:/m-unheard-of", trust=())


def test_a_loaded_model_is_told_what_to_give(tmp_path):
    path = saved(tmp_path, mlflow.sklearn.save_model, sk_model=LogisticRegression().fit(X, Y))
    loaded = mlflow.pyfunc.load_model(str(path))
    adapter = MlflowAdapter()
    assert adapter.recognises(loaded)
    with pytest.raises(ModelError, match="which is loaded already") as caught:
        adapter.check(loaded)
    assert "path of its folder" in caught.value.remedy
