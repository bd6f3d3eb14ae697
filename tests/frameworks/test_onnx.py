"""ONNX models, packaged and answering as onnxruntime does in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import adapter_for
from cdk_modelbuilder.frameworks.onnx import OnnxAdapter
from tests.frameworks.building import answers, build

onnx = pytest.importorskip("onnx", exc_type=ImportError)
ort = pytest.importorskip("onnxruntime", exc_type=ImportError)
skl2onnx = pytest.importorskip("skl2onnx", exc_type=ImportError)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

FRAME = pd.DataFrame({"n": np.linspace(-2, 2, 20, dtype="f4"), "c": ["u", "v"] * 10})
X = np.random.default_rng(0).normal(size=(20, 3)).astype("f4")
LABELS = np.array(["cold", "warm"])[(X[:, 0] > 0).astype(int)]


@pytest.fixture(scope="module")
def zipped():
    """A label and a dict of probabilities for each row."""
    from sklearn.linear_model import LogisticRegression

    return skl2onnx.to_onnx(LogisticRegression().fit(X, LABELS), X[:1])


@pytest.fixture(scope="module")
def columns():
    """Two inputs, numbers and text."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    parts = make_column_transformer((OneHotEncoder(), ["c"]), (StandardScaler(), ["n"]))
    return skl2onnx.to_onnx(make_pipeline(parts, LinearRegression()).fit(FRAME, X[:, 0]), FRAME[:1])


def graph(*nodes, opsets=(("", 17),), weights=(), inputs=("x",), outputs=("y",)):
    """A model made by hand, all of whose values are rows of three floats."""
    kind = onnx.TensorProto.FLOAT
    made = onnx.helper.make_graph(
        list(nodes),
        "made",
        [onnx.helper.make_tensor_value_info(name, kind, [None, 3]) for name in inputs],
        [onnx.helper.make_tensor_value_info(name, kind, [None, 3]) for name in outputs],
        initializer=list(weights),
    )
    return onnx.helper.make_model(
        made, opset_imports=[onnx.helper.make_opsetid(*item) for item in opsets], ir_version=8
    )


@pytest.fixture
def heavy(tmp_path):
    """The path of a model whose weights are in a file beside it."""
    folder = tmp_path / "heavy"
    (folder / "data").mkdir(parents=True)
    weights = onnx.numpy_helper.from_array(np.arange(3, dtype="f4"), "w")
    model = graph(onnx.helper.make_node("Mul", ["x", "w"], ["y"]), weights=[weights])
    path = folder / "scales.onnx"
    onnx.save(model, path, save_as_external_data=True, location="data/w.bin", size_threshold=0)
    assert (folder / "data" / "w.bin").is_file()
    return path


def test_one_output_is_chosen_by_the_sample(zipped, tmp_path):
    model = ort.InferenceSession(zipped.SerializeToString())
    assert adapter_for(model).name == "onnx"
    bundle = build(model, X[:4], LABELS[:4], tmp_path)
    assert bundle.info["model"]["predict_method"] == "output_label"
    assert any("output_label" in note for note in bundle.notes)
    assert bundle.info["model"]["inputs"] == [{"name": "X", "shape": [None, 3], "type": "tensor(float)"}]


def test_the_endpoint_answers_all_outputs_and_the_dicts_of_zipmap(zipped, tmp_path):
    expected = OnnxAdapter().predict(zipped, X[:4], "predict")
    assert set(expected) == {"output_label", "output_probability"}
    assert set(expected["output_probability"][0]) == {"cold", "warm"}
    found = answers(zipped, X[:4], expected, tmp_path)
    assert found["output_label"].tolist() == expected["output_label"].tolist()
    for one, other in zip(found["output_probability"], expected["output_probability"], strict=True):
        assert one == pytest.approx(other)


@pytest.mark.parametrize(
    "sample",
    [
        FRAME[:3],
        {"n": FRAME[["n"]].to_numpy()[:3], "c": FRAME[["c"]].to_numpy().astype(str)[:3]},
        [[[0.5], [1.5]], [["u"], ["v"]]],
    ],
    ids=["table", "dict", "list"],
)
def test_several_inputs_come_as_a_table_a_dict_or_a_list(columns, tmp_path, sample):
    expected = OnnxAdapter().predict(columns, sample, "predict")
    bundle = build(columns, sample, expected, tmp_path)
    assert (bundle.model_dir / "model.onnx").is_file()
    by_column = OnnxAdapter().predict(columns, FRAME[:3], "predict")
    assert isinstance(sample, list) or np.array_equal(expected, by_column)


@pytest.mark.parametrize("sample", [X[:2], X[:2].astype("f8"), X[:2].tolist(), [[1, 2, 3]], pd.DataFrame(X[:2])])
def test_numbers_are_cast_to_the_type_of_the_input(zipped, sample):
    found = OnnxAdapter().predict(zipped, sample, "output_label")
    expected = ort.InferenceSession(zipped.SerializeToString()).run(None, {"X": np.asarray(sample, "f4")})[0]
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.array([["a", "b", "c"]]), r"the input X takes tensor\(float\), not <U1"),
        (X[:2].astype(complex), r"the input X takes tensor\(float\), not complex128"),
        ({"Y": X}, "the model has no input Y; it has X"),
    ],
)
def test_data_that_does_not_fit_says_so(zipped, tmp_path, sample, message):
    with pytest.raises(ModelError, match=message):
        build(zipped, sample, LABELS[:2], tmp_path)


def test_parts_that_do_not_fit_say_so(columns):
    for sample, message in [
        (FRAME[["n"]], "the table has no column for the input c"),
        ([X], "the model has the inputs n, c; give a dict"),
    ]:
        with pytest.raises(ValueError, match=message):
            OnnxAdapter().predict(columns, sample, "predict")


def test_weights_beside_the_file_travel_with_it(heavy, tmp_path):
    adapter = OnnxAdapter()
    assert adapter.opens(heavy)
    opened = adapter.open(heavy, trust=())
    bundle = build(opened, X[:2], X[:2] * np.arange(3, dtype="f4"), tmp_path)
    assert (bundle.model_dir / "data" / "w.bin").read_bytes() == (heavy.parent / "data" / "w.bin").read_bytes()
    build(ort.InferenceSession(str(heavy)), X[:2], X[:2], tmp_path / "again")


def test_a_model_without_its_weights_is_refused(heavy):
    with pytest.raises(ModelError, match=r"without its weights, which are in data/w\.bin"):
        OnnxAdapter().check(onnx.load(heavy, load_external_data=False))
    (heavy.parent / "data" / "w.bin").unlink()
    with pytest.raises(ModelError, match=r"scales\.onnx refers to data/w\.bin, which is not there"):
        OnnxAdapter().open(heavy, trust=())


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link"])
def test_a_model_that_refers_to_files_elsewhere_is_refused(heavy, location):
    (heavy.parent / "link").symlink_to("/etc/hostname")
    model = onnx.load(heavy, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = location
    heavy.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=f"refers to {location}, which is outside"):
        OnnxAdapter().open(heavy, trust=())


def test_weights_in_attributes_of_subgraphs_are_found(heavy):
    outside = onnx.numpy_helper.from_array(np.ones(3, "f4"), "inner")
    outside.ClearField("raw_data")
    outside.data_location = onnx.TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../inner.bin")
    constant = onnx.helper.make_node("Constant", [], ["y"], value=outside)
    body = onnx.helper.make_graph([constant], "body", [], [])
    heavy.write_bytes(graph(onnx.helper.make_node("If", ["x"], ["y"], then_branch=body)).SerializeToString())
    with pytest.raises(ModelError, match=r"\.\./inner\.bin, which is outside"):
        OnnxAdapter().open(heavy, trust=())


def test_operators_of_a_library_of_their_own_are_named():
    node = onnx.helper.make_node("Whiten", ["x"], ["y"], domain="ai.made.up")
    model = graph(node, opsets=[("", 17), ("ai.made.up", 1)])
    with pytest.raises(ModelError, match=r"does not bring: ai\.made\.up\.Whiten") as caught:
        OnnxAdapter().check(model)
    assert "register_custom_ops_library" in caught.value.remedy


def test_a_newer_model_and_other_files_are_refused(tmp_path):
    adapter = OnnxAdapter()
    with pytest.raises(ModelError, match="cannot run the ONNX model"):
        adapter.check(graph(onnx.helper.make_node("Relu", ["x"], ["y"]), opsets=[("", 999)]))
    for name, data in [("text.onnx", b"hello"), ("empty.onnx", b"")]:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match="is no ONNX model"):
            adapter.open(tmp_path / name, trust=())
    (tmp_path / "model.ort").write_bytes(b"")
    with pytest.raises(ModelError, match="onnxruntime's own format"):
        adapter.open(tmp_path / "model.ort", trust=())


def test_its_packages_are_captured(zipped, tmp_path):
    bundle = build(zipped, X[:4], LABELS[:4], tmp_path, dependencies={})
    names = {line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()}
    assert {"onnxruntime", "numpy"} <= names
    assert not names & {"onnx", "scikit-learn"}
