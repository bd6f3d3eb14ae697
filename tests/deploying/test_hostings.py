"""deploy() for each kind of hosting and each place of model data, with the real CDK CLI against the stand-in."""

import pytest
from sklearn.linear_model import LinearRegression

from cdk_modelbuilder import EndpointType, Mode, ModelBuilder, ResourceRequirements, SchemaBuilder
from tests.aws_stand_in import ACCOUNT, REGION
from tests.conftest import MASTER_KEY

pytestmark = pytest.mark.heavy
COPIES = ResourceRequirements(requests={"memory": 1024, "copies": 2}, limits={})
PARTS = {"resources": COPIES, "endpoint_type": EndpointType.INFERENCE_COMPONENT_BASED}
CDKS_BUCKET = f"s3://cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"


@pytest.mark.parametrize(
    ("built", "deployed", "instances", "data"),
    [
        ({"archive": False}, {}, "1 x ml.c6i.large", f"{CDKS_BUCKET}/cdk-modelbuilder/"),
        ({}, {"bucket": "mine", "prefix": "models"}, "1 x ml.c6i.large", "s3://mine/models/"),
        ({}, {"serverless": {"memory_mib": 3072}}, "serverless, 3072 MB", CDKS_BUCKET),
        ({}, {"hosting": "async", "instance_type": "ml.m5.large"}, "1 x ml.m5.large", CDKS_BUCKET),
        ({}, PARTS, "1 x ml.c6i.large", CDKS_BUCKET),
    ],
    ids=["folder", "bucket", "serverless", "async", "components"],
)
def test_each_kind_is_deployed_and_destroyed(aws, line_bundles, tmp_path, built, deployed, instances, data):
    X = line_bundles.X
    y = X @ [1.0, 2.0]
    aws.client("s3").create_bucket(Bucket="mine")
    bundle = ModelBuilder(
        model=LinearRegression().fit(X, y),
        schema_builder=SchemaBuilder(X[:3], y[:3]),
        name="kinds",
        model_path=tmp_path / "build" / "kinds",
        signing_key=MASTER_KEY,
        dependencies={"auto": False},
        **built,
    ).build()
    quiet = {"on_progress": lambda _: None, "on_log": lambda _: None, "poll_seconds": 0.1}
    predictor = bundle.deploy(mode=Mode.SAGEMAKER_ENDPOINT, **deployed, **quiet)
    status = predictor.deployment.status()
    assert status.endpoint_status == "InService"
    assert status.root_sha256 == bundle.root_sha256
    assert status.instances == {"AllTraffic": instances}
    (model,) = aws.client("sagemaker").list_models()["Models"]
    container = aws.client("sagemaker").describe_model(ModelName=model["ModelName"])["PrimaryContainer"]
    source = container.get("ModelDataUrl") or container["ModelDataSource"]["S3DataSource"]["S3Uri"]
    assert source.startswith(data)
    if deployed is PARTS:
        assert list(status.components.values()) == ["InService"]
        assert next(iter(status.components)) in repr(predictor)
    if deployed.get("hosting") == "async":
        bucket, _, prefix = predictor.deployment.async_input.removeprefix("s3://").partition("/")
        assert prefix == "requests"
        assert bucket in [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]]
    predictor.delete_endpoint()
    assert aws.client("sagemaker").list_endpoints()["Endpoints"] == []
