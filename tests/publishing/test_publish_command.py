"""`cdk-modelbuilder publish` as a user runs it."""

from __future__ import annotations

import json

import pytest

from tests.test_cli import run


@pytest.fixture
def environment(aws, s3, tmp_path) -> dict[str, str]:
    return {**aws.environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_help_has_an_example():
    text = run("publish", "--help").stdout
    assert "Example: cdk-modelbuilder publish build/churn --bucket my-artifacts" in text
    for option in ("--bucket", "--prefix", "--form", "--region", "--kms-key-id", "--dry-run", "--json"):
        assert option in text


def test_what_a_person_reads(tumour_bundle, bucket, environment):
    words = ("publish", tumour_bundle.path, "--bucket", bucket, "--prefix", "models")
    planned = run(*words, "--dry-run", env=environment).stdout
    assert "would be sent" in planned
    first = run(*words, env=environment).stdout
    uri = f"s3://{bucket}/models/{tumour_bundle.artifact_digest}/model.tar.gz"
    assert f"tumour          {uri}\n" in first
    assert f'in the CDK app  Artifact.s3("{uri}", "{tumour_bundle.artifact_digest}")' in first
    assert "there already   0 B" in first
    assert "sent            0 B" in run(*words, env=environment).stdout


def test_what_a_machine_reads(tumour_bundle, large_bundle, bucket, environment, contents):
    words = ("publish", tumour_bundle.path, large_bundle.path, "--bucket", bucket, "--form", "folder", "--json")
    first, second = json.loads(run(*words, env=environment).stdout)["artifacts"]
    assert (first["bundle"], second["bundle"]) == ("tumour", "large")
    assert first["digest"] == tumour_bundle.artifact_digest
    assert first["form"] == "folder"
    assert first["objects"] + second["objects"] == len(contents.all())
    assert first["bytes sent"] + second["bytes sent"] == sum(map(len, contents.all().values()))
    again = json.loads(run(*words, env=environment).stdout)["artifacts"]
    assert [artifact["bytes sent"] for artifact in again] == [0, 0]
    assert [artifact["bytes skipped"] for artifact in again] == [first["bytes sent"], second["bytes sent"]]


def test_exit_codes(tumour_bundle, bucket, environment, tmp_path):
    failed = run("publish", tumour_bundle.path, "--bucket", "nowhere-at-all", status=1, env=environment)
    assert failed.stderr == (
        "error: there is no bucket nowhere-at-all.\n"
        "       Check the name and the account; the ArtifactBucket construct makes one.\n"
    )
    wrong = run("publish", tumour_bundle.path, "--bucket", "s3://x", "--json", status=2, env=environment)
    assert json.loads(wrong.stderr)["error"] == "'s3://x' is not a bucket's name."
    assert "Missing option '--bucket'" in run("publish", tumour_bundle.path, status=2).stderr
    assert "Missing argument 'BUNDLE...'" in run("publish", "--bucket", "b", status=2).stderr
    assert "'zip' is not one of" in run("publish", "x", "--bucket", "b", "--form", "zip", status=2).stderr


def test_a_wrong_path_is_told_before_the_first_upload(tumour_bundle, bucket, environment, contents, tmp_path):
    run("publish", tumour_bundle.path, tmp_path, "--bucket", bucket, status=1, env=environment)
    assert contents.all() == {}
