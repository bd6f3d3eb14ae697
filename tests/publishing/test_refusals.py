"""What goes wrong between here and the bucket, in words, and what publishing asks of IAM."""

from __future__ import annotations

import json
import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import ClientError

from cdk_modelbuilder.errors import PublishError, UsageError
from cdk_modelbuilder.publishing import artifact_key, publish
from cdk_modelbuilder.publishing.bucket import Bucket
from cdk_modelbuilder.publishing.failures import OtherPublisherError, failure
from cdk_modelbuilder.publishing.permissions import ACTION_OF_OPERATION, BUCKET_ACTIONS, OBJECT_ACTIONS
from tests.publishing.test_publish import FORMS


def deny(s3, bucket: str, action: str) -> None:
    statement = {
        "Sid": "NotThis",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_no_such_bucket(tumour_bundle, s3):
    with pytest.raises(PublishError, match=r"there is no bucket nowhere-at-all\. Check the name") as refused:
        publish(tumour_bundle, bucket="nowhere-at-all")
    assert refused.value.exit_code == 1


def test_a_bucket_in_another_region(tumour_bundle, s3):
    s3.create_bucket(Bucket="in-ireland", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with pytest.raises(UsageError, match=r"in-ireland is in eu-west-1, not in us-east-1.*the endpoint's own region"):
        publish(tumour_bundle, bucket="in-ireland", region="us-east-1")
    assert publish(tumour_bundle, bucket="in-ireland", region="eu-west-1").region == "eu-west-1"
    assert publish(tumour_bundle, bucket="in-ireland").region == "eu-west-1"


@pytest.mark.parametrize("action", sorted({*BUCKET_ACTIONS, *OBJECT_ACTIONS} - {"s3:AbortMultipartUpload"}))
def test_a_refusal_names_the_action(large_bundle, bucket, s3, action):
    key = artifact_key(large_bundle.artifact_digest)
    s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")
    deny(s3, bucket, action)
    where = f"the bucket {bucket}" if action in BUCKET_ACTIONS else f"s3://{bucket}/{key}"
    with pytest.raises(PublishError, match=rf"Allow {action} on {where}\..*grant_publish\(\)"):
        publish(large_bundle, bucket=bucket)


def test_what_is_asked_of_iam_is_what_is_granted(large_bundle, tumour_bundle, bucket, s3, monkeypatch):
    """Every kind of publication there is, with the operations that boto3 sends."""
    asked: set[str] = set()
    session = boto3.Session()
    session.events.register("before-call.s3", lambda model, **_: asked.add(model.name))
    keys = {form: artifact_key(large_bundle.artifact_digest, form=form) for form in FORMS}
    s3.create_multipart_upload(Bucket=bucket, Key=keys["archive"], ChecksumAlgorithm="SHA256")
    s3.put_object(Bucket=bucket, Key=keys["folder"] + "empty", Body=b"")
    for bundle in (tumour_bundle, large_bundle):
        for form in FORMS:
            publish(bundle, bucket=bucket, form=form, session=session)

    def take(step: str, done: int, total: int) -> None:  # so that an upload has to be given up
        if step == "uploading" and done == total:
            publish(large_bundle, bucket=bucket, prefix="other")

    publish(large_bundle, bucket=bucket, prefix="other", session=session, progress=take)
    assert asked == set(ACTION_OF_OPERATION)
    assert {*BUCKET_ACTIONS, *OBJECT_ACTIONS} == set(ACTION_OF_OPERATION.values())


def test_the_account_that_has_to_own_the_bucket_is_named_in_every_request(large_bundle, bucket):
    owners: set[str | None] = set()
    session = boto3.Session()
    session.events.register(
        "before-call.s3", lambda params, **_: owners.add(params["headers"].get("x-amz-expected-bucket-owner"))
    )
    publish(large_bundle, bucket=bucket, session=session, expected_bucket_owner="123456789012")
    publish(large_bundle, bucket=bucket, form="folder", session=session, expected_bucket_owner="123456789012")
    assert owners == {"123456789012"}


def test_no_credentials(tumour_bundle, bucket, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(PublishError, match=r"no AWS credentials for s3://.*Log in"):
        publish(tumour_bundle, bucket=bucket)


def test_a_profile_that_there_is_not(tumour_bundle, bucket, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match=r"AWS's settings here are wrong.*nobody"):
        publish(tumour_bundle, bucket=bucket)


def test_nobody_there(tumour_bundle, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("cdk_modelbuilder.publishing.bucket._ATTEMPTS", 1)
    with pytest.raises(PublishError, match=r"got no answer.*Check the network\. Publish again: it goes on"):
        publish(tumour_bundle, bucket=bucket)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "does not accept the credentials"),
        ("KMS.DisabledException", "KMS key cannot be used"),
        ("SlowDown", "failed: words (SlowDown). Publish again"),
        ("AccessDenied", "Allow s3:PutObject on s3://b/k"),
    ],
)
def test_other_answers(code, words):
    error = ClientError({"Error": {"Code": code, "Message": "words"}}, "PutObject")
    assert words in str(failure(error, "PutObject", "s3://b/k"))


def test_a_refusal_by_kms_names_its_actions():
    message = "User: x is not authorized to perform: kms:GenerateDataKey on this resource"
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "PutObject")
    assert "kms:Decrypt and kms:GenerateDataKey" in str(failure(error, "PutObject", "s3://b/k"))


def test_without_boto3(tumour_bundle):
    code = (
        "import sys; sys.modules['boto3'] = None\n"
        "from cdk_modelbuilder.publishing import publish\n"
        f"publish({str(tumour_bundle.path)!r}, bucket='artifacts')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "UsageError: publishing needs boto3, which is not installed. Run: pip install" in run.stderr


@pytest.mark.slow
def test_long_lists_come_in_pages(s3, bucket):
    opened = Bucket.open(bucket, region=None, owner=None, kms_key_id=None, connections=1)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big", ChecksumAlgorithm="SHA256")["UploadId"]
    for number in range(1, 1200):
        s3.upload_part(
            Bucket=bucket, Key="big", UploadId=upload, PartNumber=number, Body=b"x", ChecksumAlgorithm="SHA256"
        )
        s3.put_object(Bucket=bucket, Key=f"many/{number}", Body=b"")
    assert list(opened.parts("big", upload)) == list(range(1, 1200))
    assert opened.keys("many/") == {f"many/{number}" for number in range(1, 1200)}
    assert opened.unfinished("bi") == {"big": [upload]}
    opened.abort("big", upload)
    opened.abort("big", upload)
    with pytest.raises(OtherPublisherError):
        opened.parts("big", upload)
