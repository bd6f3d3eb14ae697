"""Custom resources: the real code of a stack's own Lambda function runs, and CloudFormation believes its answer."""

from __future__ import annotations

import json
import zipfile

import pytest

from tests.aws_stand_in import StackFailed, client, create_stack, mended_aws, update_stack
from tests.aws_stand_in.in_process import ASSET_BUCKET

pytestmark = pytest.mark.heavy  # what it proves of the stand-in, the tests of the golden gate lean on in every run

# Tells an SQS queue what it was asked, and answers as the properties say.
PROVIDER = """
import json, os, time, urllib.request
import boto3

def answer(event, **said):
    body = {"Status": "SUCCESS", "StackId": event["StackId"], "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "PhysicalResourceId": event.get("PhysicalResourceId", "first"), **said}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=10).close()

def handler(event, context):
    asked = {k: v for k, v in event.items() if k != "ResponseURL"}
    told = {"asked": asked, "greeting": os.environ["GREETING"], "left": context.get_remaining_time_in_millis()}
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(told))
    print("asked to", event["RequestType"])
    todo = event["ResourceProperties"].get(event["RequestType"], "succeed")
    if todo == "raise":
        raise RuntimeError("out of order")
    if todo == "sleep":
        time.sleep(60)
    elif todo == "fail":
        answer(event, Status="FAILED", Reason="the golden answer differs")
    elif todo == "long":
        answer(event, Data={"text": "x" * 5000})
    elif todo == "other":
        answer(event, RequestId="another")
    elif todo == "nameless":
        answer(event, PhysicalResourceId=None)
    elif todo.startswith("as "):
        answer(event, PhysicalResourceId=todo[3:])
    else:
        answer(event, Data={"Verdict": "equal"})
"""


@pytest.fixture
def queue():
    with mended_aws():
        yield client("sqs").create_queue(QueueName="told")["QueueUrl"]


def template(queue, code=None, *, timeout=20, handler="index.handler", outputs=True, more=None, **properties):
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": handler,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": timeout,
                "Code": code or {"ZipFile": PROVIDER},
                "Environment": {"Variables": {"QUEUE": queue, "GREETING": "hello"}},
            },
        },
        "Gate": {
            "Type": "Custom::Gate",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, **properties},
        },
        **(more or {}),
    }
    shown = {
        "Gate": {"Value": {"Ref": "Gate"}},
        "Verdict": {"Value": {"Fn::GetAtt": ["Gate", "Verdict"]}},
    }
    return {"Resources": resources, "Outputs": shown if outputs else {}}


def told(queue):
    """What the function was asked since the last time."""
    sqs, found = client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def requests(queue):
    return [(entry["asked"]["RequestType"], entry["asked"].get("PhysicalResourceId")) for entry in told(queue)]


def status(name="stack"):
    return client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


def test_function_is_asked_and_its_answer_is_the_resource(queue):
    outputs = create_stack(template(queue, Limit=5, Strict=True, Nested={"Values": [1.5, None]}))
    assert outputs == {"Gate": "first", "Verdict": "equal"}
    (only,) = told(queue)
    assert only["greeting"] == "hello"
    assert 0 < only["left"] <= 20_000
    asked = only["asked"]
    assert asked["RequestType"] == "Create"
    assert asked["ResourceType"] == "Custom::Gate"
    assert asked["LogicalResourceId"] == "Gate"
    assert asked["StackId"].startswith("arn:aws:cloudformation:")
    properties = asked["ResourceProperties"]
    assert properties.pop("ServiceToken").startswith("arn:aws:lambda:")
    # Numbers and booleans reach a provider as text.
    assert properties == {"Limit": "5", "Strict": "true", "Nested": {"Values": ["1.5", None]}}


def test_what_it_prints_is_in_its_log_group(queue):
    create_stack(template(queue))
    function = client("lambda").list_functions()["Functions"][0]["FunctionName"]
    events = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    assert "asked to Create" in [event["message"] for event in events]


def test_update_and_delete_are_asked_for(queue):
    create_stack(template(queue, Digest="one"))
    update_stack(template(queue, Digest="two"))
    client("cloudformation").delete_stack(StackName="stack")
    first, second, third = told(queue)
    assert first["asked"]["RequestType"] == "Create"
    assert second["asked"]["RequestType"] == "Update"
    assert second["asked"]["ResourceProperties"]["Digest"] == "two"
    assert second["asked"]["OldResourceProperties"]["Digest"] == "one"
    assert (third["asked"]["RequestType"], third["asked"]["PhysicalResourceId"]) == ("Delete", "first")


def test_the_type_of_cloudformations_own_is_the_same(queue):
    whole = template(queue)
    whole["Resources"]["Gate"]["Type"] = "AWS::CloudFormation::CustomResource"
    assert create_stack(whole)["Verdict"] == "equal"


def test_unchanged_resource_is_not_asked_again(queue):
    create_stack(template(queue))
    update_stack(template(queue, more={"Other": {"Type": "AWS::SNS::Topic"}}))
    assert requests(queue) == [("Create", None)]


def test_new_code_of_the_function_is_what_runs(queue):
    create_stack(template(queue, Digest="one"))
    changed = {"ZipFile": PROVIDER.replace('"equal"', '"still equal"')}
    assert update_stack(template(queue, changed, Digest="two"))["Verdict"] == "still equal"


def test_new_physical_id_deletes_the_old_one_last(queue):
    create_stack(template(queue, Digest="one"))
    update_stack(template(queue, outputs=False, Update="as second"))
    assert requests(queue) == [("Create", None), ("Update", "first"), ("Delete", "first")]
    client("cloudformation").delete_stack(StackName="stack")
    assert requests(queue) == [("Delete", "second")]


def test_failed_creation_fails_the_stack_and_deletes_it(queue):
    with pytest.raises(StackFailed) as caught:
        create_stack(template(queue, Create="fail"))
    assert str(caught.value) == (
        "ROLLBACK_COMPLETE: Received response status [FAILED] from custom resource. "
        "Message returned: the golden answer differs"
    )
    assert requests(queue) == [("Create", None), ("Delete", "first")]
    assert client("lambda").list_functions()["Functions"] == []


@pytest.mark.parametrize(
    ("todo", "reason"),
    [
        ("raise", "did not receive a response from your custom resource"),
        ("long", "Response object is too long"),
        ("other", "RequestId is 'another', not the request's"),
        ("nameless", "Invalid PhysicalResourceId"),
    ],
)
def test_answer_that_is_none_fails_the_resource(queue, todo, reason):
    with pytest.raises(StackFailed, match=reason):
        create_stack(template(queue, Create=todo))


@pytest.mark.parametrize("limit", ["function", "service"])
def test_time_limit_fails_the_resource(queue, limit):
    options = {"timeout": 1} if limit == "function" else {"ServiceTimeout": 1}
    with pytest.raises(StackFailed, match="did not receive a response"):
        create_stack(template(queue, Create="sleep", **options))
    streams = client("logs").describe_log_groups()["logGroups"]
    events = client("logs").filter_log_events(logGroupName=streams[0]["logGroupName"])["events"]
    assert "Task timed out after 1.00 seconds" in [event["message"] for event in events]


def model(archive):
    container = {"Image": "image:1", "ModelDataUrl": f"s3://bucket/{archive}.tar.gz"}
    return {"Type": "AWS::SageMaker::Model", "Properties": {"PrimaryContainer": container}}


def gated(queue, archive, **properties):
    """A gate that looks at an endpoint, in a stack as ours are."""
    variant = {
        "VariantName": "v",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InitialVariantWeight": 1,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    config = {"ProductionVariants": [variant]}
    endpoint = {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}}
    more = {
        "Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": endpoint},
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": config},
        "Model": model(archive),
    }
    name = {"Fn::GetAtt": ["Endpoint", "EndpointName"]}
    return template(queue, more=more, outputs=False, Endpoint=name, Digest=archive, **properties)


def deployed():
    sagemaker = client("sagemaker")
    (endpoint,) = sagemaker.list_endpoints()["Endpoints"]
    config = sagemaker.describe_endpoint(EndpointName=endpoint["EndpointName"])["EndpointConfigName"]
    (described,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    data = sagemaker.describe_model(ModelName=described["ModelName"])["PrimaryContainer"]["ModelDataUrl"]
    return data, len(sagemaker.list_models()["Models"]), len(sagemaker.list_endpoint_configs()["EndpointConfigs"])


def test_failed_update_brings_back_what_was_there(queue):
    create_stack(gated(queue, "one"))
    before = told(queue)[0]["asked"]["ResourceProperties"]
    with pytest.raises(StackFailed, match=r"UPDATE_ROLLBACK_COMPLETE: .*the golden answer differs"):
        update_stack(gated(queue, "two", Update="fail"))
    assert deployed() == ("s3://bucket/one.tar.gz", 1, 1)
    forward, back = (entry["asked"] for entry in told(queue))
    # The resource that failed is told of the way back too, after the endpoint has gone it.
    assert forward["ResourceProperties"]["Digest"] == "two"
    assert (back["RequestType"], back["PhysicalResourceId"]) == ("Update", "first")
    assert back["ResourceProperties"] == before
    update_stack(gated(queue, "three"))
    assert deployed() == ("s3://bucket/three.tar.gz", 1, 1)


def test_failing_way_back_is_its_own_status(queue):
    create_stack(gated(queue, "one", Update="fail"))
    with pytest.raises(StackFailed, match="UPDATE_ROLLBACK_FAILED"):
        update_stack(gated(queue, "two", Update="fail"))


def test_later_failure_takes_back_a_new_physical_id(queue):
    create_stack(template(queue, outputs=False))
    policy = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/none/variant/v", "MinCapacity": 1}
    more = {
        "Late": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {**policy, "MaxCapacity": 2, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"},
            "DependsOn": "Gate",
        }
    }
    with pytest.raises(StackFailed, match="does not exist"):
        update_stack(template(queue, outputs=False, more=more, Update="as second"))
    assert requests(queue) == [("Create", None), ("Update", "first"), ("Update", "second")]
    client("cloudformation").delete_stack(StackName="stack")
    assert requests(queue) == [("Delete", "second")]


def test_failed_deletion_keeps_the_stack_and_its_function(queue):
    create_stack(template(queue, Delete="fail"))
    client("cloudformation").delete_stack(StackName="stack")
    assert status() == "DELETE_FAILED"
    assert len(client("lambda").list_functions()["Functions"]) == 1


def test_failed_clean_up_does_not_fail_an_update(queue):
    create_stack(template(queue, Delete="fail"))
    rest = template(queue)
    del rest["Resources"]["Gate"], rest["Outputs"]
    update_stack(rest)
    events = client("cloudformation").describe_stack_events(StackName="stack")["StackEvents"]
    (failed,) = (event for event in events if event["ResourceStatus"] == "DELETE_FAILED")
    assert "the golden answer differs" in failed["ResourceStatusReason"]


def test_service_token_cannot_change(queue):
    create_stack(template(queue))
    other = template(queue)
    other["Resources"]["Second"] = other["Resources"]["Function"]
    other["Resources"]["Gate"]["Properties"]["ServiceToken"] = {"Fn::GetAtt": ["Second", "Arn"]}
    with pytest.raises(StackFailed, match="Modifying service token is not allowed"):
        update_stack(other)


def test_missing_attribute_fails(queue):
    with pytest.raises(StackFailed, match="Vendor response doesn't contain Verdict"):
        create_stack(template(queue, Create="as mine"))


def test_code_in_an_asset(queue, tmp_path):
    (tmp_path / "code" / "inner").mkdir(parents=True)
    (tmp_path / "code" / "inner" / "gate.py").write_text(PROVIDER)
    place = {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "code.zip"}
    files = {"code": {"source": {"path": "code", "packaging": "zip"}, "destinations": {"here": place}}}
    (tmp_path / "stack.assets.json").write_text(json.dumps({"files": files}))
    code = {"S3Bucket": ASSET_BUCKET, "S3Key": "code.zip"}
    assert create_stack(template(queue, code, handler="inner.gate.handler"), assets=tmp_path)["Verdict"] == "equal"


def test_functions_have_what_aws_gives_them_and_no_more(queue):
    for module in ("numpy", "cdk_modelbuilder", "tests"):
        code = {"ZipFile": f"import {module}\n{PROVIDER}"}
        with pytest.raises(StackFailed, match="did not receive"):
            create_stack(template(queue, code), name=module.replace("_", "-"))
        (group,) = client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{module[:3]}")["logGroups"]
        events = client("logs").filter_log_events(logGroupName=group["logGroupName"])["events"]
        assert f"No module named '{module}'" in "".join(event["message"] for event in events)


def test_endpoints_are_called_where_the_test_says():
    code = """
import json, os, urllib.request, cfnresponse
def handler(event, context):
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {
        "Verdict": os.environ.get("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "none")}, "id")
"""
    for url in ("http://127.0.0.1:1", None):
        with mended_aws(sagemaker_runtime=url):
            assert create_stack(template("queue", {"ZipFile": code}))["Verdict"] == (url or "none")


def test_functions_of_other_runtimes_are_recorded_as_before(queue):
    whole = template(queue, outputs=False)
    whole["Resources"]["Function"]["Properties"]["Runtime"] = "nodejs22.x"
    create_stack(whole)
    assert told(queue) == []


def test_zip_of_nothing_is_noticed(queue, tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    client("s3").put_object(Bucket=ASSET_BUCKET, Key="empty.zip", Body=(tmp_path / "empty.zip").read_bytes())
    with pytest.raises(StackFailed, match="did not receive"):
        create_stack(template(queue, {"S3Bucket": ASSET_BUCKET, "S3Key": "empty.zip"}))
