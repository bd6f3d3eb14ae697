"""Results of statsmodels, packaged and answering as in memory."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder import Mode
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import adapter_for
from cdk_modelbuilder.frameworks.sklearn import SklearnAdapter
from cdk_modelbuilder.frameworks.statsmodels import StatsmodelsAdapter
from tests.frameworks.building import answers, build
from tests.frameworks.formula_functions import halved

sm = pytest.importorskip("statsmodels.api", exc_type=ImportError)
smf = pytest.importorskip("statsmodels.formula.api", exc_type=ImportError)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

RNG = np.random.default_rng(0)
SIZE = 60
SCALE = 3.0


@pytest.fixture(scope="module")
def fitted() -> SimpleNamespace:
    frame = pd.DataFrame({"x": RNG.normal(size=SIZE) + 5, "g": RNG.choice(["a", "b", "c"], SIZE)})
    frame["y"] = frame["x"] * 2 + (frame["g"] == "a") + RNG.normal(size=SIZE)
    frame["yes"] = (frame["y"] > frame["y"].median()).astype(int)
    X = sm.add_constant(frame["x"])
    series = frame["y"].cumsum()
    dated = series.set_axis(pd.date_range("2020-01-01", periods=SIZE, freq="QS"))
    x = g = object()  # not what the formulas mean: columns come first
    assert x is g
    from statsmodels.tsa.forecasting.stl import STLForecast
    from statsmodels.tsa.forecasting.theta import ThetaModel

    return SimpleNamespace(
        frame=frame,
        X=X,
        ols=sm.OLS(frame["y"], X).fit(),
        arrays=sm.OLS(frame["y"].to_numpy(), X.to_numpy()).fit(),
        glm=sm.GLM(frame["y"] ** 2, X, family=sm.families.Gamma(sm.families.links.Log())).fit(),
        plain_logit=sm.Logit(frame["yes"], X).fit(disp=0),
        logit=smf.logit("yes ~ x", frame).fit(disp=0),
        formula=smf.ols("y ~ np.log(x) + C(g)", frame).fit(),
        own=smf.ols("y ~ halved(x) + I(x / SCALE) + center(x)", frame).fit(),
        arima=sm.tsa.ARIMA(series, order=(1, 1, 1)).fit(),
        theta=ThetaModel(dated, period=4).fit(),
        seasonal=STLForecast(dated, sm.tsa.ARIMA, model_kwargs={"order": (1, 1, 0)}, period=4).fit(),
        smoothing=sm.tsa.ExponentialSmoothing(series, trend="add").fit(),
        regressors=sm.tsa.SARIMAX(series, exog=frame[["x"]], order=(1, 0, 0)).fit(disp=0),
        var=sm.tsa.VAR(frame[["y", "x"]]).fit(2),
        mixed=smf.mixedlm("y ~ x", frame, groups="g").fit(),
    )


CASES = {
    "ols": ("ols", lambda it: it.X[:4], "predict", False),
    "ols, intervals": ("ols", lambda it: it.X[:4], "get_prediction", False),
    "arrays": ("arrays", lambda it: it.X.to_numpy()[:4], "predict", False),
    "lists": ("arrays", lambda it: [[1.0, 5.0], [1.0, 6.0]], "predict", False),
    "logit": ("plain_logit", lambda it: it.X[:4], "get_prediction", True),
    "glm": ("glm", lambda it: it.X[:4], "predict", False),
    "logit by formula": ("logit", lambda it: it.frame[["x"]][:4], "predict", True),
    "formula": ("formula", lambda it: it.frame[["x", "g"]][:4], "predict", True),
    "formula, columns": ("formula", lambda it: {"x": [4.0, 5.0], "g": ["a", "c"]}, "predict", True),
    "formula, one row": ("formula", lambda it: {"x": 4.0, "g": "b"}, "predict", True),
    "formula with names of its own": ("own", lambda it: it.frame[["x"]][:4], "predict", True),
    "arima": ("arima", lambda it: 4, "forecast", True),
    "arima, intervals": ("arima", lambda it: {"steps": 3}, "get_forecast", True),
    "arima, a span": ("arima", lambda it: {"start": 58, "end": 62}, "predict", True),
    "theta": ("theta", lambda it: 3, "forecast", True),
    "season and trend": ("seasonal", lambda it: 3, "forecast", True),
    "smoothing": ("smoothing", lambda it: 3, "forecast", True),
    "with regressors": ("regressors", lambda it: {"steps": 2, "exog": [[5.0], [6.0]]}, "forecast", True),
    "vector autoregression": ("var", lambda it: {"y": [[9.0, 5.0], [10.0, 5.5]], "steps": 2}, "forecast", None),
    "mixed": ("mixed", lambda it: it.frame[["x"]][:4], "predict", True),
}


@pytest.mark.parametrize("name", CASES)
def test_the_packaged_model_predicts_as_the_one_in_memory(fitted, tmp_path, name):
    which, sample_of, method, holds_data = CASES[name]
    model, sample, adapter = getattr(fitted, which), sample_of(fitted), StatsmodelsAdapter()
    assert adapter_for(model).name == "statsmodels"
    expected = adapter.predict(model, sample, method)
    assert np.isfinite(np.asarray(expected, dtype=float)).all()
    bundle = build(model, sample, expected, tmp_path, method=method)
    assert holds_data in (None, bundle.info["model"]["holds_training_data"])
    assert bundle.info["model"]["holds_training_data"] == any("was trained on" in note for note in bundle.notes)


def test_the_endpoint_answers_a_table_through_the_formula(fitted, tmp_path):
    sample = fitted.frame[["x", "g"]][:4]
    expected = fitted.formula.predict(sample)
    found = answers(fitted.formula, sample, expected, tmp_path)
    pd.testing.assert_series_equal(found, expected)


def test_the_training_data_is_left_out_where_nothing_depends_on_it(fitted, tmp_path):
    def saved(model, place, **options):
        return (build(model, fitted.X[:4], model.predict(fitted.X[:4]), tmp_path / place, **options)).model_dir

    value = np.float64(fitted.frame["x"][17]).tobytes()
    assert value in (saved(fitted.ols, "whole", model_format="pickle") / "model.pkl").read_bytes()
    assert value not in (saved(fitted.ols, "lean") / "model.pkl").read_bytes()
    assert value in (saved(fitted.plain_logit, "logit") / "model.pkl").read_bytes()  # get_prediction() needs it
    lean = saved(fitted.plain_logit, "lean logit", model_format="pickle-without-data")
    assert value not in (lean / "model.pkl").read_bytes()
    assert fitted.ols.model.exog is not None  # of the model in memory nothing is taken
    with pytest.raises(ModelError, match="without its training data"):
        build(fitted.arima, 3, fitted.arima.forecast(3), tmp_path / "a", model_format="pickle-without-data")
    with pytest.raises(ModelError, match="model_format 'joblib' is not one"):
        saved(fitted.ols, "b", model_format="joblib")


def test_names_in_a_formula_are_imported_where_they_are_from(fitted, tmp_path):
    sample = fitted.frame[["x"]][:4]
    bundle = build(fitted.own, sample, fitted.own.predict(sample), tmp_path)
    assert (bundle.model_dir / "code" / "tests" / "frameworks" / "formula_functions.py").is_file()
    code = (bundle.model_dir / "code" / "inference.py").read_text()
    assert "['halved', 'tests.frameworks.formula_functions', 'halved']" in code
    assert "{'SCALE': 3.0}" in code
    assert halved(4) == 2


def test_a_formula_is_read_by_the_engine_that_it_was_read_by(fitted, tmp_path, monkeypatch):
    pytest.importorskip("formulaic", exc_type=ImportError)
    import statsmodels.formula

    if not hasattr(statsmodels.formula, "options"):
        pytest.skip("this statsmodels has patsy alone")
    monkeypatch.setattr(statsmodels.formula.options, "formula_engine", "formulaic")
    model = smf.ols("y ~ np.log(x) + C(g)", fitted.frame).fit()
    assert type(model.model.data.model_spec).__module__.startswith("formulaic")
    sample = fitted.frame[["x", "g"]][:4]
    expected = model.predict(sample)
    bundle = build(model, sample, expected, tmp_path)
    statsmodels.formula.options.formula_engine = "patsy"  # as in the process of an endpoint
    with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        np.testing.assert_allclose(predictor.predict(sample), expected)


def test_a_name_that_cannot_be_imported_is_refused(fitted, tmp_path):
    twice = lambda values: values * 2  # noqa: E731 - what it is about
    model = smf.ols("y ~ twice(x)", fitted.frame).fit()
    sample = fitted.frame[["x"]][:4]
    assert twice(1) == 2
    with pytest.raises(ModelError, match=r"the formula 'y ~ twice\(x\)' uses twice, which cannot be imported"):
        build(model, sample, model.predict(sample), tmp_path)


def test_the_same_model_gives_the_same_bytes(fitted, tmp_path):
    expected = fitted.arima.forecast(3)
    one, two = (build(fitted.arima, 3, expected, tmp_path / place) for place in "ab")
    assert one.root_sha256 == two.root_sha256


def test_its_packages_are_captured(fitted, tmp_path):
    sample = fitted.frame[["x", "g"]][:4]
    bundle = build(fitted.formula, sample, fitted.formula.predict(sample), tmp_path, dependencies={})
    names = {line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()}
    assert {"statsmodels", "patsy", "numpy", "pandas", "scipy"} <= names


@pytest.mark.parametrize("which", ["ols", "formula", "arima"])
def test_a_pickle_is_opened_only_if_it_is_trusted(fitted, tmp_path, which):
    model, adapter, path = getattr(fitted, which), StatsmodelsAdapter(), tmp_path / "results.pickle"
    model.save(path)
    assert adapter.opens(path)
    assert not SklearnAdapter().opens(path)
    with pytest.raises(ModelError, match="evaluates the formula in it as Python") as caught:
        adapter.open(path, trust=())
    assert "trust=['statsmodels.*']" in caught.value.remedy
    opened = adapter.open(tmp_path, trust=["statsmodels.*"])
    assert type(opened) is type(model)
    np.testing.assert_allclose(opened.params, model.params)


def test_what_cannot_be_packaged_says_so(fitted):
    model = sm.OLS(fitted.frame["y"], fitted.X)
    adapter = adapter_for(model)
    assert adapter.name == "statsmodels"
    with pytest.raises(ModelError, match="the OLS is not fitted") as caught:
        adapter.check(model)
    assert "model.fit()" in caught.value.remedy
    factors = sm.Factor(fitted.frame[["x", "y", "yes"]].to_numpy(), 1).fit()
    with pytest.raises(ModelError, match="the FactorResults has none of the methods"):
        adapter_for(factors).methods(factors)
    assert not StatsmodelsAdapter().recognises(pickle.Pickler)


@pytest.mark.parametrize(("sample", "method"), [([1, 2], "forecast"), (3, "predict"), ({"steps": "many"}, "forecast")])
def test_data_that_does_not_fit_says_so(fitted, tmp_path, sample, method):
    with pytest.raises(ModelError, match="the model rejects sample_input"):
        build(fitted.arima, sample, fitted.arima.forecast(2), tmp_path, method=method)
