"""What is said when a key cannot be fetched: a refusal, no network, no credentials. See also test_deliveries.py."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cdk_modelbuilder.integrity import stored_key, verifier
from cdk_modelbuilder.integrity.stored_key import StoredKeyError, fetch_key
from tests.aws_stand_in.environment import CREDENTIALS

from .signed import DEMO, seal, write_files

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:cdk-modelbuilder/demo-AbCdEf"
KEY_ID = "0123456789abcdef"


@pytest.fixture(autouse=True)
def credentials(monkeypatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@contextlib.contextmanager
def answering(monkeypatch, status: int, **body: object) -> Iterator[list[dict[str, object]]]:
    """Secrets Manager that gives the same answer to everyone; yields what it was asked."""
    asked: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({**request, "target": self.headers["X-Amz-Target"], "signed": self.headers["Authorization"]})
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def test_the_field_of_the_key_id_is_given_and_the_region_is_the_secret_s(monkeypatch):
    with answering(monkeypatch, 200, SecretString=json.dumps({KEY_ID: "ab", "other": "cd"})) as asked:
        assert fetch_key(ARN, KEY_ID) == "ab"
    assert [request["SecretId"] for request in asked] == [ARN]
    assert asked[0]["target"] == "secretsmanager.GetSecretValue"
    assert "/eu-central-1/secretsmanager/" in str(asked[0]["signed"])  # though the environment says us-east-1


REFUSALS = [
    ("AccessDeniedException", "User: x is not authorized to perform: secretsmanager:GetSecretValue", "GetSecretValue"),
    ("AccessDeniedException", "Access to KMS is not allowed", "kms:Decrypt"),
    ("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text", "kms:Decrypt"),
    ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", "keys push"),
    ("InvalidRequestException", "it is scheduled for deletion", "scheduled for deletion"),
]


@pytest.mark.parametrize(("code", "message", "words"), REFUSALS)
def test_refusals_name_the_action_and_the_secret(monkeypatch, code, message, words):
    with answering(monkeypatch, 400, __type=code, message=message) as asked, pytest.raises(StoredKeyError) as caught:
        fetch_key(ARN, KEY_ID)
    assert len(asked) == 1
    for part in (ARN, message, words):
        assert part in str(caught.value)


def test_a_broken_service_is_asked_again_and_then_named(monkeypatch):
    with (
        answering(monkeypatch, 500, __type="InternalServiceError", message="sorry") as asked,
        pytest.raises(StoredKeyError, match="InternalServiceError: sorry"),
    ):
        fetch_key(ARN, KEY_ID)
    assert len(asked) == stored_key.ATTEMPTS


def test_the_value_of_a_secret_never_stands_in_a_message(monkeypatch):
    with (
        answering(monkeypatch, 200, SecretString=json.dumps({"other": "5ec4e7"})),
        pytest.raises(StoredKeyError) as caught,
    ):
        fetch_key(ARN, KEY_ID)
    assert "5ec4e7" not in str(caught.value)


def test_without_a_network_it_names_isolation_and_the_vpc_endpoint(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")  # nobody listens there any more
    with pytest.raises(StoredKeyError) as caught:
        fetch_key(ARN, KEY_ID)
    for words in ("isolation", "com.amazonaws.eu-central-1.secretsmanager", "Integrity.public_key"):
        assert words in str(caught.value)


def test_who_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(stored_key, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(StoredKeyError, match="cannot be reached"):
            fetch_key(ARN, KEY_ID)
    assert time.monotonic() - start < 15


def test_a_minute_is_the_most_that_it_takes():
    waits = 1 + 2  # standard mode waits up to a second before the second attempt, and two before the third
    assert stored_key.ATTEMPTS * (stored_key.CONNECT_SECONDS + stored_key.READ_SECONDS) + waits <= 60


def test_without_credentials_it_names_the_role_and_isolation(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StoredKeyError, match="execution role and no network isolation"):
        fetch_key(ARN, KEY_ID)


def test_without_boto3_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(StoredKeyError, match=r"dependencies=\{'custom': \['boto3'\]\}"):
        fetch_key(ARN, KEY_ID)


@pytest.mark.parametrize("arn", ["cdk-modelbuilder/demo", "", "arn:aws:s3:::bucket", "${Token[TOKEN.7]}", ARN[:40]])
def test_what_is_no_arn_of_a_secret(arn):
    with pytest.raises(StoredKeyError, match="is not the ARN of a secret"):
        fetch_key(arn, KEY_ID)


def test_the_verifier_passes_the_reason_on(monkeypatch, tmp_path):
    signed = seal(write_files(tmp_path, DEMO))
    environment = {**signed.environment, verifier.KEY_ARN_VARIABLE: ARN}
    del environment[verifier.KEY_VARIABLE]
    with (
        answering(monkeypatch, 400, __type="AccessDeniedException", message="no"),
        pytest.raises(verifier.IntegrityError, match="secretsmanager:GetSecretValue"),
    ):
        verifier.verify_from_environment(signed.folder, environment)


def test_it_is_fetched_once(monkeypatch, tmp_path):
    signed = seal(write_files(tmp_path, DEMO))
    environment = {**signed.environment, verifier.KEY_ARN_VARIABLE: ARN}
    del environment[verifier.KEY_VARIABLE]
    with answering(monkeypatch, 200, SecretString=json.dumps({signed.key_id: signed.key.hex()})) as asked:
        for _ in range(3):
            assert verifier.verify_from_environment(signed.folder, environment) == signed.manifest.root_sha256
    assert len(asked) == 1
