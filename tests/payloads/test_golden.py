"""Samples stay out of a bundle, unless the user asks to keep them as a golden test."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

from cdk_modelbuilder import Mode, ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from cdk_modelbuilder.cli.root_command import group
from cdk_modelbuilder.errors import BundleError, GoldenTestError
from cdk_modelbuilder.golden import alike
from tests.conftest import MASTER_KEY


def build(path, slope: float, *, keep: bool = True) -> ModelBundle:
    rows = pd.DataFrame({"size": [7654321.5, 2.0, 3.0]})
    model = LinearRegression().fit(rows, rows["size"] * slope)
    schema = SchemaBuilder(rows, np.zeros(3), keep_samples=keep)
    return ModelBuilder(
        model=model,
        schema_builder=schema,
        model_path=path,
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
        archive=False,
    ).build()


def test_a_golden_test_tells_one_model_from_another(tmp_path):
    bundle, other = build(tmp_path / "double", 2.0), build(tmp_path / "triple", 3.0)
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        np.testing.assert_allclose(bundle.golden_test(predictor), [15308643.0, 4.0, 6.0])
        with pytest.raises(
            GoldenTestError, match=r"answers array\(\[1\.5308643e\+07.*golden test has array\(\[2\.29629645e\+07"
        ):
            other.golden_test(predictor)
        # Whoever has the text files alone can run it too.
        shutil.rmtree(bundle.model_dir)
        ModelBundle.read(bundle.path).golden_test(Predictor.from_bundle(bundle.path, url=predictor.url))


def test_from_the_command_line(tmp_path):
    bundle = build(tmp_path / "double", 2.0)
    run = CliRunner().invoke(group, ["invoke", str(bundle.path), "--golden"])
    assert run.output == "the endpoint answers as it did when the bundle was built\n"
    run = CliRunner().invoke(group, ["invoke", str(bundle.path)])
    assert "either --data or --golden" in str(run.exception)


def test_without_being_asked_nothing_is_kept(tmp_path):
    bundle = build(tmp_path / "double", 2.0, keep=False)
    texts = [path.read_bytes() for path in bundle.path.rglob("*") if path.suffix in (".json", ".py", ".lock")]
    assert not any(b"7654321" in text for text in texts)
    with pytest.raises(BundleError, match="keep_samples=True"):
        bundle.golden_test(None)


def test_a_broken_golden_test(tmp_path):
    bundle = build(tmp_path / "double", 2.0)
    (bundle.path / "golden.json").write_text(json.dumps({"request": {"base64": "!"}}))
    with pytest.raises(BundleError, match="cannot be read"):
        bundle.golden_test(None)


@pytest.mark.parametrize(
    ("found", "expected", "is_alike"),
    [
        ([1.0, float("nan")], [1.0 + 1e-9, float("nan")], True),
        (None, {"a": 1}, False),
        ({"a": None}, {"a": [1]}, False),
        (1.0, np.ones(3), False),
        (np.ones(3), np.ones((3, 1)), False),
        (np.array(["a"]), np.array(["a"]), True),
        (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1.0]}), False),
        (pd.DataFrame({"a": [1.0], "t": ["x"]}), pd.DataFrame({"a": [1.0 + 1e-12], "t": ["x"]}), True),
        (np.zeros(5000), np.append(np.zeros(4999), 1), False),
    ],
)
def test_what_counts_as_the_same_answer(found, expected, is_alike):
    assert alike(found, expected) is is_alike


def test_sparse_answers():
    import scipy.sparse

    one, other = scipy.sparse.csr_array(np.eye(2)), scipy.sparse.csr_array(np.eye(2) * 2)
    assert alike(one, one.copy())
    assert not alike(one, other)
