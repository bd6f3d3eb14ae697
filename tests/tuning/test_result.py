"""tuning.json: read as it was written, never half-written, and refused where it is something else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cdk_modelbuilder.bundle import TUNING_FILE, ModelBundle
from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.tuning import TuningResult, read_tuning
from tests.tuning.scripted import configuration, result


def test_round_trip(tumour_bundle, tmp_path):
    bundle = replace(tumour_bundle, path=tmp_path)
    assert read_tuning(bundle) is None
    made = result()
    assert made.save(tmp_path) == tmp_path / TUNING_FILE
    assert read_tuning(bundle) == made
    first = (tmp_path / TUNING_FILE).read_bytes()
    made.save(tmp_path)
    assert (tmp_path / TUNING_FILE).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [TUNING_FILE]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "cdk-modelbuilder/tuning", "format_version": 2}'])
def test_something_else(tumour_bundle, tmp_path, text):
    (tmp_path / TUNING_FILE).write_text(text)
    with pytest.raises(BundleError, match="tune again"):
        read_tuning(replace(tumour_bundle, path=tmp_path))


@pytest.mark.parametrize("part", ["objective", "hardware", "chosen", "trials", "environment"])
def test_a_part_is_missing(part):
    data = result().to_json()
    del data[part]
    with pytest.raises(BundleError, match="malformed"):
        TuningResult.from_json(data)


def test_an_interrupted_save_leaves_the_earlier_one(tmp_path, monkeypatch):
    result().save(tmp_path)
    before = (tmp_path / TUNING_FILE).read_bytes()

    def full(*_arguments, **_options):
        raise OSError("no space left")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="no space"):
        result(seed=7).save(tmp_path)
    assert (tmp_path / TUNING_FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [TUNING_FILE]


def test_sentences():
    assert result().sentence == (
        "workers=2: 180 requests/s (95 %: 174.6 to 185.4) at 8 users, 1.80 times as good as the bundle's own "
        "(95 %: 1.70 to 1.90)"
    )
    same = configuration(100.0, workers=1)
    assert result(default=same, chosen=same, gain=None).sentence.startswith("nothing was better")
    assert "did not keep the bounds" in result(gain=None).sentence


def test_a_rebuilt_bundle_keeps_its_tuning(tmp_path, fitted_forest):
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    model, rows = fitted_forest

    def build() -> ModelBundle:
        schema = SchemaBuilder(rows[:2], model.predict(rows[:2]))
        options = {"dependencies": {"auto": False}, "model_path": tmp_path / "forest"}
        return ModelBuilder(
            model=model, schema_builder=schema, name="forest", model_server="builtin", **options
        ).build()

    bundle = build()
    result().save(bundle.path)
    (bundle.path / "tuning").mkdir()
    (bundle.path / "tuning" / "pareto.html").write_text("a page")
    again = build()
    assert read_tuning(again) == result()
    assert (again.path / "tuning" / "pareto.html").read_text() == "a page"
    assert json.loads((again.path / "bundle.json").read_text())["root_sha256"] == bundle.root_sha256
