"""Deploying templates inside the test process: no CLI, no server, a few tenths of a second."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from tests.aws_stand_in.environment import ACCOUNT, CREDENTIALS, REGION
from tests.aws_stand_in.front import FRONT

# What `cdk bootstrap` leaves behind, as far as templates and assets refer to it.
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
ASSET_BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"


class StackFailed(AssertionError):  # noqa: N818 - an assertion, not an error of the program
    """A stack was rolled back. The text is the reason that CloudFormation gives."""


@functools.cache  # making one takes longer than all that most tests do with it
def client(service: str) -> Any:
    """A boto3 client for use inside `mended_aws()`; outside of it, it would reach for AWS with keys that are none."""
    import boto3

    session = boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    return session.client(service)


@contextlib.contextmanager
def mended_aws(*, any_model_data: bool = True, sagemaker_runtime: str | None = None) -> Iterator[None]:
    """Answer boto3 in this process from a mended, bootstrapped and otherwise empty account.

    Moto stays mended for the rest of the process.

    Args:
        any_model_data: Let a SageMaker model name an archive that is not in S3. AWS does not; pass False, and
            publish assets with `create_stack(..., assets=...)`, where that matters.
        sagemaker_runtime: URL that functions of custom resources find the SageMaker Runtime at, such as that of
            `SageMakerRuntime`. Default: moto's canned answers.
    """
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **CREDENTIALS}
    with mock.patch.dict(os.environ, environment, clear=True), _mock() as must_exist:
        client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="30", Type="String")
        client("s3").create_bucket(Bucket=ASSET_BUCKET)
        must_exist(not any_model_data)
        FRONT.sagemaker_runtime = sagemaker_runtime
        try:
            yield
        finally:
            FRONT.close()
            must_exist(False)


@contextlib.contextmanager
def _mock() -> Iterator[Callable[[bool], None]]:
    # Moto asks boto3 for the regions when it is imported, and boto3 fails on a profile that it cannot find.
    from tests.aws_stand_in.mending import mend

    mend()

    import moto
    from moto.core.models import MockAWS

    from tests.aws_stand_in.mending.model_data import must_exist

    if MockAWS._nested_count:
        raise RuntimeError("moto is active already: this would be the same account, not an empty one")
    with moto.mock_aws():
        yield must_exist


def create_stack(
    template: Mapping[str, Any],
    *,
    name: str = "stack",
    parameters: Mapping[str, str] | None = None,
    assets: Path | None = None,
) -> dict[str, str]:
    """Create a stack inside `mended_aws()`.

    Args:
        template: A template, such as `Template.from_stack(stack).to_json()`.
        name: The stack's name.
        parameters: Values of its parameters.
        assets: A cdk.out folder whose assets to publish first; no Docker images.

    Returns:
        The stack's outputs.

    Raises:
        StackFailed: The stack was rolled back.
    """
    return _execute("create_stack", "CREATE_COMPLETE", template, name, parameters, assets)


def update_stack(
    template: Mapping[str, Any],
    *,
    name: str = "stack",
    parameters: Mapping[str, str] | None = None,
    assets: Path | None = None,
) -> dict[str, str]:
    """Update a stack; see `create_stack`."""
    return _execute("update_stack", "UPDATE_COMPLETE", template, name, parameters, assets)


def _execute(
    call: str,
    wanted: str,
    template: Mapping[str, Any],
    name: str,
    parameters: Mapping[str, str] | None,
    assets: Path | None,
) -> dict[str, str]:
    if assets is not None:
        _publish(assets)
    cloudformation = client("cloudformation")
    getattr(cloudformation, call)(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()],
    )
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    if stack["StackStatus"] != wanted:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        of_stack = [e for e in events if e["PhysicalResourceId"] == stack["StackId"]]
        reasons = [e["ResourceStatusReason"] for e in of_stack if e["ResourceStatus"].endswith("_FAILED")]
        raise StackFailed(f"{stack['StackStatus']}: {'; '.join(reasons)}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _publish(assets: Path) -> None:
    s3 = client("s3")
    for manifest in assets.glob("*.assets.json"):
        for file in json.loads(manifest.read_text())["files"].values():
            source = assets / file["source"]["path"]
            body = source.read_bytes() if file["source"]["packaging"] == "file" else _zipped(source)
            for place in file["destinations"].values():
                bucket = place["bucketName"].replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)
                s3.put_object(Bucket=bucket, Key=place["objectKey"], Body=body)


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return content.getvalue()
