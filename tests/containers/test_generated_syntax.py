"""Images may run an older Python than the builder: every file that a bundle brings along parses there."""

from __future__ import annotations

import ast

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from cdk_modelbuilder import InferenceSpec, ModelBuilder, SchemaBuilder

OLDEST = (3, 8)
AS_IT_IS = {"auto": False}
"""Which packages they need does not matter here."""


class Sum(InferenceSpec):
    def __init__(self) -> None:
        self.scale = 2

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        return [self.scale * sum(input_object)]


def skops_bundle(path, tumours, regression):
    schema = SchemaBuilder(regression.X, regression.y)
    return ModelBuilder(
        model=regression.model, schema_builder=schema, model_path=path, model_format="skops", dependencies=AS_IT_IS
    )


def pickle_bundle(path, tumours, regression):
    frame = pd.DataFrame(regression.X, columns=["a", "b"])
    model = LinearRegression().fit(frame, regression.y)
    schema = SchemaBuilder(frame, pd.Series(regression.y))
    return ModelBuilder(
        model=model, schema_builder=schema, model_path=path, model_format="pickle", dependencies=AS_IT_IS
    )


def xgboost_bundle(path, tumours, regression):
    return ModelBuilder(
        model=tumours.model, schema_builder=SchemaBuilder(tumours.X, tumours.y), model_path=path, dependencies=AS_IT_IS
    )


def text_bundle(path, tumours, regression):
    return ModelBuilder(inference_spec=Shout(), schema_builder=SchemaBuilder("a", "A"), model_path=path)


def bytes_bundle(path, tumours, regression):
    return ModelBuilder(inference_spec=Shout(), schema_builder=SchemaBuilder(b"a", b"A"), model_path=path)


def json_bundle(path, tumours, regression):
    return ModelBuilder(inference_spec=Sum(), schema_builder=SchemaBuilder([1], [2]), model_path=path)


class Shout(InferenceSpec):
    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        return input_object.upper()


@pytest.mark.parametrize(
    "make",
    [skops_bundle, pickle_bundle, xgboost_bundle, text_bundle, bytes_bundle, json_bundle],
    ids=lambda f: f.__name__,
)
def test_code_of_a_bundle_parses_on_the_oldest_python(make, tumours, regression, tmp_path):
    code = make(tmp_path / "made", tumours, regression).build().model_dir / "code"
    files = sorted(code.rglob("*.py"))
    assert {"inference.py", "modelbuilder_verify.py", "negotiation.py", "unpickle.py"} <= {path.name for path in files}
    for path in files:
        if path.name == "test_generated_syntax.py":  # this module's own source, shipped for its InferenceSpec
            continue
        ast.parse(path.read_bytes(), str(path.relative_to(code)), feature_version=OLDEST)
