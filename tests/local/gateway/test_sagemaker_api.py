"""DescribeEndpoint and its kin, and boto3's waiters."""

from __future__ import annotations

import threading

import pytest

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.gateway import LocalGateway, host_bundles
from tests.local.gateway.conftest import client
from tests.local.gateway.scripted import ScriptedStart
from tests.predictor.scripted_container import Reply


@pytest.fixture(scope="session")
def sagemaker(gateway):
    found = client(gateway.url, "sagemaker")
    yield found
    found.close()


def test_what_an_endpoint_is(sagemaker):
    found = sagemaker.describe_endpoint(EndpointName="moody")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "moody")
    assert found["EndpointArn"] == "arn:aws:sagemaker:us-east-1:000000000000:endpoint/moody"
    (variant,) = found["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["CurrentWeight"]) == ("AllTraffic", 1, 1)
    assert found["CreationTime"].year > 2020


def test_what_its_configuration_and_its_model_are(sagemaker, moody):
    config = sagemaker.describe_endpoint_config(EndpointConfigName="moody")
    assert config["ProductionVariants"][0]["ModelName"] == "moody"
    model = sagemaker.describe_model(ModelName="moody")
    environment = model["PrimaryContainer"]["Environment"]
    assert environment["MODELBUILDER_ROOT_SHA256"] == moody.root_sha256
    assert not set(environment) & set(moody.container.secret_environment)


def test_lists(sagemaker):
    assert {one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]} == {"moody", "speller"}
    named = sagemaker.list_endpoints(NameContains="SPELL", StatusEquals="InService")["Endpoints"]
    assert [one["EndpointName"] for one in named] == ["speller"]
    pages = sagemaker.get_paginator("list_endpoints").paginate(
        SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 1}
    )
    assert [one["EndpointName"] for page in pages for one in page["Endpoints"]] == ["moody", "speller"]
    assert sagemaker.list_inference_components()["InferenceComponents"] == []


@pytest.mark.parametrize(
    ("operation", "parameter"),
    [
        ("describe_endpoint", "EndpointName"),
        ("describe_endpoint_config", "EndpointConfigName"),
        ("describe_model", "ModelName"),
        ("describe_inference_component", "InferenceComponentName"),
        ("delete_endpoint", "EndpointName"),
    ],
)
def test_what_is_not_there(sagemaker, operation, parameter):
    with pytest.raises(sagemaker.exceptions.ClientError, match=r'ValidationException.*Could not find .*/nothing"'):
        getattr(sagemaker, operation)(**{parameter: "nothing"})


def test_operations_that_local_mode_does_not_have(sagemaker):
    with pytest.raises(sagemaker.exceptions.ClientError, match=r"Local mode knows DescribeEndpoint, .*not ListModels"):
        sagemaker.list_models()


def test_waiters_see_an_endpoint_come_and_go(moody):
    gate = threading.Event()
    scripted = ScriptedStart(Reply(body=b"7"))

    def start(*arguments, **options):
        gate.wait(30)
        return scripted(*arguments, **options)

    gateway = LocalGateway(host_bundles([moody]), start=start)
    sagemaker, runtime = client(gateway.url, "sagemaker"), client(gateway.url)
    try:
        gateway.begin()
        assert sagemaker.describe_endpoint(EndpointName="moody")["EndpointStatus"] == "Creating"
        with pytest.raises(runtime.exceptions.ValidationError, match="not found"):
            runtime.invoke_endpoint(EndpointName="moody", Body=b"x")
        threading.Timer(0.3, gate.set).start()
        fast = {"Delay": 1, "MaxAttempts": 30}
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="moody", WaiterConfig=fast)
        assert runtime.invoke_endpoint(EndpointName="moody", Body=b"x")["Body"].read() == b"7"
        sagemaker.delete_endpoint(EndpointName="moody")
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="moody", WaiterConfig=fast)
        assert gateway.endpoints == ()
        assert not scripted.copies[0].is_running()
    finally:
        gate.set()
        gateway.stop()
        sagemaker.close()
        runtime.close()


def test_an_endpoint_whose_copies_do_not_start(moody):
    def start(*arguments, **options):
        raise LocalEndpointError("the server ended with status 3.", remedy="See its log.")

    gateway = LocalGateway(host_bundles([moody]), start=start)
    sagemaker = client(gateway.url, "sagemaker")
    try:
        gateway.begin()
        with pytest.raises(LocalEndpointError, match=r"endpoint moody did not start: the server ended with status 3\."):
            gateway.wait_until_in_service()
        found = sagemaker.describe_endpoint(EndpointName="moody")
        assert (found["EndpointStatus"], found["FailureReason"]) == (
            "Failed",
            "the server ended with status 3. See its log.",
        )
    finally:
        gateway.stop()
        sagemaker.close()
    with pytest.raises(LocalEndpointError, match="status 3"), LocalGateway(host_bundles([moody]), start=start):
        pass
