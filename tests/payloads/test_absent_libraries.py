"""A client, or a container, that lacks a library of the payloads does without it, or says what to install."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.schema.schema_builder import schema_json
from tests.conftest import MASTER_KEY
from tests.payloads.cases import SAMPLES

REPOSITORY = Path(__file__).parents[2]
WITHOUT = """\
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def run(code: str, schema: dict, *absent: str) -> subprocess.CompletedProcess:
    program = (
        WITHOUT.format(absent=absent) + "import json\nschema = json.loads(sys.stdin.read())\n" + textwrap.dedent(code)
    )
    return subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(schema), capture_output=True, text=True, cwd=REPOSITORY
    )


def schema_of(sample: object) -> dict:
    return schema_json(SchemaBuilder(sample, sample).marshaller)


def test_a_client_without_pyarrow_sends_json():
    if importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow is not installed; `make test-all` installs it")
    schema = schema_of(pd.DataFrame({"a": [1]}))
    assert schema["input"]["content_types"][0] == "application/vnd.apache.arrow.stream"
    code = """
        import pandas
        from cdk_modelbuilder.schema.codecs import open_schema_data
        marshaller = open_schema_data(schema)
        body, content_type = marshaller.encode_request(pandas.DataFrame({"a": [1]}))
        print(content_type, body.decode(), marshaller.accept)
        """
    found = run(code, schema, "pyarrow")
    assert found.stdout == 'application/json {"columns":["a"],"data":[[1]]} application/json, text/csv\n', found.stderr


def test_without_orjson_everything_is_the_same():
    code = """
        import numpy
        from cdk_modelbuilder.schema.codecs import open_schema_data
        codec = open_schema_data(schema).input
        print(codec.encode(numpy.array([[0.1, numpy.nan]]), "application/json").decode())
        print(codec.decode(b"[[0.1, null]]", "application/json").tolist())
        """
    found = run(code, schema_of(np.zeros((1, 2))), "orjson")
    assert found.stdout == "[[0.1,null]]\n[[0.1, nan]]\n", found.stderr


def test_a_client_without_the_library_is_told():
    code = """
        from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data
        try:
            open_schema_data(schema)
        except CodecError as error:
            print(error)
        """
    found = run(code, schema_of(np.zeros(1)), "numpy")
    assert "payloads of this endpoint are numpy data, but numpy is not installed here" in found.stdout, found.stderr


def test_a_container_without_pyarrow_is_not_sent_arrow(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(SAMPLES)
    import echo

    frame = pd.DataFrame({"a": [1]})
    own_image = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1", "model_server": "sklearn"}
    bundle = ModelBuilder(
        inference_spec=echo.Echo(), schema_builder=SchemaBuilder(frame, frame), model_path=tmp_path / "own",
        signing_key=MASTER_KEY, archive=False, **own_image,
    ).build()  # fmt: skip
    sys.modules.pop("echo")
    assert bundle.schema["input"]["content_types"] == ["application/json", "text/csv"]


def test_a_schema_of_another_version_is_refused():
    from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data

    with pytest.raises(CodecError, match=r"format version 1; this version reads 2\. Build the bundle again"):
        open_schema_data({"format_version": 1})


def test_a_text_file_does_not_decide_what_is_imported():
    schema = schema_of({"x": b""})
    leaf = {"node": "leaf", "codec": "bytes", "spec": {"kind": "bytes"}}
    schema["input"]["spec"] = {"node": "record", "class": "antigravity:Evil", "fields": [["x", leaf]]}
    schema["output"]["class"] = "this:Zen"
    code = """
        from cdk_modelbuilder.schema.codecs import open_schema_data
        codec = open_schema_data(schema).input
        print(codec.decode(b'{"x": ""}', "application/json"), {"antigravity", "this"} & set(sys.modules))
        """
    found = run(code, schema)
    assert found.stdout == "{'x': b''} set()\n", found.stderr


@pytest.mark.parametrize(
    ("direction", "described"),
    [
        ("output", {"codec": "x", "class": "subprocess:Popen", "spec": ["touch", "EVIDENCE"]}),
        ("output", {"codec": "pydantic", "spec": {"class": "subprocess:Popen", "json_schema": {}}}),
        ("output", {"codec": "translator", "spec": {"class": "subprocess:Popen", "content_type": "a/b", "state": {}}}),
        ("output", {"codec": "tree", "spec": {"node": "record", "class": "subprocess:Popen", "fields": []}}),
        ("output", {"codec": "tree", "spec": 5}),
        ("input", {"codec": "numpy", "spec": {"dtype": "O8"}}),
        ("input", {}),
    ],
)
def test_a_text_file_does_not_decide_what_is_called(direction, described, tmp_path):
    schema = json.loads(json.dumps(schema_of([1])).replace("EVIDENCE", str(tmp_path / "evidence")))
    schema[direction] = {"content_types": ["application/json"], **described}
    schema = json.loads(json.dumps(schema).replace("EVIDENCE", str(tmp_path / "evidence")))
    code = """
        import subprocess
        from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data
        try:
            marshaller = open_schema_data(schema)
            marshaller.decode_response(b'{"args": ["x"]}', None)
            marshaller.encode_request([1])
        except CodecError as error:
            print("refused", error)
        """
    found = run(code, schema)
    assert found.returncode == 0, found.stderr
    assert not (tmp_path / "evidence").exists()
