"""Files of pickle and joblib: judged as a whole before anything in them is looked up."""

from __future__ import annotations

import gzip
import pickle
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.pickle_files import content_of, is_pickle_of, open_pickle
from cdk_modelbuilder.frameworks.pickle_readers import ArrayReader, Survey
from tests.frameworks.test_pickles import Malicious

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.array(["a", "b"])[(X[:, 0] > 0).astype(int)]


@pytest.fixture(scope="module")
def forest():
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pd.DataFrame({"n": X[:, 0], "c": Y.astype(object)})
    parts = make_column_transformer((OneHotEncoder(), ["c"]), (StandardScaler(), ["n"]))
    return frame, make_pipeline(parts, RandomForestClassifier(3, random_state=0)).fit(frame, Y)


COMPRESSIONS = [0, ("zlib", 1), ("zlib", 9), ("gzip", 3), ("bz2", 3), ("xz", 1), ("lzma", 1)]


@pytest.mark.parametrize("compress", COMPRESSIONS, ids=str)
def test_files_of_joblib_are_opened(forest, tmp_path, compress):
    frame, model = forest
    path = tmp_path / "model.joblib"
    joblib.dump(model, path, compress=compress)
    assert content_of(path).root == "sklearn.pipeline.Pipeline"
    np.testing.assert_array_equal(open_pickle(path, trust=()).predict_proba(frame), model.predict_proba(frame))


@pytest.mark.parametrize("protocol", range(6))
def test_files_of_pickle_are_opened(forest, tmp_path, protocol):
    frame, model = forest
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model, protocol))
    assert content_of(path).root == "sklearn.pipeline.Pipeline"
    np.testing.assert_array_equal(open_pickle(path, trust=()).predict_proba(frame), model.predict_proba(frame))


def test_a_compressed_pickle_is_opened(forest, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(gzip.compress(pickle.dumps(forest[1])))
    assert type(open_pickle(path, trust=())) is type(forest[1])


@pytest.mark.parametrize("hide", [lambda bad: bad, lambda bad: [X, {"a": bad}], lambda bad: np.array([bad, 1], object)])
@pytest.mark.parametrize("dump", [joblib.dump, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_command_is_listed_refused_and_never_run(tmp_path, hide, dump):
    proof, path = tmp_path / "it ran", tmp_path / "model.pkl"
    dump(hide(Malicious(f"touch '{proof}'")), path)
    assert "system" in [name for _, name in content_of(path).names]
    with pytest.raises(ModelError, match=r"model\.pkl: the pickled model names globals .*(posix|nt)\.system"):
        open_pickle(path, trust=())
    assert not proof.exists()
    joblib.load(path)  # and it is a real one
    assert proof.exists()


def test_what_is_trusted_is_loaded(tmp_path):
    proof, path = tmp_path / "it ran", tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Malicious(f"touch '{proof}'")))
    open_pickle(path, trust=["posix.system", "nt.system"])
    assert proof.exists()


def test_modules_that_are_only_named_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "deploys_when_imported.py").write_text(
        f"import os\nos.mkdir({str(tmp_path / 'it ran')!r})\nclass Model: ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "model.pkl"
    path.write_bytes(b"cdeploys_when_imported\nModel\n)\x81.")
    assert content_of(path).root == "deploys_when_imported.Model"
    with pytest.raises(ModelError, match=r"deploys_when_imported\.Model") as caught:
        open_pickle(path, trust=())
    assert "trust=['deploys_when_imported.Model']" in caught.value.remedy
    assert not (tmp_path / "it ran").exists()
    assert type(open_pickle(path, trust=["deploys_when_imported.*"])).__name__ == "Model"
    del sys.modules["deploys_when_imported"]


def test_a_name_that_is_missing_here_says_so(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"csklearn.linear_model.base_of_old\nLinearRegression\n)\x81.")
    with pytest.raises(ModelError, match="not on the allow-list"):
        open_pickle(path, trust=())
    with pytest.raises(ModelError, match="names something that the installed packages do not have"):
        open_pickle(path, trust=["sklearn.*"])


@pytest.mark.parametrize(
    ("value", "root"),
    [
        ({"model": 1}, "builtins.dict"),
        (X, "numpy.ndarray"),
        (pd.DataFrame(X), "pandas.DataFrame"),
        (None, "builtins.NoneType"),
    ],
)
def test_the_outermost_object_is_known_without_loading(tmp_path, value, root):
    joblib.dump(value, tmp_path / "a.joblib")
    assert content_of(tmp_path / "a.joblib").root == root


def test_pickles_are_told_apart_by_what_they_hold(tmp_path):
    import lightgbm
    import xgboost

    for kind, name in [(lightgbm.LGBMClassifier, "lightgbm"), (xgboost.XGBRegressor, "xgboost")]:
        path = tmp_path / f"{name}.pkl"
        path.write_bytes(pickle.dumps(kind()))
        assert is_pickle_of(path, name)
        assert not is_pickle_of(path, "sklearn")
        assert not is_pickle_of(path.rename(path.with_suffix(".txt")), name)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x1f\x8b\x08nothing", b"\x80\x04\x82\x01.", b"\x80\x05]\x94h"], ids=repr
)
def test_other_files_are_refused(tmp_path, data):
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.pkl is no pickle that can be read"):
        open_pickle(path, trust=())
    assert not is_pickle_of(path, "sklearn")


def test_a_file_of_joblib_that_is_cut_short_is_refused(tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump([X, X], path)
    path.write_bytes(path.read_bytes()[: X.nbytes + 300])
    with pytest.raises(ModelError, match="no pickle that can be read"):
        content_of(path)


ARRAYS = hnp.arrays(
    st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(),
        hnp.floating_dtypes(),
        hnp.complex_number_dtypes(),
        hnp.datetime64_dtypes(),
        hnp.unicode_string_dtypes(),
    ),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@given(ARRAYS, st.booleans(), st.booleans())
def test_every_array_comes_back_as_joblib_wrote_it(tmp_path_factory, array, columns_first, compress):
    path = tmp_path_factory.getbasetemp() / "array.joblib"
    array = np.asfortranarray(array) if columns_first else array
    joblib.dump([array, {"rest": "after it"}], path, compress=compress)
    with open_stream(path) as stream:
        names: set[tuple[str, str]] = set()
        Survey(stream, names).load()
    with open_stream(path) as stream:
        found, rest = ArrayReader(stream, names).load()
    np.testing.assert_array_equal(found, array)
    assert (found.dtype, found.shape, rest) == (array.dtype, array.shape, {"rest": "after it"})


def open_stream(path):
    from cdk_modelbuilder.frameworks.pickle_files import _stream

    return _stream(path)


@given(st.binary(max_size=40), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, data, place, value):
    path = tmp_path_factory.getbasetemp() / "damaged.joblib"
    joblib.dump({"a": np.arange(3), "b": data, "c": np.array([data, None], object)}, path)
    whole = bytearray(path.read_bytes())
    whole[place % len(whole)] = value
    path.write_bytes(whole)
    assert opened_or_refused(path) in (True, False)  # any other error is a failure of the test


def opened_or_refused(path) -> bool:
    try:
        open_pickle(path, trust=())
    except ModelError:
        return False
    return True
