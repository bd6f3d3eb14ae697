"""Pickles are judged by the names in them, and never run to find out."""

from __future__ import annotations

import collections
import importlib
import inspect
import io
import os
import pickle
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.pickles import check_globals, list_globals, matches
from cdk_modelbuilder.integrity.unpickle import load_pickle

PROTOCOLS = range(6)


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def names_in(data: bytes) -> list[tuple[str, str]]:
    return list_globals(io.BytesIO(data))


def names_looked_up(data: bytes) -> set[tuple[str, str]]:
    """What Python's own unpickler looks up while it really loads ``data``."""
    found = set()

    class Spy(pickle._Unpickler):  # in Python, so that every look-up goes through here
        def find_class(self, module, name):
            found.add((module, name))
            return super().find_class(module, name)

    Spy(io.BytesIO(data)).load()
    return found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
    | st.sampled_from([int, str, collections.OrderedDict, np.float32, np.dtype("<M8[ns]"), range(3), slice(1, 2)])
    | st.integers(0, 5).map(np.arange) | st.floats(width=32).map(np.float32) | st.text().map(np.str_)
    | st.lists(st.text(), max_size=3).map(lambda texts: np.array(texts, dtype=object)),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.text(), inner, max_size=3)
    | st.dictionaries(st.text(), inner, max_size=3).map(collections.OrderedDict)
    | st.frozensets(st.integers(), max_size=3) | st.sets(st.text(), max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(VALUES, st.sampled_from(PROTOCOLS))
@settings(max_examples=100, deadline=None)
def test_the_list_is_what_the_unpickler_looks_up(value, protocol):
    data = pickle.dumps(value, protocol)
    # Names of Python 2 are mapped to today's by the unpickler before they are looked up, never by the lister.
    listed = {(pickle_name(*name) if protocol < 3 else name) for name in names_in(data)}
    looked_up = {(pickle_name(*name) if protocol < 3 else name) for name in names_looked_up(data)}
    assert listed == looked_up


def pickle_name(module: str, name: str) -> tuple[str, str]:
    import _compat_pickle

    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_command_in_a_pickle_is_listed_refused_and_never_run(tmp_path, protocol):
    proof = tmp_path / "it ran"
    data = pickle.dumps([1, {"model": Malicious(f"touch '{proof}'")}], protocol)
    names = names_in(data)
    assert [name for _, name in names if name == "system"]
    with pytest.raises(ModelError, match=r"(posix|nt|os)\.system"):
        check_globals(names, ())
    (tmp_path / "model.pkl").write_bytes(data)
    with pytest.raises(pickle.UnpicklingError, match="was not in it when it was built"):
        load_pickle(str(tmp_path / "model.pkl"), [["builtins", "list"]], {})
    assert not proof.exists()
    pickle.loads(data)  # and it is a real one
    assert proof.exists()


def short(text: str) -> bytes:
    return b"\x8c" + struct.pack("<B", len(text)) + text.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04" + short("os") + short("system") + b"N0" + b"\x93.",  # a pop in between
        b"\x80\x04(" + short("os") + b"1" + short("os") + short("system") + b"\x86\x93.",  # a tuple on top
        b"\x80\x04" + short("os") + b"U\x06system\x93.",  # a string of Python 2
        b"\x80\x04" + short("os") + short("system") + b"2\x93.",  # a doubled one
        b"\x80\x04\x93.",  # nothing there
        b"\x80\x04" + short("os") + b"\x93.",
        b"\x80\x04h\x05h\x06\x93.",  # a memo that was never made
        b"\x80\x04" + short("os") + b"]\x94" + b"h\x00\x93.",  # a list from the memo
    ],
    ids=repr,
)
def test_a_name_that_is_made_up_on_the_way_is_refused(data):
    with pytest.raises(ModelError, match=r"indirectly|not a pickle"):
        names_in(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04" + short("os") + b"\x94" + short("system") + b"\x94" + b"00" + b"h\x00h\x01\x93.",
        b"\x80\x04" + short("os") + b"q\x07" + short("system") + b"q\x09" + b"00" + b"h\x07h\x09\x93.",
        b"\x80\x04" + short("math") + b"q\x00" + b"0" + short("os") + b"q\x00" + b"0h\x00" + short("system") + b"\x93.",
        b"\x80\x04" + short("os") + b"\x94" + b"\x95" + struct.pack("<Q", 9) + short("system") + b"\x93.",
        b"cos\nsystem\n.",
        b"(ios\nsystem\n.",
        b"\x80\x04X\x02\x00\x00\x00osV\\u0073ystem\n\x93.",
    ],
    ids=repr,
)
def test_names_through_the_memo_and_old_opcodes_are_read_off(data):
    assert ("os", "system") in names_in(data)


def names_or_none(data: bytes) -> list[tuple[str, str]] | None:
    """The names, or None for a refusal; any other error is a failure of the test."""
    try:
        return names_in(data)
    except ModelError:
        return None


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    names = names_or_none(data)
    assert names is None or all(isinstance(part, str) for name in names for part in name)


@given(st.binary(max_size=40), st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_pickle_is_read_or_refused(data, place, value):
    whole = bytearray(pickle.dumps({"a": np.arange(3), "b": data}, 4))
    whole[place % len(whole)] = value
    names_or_none(bytes(whole))


REFUSED = [
    ("os", "system"),
    ("posix", "system"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("builtins", "__import__"),
    ("builtins", "open"),
    ("subprocess", "Popen"),
    ("importlib", "import_module"),
    ("operator", "attrgetter"),
    ("pickle", "loads"),
    ("joblib", "load"),
    ("numpy", "load"),
    ("numpy", "fromfile"),
    ("numpy", "memmap"),
    ("numpy", "vectorize.__init__.__globals__"),
    ("numpy.testing", "assert_equal"),
    ("numpy.lib.npyio", "NpzFile"),
    ("numpy.ctypeslib", "load_library"),
    ("pandas", "read_pickle"),
    ("pandas", "eval"),
    ("pandas", "HDFStore"),
    ("pandas.io.common", "os.system"),
    # Through what a module of the library imports itself:
    ("sklearn.metrics.pairwise", "np.load"),
    ("sklearn.preprocessing._data", "np.fromfile"),
    ("sklearn.base", "os.system"),
    ("sklearn.utils.fixes", "platform.os.system"),
    ("sklearn.base", "warnings.WarningMessage"),
    ("sklearn.not_imported", "__class__"),
    ("sklearn.linear_model", "NoSuchClass"),
    ("sklearn.datasets", "fetch_openml"),
    ("sklearn.utils", "shuffle"),
    ("lightgbm.basic", "ctypes.CDLL"),
    ("lightgbm.basic", "Path"),
    ("lightgbm.engine", "train"),
    ("lightgbm.engine", "CVBooster"),
    ("lightgbm.libpath", "_find_lib_path"),
    ("xgboost.core", "ctypes.CDLL"),
    ("sklearnish.base", "BaseEstimator"),
    ("sklearn.metricsish", "f"),
    ("", ""),
]


@pytest.mark.parametrize("name", REFUSED, ids=".".join)
def test_names_that_are_refused(name):
    # What is imported could be reached.
    for module in ("lightgbm.engine", "sklearn.metrics.pairwise", "sklearn.preprocessing", "xgboost"):
        importlib.import_module(module)

    with pytest.raises(ModelError, match="not on the allow-list") as caught:
        check_globals([name], ())
    assert "trust=" in caught.value.remedy


@pytest.mark.parametrize(
    "name",
    [
        ("builtins", "list"),
        ("collections", "OrderedDict"),
        ("copyreg", "_reconstructor"),
        ("datetime", "datetime"),
        ("numpy", "ndarray"),
        ("numpy", "log1p"),
        ("numpy", "float64"),
        ("numpy.dtypes", "Float64DType"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("pandas", "DataFrame"),
        ("scipy.special", "expit"),
        ("lightgbm.basic", "Booster"),
        ("lightgbm.sklearn", "LGBMClassifier"),
        ("sklearn.linear_model._base", "LinearRegression"),
        ("sklearn.metrics._classification", "accuracy_score"),
        ("sklearn.feature_selection._univariate_selection", "f_classif"),
        ("tests.frameworks.test_pickles", "Malicious"),  # local source, shipped beside the pickle
    ],
    ids=".".join,
)
def test_names_that_are_allowed(name):
    # A model's classes are imported when it is saved.
    for module in (
        "lightgbm",
        "pandas",
        "scipy.special",
        "sklearn.feature_selection",
        "sklearn.linear_model",
        "sklearn.metrics",
    ):
        importlib.import_module(module)

    check_globals([name], ())


def test_trust_is_by_pattern():
    check_globals([("mypkg.a", "B"), ("other", "C")], ["mypkg.*", "other.C"])
    with pytest.raises(ModelError, match=r"other\.D") as caught:
        check_globals([("mypkg.a", "B"), ("other", "D")], ["mypkg.*", "other.C"])
    assert "mypkg" not in caught.value.what
    assert not matches("MyPkg.a", ["mypkg.*"])


def test_a_module_that_is_only_named_is_not_imported(tmp_path, monkeypatch):
    package = tmp_path / "never_imported"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("cdk_modelbuilder.dependencies.local_source._installed_roots", lambda: (tmp_path.resolve(),))
    with pytest.raises(ModelError, match=r"never_imported\.sub\.thing"):
        check_globals([("never_imported.sub", "thing")], ())


def passes(model: object, tmp_path: Path) -> object:
    """The model, through the gate and back."""
    data = pickle.dumps(model, 5)
    names = names_in(data)
    check_globals(names, ())
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    return load_pickle(str(path), [list(name) for name in names], {})


def test_classes_of_a_script_are_found_where_they_moved(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"cscript_of_build\nOrderedDict\n)R.")
    loaded = load_pickle(
        str(tmp_path / "a.pkl"), [["script_of_build", "OrderedDict"]], {"script_of_build": "collections"}
    )
    assert type(loaded) is collections.OrderedDict
    with pytest.raises(pickle.UnpicklingError):
        load_pickle(str(tmp_path / "a.pkl"), [["collections", "OrderedDict"]], {"script_of_build": "collections"})


SAMPLE = [
    "LinearRegression", "LogisticRegression", "RandomForestClassifier", "HistGradientBoostingRegressor", "SVC",
    "KNeighborsClassifier", "GaussianProcessRegressor", "MLPClassifier", "KMeans", "BisectingKMeans", "PCA",
    "FeatureAgglomeration", "SplineTransformer", "GridSearchCV", "StackingClassifier", "SelectKBest", "TfidfVectorizer",
]  # fmt: skip

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(60, 4)))
Y = (X[:, 0] > X[:, 1]).astype(int)
TEXTS = ["the quick brown fox", "a lazy dog"] * 30
NOT_FITTED_BY_DATA_ALONE = {"FrozenEstimator", "SparseCoder", "SelfTrainingClassifier"}


def arguments(kind: type) -> dict[str, object]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    inner = Ridge() if "Regressor" in kind.__name__ else LogisticRegression()
    known = {
        "estimator": inner,
        "base_estimator": inner,
        "estimators": [("a", inner), ("b", inner)],
        "steps": [("a", StandardScaler()), ("b", inner)],
        "transformer_list": [("a", StandardScaler())],
        "transformers": [("a", StandardScaler(), [0, 1])],
        "param_grid": {"C": [0.5, 1.0]},
        "param_distributions": {"C": [0.5, 1.0]},
    }
    parameters = inspect.signature(kind).parameters
    given = {name: known[name] for name, item in parameters.items() if item.default is item.empty and name in known}
    if "RandomProjection" in kind.__name__:
        given["n_components"] = 2
    return given


def fitted(kind: type) -> object:
    """An estimator of this class, fitted on whichever data it takes."""
    error: Exception | None = None
    pairs = [
        (X, Y),
        (X, X[:, 0]),
        (X, X[:, :2]),
        (X[:, 0], Y),
        (TEXTS, Y),
        ([{"a": 1.0}] * 60, Y),
        (X, np.c_[Y, 1 - Y]),
    ]
    for data in [*pairs, (X @ X.T,), (Y,), ([[1, 2], [2]] * 30,)]:
        try:
            return kind(**arguments(kind)).fit(*data)
        except Exception as problem:  # noqa: BLE001 - not its kind of data
            error = problem
    assert error is not None
    raise error


def all_estimators() -> dict[str, type]:
    from sklearn.utils import all_estimators as of_sklearn

    return dict(of_sklearn())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SAMPLE)
def test_an_estimator_passes_the_gate_and_comes_back(tmp_path, name):
    model = fitted(all_estimators()[name])
    loaded = passes(model, tmp_path)
    assert type(loaded) is type(model)
    for method in ("predict", "transform"):
        if hasattr(model, method):
            data = TEXTS if name == "TfidfVectorizer" else X
            before, after = getattr(model, method)(data), getattr(loaded, method)(data)
            np.testing.assert_array_equal(
                *(getattr(item, "toarray", lambda item=item: item)() for item in (before, after))
            )
            break
    else:
        pytest.fail("no method to compare")


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore")
def test_every_estimator_of_scikit_learn_passes_the_gate(tmp_path):
    warnings.simplefilter("ignore")
    refused, unfitted = {}, set()
    for name, kind in all_estimators().items():
        try:
            model = fitted(kind)
        except Exception:  # noqa: BLE001 - compared below
            unfitted.add(name)
            continue
        try:
            assert type(passes(model, tmp_path)) is kind
        except Exception as error:  # noqa: BLE001 - compared below
            refused[name] = str(error)
    assert refused == {}
    assert unfitted <= NOT_FITTED_BY_DATA_ALONE


def test_what_tables_hold_passes_the_gate(tmp_path):
    import pandas as pd

    values = [
        pd.Timestamp("2020-01-01"),
        pd.Timestamp("2020-01-01", tz="UTC"),
        pd.Timedelta("1h"),
        pd.NaT,
        pd.Period("2020-01"),
        pd.Interval(0, 1),
        pd.date_range("2020", periods=3),
        pd.period_range("2020", periods=3, freq="M"),
        pd.timedelta_range("1h", periods=3),
        pd.interval_range(0, 3),
        pd.MultiIndex.from_tuples([(1, "a")]),
        pd.CategoricalIndex(["a"]),
        pd.offsets.BQuarterEnd(),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": ["x", "y"]}),
    ]
    loaded = [passes(value, tmp_path) for value in values]
    assert list(map(repr, loaded)) == list(map(repr, values))


def test_pipelines_and_functions_of_numpy(tmp_path):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    model = make_pipeline(FunctionTransformer(np.log1p), StandardScaler()).fit(X)
    np.testing.assert_array_equal(passes(model, tmp_path).transform(X), model.transform(X))
    with pytest.raises(ModelError, match=r"numpy\.load"):
        passes(make_pipeline(FunctionTransformer(np.load)), tmp_path)


def test_what_a_local_module_only_imported_is_refused():
    here = __name__
    check_globals([(here, "LocalThing"), (here, "LocalThing.Inner")], ())
    for name in ("pickle.loads", "pytest.main", "check_globals.__globals__", "check_globals"):
        with pytest.raises(ModelError, match="not on the allow-list"):
            check_globals([(here, name)], ())


class LocalThing:
    class Inner:
        pass
