"""``cdk-modelbuilder invoke``: endpoints in SageMaker, streams, files of all kinds, binary answers."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cdk_modelbuilder.cli.payload_files import is_text, type_of
from tests.predictor.scripted_container import Reply, ScriptedContainer

PNG = b"\x89PNG\r\n\x1a\n\x00\xff"


def command(*words) -> list[str]:
    return [sys.executable, "-m", "cdk_modelbuilder.cli", "invoke", *map(str, words)]


def run(*words, status: int = 0) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command(*words), capture_output=True, env={**os.environ, "COLUMNS": "120"})
    assert done.returncode == status, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    return done


def test_an_endpoint_in_sagemaker(service, tumour_bundle):
    with ScriptedContainer(Reply(body=b'{"sum": 3}')) as container:
        service.endpoints["tumour"] = container.url
        words = ("--endpoint-name", "tumour", "--inference-component-name", "small", "--region", "us-east-1")
        assert run(tumour_bundle.path, "--data", "[1]", *words).stdout == b'{"sum": 3}\n'
        assert service.requests[0]["X-Amzn-SageMaker-Inference-Component"] == "small"
        streamed = run(tumour_bundle.path, "--data", "[1]", "--endpoint-name", "tumour", "--stream")
        assert streamed.stdout == b'{"sum": 3}'
    missing = run(tumour_bundle.path, "--data", "[1]", "--endpoint-name", "other", status=1).stderr.decode()
    assert "Endpoint other of account 123456789012 not found" in missing


def test_a_stream_is_printed_as_it_comes(tumour_bundle):
    gate = threading.Event()
    pieces = [b'{"token": "a"}\n', b'{"token": "b"}\n']
    with ScriptedContainer(Reply(body=pieces, content_type="application/jsonl", gate=gate)) as container:
        words = command(tumour_bundle.path, "--url", container.url, "--data", "[1]", "--stream")
        with subprocess.Popen(words, stdout=subprocess.PIPE) as printing:
            assert printing.stdout.readline() == pieces[0]  # the rest is not even sent
            gate.set()
            assert printing.stdout.read() == pieces[1]
        assert printing.returncode == 0


def test_a_stream_that_breaks_off(tumour_bundle):
    reply = Reply(body=[b"1\n", b"2\n"], content_type="application/jsonl", cut=True)
    with ScriptedContainer(reply) as container:
        done = run(tumour_bundle.path, "--url", container.url, "--data", "[1]", "--stream", status=1)
    assert done.stdout == b"1\n2\n"
    assert b"broke off" in done.stderr


def test_binary_answers_go_to_files_and_pipes(tumour_bundle, tmp_path):
    with ScriptedContainer(Reply(body=PNG, content_type="image/png")) as container:
        words = (tumour_bundle.path, "--url", container.url, "--data", "[1]")
        target = tmp_path / "answer.png"
        assert run(*words, "--output", target).stdout == b""
        assert target.read_bytes() == PNG
        assert run(*words, "--output", target, "--stream").stdout == b""
        assert target.read_bytes() == PNG
        assert run(*words).stdout == PNG
        answer = json.loads(run(*words, "--json").stdout)
        assert base64.b64decode(answer["body_base64"]) == PNG
        assert answer["content_type"] == "image/png"
        assert b"cannot be written" in run(*words, "--output", tmp_path, status=2).stderr
        assert b"Give one of them" in run(*words, "--output", target, "--json", status=2).stderr


@pytest.mark.parametrize(
    ("kind", "stream"), [("image/png", ()), ("image/png", ("--stream",)), ("application/json", ())]
)
def test_binary_answers_do_not_go_to_a_terminal(tumour_bundle, kind, stream):
    with ScriptedContainer(Reply(body=PNG, content_type=kind)) as container:
        ours, theirs = pty.openpty()
        try:
            words = command(tumour_bundle.path, "--url", container.url, "--data", "[1]", *stream)
            done = subprocess.run(words, stdout=theirs, stderr=subprocess.PIPE)
        finally:
            os.close(theirs)
            os.close(ours)
    assert done.returncode == 2
    assert f"the answer is binary ({kind}), which a terminal cannot show." in done.stderr.decode()
    assert b"--output FILE" in done.stderr


def test_options_that_need_an_endpoint_name(tumour_bundle):
    assert b"--endpoint-name" in run(tumour_bundle.path, "--data", "1", "--region", "eu-west-1", status=2).stderr
    both = ("--url", "http://127.0.0.1:1", "--endpoint-name", "a")
    assert b"exactly one" in run(tumour_bundle.path, "--data", "1", *both, status=2).stderr


def test_a_files_ending_gives_its_type(tumour_bundle, tmp_path):
    (tmp_path / "speech.WAV").write_bytes(b"RIFF")
    with ScriptedContainer(Reply(body=b"1")) as container:
        run(tumour_bundle.path, "--url", container.url, "--data", f"@{tmp_path / 'speech.WAV'}")
    assert container.requests[0][0]["Content-Type"] == "audio/wav"
    assert container.requests[0][0]["Accept"] == "application/json, */*;q=0.1"


@pytest.mark.parametrize(
    ("name", "known", "kind"),
    [
        ("rows.csv", (), "text/csv"),
        ("rows.parquet", (), "application/vnd.apache.parquet"),
        ("rows.parquet", ("application/json", "application/x-parquet"), "application/x-parquet"),
        ("rows.arrow", ("application/vnd.apache.arrow.file",), "application/vnd.apache.arrow.file"),
        ("PHOTO.JPG", (), "image/jpeg"),
        ("photo.webp", (), "image/webp"),
        ("song.flac", (), "audio/flac"),
        ("weights.safetensors", (), "application/x-safetensors"),
        ("arrays.npz", (), "application/x-npz"),
        ("unknown.xyz", (), "application/octet-stream"),
        ("none", (), "application/octet-stream"),
    ],
)
def test_types_of_files(name, known, kind):
    assert type_of(Path(name), known) == kind


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text/csv; charset=utf-8", True),
        ("Application/JSON", True),
        ("application/problem+json", True),
        ("application/jsonl", True),
        ("image/svg+xml", True),
        ("image/png", False),
        ("application/x-npy", False),
        ("", False),
    ],
)
def test_what_a_terminal_can_show(kind, text):
    assert is_text(kind) is text
