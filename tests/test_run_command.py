"""``run`` as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import boto3
import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from tests.conftest import MASTER_KEY
from tests.local.gateway.scripted import eventually
from tests.test_cli import run


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_run_serves_until_it_is_told_to_stop(tumour_bundle, tumours, word):
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", "run", str(tumour_bundle.path), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        assert "tumour is in service: POST http://127.0.0.1:" in line
        url = line.split("POST ")[1].split("/endpoints")[0]
        while "RUNTIME" not in line:
            line = server.stdout.readline()
        assert line.strip() == f"export AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME={url}"
        session = boto3.Session(aws_access_key_id="any", aws_secret_access_key="any", region_name="eu-west-1")
        body = json.dumps(tumours.X[:1].tolist())
        answer = session.client("sagemaker-runtime", endpoint_url=url).invoke_endpoint(
            EndpointName="tumour", Body=body, ContentType="application/json", Accept="application/json"
        )
        assert json.load(answer["Body"]) == tumours.model.predict(tumours.X[:1]).tolist()
    finally:
        server.send_signal(word)
        _, err = server.communicate(timeout=60)
    assert server.returncode == 0, err
    assert '"event": "invocation"' in err
    assert "Traceback" not in err


def test_run_bare_is_the_models_own_server(tumour_bundle, tumours):
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", "run", str(tumour_bundle.path), "--bare", "--port", "0"]
    server = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        text = ""
        while not text.endswith("}\n"):
            text += server.stdout.readline()
        url = json.loads(text)["url"]
        answer = run("invoke", tumour_bundle.path, "--url", url, "--data", json.dumps(tumours.X[:1].tolist()), "--json")
        assert json.loads(json.loads(answer.stdout)["body"]) == tumours.model.predict(tumours.X[:1]).tolist()
    finally:
        server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=60)
    assert server.returncode == 0, err


def test_run_load_prints_figures_and_ends(tumour_bundle):
    short = ["--load", "--load-seconds", "0.5", "--load-concurrency", "2", "--port", "0"]
    figures = json.loads(run("run", tumour_bundle.path, *short, "--json").stdout)
    assert (figures["endpoint"], figures["error_rate"], figures["concurrency"]) == ("tumour", 0.0, 2)
    assert figures["answers"] > 0
    assert figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    shown = run("run", tumour_bundle.path, *short, "--load-data", "broken").stdout
    assert re.search(r"errors +100\.00 % \(\d+ of 424\)", shown), shown


def test_a_port_that_is_taken_is_replaced_unless_it_was_asked_for(tumour_bundle):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("run", tumour_bundle.path, "--port", port, status=2).stderr
        assert f"port {port} on 127.0.0.1 is taken by process {os.getpid()}" in refused
        refused = run("run", tumour_bundle.path, "--bare", "--port", port, status=2).stderr
        assert f"is taken by process {os.getpid()}" in refused


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cpus", "1"], "--cpus is for containers"),
        (["--container", "--strict"], "--strict is for processes"),
        (["--rebuild", "make"], "--rebuild and --watch are for --reload"),
        (["--bundles", "."], "--bundles is for a synthesized app"),
        (["--s3", "nowhere"], "--s3 nowhere is no folder"),
        (["--load", "--load-concurrency", "0"], "concurrency is 0"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tumour_bundle, words, message):
    found = run("run", tumour_bundle.path, *words, status=2)
    assert message in found.stderr


def test_reload_serves_each_new_build(tumour_bundle, tumours, tmp_path):
    path = tmp_path / "tumour"
    shutil.copytree(tumour_bundle.path, path)
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", "run", str(path), "--port", "0", "--reload"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(server.stderr))
    reader.start()
    try:
        assert eventually(lambda: any('"model loaded"' in line for line in lines)), lines
        time.sleep(1)  # until the system tells of changes
        options = {"signing_key": MASTER_KEY, "dependencies": {"auto": False}}
        schema = SchemaBuilder(tumours.X[:5], tumours.y[:5])
        other = ModelBuilder(model=tumours.model, schema_builder=schema, model_path=path, **options).build()
        taken = f"note: the new build of tumour has taken over: {other.root_sha256[:16]}\n"
        assert eventually(lambda: taken in lines), lines
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        reader.join()
        server.stderr.close()
    assert server.returncode == 0
