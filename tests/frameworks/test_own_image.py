"""Models of frameworks without an image of AWS, in the project's own: built by a real Docker, run read-only, called."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder import Predictor
from tests.containers import test_builtin_image as own_image
from tests.containers.docker_base import BASE_IMAGE, make_base_image, python_version, run_docker, why_not
from tests.frameworks.building import build

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.filterwarnings("ignore"),
]

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = "cdk-modelbuilder-tests/framework:local"
WITH_OPENMP = "cdk-modelbuilder-tests/openmp:local"
X = np.random.default_rng(0).normal(size=(40, 3)).astype("f4")
Y = (X[:, 0] > 0).astype(int)


def lightgbm_model():
    lightgbm = pytest.importorskip("lightgbm", exc_type=ImportError)
    model = lightgbm.LGBMClassifier(n_estimators=3, verbosity=-1, n_jobs=1).fit(X, Y)
    return model, X[:4], model.predict_proba(X[:4])


def catboost_model():
    catboost = pytest.importorskip("catboost", exc_type=ImportError)
    model = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False).fit(X, Y)
    return model, X[:4], model.predict_proba(X[:4])


def onnx_model():
    skl2onnx = pytest.importorskip("skl2onnx", exc_type=ImportError)
    from sklearn.linear_model import LogisticRegression

    from cdk_modelbuilder.frameworks.onnx import OnnxAdapter

    model = skl2onnx.to_onnx(LogisticRegression().fit(X, Y), X[:1], options={"zipmap": False})
    return model, X[:4], OnnxAdapter().predict(model, X[:4], "probabilities")


def statsmodels_model():
    smf = pytest.importorskip("statsmodels.formula.api", exc_type=ImportError)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = smf.ols("a ~ np.exp(b) + c", frame).fit()
    return model, frame[["b", "c"]][:4], model.predict(frame[:4])


def spacy_model():
    spacy = pytest.importorskip("spacy", exc_type=ImportError)
    model = spacy.blank("en")
    model.add_pipe("sentencizer")
    return model, "One. Two.", model("One. Two.").to_json()


MODELS = {
    "catboost": catboost_model,
    "lightgbm": lightgbm_model,
    "onnx": onnx_model,
    "spacy": spacy_model,
    "statsmodels": statsmodels_model,
}


def base_image(framework: str, folder: Path) -> str:
    """The base image; for LightGBM with the library of OpenMP, which its wheel expects of a system."""
    name = make_base_image()
    if framework != "lightgbm":
        return name
    places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
    library = next(path for place in places if (path := Path(place, "libgomp.so.1")).exists())
    folder.mkdir()
    shutil.copyfile(library, folder / "libgomp.so.1")
    (folder / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nCOPY libgomp.so.1 {library}\n")
    run_docker("build", "--tag", WITH_OPENMP, folder)
    return WITH_OPENMP


@pytest.mark.parametrize(
    "framework", [pytest.param(name, marks=[] if name == "lightgbm" else pytest.mark.heavy) for name in MODELS]
)
@pytest.mark.proves("catboost", "builtin")
@pytest.mark.proves("lightgbm", "builtin")
@pytest.mark.proves("onnx", "builtin")
@pytest.mark.proves("spacy", "builtin")
@pytest.mark.proves("statsmodels", "builtin")
def test_it_answers_from_an_image_in_which_nothing_can_be_written(framework, tmp_path, monkeypatch):
    if python_version() != HERE:
        pytest.skip(f"the base image has Python {python_version()}, and the tests run on {HERE}")
    model, sample, expected = MODELS[framework]()
    base = base_image(framework, tmp_path / "base")
    bundle = build(
        model,
        sample,
        expected,
        tmp_path,
        dependencies={"exclude": ["torch"]},
        image_uri=None,
        model_server="builtin",
        base_image=base,
    )
    assert bundle.info["framework"]["name"] == framework
    run_docker("build", "--tag", TAG, "--build-arg", f"BASE_IMAGE={base}", bundle.path / "image")
    monkeypatch.setattr(own_image, "TAG", TAG)
    try:
        with own_image.serving(bundle) as (_, url):
            found = Predictor(url, schema=bundle.schema, container=bundle.container).predict(sample)
    finally:
        run_docker("image", "rm", "--force", TAG, check=False)
    if isinstance(expected, dict):
        assert found == expected
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-6)
