"""ONNX files in Triton's own backend: its configuration follows the graph. No package holds that backend."""

from __future__ import annotations

import numpy as np
import pytest

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.errors import SchemaError
from tests.conftest import MASTER_KEY

pytestmark = pytest.mark.slow
skl2onnx = pytest.importorskip("skl2onnx", exc_type=ImportError)
onnxruntime = pytest.importorskip("onnxruntime", exc_type=ImportError)

CONFIGURATION = """\
name: "model"
backend: "onnxruntime"
max_batch_size: 4096
input [
  {
    name: "X"
    data_type: TYPE_FP32
    dims: [ 4 ]
  }
]
output [
  {
    name: "label"
    data_type: TYPE_INT64
    dims: [ 1 ]
    reshape { shape: [ ] }
  },
  {
    name: "probabilities"
    data_type: TYPE_FP32
    dims: [ 3 ]
  }
]
instance_group [ { count: 1 kind: KIND_CPU } ]
dynamic_batching { }
"""


@pytest.fixture(scope="module")
def classifier():
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True)
    X = X.astype("f4")
    graph = skl2onnx.to_onnx(LogisticRegression(max_iter=500).fit(X, y), X[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return graph, X, lambda rows: dict(zip(("label", "probabilities"), session.run(None, {"X": rows}), strict=True))


def build(graph, schema: SchemaBuilder, path):
    return ModelBuilder(
        model=graph,
        schema_builder=schema,
        model_path=path,
        model_server="triton",
        dependencies={"auto": False, "packaging": "image"},
        signing_key=MASTER_KEY,
    ).build()


@pytest.mark.proves("onnx", "triton", contract=True)
def test_the_configuration_is_the_graphs(classifier, tmp_path):
    graph, X, answer = classifier
    bundle = build(graph, SchemaBuilder(X[:3], answer(X[:3])), tmp_path / "b")
    assert (bundle.model_dir / "model" / "config.pbtxt").read_text() == CONFIGURATION
    assert "model/1/model.onnx" in bundle.manifest.files
    assert bundle.container.verified == "nothing"
    assert bundle.container.image.repository == "sagemaker-tritonserver"  # whatever onnxruntime is installed here
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        found, expected = predictor.predict(X[:7]), answer(X[:7])
    assert found["label"].tolist() == expected["label"].tolist()
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], rtol=1e-6)


def test_a_sample_of_another_type_is_refused(classifier, tmp_path):
    graph, X, answer = classifier
    with pytest.raises(SchemaError, match="tensor X is FP32, the sample's FP64"):
        build(graph, SchemaBuilder(X[:3].astype("f8"), answer(X[:3])), tmp_path / "b")
