"""The server over real HTTP, in process mode."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import urllib3

from cdk_modelbuilder import InferenceSpec, Mode, ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.errors import (
    IntegrityError,
    KeyFileError,
    LocalEndpointError,
    PredictionError,
    SchemaError,
    UsageError,
)


class Moody(InferenceSpec):
    """Does what the first number says."""

    def load(self, model_dir: str) -> str:
        return model_dir

    def invoke(self, input_object, model):
        mood = input_object[0]
        if mood == 1:
            raise RuntimeError("secret detail of the model")
        if mood == 2:
            time.sleep(1.5)
        if mood == 3:
            os._exit(9)
        return [float(os.getpid())]


class Sleepy(InferenceSpec):
    """Loads for ever where it is told to."""

    def load(self, model_dir: str) -> None:
        time.sleep(600 if "SLEEP_IN_LOAD" in os.environ else 0)

    def invoke(self, input_object, model):
        return input_object


@pytest.fixture(scope="module")
def moody_bundle(tmp_path_factory) -> ModelBundle:
    path = tmp_path_factory.mktemp("moody") / "moody"
    schema = SchemaBuilder([0.0], [0.0])
    from tests.conftest import MASTER_KEY

    return ModelBuilder(inference_spec=Moody(), schema_builder=schema, model_path=path, signing_key=MASTER_KEY).build()


@pytest.fixture(scope="module")
def endpoint(tumour_bundle):
    from tests.conftest import MASTER_KEY

    lines: list[str] = []
    with tumour_bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY, on_log=lines.append) as predictor:
        predictor.lines = lines
        yield predictor


@pytest.fixture
def http():
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        yield pool


def post(http, endpoint, body, **headers):
    names = {key.replace("_", "-"): value for key, value in headers.items()}
    return http.request("POST", endpoint.url + "/invocations", body=body, headers=names)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def eventually(condition, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_predictions_over_http_equal_those_in_memory(endpoint, tumours):
    found = endpoint.predict(tumours.X)
    np.testing.assert_array_equal(found, tumours.model.predict(tumours.X))
    assert found.dtype == tumours.model.predict(tumours.X).dtype


@pytest.mark.parametrize("accept", ["application/json", "application/json; charset=utf-8", "image/png;q=1, */*;q=0.1"])
@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_with_parameters_and_accept_lists(http, endpoint, tumours, content_type, accept):
    body = json.dumps(tumours.X[:2].tolist())
    response = post(http, endpoint, body, Content_Type=content_type, Accept=accept)
    assert response.status == 200
    if "json" in accept:
        assert json.loads(response.data) == tumours.model.predict(tumours.X[:2]).tolist()
        assert response.headers["Content-Type"] == "application/json"


def test_csv_in_and_out(http, endpoint, tumours):
    body = "\n".join(",".join(map(repr, row)) for row in tumours.X[:3].tolist()) + "\n"
    response = post(http, endpoint, body, Content_Type="text/csv", Accept="text/csv")
    assert response.data.decode().split() == [str(value) for value in tumours.model.predict(tumours.X[:3])]


def test_no_content_type_means_the_native_one(http, endpoint, tumours):
    import io

    buffer = io.BytesIO()
    np.save(buffer, tumours.X[:1])
    assert post(http, endpoint, buffer.getvalue()).status == 200


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"x", {"Content_Type": "image/png"}, 415, "application/x-npy, application/json, text/csv"),
        (b"[[1]]", {"Content_Type": "application/json"}, 400, r"expected an array of shape (*, 30), got (1, 1)"),
        (b"{", {"Content_Type": "application/json"}, 400, "not valid JSON"),
        (b"\x80\x04.", {"Content_Type": "application/x-npy"}, 400, "not a .npy array"),
        (b"1,2\n1", {"Content_Type": "text/csv"}, 400, "different lengths"),
        (b"", {"Content_Type": "application/json"}, 400, "not valid JSON"),
    ],
)
def test_bad_requests_say_what_was_expected(http, endpoint, body, headers, status, words):
    response = post(http, endpoint, body, **headers)
    assert response.status == status
    answer = json.loads(response.data)
    assert answer["code"] == status
    assert words in answer["message"]


def test_unacceptable_accept_is_406(http, endpoint, tumours):
    body = json.dumps(tumours.X[:1].tolist())
    response = post(http, endpoint, body, Content_Type="application/json", Accept="image/png")
    assert response.status == 406
    assert "application/json" in json.loads(response.data)["message"]


def test_routes_and_methods(http, endpoint):
    assert http.request("GET", endpoint.url + "/ping").status == 200
    assert http.request("POST", endpoint.url + "/ping").status == 405
    wrong = http.request("GET", endpoint.url + "/invocations")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")
    assert http.request("GET", endpoint.url + "/").status == 404


def test_log_lines_are_json_with_latency(endpoint, tumours):
    endpoint.predict(tumours.X[:1])
    assert eventually(lambda: any('"invocation"' in line for line in endpoint.lines))
    line = json.loads(next(line for line in reversed(endpoint.lines) if '"invocation"' in line))
    assert line["status"] in (200, 400, 406, 415)
    assert line["latency_ms"] > 0
    assert {"bytes_in", "bytes_out", "content_type", "request_id", "time", "level"} <= set(line)


def test_input_that_does_not_fit_is_not_sent(endpoint, tumours):
    with pytest.raises(SchemaError, match=r"shape \(\*, 30\), got \(2, 3\)"):
        endpoint.predict(tumours.X[:2, :3])


def test_payload_over_the_limit_is_413(tumour_bundle, http, tumours):
    from dataclasses import replace

    small = replace(tumour_bundle, container=replace(tumour_bundle.container, max_payload_bytes=1000))
    with small.deploy(mode=Mode.IN_PROCESS) as predictor:
        response = post(http, predictor, b"x" * 1001, Content_Type="application/json")
        assert response.status == 413
        assert "1000 bytes" in json.loads(response.data)["message"]
        chunked = http.request(
            "POST", predictor.url + "/invocations", body=iter([b"x" * 600, b"x" * 600]), chunked=True, headers={}
        )
        assert chunked.status == 413
        assert len(predictor.predict(tumours.X[:1])) == 1


def test_model_error_is_500_without_a_traceback_and_logged_with_one(moody_bundle):
    lines: list[str] = []
    with moody_bundle.deploy(mode=Mode.LOCAL_PROCESS, on_log=lines.append) as predictor:
        with pytest.raises(PredictionError, match="answered 500") as caught:
            predictor.predict([1.0])
        assert caught.value.status == 500
        assert "secret detail" not in str(caught.value)
        assert predictor.predict([0.0])  # it goes on
        assert eventually(lambda: any("secret detail" in line and "Traceback" in line for line in lines))


def test_ping_answers_while_the_model_is_busy(moody_bundle, http):
    with moody_bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        slow = threading.Thread(target=predictor.predict, args=([2.0],))
        slow.start()
        time.sleep(0.2)
        assert http.request("GET", predictor.url + "/ping", timeout=1).status == 200
        assert slow.is_alive()
        slow.join()


def test_ping_fails_when_the_model_does_not_answer_any_more(moody_bundle, http):
    from dataclasses import replace

    impatient = replace(moody_bundle, container=replace(moody_bundle.container, invocation_timeout_seconds=0.2))
    with impatient.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        url = predictor.url
        slow = threading.Thread(target=lambda: http.request("POST", url + "/invocations", body=b"[2]"))
        slow.start()
        assert eventually(lambda: http.request("GET", url + "/ping").status == 503, seconds=1.4)
        slow.join()
        assert eventually(lambda: http.request("GET", url + "/ping").status == 200)


def test_sigterm_lets_a_running_request_finish(moody_bundle, http):
    from cdk_modelbuilder.local.starting import start_process

    process = start_process(moody_bundle)
    answers = []
    slow = threading.Thread(
        target=lambda: answers.append(http.request("POST", process.url + "/invocations", body=b"[2]").status)
    )
    slow.start()
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGTERM)
    slow.join()
    assert answers == [200]
    assert process.wait() in (0, -signal.SIGTERM)
    process.stop()


def test_several_workers_share_the_port_and_end_together(moody_bundle, http):
    with moody_bundle.deploy(mode=Mode.LOCAL_PROCESS, workers=2) as predictor:
        pids = set()

        def ask() -> bool:
            # A connection of its own each time: it may go to another worker, or to the one that was killed.
            with urllib3.PoolManager(retries=False) as fresh, contextlib.suppress(urllib3.exceptions.HTTPError):
                answer = fresh.request("POST", predictor.url + "/invocations", body=b"[0]")
                if answer.status == 200:
                    pids.add(int(json.loads(answer.data)[0]))
            return len(pids) == 2

        assert eventually(ask)
        os.kill(min(pids), signal.SIGKILL)  # a worker that dies is replaced
        before = set(pids)

        def replaced() -> bool:
            ask()
            return bool(pids - before)

        assert eventually(replaced)
    assert eventually(lambda: not any(alive(pid) for pid in pids))


PARENT = """
import sys, time
from cdk_modelbuilder import Mode, ModelBundle
predictor = ModelBundle.load(sys.argv[1]).deploy(mode=Mode.LOCAL_PROCESS, workers=int(sys.argv[2]))
pid = int(predictor.predict([0.0])[0])
print(pid, predictor.url, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_is_left_when_the_parent_is_killed(moody_bundle, workers):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(moody_bundle.path), workers], stdout=subprocess.PIPE, text=True
    )
    try:
        pid, url = parent.stdout.readline().split()
        assert alive(int(pid))
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    assert eventually(lambda: not alive(int(pid)))
    port = int(url.rpartition(":")[2])

    def refused() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) != 0

    assert eventually(refused)


def test_delete_endpoint_ends_the_process(moody_bundle):
    predictor = moody_bundle.deploy(mode=Mode.LOCAL_PROCESS)
    pid = int(predictor.predict([0.0])[0])
    predictor.delete_endpoint()
    predictor.delete_endpoint()
    assert not alive(pid)
    with pytest.raises(PredictionError, match="gave no answer"):
        predictor.predict([0.0])


def test_a_tampered_bundle_is_refused_before_anything_runs(tumour_bundle, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tumour_bundle.path, copy)
    code = copy / "model" / "code" / "inference.py"
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + code.read_text())
    with pytest.raises(IntegrityError, match=r"code/inference\.py was changed"):
        ModelBundle.load(copy)
    with pytest.raises(LocalEndpointError, match=r"refused: code/inference\.py was changed"):
        ModelBundle.read(copy).deploy(mode=Mode.LOCAL_PROCESS)
    assert not (tmp_path / "ran").exists()


def test_wrong_or_missing_master_key(tumour_bundle, monkeypatch):
    with pytest.raises(IntegrityError, match="another master key"):
        tumour_bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key="00" * 32)
    monkeypatch.delenv("MODELBUILDER_MASTER_KEY")
    with pytest.raises(KeyFileError, match="no master key"):
        tumour_bundle.deploy(mode=Mode.LOCAL_PROCESS)


def test_load_that_fails_shows_its_reason(tmp_path, regression):
    class_text = (
        "from cdk_modelbuilder import InferenceSpec\nimport os\n\n"
        "class Fails(InferenceSpec):\n"
        "    def load(self, model_dir):\n"
        "        if 'FAIL_NOW' in os.environ:\n"
        "            raise OSError('weights are elsewhere')\n"
        "        return 1\n"
        "    def invoke(self, input_object, model):\n"
        "        return input_object\n"
    )
    (tmp_path / "fails_module.py").write_text(class_text)
    sys.path.insert(0, str(tmp_path))
    try:
        fails_module = importlib.import_module(Path(tmp_path, "fails_module").name)
        bundle = ModelBuilder(
            inference_spec=fails_module.Fails(),
            schema_builder=SchemaBuilder([1], [1]),
            model_path=tmp_path / "fails",
        ).build()
    finally:
        sys.path.remove(str(tmp_path))
    os.environ["FAIL_NOW"] = "1"
    try:
        with pytest.raises(LocalEndpointError, match=r"(?s)status 3.*weights are elsewhere"):
            bundle.deploy(mode=Mode.LOCAL_PROCESS)
    finally:
        del os.environ["FAIL_NOW"]


def test_a_start_that_takes_too_long_is_given_up_and_leaves_nothing(tmp_path, monkeypatch):
    from dataclasses import replace

    from cdk_modelbuilder.container_spec import HealthCheck

    bundle = ModelBuilder(
        inference_spec=Sleepy(), schema_builder=SchemaBuilder([1], [1]), model_path=tmp_path / "sleepy"
    ).build()
    impatient = replace(bundle, container=replace(bundle.container, health_check=HealthCheck(startup_seconds=2)))
    monkeypatch.setenv("SLEEP_IN_LOAD", "1")
    lines: list[str] = []
    with pytest.raises(LocalEndpointError, match=r"(?s)not healthy within 2 s.*listening"):
        impatient.deploy(mode=Mode.LOCAL_PROCESS, on_log=lines.append)
    assert '"stopped while loading"' in lines[-1]
    assert eventually(lambda: not alive(json.loads(lines[0])["pid"]))


def test_the_model_folder_stays_clean_and_the_master_key_private(moody_bundle, tumour_bundle, tumours):
    with tumour_bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        predictor.predict(tumours.X[:1])
    assert not list(tumour_bundle.model_dir.rglob("__pycache__"))
    tumour_bundle.check_content()


def test_a_port_that_is_taken(tumour_bundle):
    refusal = pytest.raises(UsageError, match=r"port \d+ on 127.0.0.1 is taken by.*free one")
    with socket.create_server(("127.0.0.1", 0)) as taken, refusal:
        tumour_bundle.deploy(mode=Mode.LOCAL_PROCESS, port=taken.getsockname()[1])


def test_what_only_an_endpoint_has_is_ignored_here(tumour_bundle, tumours):
    options = {"instance_type": "ml.c6i.large", "initial_instance_count": 2, "role": "arn:aws:iam::1:role/x"}
    with tumour_bundle.deploy(mode=Mode.IN_PROCESS, **options) as predictor:
        assert predictor.url.startswith("http://127.0.0.1:")
    with pytest.raises(UsageError, match="no option instance_typ"):
        tumour_bundle.deploy(mode=Mode.LOCAL_PROCESS, instance_typ="ml.c6i.large")
    with pytest.raises(UsageError, match="dry_run"):
        tumour_bundle.deploy(mode=Mode.LOCAL_PROCESS, dry_run=True)
