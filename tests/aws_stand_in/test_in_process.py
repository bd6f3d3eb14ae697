"""The in-process account: what it hides, what it checks, and that it is one at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aws_stand_in import StackFailed, client, create_stack, mended_aws
from tests.aws_stand_in.in_process import ASSET_BUCKET


def model(**source):
    container = {"Image": "image:1", "ModelDataSource": {"S3DataSource": source}}
    return {"Resources": {"Model": {"Type": "AWS::SageMaker::Model", "Properties": {"PrimaryContainer": container}}}}


def test_importing_the_package_does_not_import_moto():
    code = "import sys, tests.aws_stand_in; sys.exit('moto' in sys.modules or 'boto3' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


def test_the_callers_profile_is_hidden_and_comes_back(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "work")
    with mended_aws():
        assert "AWS_PROFILE" not in os.environ
        assert client("sts").get_caller_identity()["Account"]
    assert os.environ["AWS_PROFILE"] == "work"


def test_an_account_is_empty_and_there_is_one_at_a_time():
    for _ in range(2):
        with mended_aws():
            assert not client("secretsmanager").list_secrets()["SecretList"]
            client("secretsmanager").create_secret(Name="left", SecretString="x")
            with pytest.raises(RuntimeError, match="active already"), mended_aws():
                pass


def test_model_data_must_be_published(tmp_path):
    uri = f"s3://{ASSET_BUCKET}/abc.tar.gz"
    template = model(S3Uri=uri, S3DataType="S3Object", CompressionType="Gzip")
    place = {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "abc.tar.gz"}
    files = {"abc": {"source": {"path": "asset.abc", "packaging": "file"}, "destinations": {"here": place}}}
    (tmp_path / "stack.assets.json").write_text(json.dumps({"files": files}))
    (tmp_path / "asset.abc").write_bytes(b"weights")
    with mended_aws(any_model_data=False):
        with pytest.raises(StackFailed, match=f"Could not find model data at {uri}"):
            create_stack(template, name="failing")
        create_stack(template, assets=tmp_path)
        assert client("s3").get_object(Bucket=ASSET_BUCKET, Key="abc.tar.gz")["Body"].read() == b"weights"
    with mended_aws():
        create_stack(template)


def test_model_data_may_be_a_prefix():
    template = model(S3Uri=f"s3://{ASSET_BUCKET}/model/", S3DataType="S3Prefix", CompressionType="None")
    with mended_aws(any_model_data=False):
        with pytest.raises(StackFailed, match="Could not find model data"):
            create_stack(template, name="failing")
        client("s3").put_object(Bucket=ASSET_BUCKET, Key="model/weights", Body=b"w")
        create_stack(template)
