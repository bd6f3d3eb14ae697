"""Libraries that a content type needs are known before the code has run."""

from __future__ import annotations

import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.building import capture
from cdk_modelbuilder.schema.codecs import open_schema_data
from tests.conftest import MASTER_KEY


@pytest.fixture
def table():
    """What a builder of a model of tables is given."""
    pytest.importorskip("pyarrow", exc_type=ImportError)
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 1.0]})
    model = LinearRegression().fit(frame, [1.0, 2.0, 4.0])
    return {
        "model": model,
        "schema_builder": SchemaBuilder(frame, model.predict(frame)),
        "signing_key": MASTER_KEY,
    }


def test_a_table_takes_one_run_of_the_code(table, tmp_path, monkeypatch):
    runs = []
    rehearse = capture.rehearse

    def counted(*arguments):
        runs.append(arguments)
        return rehearse(*arguments)

    monkeypatch.setattr(capture, "rehearse", counted)
    bundle = ModelBuilder(**table, model_path=tmp_path / "table").build()
    assert len(runs) == 1
    lines = (bundle.path / "requirements.lock").read_text().splitlines()
    assert [line.partition("  # ")[2] for line in lines if line.startswith("pyarrow==")] == ["payloads"]


def test_a_table_is_sent_as_json_where_the_user_leaves_pyarrow_out(table, tmp_path):
    bundle = ModelBuilder(**table, model_path=tmp_path / "table", dependencies={"exclude": ["PyArrow"]}).build()
    assert "pyarrow" not in (bundle.path / "requirements.lock").read_text()
    assert open_schema_data(bundle.schema).input.content_types[0] == "application/json"
