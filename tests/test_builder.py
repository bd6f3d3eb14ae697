"""build() on every kind of model that is supported, and on every kind of mistake."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from cdk_modelbuilder import InferenceSpec, ModelBuilder, ModelBuilderError, ModelBundle, SchemaBuilder
from cdk_modelbuilder.errors import BundleError, ModelError, SchemaError, SelfTestError, UsageError


class TimesScale(InferenceSpec):
    """Defined in a module, so its source is shipped."""

    def __init__(self, scale: float = 2.0) -> None:
        self.scale = scale

    def load(self, model_dir: str) -> float:
        return self.scale

    def invoke(self, input_object, model):
        return input_object.sum(axis=1) * model


class WithFile(InferenceSpec):
    def load(self, model_dir: str):
        return np.loadtxt(Path(model_dir) / "weights" / "w.txt")

    def invoke(self, input_object, model):
        return input_object @ model


def bundle_of(model, X, y, path, **options) -> ModelBundle:
    """Without capture: tests/dependencies is about that, and it takes a start of an interpreter each time."""
    options = {"dependencies": {"auto": False}, **options}
    return ModelBuilder(model=model, schema_builder=SchemaBuilder(X, y), model_path=path, **options).build()


def test_xgboost_classifier_keeps_its_class_and_format(tumours, tumour_bundle):
    assert tumour_bundle.info["model"]["class"] == "xgboost.XGBClassifier"
    assert tumour_bundle.info["model"]["format"] == "ubj"
    assert (tumour_bundle.model_dir / "model.ubj").is_file()
    assert tumour_bundle.container.image.repository == "sagemaker-xgboost"
    assert ModelBundle.load(tumour_bundle.path).root_sha256 == tumour_bundle.root_sha256


def test_xgboost_regressor_and_booster(tumours, tmp_path):
    regressor = xgboost.XGBRegressor(n_estimators=3).fit(tumours.X, tumours.y)
    bundle_of(regressor, tumours.X[:4], regressor.predict(tumours.X[:4]), tmp_path / "regressor")
    booster = regressor.get_booster()
    expected = booster.predict(xgboost.DMatrix(tumours.X[:4]))
    bundle = bundle_of(booster, tumours.X[:4], expected, tmp_path / "booster")
    assert "xgboost.DMatrix" in (bundle.model_dir / "code" / "inference.py").read_text()


def test_xgboost_parameters_that_its_own_file_forgets(tmp_path):
    X = np.array([[1.0], [-999.0], [3.0], [4.0]] * 5)
    y = np.array([0.0, 5.0, 1.0, 1.0] * 5)
    model = xgboost.XGBRegressor(n_estimators=5, missing=-999.0).fit(X, y)
    bundle = bundle_of(model, X[:4], y[:4], tmp_path / "missing")  # the self-test compares the predictions
    assert "missing=-999.0" in (bundle.model_dir / "code" / "inference.py").read_text()


def test_xgboost_on_a_frame_with_categories(tmp_path):
    frame = pd.DataFrame({"colour": pd.Categorical(["red", "blue", "red", "green"] * 5), "size": range(20)})
    y = np.arange(20) % 2
    model = xgboost.XGBClassifier(n_estimators=3, enable_categorical=True).fit(frame, y)
    bundle = bundle_of(model, frame[:4], y[:4], tmp_path / "categories")
    assert "enable_categorical=True" in (bundle.model_dir / "code" / "inference.py").read_text()


def test_predict_proba_is_chosen_by_the_output_sample(tumours, tmp_path):
    bundle = bundle_of(tumours.model, tumours.X[:3], tumours.model.predict_proba(tumours.X[:3]), tmp_path / "proba")
    assert bundle.info["model"]["predict_method"] == "predict_proba"
    assert any("predict_proba()" in note for note in bundle.notes)


def test_transformer_without_predict(regression, tmp_path):
    scaler = StandardScaler().fit(regression.X)
    bundle = bundle_of(scaler, regression.X, scaler.transform(regression.X), tmp_path / "scaler")
    assert bundle.info["model"]["predict_method"] == "transform"


def test_pipeline_on_a_frame_records_what_its_pickle_names(tumours, tmp_path):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(tumours.frame, tumours.y)
    answers = pd.Series(tumours.y[:3], name="benign")
    bundle = bundle_of(pipeline, tumours.frame[:3], answers, tmp_path / "pipeline", dependencies=None)
    assert "sklearn.linear_model._logistic.LogisticRegression" in bundle.info["model"]["pickle_globals"]
    assert "pandas==" in (bundle.path / "requirements.lock").read_text()


def test_text_labels(regression, tmp_path):
    labels = np.array(["low"] * 3 + ["high"] * 3, dtype=object)
    model = LogisticRegression().fit(regression.X, labels)
    bundle = bundle_of(model, regression.X, labels.astype(str), tmp_path / "labels")
    assert bundle.schema["output"]["spec"]["dtype"].startswith("<U")


def test_skops_is_there_on_request(regression, tmp_path):
    bundle = bundle_of(regression.model, regression.X, regression.y, tmp_path / "skops", model_format="skops")
    assert (bundle.model_dir / "model.skops").is_file()
    assert bundle.info["model"]["reproducible"] is False


def test_skops_names_what_it_does_not_trust(tumours, tmp_path):
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(n_estimators=2, random_state=0).fit(tumours.X, tumours.y)
    with pytest.raises(ModelError, match=r"does not trust .*Tree.* trust="):
        bundle_of(forest, tumours.X[:2], tumours.y[:2], tmp_path / "forest", model_format="skops")
    bundle_of(forest, tumours.X[:2], tumours.y[:2], tmp_path / "forest", model_format="skops", trust=["sklearn.*"])


def test_a_file_that_no_import_can_name_is_refused(tmp_path):
    path = tmp_path / "my-spec.py"
    path.write_text(
        "from cdk_modelbuilder import InferenceSpec\n\n\nclass S(InferenceSpec):\n"
        "    def load(self, model_dir): pass\n    def invoke(self, input_object, model): pass\n"
    )
    found = importlib.util.spec_from_file_location("my-spec", path)
    module = importlib.util.module_from_spec(found)
    sys.modules["my-spec"] = module
    found.loader.exec_module(module)
    try:
        with pytest.raises(ModelError, match=r"S is defined in 'my-spec', which no import statement can name"):
            ModelBuilder(
                inference_spec=module.S(), schema_builder=SchemaBuilder("a", "b"), model_path=tmp_path / "b"
            ).build()
    finally:
        del sys.modules["my-spec"]


def test_spec_ships_its_module_and_its_attributes(regression, tmp_path):
    bundle = ModelBuilder(
        inference_spec=TimesScale(3.0),
        schema_builder=SchemaBuilder(regression.X, regression.y),
        model_path=tmp_path / "s",
    ).build()
    assert (bundle.model_dir / "code" / "tests" / "test_builder.py").is_file()
    assert (bundle.model_dir / "code" / "cdk_modelbuilder" / "spec.py").is_file()


def test_spec_with_artifacts_links_them(regression, tmp_path):
    artifacts = tmp_path / "artifacts"
    (artifacts / "weights").mkdir(parents=True)
    np.savetxt(artifacts / "weights" / "w.txt", [1.0, 2.0])
    bundle = ModelBuilder(
        inference_spec=WithFile(),
        schema_builder=SchemaBuilder(regression.X, regression.y),
        artifacts=artifacts,
        model_path=tmp_path / "with-file",
    ).build()
    assert (bundle.model_dir / "weights" / "w.txt").read_text() == (artifacts / "weights" / "w.txt").read_text()


SCRIPT = """
import numpy as np
from cdk_modelbuilder import InferenceSpec, ModelBuilder, SchemaBuilder

print("training", flush=True)
OFFSET = 10

def shifted(values):
    return values + OFFSET

class Shift(InferenceSpec):
    def load(self, model_dir):
        return np.float64(1.5)
    def invoke(self, input_object, model):
        return shifted(input_object.sum(axis=1)) * model

X = np.ones((2, 3))
builder = ModelBuilder(inference_spec=Shift(), schema_builder=SchemaBuilder(X, X[:, 0]), model_path={path!r})
if __name__ == "__main__":
    builder.build()
"""


def test_spec_of_a_script_is_written_out_from_its_source(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(path=str(tmp_path / "shift")))
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    source = (tmp_path / "shift" / "model" / "code" / "modelbuilder_script.py").read_text()
    assert "OFFSET = 10" in source
    assert "def shifted" in source
    assert "training" not in source


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="there are images with this Python")
def test_spec_without_source_runs_in_the_own_image_where_aws_has_another_python(tmp_path):
    def run(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", f"exec({code!r})"], capture_output=True, text=True)

    code = SCRIPT.format(path=str(tmp_path / "shift"))
    done = run(code)
    assert done.returncode == 0, done.stderr
    container = ModelBundle.read(tmp_path / "shift").container
    assert container.model_server == "builtin"
    assert container.image.python == f"{sys.version_info.major}.{sys.version_info.minor}"

    refused = run(code.replace("model_path=", "model_server='sklearn', model_path=").replace("shift')", "other')"))
    assert refused.returncode != 0
    refusal = refused.stderr.splitlines()[-1]
    assert f"has Python {sys.version_info.major}.{sys.version_info.minor}" in refusal
    assert "ship the code as a source file" in refusal
    assert not (tmp_path / "other").exists()


def test_dependencies_are_pinned_and_the_users_lines_win(regression, tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("scipy==1.11.0\n# a comment\nextra-package>=2\n")
    bundle = bundle_of(
        regression.model,
        regression.X,
        regression.y,
        tmp_path / "deps",
        dependencies={"auto": True, "requirements": str(requirements), "custom": ["numpy==2.1.0"]},
    )
    lock = (bundle.path / "requirements.lock").read_text()
    assert "numpy==2.1.0  # given in dependencies['custom']" in lock
    assert "scipy==1.11.0  # given in requirements.txt" in lock
    assert "scikit-learn==" in lock
    assert "extra-package>=2" in (bundle.model_dir / "code" / "requirements.txt").read_text()


def test_without_capture_the_framework_is_still_there(regression, tmp_path):
    bundle = bundle_of(regression.model, regression.X, regression.y, tmp_path / "x", dependencies={"auto": False})
    assert "scikit-learn==" in (bundle.path / "requirements.lock").read_text()


def test_no_sample_value_is_in_the_bundle(tmp_path):
    X = np.array([[271828.25, 1.0], [314159.5, 2.0]])
    bundle = bundle_of(LinearRegression().fit(X, [0.0, 1.0]), X, np.array([0.0, 1.0]), tmp_path / "b")
    texts = [path.read_text() for path in bundle.path.rglob("*.json")]
    assert not any("271828" in text or "314159" in text for text in texts)


def test_building_again_replaces_the_bundle_and_keeps_other_things(regression, tmp_path):
    first = bundle_of(regression.model, regression.X, regression.y, tmp_path / "b")
    second = bundle_of(
        LinearRegression(fit_intercept=False).fit(regression.X, regression.y),
        regression.X,
        regression.y,
        tmp_path / "b",
    )
    assert first.root_sha256 != second.root_sha256
    assert ModelBundle.load(tmp_path / "b").root_sha256 == second.root_sha256
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        pytest.param(lambda r: {"model": object()}, ModelError, "InferenceSpec", id="unknown type"),
        pytest.param(lambda r: {"model": LinearRegression()}, ModelError, r"not fitted.*fit\(\)", id="unfitted"),
        pytest.param(
            lambda r: {"model": xgboost.XGBRegressor()}, ModelError, r"not fitted.*fit\(\)", id="unfitted xgboost"
        ),
        pytest.param(lambda r: {"model": xgboost.DMatrix(r.X)}, ModelError, "data", id="data for a model"),
        pytest.param(lambda r: {}, UsageError, "needs a model= or an inference_spec=", id="nothing"),
        pytest.param(
            lambda r: {"model": r.model, "inference_spec": TimesScale()},
            UsageError,
            "both say what to package",
            id="both",
        ),
        pytest.param(lambda r: {"inference_spec": TimesScale}, UsageError, "instance", id="class for an instance"),
        pytest.param(lambda r: {"model": r.model, "name": "a b"}, UsageError, "letters", id="name"),
        pytest.param(lambda r: {"model": r.model, "image_uri": "x/y:1"}, UsageError, "model_server", id="image alone"),
        pytest.param(lambda r: {"model": r.model, "model_format": "onnx"}, ModelError, "skops", id="format"),
        pytest.param(
            lambda r: {"model": r.model, "predict_method": "score_samples"}, ModelError, "predict", id="method"
        ),
        pytest.param(lambda r: {"model": r.model, "artifacts": "."}, UsageError, "inference_spec", id="artifacts"),
        pytest.param(
            lambda r: {"model": r.model, "env_vars": {"MODELBUILDER_X": "1"}}, UsageError, "env_vars", id="env"
        ),
        pytest.param(
            lambda r: {"model": r.model, "dependencies": {"pip": []}}, UsageError, "requirements", id="dependency part"
        ),
        pytest.param(
            lambda r: {"model": r.model, "dependencies": {"custom": ["not a line!"]}},
            UsageError,
            "numpy==",
            id="bad line",
        ),
        pytest.param(
            lambda r: {"inference_spec": WithFile(), "artifacts": "/does/not/exist"},
            ModelError,
            "not a folder",
            id="no artifacts",
        ),
        pytest.param(lambda r: {"inference_spec": WithFile()}, SelfTestError, "fresh process", id="load fails"),
        pytest.param(
            lambda r: {"model": make_pipeline(FunctionTransformer(lambda x: x), LinearRegression()).fit(r.X, r.y)},
            ModelError,
            "Lambdas",
            id="lambda",
        ),
    ],
)
def test_mistakes_end_in_one_message_with_the_remedy(make, kind, message, regression, tmp_path):
    options = {"model_path": tmp_path / "b", **make(regression)}
    if "name" in options:
        options.pop("model_path")
    with pytest.raises(kind, match=message) as caught:
        ModelBuilder(schema_builder=SchemaBuilder(regression.X, regression.y), **options).build()
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_sample_that_the_model_rejects(regression, tmp_path):
    with pytest.raises(ModelError, match=r"rejects sample_input.*trained on"):
        bundle_of(regression.model, regression.X[:, :1], regression.y, tmp_path / "b")


def test_output_sample_of_another_shape(regression, tmp_path):
    with pytest.raises(SchemaError, match=r"predict\(\) gives shape \(6,\).*model.predict"):
        bundle_of(regression.model, regression.X, regression.X, tmp_path / "b")
    with pytest.raises(SelfTestError, match=r"does not look like sample_output.*what the model returns"):
        ModelBuilder(
            inference_spec=TimesScale(),
            schema_builder=SchemaBuilder(regression.X, regression.X),
            model_path=tmp_path / "b",
        ).build()
    assert list(tmp_path.iterdir()) == []


def test_a_sample_of_an_unknown_type():
    with pytest.raises(SchemaError, match=r"sample_input is a .*which no codec takes.*NumPy"):
        SchemaBuilder(object(), [1])
    with pytest.raises(SchemaError, match=r"astype\(str\)"):
        SchemaBuilder(np.array(["a", 1], dtype=object), [1])


def test_a_folder_that_is_no_bundle_stays_as_it_is(regression, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match=r"is not a bundle; it stays.*artifacts="):
        bundle_of(regression.model, regression.X, regression.y, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_failed_build_leaves_the_old_bundle(regression, tmp_path):
    old = bundle_of(regression.model, regression.X, regression.y, tmp_path / "b")
    with pytest.raises(ModelBuilderError):
        bundle_of(regression.model, regression.X[:, :1], regression.y, tmp_path / "b")
    assert ModelBundle.load(tmp_path / "b").root_sha256 == old.root_sha256
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_build_needs_no_network_no_region_and_no_credentials(regression, tmp_path, monkeypatch):
    import socket

    def refuse(*args, **kwargs):
        raise AssertionError("build() opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    bundle_of(regression.model, regression.X, regression.y, tmp_path / "b")


def test_text_files_are_made_for_review(tumour_bundle):
    for name in (
        "bundle.json",
        "container.json",
        "schema.json",
        "manifest.json",
        "signature.json",
        "requirements.lock",
    ):
        text = (tumour_bundle.path / name).read_text()
        assert text.endswith("\n")
        assert str(Path.home()) not in text
        assert str(tumour_bundle.path.parent) not in text
    info = json.loads((tumour_bundle.path / "bundle.json").read_text())
    assert list(info) == sorted(info)


def test_the_key_is_nowhere_in_the_bundle(tumour_bundle):
    from cdk_modelbuilder.integrity.signature import BundleKey
    from tests.conftest import MASTER_KEY

    key = BundleKey.derive(bytes.fromhex(MASTER_KEY), tumour_bundle.root_sha256).secret
    for path in tumour_bundle.path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert key not in data
            assert key.hex().encode() not in data
            assert MASTER_KEY.encode() not in data
