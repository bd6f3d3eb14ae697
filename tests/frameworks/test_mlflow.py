"""MLflow model folders: what is read and refused without MLflow, and the tests of those that are loaded by it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.mlflow import MlflowAdapter
from tests.containers.environments import make_layer

ROOT = Path(__file__).parents[2]
MLMODEL = """
flavors:
  python_function:
    loader_module: {loader}
    python_version: 3.11.7
{more}
mlflow_version: 3.1.0
"""

yaml = pytest.importorskip("yaml", exc_type=ImportError)


def folder_of(tmp_path: Path, *, loader: str = "mlflow.sklearn", more: str = "", text: str | None = None) -> Path:
    path = tmp_path / "saved"
    path.mkdir()
    (path / "MLmodel").write_text(MLMODEL.format(loader=loader, more=more) if text is None else text)
    return path


def test_a_folder_is_read_without_loading_it(tmp_path):
    path = folder_of(tmp_path)
    (path / "requirements.txt").write_text("scikit-learn==1.5.0\n")
    adapter = MlflowAdapter()
    assert adapter.opens(path)
    assert not adapter.opens(tmp_path)
    opened = adapter.open(path, trust=())
    assert adapter.recognises(opened)
    assert (opened.mlflow_version, opened.requirements, opened.python) == ("3.1.0", "requirements.txt", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is no YAML"),
        ("hello", "names no flavors"),
        ("flavors: [a]", "names no flavors"),
        ("flavors: {crate: {version: 1}}", "has the flavors crate, and python_function is not among them"),
    ],
)
def test_an_mlmodel_that_says_too_little_is_refused(tmp_path, text, message):
    with pytest.raises(ModelError, match=message):
        MlflowAdapter().open(folder_of(tmp_path, text=text), trust=())


@pytest.mark.parametrize(
    ("loader", "more", "names"),
    [
        ("own_loader", "", "own_loader"),
        ("own.loader", "", "own"),
        ("mlflow.pyfunc.loaders.code_model", "    model_code_path: /somewhere/churn.py", "churn"),
        ("mlflow.sklearn", "    code: source", "features, steps"),
    ],
)
def test_code_of_its_own_needs_trust(tmp_path, loader, more, names):
    path = folder_of(tmp_path, loader=loader, more=more)
    (path / "source" / "features").mkdir(parents=True)
    (path / "source" / "steps.py").write_text("raise RuntimeError('imported')\n")
    with pytest.raises(ModelError, match=f"code of its own, which runs when it is loaded: {names}") as caught:
        MlflowAdapter().open(path, trust=())
    assert f"{names.split(', ')[0]}.*" in caught.value.remedy
    MlflowAdapter().open(path, trust=[f"{name}.*" for name in names.split(", ")])


@pytest.mark.parametrize("place", ["model.pkl", "artifacts/extra", "data/weights.pth"])
def test_pickles_are_judged_wherever_they_are(tmp_path, place):
    path = folder_of(tmp_path)
    target = path / place
    target.parent.mkdir(exist_ok=True)
    data = pickle.dumps(subprocess.Popen)
    if place.endswith("pth"):
        import zipfile

        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("weights/data.pkl", data)
    else:
        target.write_bytes(data)
    with pytest.raises(ModelError, match=r"globals that are not on the allow-list: subprocess\.Popen"):
        MlflowAdapter().open(path, trust=())
    opened = MlflowAdapter().open(path, trust=["subprocess.Popen"])
    assert opened.pickled == (("subprocess", "Popen"),)


def test_code_by_value_ties_it_to_the_version_of_python(tmp_path):
    import cloudpickle

    path = folder_of(tmp_path)
    (path / "python_model.pkl").write_bytes(cloudpickle.dumps(lambda data: data * 2))
    with pytest.raises(ModelError, match=r"cloudpickle\.cloudpickle\._make_function"):
        MlflowAdapter().open(path, trust=())
    opened = MlflowAdapter().open(path, trust=["cloudpickle.*", "builtins.*", "types.*"])
    assert opened.python == "3.11"


def test_links_out_of_the_folder_are_refused(tmp_path):
    path = folder_of(tmp_path)
    (tmp_path / "secret").write_text("")
    (path / "data").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match=r"data in .* is a link to a file outside of it"):
        MlflowAdapter().open(path, trust=())


@pytest.mark.parametrize(
    "more", ["    code: ../elsewhere", "    data: /etc/hostname", "    artifacts: {words: {path: 'a/../../b'}}"]
)
def test_settings_that_lead_out_of_the_folder_are_refused(tmp_path, more):
    with pytest.raises(ModelError, match="which is outside of the folder"):
        MlflowAdapter().open(folder_of(tmp_path, more=more), trust=["*"])


def test_without_mlflow_the_message_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    adapter = MlflowAdapter()
    opened = adapter.open(folder_of(tmp_path), trust=())
    for call in (lambda: adapter.check(opened), lambda: adapter.open_uri("models:/churn/3", trust=())):
        with pytest.raises(ModelError, match="MLflow, which loads the model, is not installed") as caught:
            call()
        assert "pip install mlflow-skinny" in caught.value.remedy


def test_which_uris_are_mlflows():
    adapter = MlflowAdapter()
    assert all(map(adapter.opens_uri, ["models:/churn/3", "models:/churn@best", "runs:/0a1b/model"]))
    assert not any(map(adapter.opens_uri, ["s3://bucket/key", "models/churn", "/models:/", "distilbert/base"]))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["python_function", "loader_module", "code", "data", "model_code_path", "sklearn", "1"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def read_or_refused(path: Path) -> bool:
    try:
        MlflowAdapter().open(path, trust=())
    except ModelError:
        return False
    return True


@given(st.binary(max_size=60) | st.builds(lambda value: yaml.safe_dump({"flavors": value}).encode(), VALUES))
def test_any_mlmodel_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.mkdir(exist_ok=True)
    (path / "MLmodel").write_bytes(data)
    assert read_or_refused(path) in (True, False)  # any other error is a failure of the test


@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.extra_install
def test_models_are_packaged_in_an_environment_with_mlflow(tmp_path):
    """Runs mlflow_cases.py there: MLflow is in no environment of the project."""
    layer = make_layer(Path(sys.executable), tmp_path / "layer", {})
    install = [sys.executable, "-m", "pip", "--python", layer / "bin" / "python", "install", "--quiet", "mlflow-skinny"]
    subprocess.run(install, check=True)
    cases = ROOT / "tests" / "frameworks" / "mlflow_cases.py"
    command = [layer / "bin" / "python", "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", "-rs", str(cases)]
    run = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout
