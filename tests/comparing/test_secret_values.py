"""What looks like a secret is masked, and what only looks like one is not."""

from __future__ import annotations

import json

import pytest

from cdk_modelbuilder.comparing import (
    Change,
    Diff,
    Facet,
    Group,
    Mark,
    Part,
    Report,
    Section,
    report_json,
    report_markdown,
)
from cdk_modelbuilder.comparing.report import ABSENT
from cdk_modelbuilder.comparing.secret_values import Masking, masked, says_secret
from tests.integrity.key_pairs import private_pem

DIGITS = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text",
    [
        "id AKIAABCDEFGHIJKLMNOP here",
        "aws_secret_access_key = abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN",
        f'MASTER_KEY = "{DIGITS}"',
        f"key: bytes = b'{DIGITS}'",
        f'{{"hmac": "{DIGITS}"}}',
        "token = 'ghp_" + "a" * 36 + "'",
        "hf_" + "a" * 34,
        "xoxb-1234567890-abc",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def",
        private_pem(5),
    ],
)
def test_secrets_by_their_form(text):
    masking = Masking()
    found = masking.text(text, "there")
    assert "(masked)" in found
    assert len(masking.found) == 1
    for word in text.split():
        if len(word) > 30:
            assert word.strip("'\",;b{}") not in found


@pytest.mark.parametrize(
    "text",
    [
        f"root digest {DIGITS}",
        f"s3://bucket/{DIGITS}/model.tar.gz",
        f'"sha256": "{DIGITS}"',
        f'{{"Bucket": "b", "Key": "{DIGITS}.json"}}',
        f'key = "{DIGITS}/model.tar.gz"',
        "key = secrets.get('name')",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x",
        "{{resolve:secretsmanager:arn:SecretString:0123456789abcdef::}}",
        "-----BEGIN PUBLIC KEY-----\nMFk\n-----END PUBLIC KEY-----",
    ],
)
def test_what_is_no_secret_stays(text):
    masking = Masking()
    assert masking.text(text, "there") == text
    assert not masking.found


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in ("HMAC_KEY", "MODELBUILDER_HMAC_KEY", "API_KEY", "DB_PASSWORD", "SecretString")),
        *((name, True) for name in ("MasterUserPassword", "apiKey")),
        *((name, False) for name in ("MODELBUILDER_KEY_ID", "KmsKeyId", "MODELBUILDER_PUBLIC_KEY", "Key", "S3Key")),
        ("MODELBUILDER_ROOT_SHA256", False),
    ],
)
def test_names_of_secrets(name, is_one):
    assert says_secret(name) is is_one


def report_of(*changes: Change, diffs: tuple[Diff, ...] = ()) -> Report:
    section = Section(Facet.RESOURCES, "Resources", (Group("it", changes, diffs),))
    return masked(Report((Part("Stack", ("changed",), (section,)),)))


def test_values_by_their_names():
    environment = {"DB_PASSWORD": "hunter2", "LEVEL": "5", "NESTED": [{"Name": "API_KEY", "Value": "abc"}]}
    report = report_of(
        Change("environment", ABSENT, environment, place="Container.Environment"),
        Change("variable", "old-one", "new-one", place="Container.Environment.MY_TOKEN"),
        Change("variable", ABSENT, DIGITS, place="Container.Environment.ANY"),
        Change("variable", ABSENT, DIGITS, place="Container.Environment.MODELBUILDER_ROOT_SHA256"),
        Change("tag", ABSENT, DIGITS, place="Tags[cdk-modelbuilder:root-sha256].Value"),
        Change("reference", ABSENT, "{{resolve:secretsmanager:x}}", place="Container.Environment.HMAC_KEY"),
    )
    text = json.dumps(report_json(report))
    for secret in ("hunter2", "old-one", "new-one", '"abc"'):
        assert secret not in text
    assert text.count(DIGITS) == 2
    assert "{{resolve:secretsmanager:x}}" in text
    found = [change.what for change in report.parts[0].sections[0].groups[0].changes]
    assert len(found) == 4
    assert report.parts[0].sections[0].facet == Facet.FINDINGS
    assert Mark.SECURITY in set(report.marks())


def test_a_secret_that_goes_is_masked_and_no_finding():
    report = report_of(Change("variable", "AKIAABCDEFGHIJKLMNOP", ABSENT, place="Container.Environment.ID"))
    assert "AKIA" not in report_markdown(report)
    assert [section.facet for section in report.parts[0].sections] == [Facet.RESOURCES]


def test_keys_in_diffs_go_over_several_lines():
    lines = tuple(f"+{line}" for line in private_pem(5).splitlines())
    report = report_of(diffs=(Diff("code/inference.py", ("@@ -1 +1 @@", *lines, "+done = True")),))
    text = report_markdown(report)
    assert all(line[1:] not in text for line in lines[1:-1])
    assert "+done = True" in text
    assert "the diff of" in report.parts[0].sections[0].groups[0].changes[0].what
    gone = report_of(diffs=(Diff("code/inference.py", tuple(f"-{line}" for line in private_pem(5).splitlines())),))
    assert all(line[1:] not in report_markdown(gone) for line in lines[1:-1])
    assert gone.parts[0].sections[0].facet == Facet.RESOURCES
