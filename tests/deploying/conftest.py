"""One stand-in and one bootstrapped account a session; two bundles of lines, which are quick to make."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from cdk_modelbuilder.deploying.account import BOOTSTRAP_PARAMETER
from tests.aws_stand_in import ACCOUNT, REGION, AwsStandIn
from tests.aws_stand_in.cdk_cli import REPOSITORY, CdkCliMissing, _jsii_cache, _script
from tests.conftest import MASTER_KEY

PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check. Please check "
    "CloudWatch logs for this endpoint."
)


@pytest.fixture(scope="session")
def line_bundles(tmp_path_factory):
    """Two bundles of one name, each of a line: y = x + 2 z, and y = x + 3 z."""
    from sklearn.linear_model import LinearRegression

    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    X = np.arange(12, dtype=float).reshape(6, 2)

    def made(slope):
        y = X @ [1.0, slope]
        return ModelBuilder(
            model=LinearRegression().fit(X, y),
            schema_builder=SchemaBuilder(X[:3], y[:3]),
            name="lines",
            model_path=tmp_path_factory.mktemp("bundles") / "lines",
            signing_key=MASTER_KEY,
            dependencies={"auto": False},
        ).build()

    return SimpleNamespace(first=made(2.0), second=made(3.0), X=X)


@pytest.fixture(scope="session")
def stand_in():
    """A server whose account is bootstrapped, as far as deployments refer to it."""
    with AwsStandIn() as aws:
        bootstrap(aws)
        yield aws


def bootstrap(aws):
    aws.client("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value="30", Type="String", Overwrite=True)
    aws.client("s3").create_bucket(Bucket=f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}")


@pytest.fixture
def aws(stand_in, monkeypatch, tmp_path):
    """The stand-in as the AWS of this process, which works in a folder of its own with the repository's CDK CLI."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "CDK_"))]:
        monkeypatch.delenv(name)
    for name, value in stand_in.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(_jsii_cache()))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node_modules").symlink_to(REPOSITORY / "node_modules")
    try:
        _script()
    except CdkCliMissing as missing:
        pytest.skip(str(missing))
    stand_in.reset()
    bootstrap(stand_in)
    return stand_in


@pytest.fixture
def starts(aws):
    """Say how the next endpoints come up; see the stand-in's `endpoint_starts`."""

    def say(**how):
        parameter = {"Name": "/stand-in/endpoint-start", "Value": json.dumps(how), "Type": "String"}
        aws.client("ssm").put_parameter(**parameter, Overwrite=True)

    return say
