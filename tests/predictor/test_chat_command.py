"""``cdk-modelbuilder chat``: the answer is printed as it is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from tests.conftest import MASTER_KEY
from tests.language_models.tiny_llama import write_tiny_llama
from tests.predictor.scripted_container import Reply, ScriptedContainer

PIECES = [
    f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': reason}]})}\n\n".encode()
    for delta, reason in (({"content": "Grüß"}, None), ({"content": " Gott"}, None), ({}, "stop"))
]
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Grüß Gott"}, "finish_reason": "stop"}]}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    return ModelBuilder(
        model=write_tiny_llama(folder / "weights"),
        schema_builder=SchemaBuilder({"messages": []}, {"choices": []}),
        model_server="vllm",
        instance_type="ml.g5.xlarge",
        name="chat",
        model_path=folder / "bundle",
        signing_key=MASTER_KEY,
    ).build()


def command(bundle, *words):
    return [sys.executable, "-m", "cdk_modelbuilder.cli", "chat", str(bundle.path), *words]


def run(bundle, *words, status=0, **options):
    done = subprocess.run(command(bundle, *words), capture_output=True, env={**os.environ, "COLUMNS": "120"}, **options)
    assert done.returncode == status, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    return done


def test_an_answer_is_printed_as_it_is_written(bundle):
    gate = threading.Event()
    reply = Reply(body=PIECES, content_type="text/event-stream", gate=gate)
    with ScriptedContainer(reply) as container:
        words = command(bundle, "Hello?", "--url", container.url, "--system", "Be kind.", "--max-tokens", "9")
        with subprocess.Popen(words, stdout=subprocess.PIPE) as printing:
            first = "Grüß".encode()
            assert printing.stdout.read(len(first)) == first  # the rest is not even sent
            gate.set()
            assert printing.stdout.read() == b" Gott\n"
        assert printing.returncode == 0
        sent = json.loads(container.requests[0][1])
    assert sent["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}]
    assert (sent["model"], sent["max_tokens"], sent["stream"]) == ("chat", 9, True)


def test_an_adapter_in_sagemaker_for_machines(bundle, service):
    answer = {**ANSWER, "model": "sql"}
    with ScriptedContainer(Reply(body=json.dumps(answer).encode())) as container:
        service.endpoints["chat"] = container.url
        done = run(bundle, "-", "--endpoint-name", "chat", "--model", "sql", "--json", input=b"Hello?")
        assert json.loads(done.stdout) == answer
        assert json.loads(container.requests[0][1])["messages"] == [{"role": "user", "content": "Hello?"}]


def test_what_is_refused(bundle):
    assert b"nothing to ask" in run(bundle, " ", "--url", "http://127.0.0.1:9", status=2).stderr
    assert b"exactly one says where the endpoint is" in run(bundle, "Hello?", status=2).stderr
    assert (
        b"max_tokens is 0" in run(bundle, "Hello?", "--url", "http://127.0.0.1:9", "--max-tokens", "0", status=2).stderr
    )
