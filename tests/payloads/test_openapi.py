"""The OpenAPI document: valid, true of the server (schemathesis finds nothing), the same wherever it comes from."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import urllib3
from click.testing import CliRunner

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.cli.root_command import group
from cdk_modelbuilder.schema.codecs import decode
from cdk_modelbuilder.schema.openapi import openapi_document
from tests.conftest import MASTER_KEY
from tests.payloads.cases import CASES, SAMPLES

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
WITHOUT_JSON = ("bytes", "bytearray", "open binary file", "open text file")


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_examples_are_read_by_the_very_codec(case):
    if case.missing or (case.library in ("torch", "tensorflow") and case.library not in sys.modules):
        pytest.skip(f"{case.library} is not installed, or not loaded yet")
    schema = SchemaBuilder(case.make(), 0)
    document = openapi_document(schema.marshaller, name="case")
    json.dumps(document, allow_nan=False)
    contents = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    codec = schema.input_codec
    assert list(contents) == [item for item in codec.content_types if "*" not in item]
    assert "example" in contents.get("application/json", {}) or case.name in WITHOUT_JSON
    for content_type, content in contents.items():
        if "example" in content:
            text = content["example"] if content_type.startswith("text/") else json.dumps(content["example"])
            decode(codec, text.encode(), content_type)


def test_the_command_and_the_server_give_the_same_document(echo, tmp_path):
    frame = pd.DataFrame({"age": [41], "name": ["x"]})
    bundle = ModelBuilder(
        inference_spec=echo.Echo(), schema_builder=SchemaBuilder(frame, frame), model_path=tmp_path / "people",
        signing_key=MASTER_KEY, archive=False,
    ).build()  # fmt: skip
    printed = CliRunner().invoke(group, ["openapi", str(bundle.path)]).output
    written = tmp_path / "openapi.json"
    assert CliRunner().invoke(group, ["openapi", str(bundle.path), "--output", str(written)]).exit_code == 0
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        served = urllib3.request("GET", predictor.url + "/openapi.json").data
    assert printed.encode() == written.read_bytes() == served
    document = json.loads(served)
    assert (document["openapi"], document["info"]["title"]) == ("3.1.0", "people")
    example = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert example == {"columns": ["age", "name"], "data": [[0, "text"]]}


def _samples() -> dict:
    import datetime as dt

    import records

    return {
        "floats": np.zeros((2, 3)),
        "small integers": np.array([1, 2], "i4"),
        "truths": np.array([[True]]),
        "texts": np.array(["a"]),
        "dates": np.array(["2020-01-01"], "M8[D]"),
        "table": pd.DataFrame(
            {"n": [1], "x": [1.5], "c": ["x"], "d": pd.Categorical(["u"]), "b": [True], "i": pd.array([1], "Int64")}
        ),
        "tree": {"image": np.zeros((2, 2, 3), "u1"), "threshold": 0.5, "raw": [b"x"]},
        "document": {"inputs": "x", "parameters": {"n": 1, "stop": ["x"]}},
        "text": "x",
        "model": records.Order(item="bolt", due=dt.date(2020, 1, 1)),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("table", "document"),
        *(
            pytest.param(name, marks=pytest.mark.heavy)
            for name in ("floats", "small integers", "truths", "texts", "dates", "tree", "text", "model")
        ),
    ],
)
def test_schemathesis_finds_nothing(name, echo, tmp_path):
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed; `make test-all` installs it")
    sample = _samples()[name]
    bundle = ModelBuilder(
        inference_spec=echo.Echo(), schema_builder=SchemaBuilder(sample, sample), model_path=tmp_path / "echo",
        signing_key=MASTER_KEY, archive=False,
    ).build()  # fmt: skip
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", predictor.url + "/openapi.json"),
                # The examples are held above; with media types of one's own, schemathesis 4.32 cannot send them.
                *("--phases", "coverage,fuzzing", "--max-examples", "100", "--seed", "1"),
                *("--suppress-health-check", "all", "--no-color"),
            ],
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": "tests.payloads.schemathesis_hooks",
                "SCHEMA_FILE": str(bundle.path / "schema.json"),
                "PYTHONPATH": os.pathsep.join([str(HOOKS.parents[2]), str(SAMPLES)]),
            },
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Test cases:" in run.stdout
