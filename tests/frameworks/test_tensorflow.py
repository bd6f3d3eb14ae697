"""Keras models, modules and SavedModel folders: what is kept, how they are called, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cdk_modelbuilder.errors import ModelError
from tests.frameworks.packaged import build, served

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
tf = pytest.importorskip("tensorflow", exc_type=ImportError)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

import keras  # noqa: E402

from cdk_modelbuilder.frameworks import adapter_for  # noqa: E402
from cdk_modelbuilder.frameworks.tensorflow import TensorFlowAdapter  # noqa: E402
from tests.frameworks import keras_layers  # noqa: E402

ADAPTER = TensorFlowAdapter()
X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
NO_PACKAGES = {"auto": False}


def tf_build(model, sample_input, sample_output, folder, **options):
    return build(model, sample_input, sample_output, folder, **{"dependencies": NO_PACKAGES, **options})


@pytest.fixture(scope="module")
def sequential():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], verbose=0)
    return model


@pytest.fixture(scope="module")
def two_sided():
    """Two inputs and two outputs by name."""
    keras.utils.set_random_seed(1)
    age, job = keras.Input((1,), name="age"), keras.Input((3,), name="job")
    both = keras.layers.Concatenate()([age, job])
    return keras.Model([age, job], [keras.layers.Dense(1, name="risk")(both), keras.layers.Dense(2, name="kind")(both)])


@pytest.mark.heavy
@pytest.mark.parametrize("model_format", [None, "saved_model"])
def test_sequential_models_in_both_formats(sequential, model_format, tmp_path):
    expected = sequential.predict(X, verbose=0)
    bundle = tf_build(sequential, X, expected, tmp_path, model_format=model_format)
    info = json.loads((bundle.path / "bundle.json").read_text())
    assert info["framework"] == {"name": "tensorflow", "version": tf.__version__}
    assert info["model"]["class"] == "keras.sequential.Sequential"
    if model_format is not None:
        assert (bundle.path / "model" / "saved_model.pb").exists()
        assert set(info["model"]["signature"]["outputs"]) == {sequential.layers[-1].name}
    with served(bundle) as predictor:
        np.testing.assert_allclose(predictor.predict(X), expected, rtol=1e-5)
        np.testing.assert_allclose(predictor.predict(X[:1]), expected[:1], rtol=1e-4)


@pytest.mark.heavy
@pytest.mark.parametrize("model_format", [None, "saved_model"])
def test_several_inputs_and_outputs_by_name(two_sided, model_format, tmp_path):
    sample = {"age": X[:, :1], "job": X[:, 1:]}
    expected = [np.asarray(value) for value in two_sided.predict_on_batch(sample)]
    bundle = tf_build(two_sided, sample, expected, tmp_path, model_format=model_format)
    if model_format is not None:
        signature = json.loads((bundle.path / "bundle.json").read_text())["model"]["signature"]
        assert signature["inputs"]["job"] == {"dtype": "float32", "shape": [None, 3]}
        assert set(signature["outputs"]) == {"risk", "kind"}
    with served(bundle) as predictor:
        found = predictor.predict(sample)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_a_table_has_a_column_for_each_input(tmp_path):
    import pandas as pd

    inputs = [keras.Input((1,), name=name) for name in ("age", "income")]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(inputs)))
    table = pd.DataFrame({"income": [1.0, 2.0], "age": [3.0, 4.0], "name": ["a", "b"]})
    given = {"age": table["age"].to_numpy().reshape(-1, 1), "income": table["income"].to_numpy().reshape(-1, 1)}
    np.testing.assert_allclose(
        ADAPTER.predict(model, table, "predict"), np.asarray(model.predict_on_batch(given)), rtol=1e-6
    )


@pytest.mark.heavy
def test_own_layers_functions_and_models_travel_as_source(tmp_path):
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [keras.Input((4,)), keras_layers.Scale(3.0), keras.layers.Dense(2, activation=keras_layers.squash)]
    )
    tower = keras_layers.Tower(units=5)
    tower(X)
    for name, own in (("sequential", model), ("tower", tower)):
        (tmp_path / name).mkdir()
        expected = own.predict_on_batch(X)
        bundle = tf_build(own, X, np.asarray(expected), tmp_path / name)
        assert (bundle.path / "model/code/tests/frameworks/keras_layers.py").exists()
        with served(bundle) as predictor:
            np.testing.assert_allclose(predictor.predict(X), expected, rtol=1e-5)


def test_text_in_and_text_out(tmp_path):
    words = keras.layers.TextVectorization(vocabulary=["good", "bad"], output_mode="multi_hot")
    model = keras.Sequential([keras.Input((1,), dtype="string"), words, keras.layers.Dense(1)])
    texts = np.array([["good film"], ["bad"]])
    expected = ADAPTER.predict(model, texts, "predict")
    with served(tf_build(model, texts, expected, tmp_path)) as predictor:
        np.testing.assert_allclose(predictor.predict(texts[:1]), expected[:1], rtol=1e-5)


def test_the_answer_is_what_the_output_sample_is(sequential, tmp_path):
    expected = sequential.predict(X, verbose=0)
    assert adapter_for(sequential).name == "tensorflow"
    bundle = tf_build(sequential, tf.constant(X), tf.constant(expected), tmp_path)
    assert json.loads((bundle.path / "bundle.json").read_text())["model"]["predict_method"] == "predict_tensor"
    assert ADAPTER.predict(sequential, X.tolist(), "predict_list") == pytest.approx(expected, rel=1e-5)


def test_the_same_model_gives_the_same_bytes(sequential, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ADAPTER.save(sequential, tmp_path / name, model_format=None, trust=(), sample=X)
    data = (tmp_path / "one" / "model.keras").read_bytes()
    assert data == (tmp_path / "two" / "model.keras").read_bytes()


class Doubling(tf.Module):
    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(2.0)

    @tf.function
    def __call__(self, values):
        return {"doubled": values * self.factor, "sum": tf.reduce_sum(values, axis=1)}


@pytest.mark.heavy
def test_modules_are_traced_with_the_sample(tmp_path):
    bundle = tf_build(Doubling(), X, {"doubled": X * 2, "sum": X.sum(axis=1)}, tmp_path)
    with served(bundle) as predictor:
        found = predictor.predict(X[:3])
        np.testing.assert_allclose(found["doubled"], X[:3] * 2)
        np.testing.assert_allclose(found["sum"], X[:3].sum(axis=1), rtol=1e-5)


@pytest.mark.heavy
def test_folders_are_opened_and_linked(sequential, tmp_path):
    source = tmp_path / "models" / "1"
    sequential.export(source, verbose=False)
    for path in (source, source.parent):
        assert ADAPTER.opens(path)
        model = ADAPTER.open(path, trust=())
        assert adapter_for(model).name == "tensorflow"
    expected = sequential.predict(X, verbose=0)
    bundle = tf_build(model, X, expected, tmp_path)
    assert sorted(path.name for path in (bundle.path / "model").iterdir() if path.name[0] != ".") == [
        "code", "saved_model.pb", "variables",
    ]  # fmt: skip
    with served(bundle) as predictor:
        np.testing.assert_allclose(predictor.predict(X[:2]), expected[:2], rtol=1e-4)
    sequential.export(source.parent / "2", verbose=False)
    with pytest.raises(ModelError, match=r"holds 2 versions: 1, 2"):
        ADAPTER.open(source.parent, trust=())


class Reading(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def __call__(self, name):
        return tf.io.read_file(name)


class Python(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def __call__(self, x):
        return tf.py_function(lambda value: value, [x], tf.float32)


@pytest.mark.parametrize(("kind", "operation"), [(Reading, "ReadFile"), (Python, "EagerPyFunc")])
def test_programs_that_touch_files_or_run_python_are_refused(kind, operation, tmp_path):
    tf.saved_model.save(kind(), str(tmp_path / "program"))
    with pytest.raises(ModelError, match=operation):
        ADAPTER.open(tmp_path / "program", trust=())


def test_keras_files_are_opened_with_the_code_that_is_known(sequential, tmp_path):
    path = tmp_path / "model.keras"
    sequential.save(path)
    assert ADAPTER.opens(path)
    assert ADAPTER.opens(tmp_path)
    model = ADAPTER.open(tmp_path, trust=())
    np.testing.assert_allclose(model.predict(X, verbose=0), sequential.predict(X, verbose=0), rtol=1e-6)
    evil = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    _change_config(path, lambda text: text.replace('"relu"', json.dumps(evil)))
    with pytest.raises(ModelError, match=r"asks for os\.function"):
        ADAPTER.open(path, trust=())
    download = {**evil, "module": "keras.utils", "config": "get_file"}
    _change_config(path, lambda text: text.replace(json.dumps(evil), json.dumps(download)))
    with pytest.raises(ModelError, match=r"asks for keras\.utils"):
        ADAPTER.open(path, trust=())
    wrapped = '{"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}, "registered_name": null}'
    _change_config(path, lambda text: text.replace(json.dumps(download), wrapped))
    with pytest.raises(ModelError, match="a model of another library"):
        ADAPTER.open(path, trust=())
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"is no \.keras file"):
        ADAPTER.open(path, trust=())


def _change_config(path, change):
    import zipfile

    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    changed = change(parts["config.json"].decode())
    assert changed != parts["config.json"].decode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, changed if name == "config.json" else data)


def _with_lambda():
    return keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x + 1)])


def _with_local_class():
    class Hidden(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    return keras.Sequential([keras.Input((4,)), Hidden()])


def _forgetful():
    return keras.Sequential([keras.Input((4,)), keras_layers.Forgetful(np.zeros(3))])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_with_lambda, "Lambda layer"),
        (_with_local_class, "cannot be found by its name"),
        (_forgetful, "cannot be made again from its settings"),
    ],
)
def test_code_that_a_file_cannot_name_is_refused(make, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        ADAPTER.save(make(), tmp_path, model_format=None, trust=(), sample=X)


@pytest.mark.heavy
def test_lambdas_are_kept_as_computation(tmp_path):
    bundle = tf_build(_with_lambda(), X, X + 1, tmp_path, model_format="saved_model")
    with served(bundle) as predictor:
        np.testing.assert_allclose(predictor.predict(X), X + 1)


def test_what_is_no_finished_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="is not built"):
        ADAPTER.check(keras.Sequential([keras.layers.Dense(1)]))
    with pytest.raises(ModelError, match="model is a tensorflow"):
        ADAPTER.check(tf.Variable(1.0))
    with pytest.raises(ModelError, match="has none of the functions"):
        ADAPTER.methods(tf.Module())
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(8))
    assert ADAPTER.opens(tmp_path / "old.h5")
    with pytest.raises(ModelError, match="old format"):
        ADAPTER.open(tmp_path / "old.h5", trust=())
    with pytest.raises(ModelError, match="is not one that models of the class Sequential"):
        ADAPTER.save(_forgetful(), tmp_path, model_format="onnx", trust=(), sample=X)


def test_layers_and_metrics_are_no_models():
    assert not ADAPTER.recognises(keras.layers.Dense(1))
    assert not ADAPTER.recognises(keras.metrics.Mean())
    assert not ADAPTER.recognises(np.zeros(1))


ON_TORCH = """
import sys
import keras, numpy as np
from cdk_modelbuilder.frameworks import adapter_for
from tests.frameworks.packaged import build, served

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
assert adapter_for(model).name == "keras", adapter_for(model).name
X = np.ones((3, 4), dtype=np.float32)
expected = model.predict(X, verbose=0)
from pathlib import Path
bundle = build(model, X, expected, Path(sys.argv[1]))
assert "KERAS_BACKEND" in (bundle.path / "model/code/inference.py").read_text()
with served(bundle) as predictor:
    np.testing.assert_allclose(predictor.predict(X), expected, rtol=1e-5)
"""


@pytest.mark.heavy
def test_keras_on_torch_has_its_own_adapter(tmp_path):
    pytest.importorskip("torch", exc_type=ImportError)
    env = {**os.environ, "KERAS_BACKEND": "torch"}
    run = subprocess.run([sys.executable, "-c", ON_TORCH, str(tmp_path)], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]


@pytest.mark.heavy
def test_packages_are_found(sequential, tmp_path):
    bundle = tf_build(sequential, X, sequential.predict(X, verbose=0), tmp_path, dependencies=None)
    names = [line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()]
    assert {"keras", "tensorflow", "h5py"} & set(names) >= {"keras", "h5py"}
    assert {"tensorflow", "tensorflow-cpu"} & set(names)
