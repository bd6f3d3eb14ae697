"""The optional parts of an InferenceSpec, through build() and the real server."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cdk_modelbuilder import InferenceSpec, Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.errors import ModelError, PredictionError, SelfTestError


class Hooked(InferenceSpec):
    """Every optional hook; ``prepare`` writes what ``load`` reads, and keeps something on the spec."""

    def __init__(self) -> None:
        self.prepared_with = "nothing"

    def prepare(self, artifacts_dir):
        self.prepared_with = type(artifacts_dir).__name__
        Path(artifacts_dir, "offset.txt").write_text("100")

    def get_model(self):
        return "org/adder"

    def load(self, model_dir):
        return float(Path(model_dir, "offset.txt").read_text()), self.prepared_with

    def preprocess(self, input_object):
        return [value * 2 for value in input_object] if input_object[0] else None

    def invoke(self, input_object, model):
        offset, kind = model
        assert kind == "str"
        return [value + offset for value in input_object]

    def postprocess(self, prediction):
        return [-value for value in prediction] if prediction[0] > 110 else None


class Together(InferenceSpec):
    """Answers with how many were predicted together."""

    max_batch_size = 8
    max_batch_delay_ms = 0.5

    def load(self, model_dir):
        return None

    def preprocess(self, input_object):
        if input_object == [13.0]:
            raise ValueError("unlucky")
        return input_object[0]

    def invoke(self, input_object, model):
        time.sleep(0.2)
        return [(number, len(input_object)) for number in input_object]

    def postprocess(self, prediction):
        return [float(number) for number in prediction]


class Miscounting(InferenceSpec):
    max_batch_size = 4

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        return [[1.0], [2.0]]


class OneArray(Miscounting):
    def invoke(self, input_object, model):
        return np.ones((1, 1))


class Plain(InferenceSpec):
    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        return input_object


class Unprepared(Plain):
    def prepare(self, artifacts_dir):
        assert artifacts_dir is None
        raise OSError("no room")


def build(spec: InferenceSpec, path: Path, **options):
    schema = SchemaBuilder([1.0], [1.0])
    return ModelBuilder(inference_spec=spec, schema_builder=schema, model_path=path, **options).build()


def test_every_hook_in_its_place(tmp_path):
    bundle = build(Hooked(), tmp_path / "hooked", artifacts=tmp_path / "made" / "by-prepare")
    assert bundle.info["model"]["id"] == "org/adder"
    with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        assert predictor.predict([1.0, 2.0]) == [102.0, 104.0]
        assert predictor.predict([0.0, 1.0]) == [100.0, 101.0]  # preprocess returned None: unchanged
        assert predictor.predict([6.0]) == [-112.0]


def test_without_hooks_the_code_names_none(tmp_path):
    bundle = build(Plain(), tmp_path / "plain")
    assert "id" not in bundle.info["model"]
    code = (bundle.model_dir / "code" / "inference.py").read_text()
    for name in ("preprocess", "postprocess", "predict_batch_fn", "BATCH"):
        assert name not in code


def test_requests_that_come_together_are_predicted_together(tmp_path):
    bundle = build(Together(), tmp_path / "together")
    lines: list[str] = []
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, on_log=lines.append) as predictor, ThreadPoolExecutor(6) as pool:
        numbers = [1.0, 2.0, 3.0, 13.0, 4.0, 5.0]

        def ask(number: float):
            try:
                return predictor.predict([number])
            except PredictionError as error:
                return error

        found = list(pool.map(ask, numbers))
        assert [answer[0] for answer in found if isinstance(answer, list)] == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert "500" in str(found[3])
        alone = predictor.predict([7.0])
        assert alone == [7.0, 1.0]
        again = list(pool.map(ask, [1.0, 2.0, 3.0, 4.0]))
        assert max(answer[1] for answer in again) > 1


def test_toolkits_that_know_nothing_of_batches_get_one_prediction(tmp_path, monkeypatch):
    bundle = build(Together(), tmp_path / "together")
    for name, value in bundle.container.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [str(bundle.model_dir / "code"), *sys.path])
    spec = importlib.util.spec_from_file_location("bundle_inference", bundle.model_dir / "code" / "inference.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    from cdk_modelbuilder.integrity import verifier

    monkeypatch.setitem(sys.modules, "modelbuilder_verify", verifier)
    spec.loader.exec_module(module)
    assert module.BATCH == {"max_batch_delay_ms": 0.5, "max_batch_size": 8}
    module._spec = Together()
    assert module.predict_fn([7.0], None) == [7.0, 1.0]
    assert module.predict_batch_fn([[7.0], [8.0]], None) == [[7.0, 2.0], [8.0, 2.0]]


@pytest.mark.parametrize(
    ("spec", "words"),
    [(Miscounting(), "2 predictions for 1 inputs; return one for each"), (OneArray(), "a ndarray; return a list")],
)
def test_a_wrong_number_of_predictions_is_found_when_building(tmp_path, spec, words):
    with pytest.raises(SelfTestError, match=words):
        build(spec, tmp_path / "wrong")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("max_batch_size", 0, "max_batch_size is 0.*from 1"),
        ("max_batch_size", True, "max_batch_size is True"),
        ("max_batch_size", 2.0, "max_batch_size is 2.0"),
        ("max_batch_size", "4", "max_batch_size is '4'"),
        ("max_batch_delay_ms", -1, "max_batch_delay_ms is -1.*from 0 to 10000"),
        ("max_batch_delay_ms", float("nan"), "max_batch_delay_ms is nan"),
        ("max_batch_delay_ms", float("inf"), "max_batch_delay_ms is inf"),
        ("max_batch_delay_ms", None, "max_batch_delay_ms is None"),
        ("get_model", lambda: 7, r"get_model\(\) returned 7.*as text"),
        ("get_model", lambda: " ", r"get_model\(\) returned ' '"),
    ],
)
def test_settings_that_make_no_sense(tmp_path, monkeypatch, name, value, words):
    monkeypatch.setattr(Plain, name, staticmethod(value) if callable(value) else value)
    with pytest.raises(ModelError, match=words):
        build(Plain(), tmp_path / "plain")
    assert not (tmp_path / "plain").exists()


def test_prepare_that_fails(tmp_path):
    with pytest.raises(ModelError, match=r"Unprepared\.prepare\(\) failed: OSError: no room"):
        build(Unprepared(), tmp_path / "unprepared")
    assert list(tmp_path.iterdir()) == []


def test_the_same_spec_gives_the_same_bytes(tmp_path):
    first = build(Together(), tmp_path / "a", name="x")
    second = build(Together(), tmp_path / "b", name="x")
    assert first.root_sha256 == second.root_sha256
    assert json.loads(json.dumps(first.info)) == second.info
