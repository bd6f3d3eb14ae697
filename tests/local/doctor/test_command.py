"""The command: what it prints, its exit codes, its JSON."""

from __future__ import annotations

import json
import socket

import pytest
from click.testing import CliRunner

from cdk_modelbuilder.cli.doctor_command import command
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.local.doctor.registry import CHECKS


@pytest.fixture(autouse=True)
def no_docker(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


def run(*arguments):
    return CliRunner().invoke(command, [str(one) for one in arguments])


def test_a_port_that_is_free_and_one_that_is_not(built_bundle):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        held = run(built_bundle.path, "--only", "ports", "--port", port)
    assert held.exit_code == 1
    lines = held.output.splitlines()
    assert lines[0] == "Ports"
    assert lines[1].startswith(
        f"  failure  ports            port {port} of 127.0.0.1 is held, by this process itself ("
    )
    assert lines[2].strip() == "Take another (--port 0 takes any that is free)."
    assert lines[3] == "1 failure."
    free = run("--only", "ports", "--port", port)
    assert (free.exit_code, free.output.splitlines()[-1]) == (0, "1 ok.")
    assert run("--only", "ports", "--port", 0).exit_code == 0


def test_all_checks_run_and_the_json_has_each_with_the_same_keys(built_bundle, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked the network"))
    result = run(built_bundle.path, "--json")
    data = json.loads(result.output)
    assert result.exit_code == 1  # DOCKER_HOST names a daemon that does not run
    assert data["ok"] is False
    keys = {"subject", "check", "outcome", "detail", "remedy", "commands"}
    assert all(set(one) == keys for one in data["findings"])
    assert list(dict.fromkeys(one["check"] for one in data["findings"])) == [check.name for check in CHECKS]
    assert {one["outcome"] for one in data["findings"]} <= {"ok", "warning", "failure", "skipped"}


def test_what_is_skipped_for_one_reason_is_one_line():
    result = run()
    assert (
        "aws-caller, clock, aws-permissions, aws-role, aws-bucket, aws-image AWS is asked with --aws alone"
        in " ".join(result.output.split())
    )


def test_no_secret_of_the_environment_is_printed(built_bundle, monkeypatch):
    for name in ("MODELBUILDER_MASTER_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "SOME_PASSWORD"):
        monkeypatch.setenv(name, "c0ffee" * 10 + "1234")
    for arguments in ((), ("--json",)):
        assert "c0ffee" not in run(built_bundle.path, *arguments).output


def test_wrong_usage():
    for arguments, error, words in (
        (("--only", "dicks"), UsageError, "no check 'dicks'"),
        (("--role", "x"), UsageError, "--role is about AWS"),
        (("/no/such/bundle",), BundleError, "does not exist"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, error)
        assert words in str(result.exception)
    assert run("--port", "70000").exit_code == 2
