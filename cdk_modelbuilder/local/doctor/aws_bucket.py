"""Is the bucket there, where the endpoint is to be, and may it be read and written."""

from __future__ import annotations

from collections.abc import Iterator

from cdk_modelbuilder.local.doctor.aws_account import AwsAccount
from cdk_modelbuilder.local.doctor.aws_asking import asking, not_simulated
from cdk_modelbuilder.local.doctor.aws_failures import DENIED, code_of, failure
from cdk_modelbuilder.local.doctor.aws_simulation import Wish, denied
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome


def _bucket(account: AwsAccount, _: Circumstances) -> Iterator[Finding]:
    name, bucket = "aws-bucket", account.question.bucket
    if not bucket:
        return
    try:
        head = account.client("s3").head_bucket(Bucket=bucket)
    except Exception as error:  # noqa: BLE001 - whatever botocore raises is worded
        yield _bucket_failure(name, bucket, error, account)
        return
    region = head.get("BucketRegion") or head["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    if region and account.region and region != account.region:
        yield Finding(
            name,
            Outcome.FAILURE,
            f"bucket {bucket} is in {region} and the endpoint in {account.region}: SageMaker reads its own region's.",
            f"Name a bucket in {account.region}, or deploy to {region}.",
        )
    arn = f"arn:{account.caller().partition}:s3:::{bucket}/*"
    try:
        refused = denied(account, [Wish(("s3:GetObject", "s3:PutObject"), arn)])
    except Exception as error:  # noqa: BLE001
        yield Finding(name, Outcome.OK, f"bucket {bucket} is there and may be listed.")
        yield not_simulated(name, error, account, f"whether objects of {bucket} may be read and written")
        return
    actions = {action for action, _, _ in refused}
    if "s3:GetObject" in actions:
        yield Finding(
            name,
            Outcome.FAILURE,
            f"s3:GetObject is not allowed on {arn}: {refused[0][2]}.",
            "Allow it to this user or role, and to the endpoint's.",
        )
    elif actions:
        yield Finding(
            name,
            Outcome.WARNING,
            f"bucket {bucket} may be read, but not written: {refused[0][2]}.",
            "Allow s3:PutObject to publish.",
        )
    else:
        yield Finding(name, Outcome.OK, f"bucket {bucket} may be read and written.")


def _bucket_failure(name: str, bucket: str, error: Exception, account: AwsAccount) -> Finding:
    code = code_of(error)
    if code in {"404", "NoSuchBucket"}:
        return Finding(name, Outcome.FAILURE, f"there is no bucket {bucket}.", "Check its name.", ("aws s3 ls",))
    if code in DENIED:
        return Finding(
            name,
            Outcome.FAILURE,
            f"bucket {bucket} may not be listed, or belongs to another account that does not allow it.",
            f"Allow s3:ListBucket on arn:{account.caller().partition}:s3:::{bucket} to this user or role.",
        )
    return failure(name, error, account, doing=f"looking for bucket {bucket}")


CHECK = Check(
    "aws-bucket",
    "AWS",
    "is the bucket (`--bucket`) there, in the endpoint's region, and may it be read and written",
    "names the action and the ARN to allow",
    asking("aws-bucket", "--bucket", _bucket),
)
