"""Whole reports, as a reviewer gets them. Read the difference before you write them anew."""

from __future__ import annotations

import re
import shutil

import pytest
from aws_cdk import aws_iam as iam
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from cdk_modelbuilder.comparing import compare, report_markdown
from cdk_modelbuilder.constructs import Hosting
from tests.comparing.homes import COLUMNS, build_homes, edit_json
from tests.comparing.stacks import endpoint, synthesize
from tests.conftest import MASTER_KEY


class MarkdownExtension(SingleFileSnapshotExtension):
    file_extension = "md"
    _write_mode = WriteMode.TEXT


@pytest.fixture
def snapshot(snapshot):
    return snapshot.use_extension(MarkdownExtension)


def steady(text: str) -> str:
    """``text`` with placeholders for what differs from one version of the code, or of a package, to the next."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<digest>", text)
    text = re.sub(r"\b[0-9a-f]{12}(?=[`…,])", "<short digest>", text)
    text = re.sub(r"(?<=[`:])[0-9a-f]{16}(?=[`:])", "<key id>", text)
    text = re.sub(r"Access[0-9a-f]{8}(?:[0-9A-F]{8})?", "Access<content>", text)
    text = re.sub(r", [0-9.]+ k?B`", ", <size>`", text)
    text = re.sub(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b", "<date>", text)
    return re.sub(r"(?<![\w./-])[0-9]+\.[0-9]+(?:\.[0-9a-z]+)*(?![\w/-])|(?<===)[0-9][0-9.a-z]*", "<version>", text)


@pytest.fixture
def wider_homes(tmp_path):
    """Another column, packages and settings."""
    folder = tmp_path / "wider" / "homes"
    bundle = build_homes(
        folder,
        columns={**COLUMNS, "age": [1, 2, 3]},
        prices=[151.0, 212.0, 270.0],
        signing_key=MASTER_KEY,
        dependencies={"auto": False, "custom": ["pandas", "numpy==2.2.0", "rich==13.7.0"]},
    )
    edit_json(folder / "container.json", lambda spec: spec["environment"].update(LEVEL="5"))
    return bundle


def test_bundles(homes, wider_homes, snapshot):
    assert steady(report_markdown(compare(str(homes.path), str(wider_homes.path)))) == snapshot


def test_a_tampered_bundle(homes, tmp_path, snapshot):
    copy = tmp_path / "homes"
    shutil.copytree(homes.path, copy)
    code = copy / "model/code/inference.py"
    code.write_text(code.read_text().replace("\nimport", "\nimport socket\nimport", 1))
    report = compare(str(homes.path), str(copy))
    assert steady(report_markdown(report)).replace(str(tmp_path), "") == snapshot


def test_a_new_bundle(homes, snapshot):
    assert steady(report_markdown(compare("/dev/null", str(homes.path)))) == snapshot


def test_stacks_with_another_bundle_and_more_rights(homes, other_homes, tmp_path, snapshot):
    def change(made) -> None:
        made.role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=["*"]))

    old = synthesize(tmp_path / "old", endpoint(homes))
    hosting = Hosting.real_time(instance_type="ml.g5.xlarge", initial_instance_count=2)
    new = synthesize(tmp_path / "new", endpoint(other_homes, change, hosting=hosting))
    assert steady(report_markdown(compare(old, new))) == snapshot
