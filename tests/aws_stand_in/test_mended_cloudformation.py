"""What the stand-in's CloudFormation does that moto's does not.

Each test fails on plain moto, but for `test_image_from_a_mapping`, which says what we count on.
"""

import copy
import json

import pytest
from botocore.exceptions import ClientError

from tests.aws_stand_in import ACCOUNT, REGION, StackFailed, client, create_stack, mended_aws, update_stack
from tests.aws_stand_in.in_process import ASSET_BUCKET

ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"


@pytest.fixture(autouse=True)
def aws():
    with mended_aws():
        yield


def att(resource, attribute):
    return {"Fn::GetAtt": [resource, attribute]}


def model(**properties):
    container = {"Image": "image:1", "ModelDataUrl": "s3://bucket/one.tar.gz"}
    defaults = {"ExecutionRoleArn": ROLE, "PrimaryContainer": container}
    return {"Type": "AWS::SageMaker::Model", "Properties": {**defaults, **properties}}


def environment(**variables):
    return model(PrimaryContainer={"Image": "image:1", "Environment": variables})


def variant(**options):
    defaults = {"VariantName": "v", "ModelName": att("Model", "ModelName"), "InitialVariantWeight": 1}
    return {**defaults, "InitialInstanceCount": 1, "InstanceType": "ml.g6e.xlarge", **options}


def config(*variants, **properties):
    return {
        "Type": "AWS::SageMaker::EndpointConfig",
        "Properties": {"ProductionVariants": list(variants) or [variant()], **properties},
    }


def stack(model=None, **more):
    """A model, its configuration and its endpoint, in an order that does not help."""
    endpoint = {"EndpointConfigName": att("Config", "EndpointConfigName")}
    resources = {
        "Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": endpoint},
        "Config": config(),
        "Model": model or globals()["model"](),
    }
    return {
        "Resources": {**resources, **more},
        "Outputs": {"Endpoint": {"Value": att("Endpoint", "EndpointName")}},
    }


def one(**resources):
    return {"Resources": resources}


def only(kind):
    """The only model, configuration, endpoint or inference component there is, described."""
    sagemaker = client("sagemaker")
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)
    (found,) = getattr(sagemaker, f"list{words}s")()[f"{kind}s"]
    return getattr(sagemaker, f"describe{words}")(**{f"{kind}Name": found[f"{kind}Name"]})


def variable(name="KEY"):
    return only("Model")["PrimaryContainer"]["Environment"][name]


def status(name="stack"):
    return client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


# --- creating


def test_outputs_and_listing_after_creation():
    outputs = create_stack(stack())
    assert outputs == {"Endpoint": only("Endpoint")["EndpointName"]}
    listed = client("cloudformation").describe_stack_resources(StackName="stack")["StackResources"]
    assert {resource["LogicalResourceId"] for resource in listed} == {"Model", "Config", "Endpoint"}


def test_model_keeps_every_property():
    source = {"S3Uri": "s3://bucket/two/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": "image:1", "ModelDataSource": {"S3DataSource": source}}
    create_stack(one(Model=model(ModelName="mine", EnableNetworkIsolation=True, PrimaryContainer=container)))
    described = only("Model")
    assert described["ModelName"] == "mine"
    assert described["EnableNetworkIsolation"] is True
    assert described["PrimaryContainer"] == container


def test_model_of_containers_without_a_role():
    properties = {"Containers": [{"Image": "a"}, {"Image": "b"}]}
    create_stack(one(Model={"Type": "AWS::SageMaker::Model", "Properties": properties}))
    assert [container["Image"] for container in only("Model")["Containers"]] == ["a", "b"]


def test_model_has_one_kind_of_container():
    with pytest.raises(StackFailed, match="both PrimaryContainer and Containers"):
        create_stack(one(Model=model(Containers=[{"Image": "a"}])))


def test_configuration_keeps_every_property():
    shadow = variant(VariantName="shadow")
    create_stack(
        one(
            Model=model(),
            Config=config(EndpointConfigName="mine", ExecutionRoleArn=ROLE, ShadowProductionVariants=[shadow]),
        )
    )
    described = only("EndpointConfig")
    assert described["EndpointConfigName"] == "mine"
    assert described["ExecutionRoleArn"] == ROLE
    assert described["ShadowProductionVariants"][0]["VariantName"] == "shadow"


def test_instance_type_must_be_one_of_sagemaker():
    with pytest.raises(StackFailed, match=r"g6e.xlarge.*failed to satisfy"):
        create_stack(one(Model=model(), Config=config(variant(InstanceType="g6e.xlarge"))))


def test_endpoint_keeps_name_and_deployment_config():
    template = stack()
    policy = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
    }
    template["Resources"]["Endpoint"]["Properties"] |= {"EndpointName": "mine", "DeploymentConfig": policy}
    create_stack(template)
    assert only("Endpoint")["EndpointName"] == "mine"
    assert only("Endpoint")["LastDeploymentConfig"] == policy


def component_stack(**more):
    bare = variant()
    del bare["ModelName"]
    component = {
        "EndpointName": att("Endpoint", "EndpointName"),
        "VariantName": "v",
        "InferenceComponentName": "part",
        "RuntimeConfig": {"CopyCount": 1},
        "Specification": {
            "ModelName": att("Model", "ModelName"),
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024, "NumberOfCpuCoresRequired": 1},
        },
    }
    copies = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "inference-component/part",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
        "MinCapacity": 0,
        "MaxCapacity": 4,
    }
    tracking = {
        "TargetValue": 5,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
        },
    }
    policy = {
        "PolicyName": "load",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Copies"},
        "TargetTrackingScalingPolicyConfiguration": tracking,
    }
    resources = {
        "Config": config(bare, ExecutionRoleArn=ROLE),
        "Component": {"Type": "AWS::SageMaker::InferenceComponent", "Properties": component},
        "Copies": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": copies,
            "DependsOn": ["Component"],
        },
        "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
    }
    return stack(**{**resources, **more})


def test_inference_component_with_scaled_copies():
    create_stack(component_stack())
    described = only("InferenceComponent")
    assert described["Specification"]["ModelName"] == only("Model")["ModelName"]
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    scaling = client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["ResourceId"], target["MaxCapacity"]) == ("inference-component/part", 4)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["PolicyName"] == "load"


def test_inference_component_follows_a_replaced_model():
    create_stack(component_stack())
    before = only("Model")["ModelName"]
    update_stack(component_stack(Model=environment(KEY="new")))
    assert only("Model")["ModelName"] != before
    assert only("InferenceComponent")["Specification"]["ModelName"] == only("Model")["ModelName"]


def test_component_can_be_deleted_through_the_api():
    create_stack(component_stack())
    sagemaker = client("sagemaker")
    sagemaker.delete_inference_component(InferenceComponentName="part")
    assert not sagemaker.list_inference_components()["InferenceComponents"]
    with pytest.raises(ClientError, match="Could not find inference component"):
        sagemaker.describe_inference_component(InferenceComponentName="part")


def test_variant_without_a_model_needs_a_role():
    template = component_stack()
    del template["Resources"]["Config"]["Properties"]["ExecutionRoleArn"]
    with pytest.raises(StackFailed, match="ExecutionRoleArn is required"):
        create_stack(template)


def test_target_of_scaling_must_exist():
    template = component_stack()
    template["Resources"]["Copies"]["Properties"]["ResourceId"] = "inference-component/other"
    with pytest.raises(StackFailed, match="does not exist: inference-component/other"):
        create_stack(template)


def test_alarm_group_and_generated_secret_are_made():
    alarm = {
        "MetricName": "Invocation5XXErrors",
        "Namespace": "AWS/SageMaker",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "Period": 60,
        "Statistic": "Sum",
    }
    rule = {
        "PasswordLength": 64,
        "ExcludePunctuation": True,
        "GenerateStringKey": "key-1",
        "SecretStringTemplate": "{}",
    }
    create_stack(
        one(
            Alarm={"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
            Group={"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "group"}},
            Secret={"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "s", "GenerateSecretString": rule}},
        )
    )
    assert len(client("cloudwatch").describe_alarms()["MetricAlarms"]) == 1
    (group,) = client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert group["ModelPackageGroupName"] == "group"
    value = client("secretsmanager").get_secret_value(SecretId="s")["SecretString"]
    assert len(json.loads(value)["key-1"]) == 64


def watching(*, retention=30, body="{}", actions=("work",), threshold=1):
    stat = {
        "Metric": {
            "MetricName": "ModelLatency",
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": "n", "Value": "v"}],
        },
        "Period": 60,
        "Stat": "p99",
    }
    metrics = [
        {"Id": "latency", "MetricStat": stat, "ReturnData": False},
        {"Id": "ms", "Expression": "latency / 1000"},
    ]
    alarm = {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "Metrics": metrics,
    }
    target = {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": {"Fn::Sub": ["endpoint/${name}/variant/v", {"name": att("Endpoint", "EndpointName")}]},
        "MinCapacity": 1,
        "MaxCapacity": 4,
        "ScheduledActions": [
            {
                "ScheduledActionName": name,
                "Schedule": "cron(0 8 * * ? *)",
                "Timezone": "Europe/Berlin",
                "ScalableTargetAction": {"MinCapacity": 2},
            }
            for name in actions
        ],
    }
    rule = {"Fn::Sub": 'ALARM("${Alarm}")'}
    return stack(
        Alarm={"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
        Both={"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmName": "both", "AlarmRule": rule}},
        Board={"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": body}},
        Group={"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": retention}},
        Target={"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
    )


def watched():
    cloudwatch = client("cloudwatch")
    alarms = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    boards = [board["DashboardName"] for board in cloudwatch.list_dashboards()["DashboardEntries"]]
    scaling = client("application-autoscaling").describe_scheduled_actions(ServiceNamespace="sagemaker")
    return {
        "alarms": [(a["Metrics"][1]["Expression"], a["Threshold"]) for a in alarms["MetricAlarms"]],
        "rules": [a["AlarmRule"] for a in alarms["CompositeAlarms"]],
        "boards": [cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"] for name in boards],
        "names": boards,
        "groups": [(g["arn"], g.get("retentionInDays")) for g in client("logs").describe_log_groups()["logGroups"]],
        "actions": [(a["ScheduledActionName"], a["Timezone"]) for a in scaling["ScheduledActions"]],
    }


def test_what_watches_and_schedules_is_made_kept_and_removed():
    create_stack(watching())
    first = watched()
    assert first["alarms"] == [("latency / 1000", 1)]
    assert first["rules"][0].startswith('ALARM("stack-Alarm-')
    assert first["actions"] == [("work", "Europe/Berlin")]

    update_stack(watching(retention=60, body='{"widgets": []}', actions=("night",), threshold=2))
    second = watched()
    assert second["alarms"] == [("latency / 1000", 2)]
    assert second["names"] == first["names"]
    assert second["boards"] == ['{"widgets": []}']
    assert second["groups"] == [(first["groups"][0][0], 60)]
    assert second["actions"] == [("night", "Europe/Berlin")]

    client("cloudformation").delete_stack(StackName="stack")
    assert not any(watched().values())


def test_unknown_types_can_be_referred_to():
    template = one(
        Thing={"Type": "AWS::SageMaker::ModelPackage", "Properties": {}},
        Call={"Type": "Custom::Call", "Properties": {"ServiceToken": "arn"}, "DependsOn": "Thing"},
    )
    template["Outputs"] = {"Thing": {"Value": {"Ref": "Thing"}}, "Answer": {"Value": att("Call", "Answer")}}
    assert all(create_stack(template).values())


# --- intrinsic functions


def image_stack(**images):
    name = {"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "account"]}
    image = {"Fn::Join": ["", [name, ".dkr.ecr.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}, "/x:1"]]}
    role = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/role"}
    return {
        "Mappings": {"Images": {region: {"account": account} for region, account in images.items()}},
        "Resources": {"Model": model(PrimaryContainer={"Image": image}, ExecutionRoleArn=role)},
    }


def test_image_from_a_mapping():
    create_stack(image_stack(**{REGION: "111111111111"}))
    described = only("Model")
    assert described["PrimaryContainer"]["Image"] == f"111111111111.dkr.ecr.{REGION}.amazonaws.com/x:1"
    assert described["ExecutionRoleArn"] == ROLE


def test_changed_mapping_replaces_the_model():
    create_stack(image_stack(**{REGION: "111111111111"}))
    update_stack(image_stack(**{REGION: "222222222222"}))
    assert only("Model")["PrimaryContainer"]["Image"].startswith("222222222222.")


def test_region_that_a_mapping_lacks():
    with pytest.raises(StackFailed, match=f"Unable to get mapping for Images::{REGION}::account"):
        create_stack(image_stack(**{"eu-west-9": "111111111111"}))


# --- dynamic references


def reference(secret, field="", stage=""):
    """As `Secret.from_secret_name_v2(...).secret_value_from_json(...)` renders it: an ARN without the random suffix."""
    start = ["{{resolve:secretsmanager:arn:", {"Ref": "AWS::Partition"}, f":secretsmanager:{REGION}:{ACCOUNT}:secret:"]
    return {"Fn::Join": ["", [*start, f"{secret}:SecretString:{field}:{stage}:}}}}"]]}


@pytest.fixture
def secret():
    made = client("secretsmanager").create_secret(
        Name="team/signing", SecretString=json.dumps({"key-1": "c0ffee", "key-2": "deadbeef"})
    )
    return made["ARN"]


def test_field_of_a_secret_by_partial_arn(secret):
    create_stack(one(Model=environment(KEY=reference("team/signing", "key-2"))))
    assert variable() == "deadbeef"


def test_field_of_a_secret_by_name_or_full_arn(secret):
    for number, name in enumerate(["team/signing", secret]):
        text = f"x={{{{resolve:secretsmanager:{name}:SecretString:key-1}}}}"
        create_stack(one(Model=environment(KEY=text)), name=f"stack-{number}")
        assert variable() == "x=c0ffee"
        client("cloudformation").delete_stack(StackName=f"stack-{number}")


def test_whole_secret_and_an_earlier_version(secret):
    client("secretsmanager").put_secret_value(SecretId=secret, SecretString="rotated")
    keys = {"NOW": reference("team/signing"), "BEFORE": reference("team/signing", "key-1", "AWSPREVIOUS")}
    create_stack(one(Model=environment(**keys)))
    assert (variable("NOW"), variable("BEFORE")) == ("rotated", "c0ffee")


@pytest.mark.parametrize(
    ("name", "field", "reason"),
    [
        ("team/absent", "key-1", "Secrets Manager can't find the specified secret"),
        ("team/signing", "key-9", "Could not find a value associated with JSONKey key-9"),
    ],
)
def test_missing_secret_or_field_fails_the_stack(secret, name, field, reason):
    with pytest.raises(StackFailed, match=reason):
        create_stack(one(Model=environment(KEY=reference(name, field))))
    assert status() == "ROLLBACK_COMPLETE"


def test_field_of_a_secret_that_is_no_json():
    client("secretsmanager").create_secret(Name="plain", SecretString="text")
    with pytest.raises(StackFailed, match="Could not parse SecretString JSON"):
        create_stack(one(Model=environment(KEY=reference("plain", "key-1"))))


def test_secret_made_by_the_same_stack():
    text = {"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "Secret"}, ":SecretString:::}}"]]}
    rule = {"PasswordLength": 40}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": rule}}
    create_stack(one(Model=environment(KEY=text), Secret=secret))
    assert len(variable()) == 40


def test_rotated_secret_changes_nothing_until_the_model_is_replaced(secret):
    manager = client("secretsmanager")
    template = one(Model=environment(KEY=reference("team/signing", "key-1")))
    create_stack(template)
    manager.put_secret_value(SecretId=secret, SecretString=json.dumps({"key-1": "rotated"}))
    with pytest.raises(ClientError, match="No updates are to be performed"):
        update_stack(template)
    assert variable() == "c0ffee"
    update_stack(one(Model=environment(KEY=reference("team/signing", "key-1"), MORE="1")))
    assert variable() == "rotated"


def test_plain_parameter_resolves_and_a_secure_one_is_refused():
    client("ssm").put_parameter(Name="/image", Value="image:7", Type="String")
    create_stack(one(Model=environment(A="{{resolve:ssm:/image}}", B="{{resolve:ssm:/image:1}}")))
    assert (variable("A"), variable("B")) == ("image:7", "image:7")
    with pytest.raises(StackFailed, match="SSM Secure reference is not supported"):
        create_stack(one(Model=environment(A="{{resolve:ssm-secure:/image}}")), name="other")
    with pytest.raises(StackFailed, match=r"Unable to fetch parameters \[/absent\]"):
        create_stack(one(Model=environment(A="{{resolve:ssm:/absent}}")), name="third")


# --- updating


def test_replaced_model_is_followed_by_what_refers_to_it():
    create_stack(stack())
    before = {kind: only(kind)[f"{kind}Name"] for kind in ("Model", "EndpointConfig", "Endpoint")}
    update_stack(stack(environment(KEY="new")))
    after = {kind: only(kind)[f"{kind}Name"] for kind in ("Model", "EndpointConfig", "Endpoint")}
    assert after["Model"] != before["Model"]
    assert after["EndpointConfig"] != before["EndpointConfig"]
    assert after["Endpoint"] == before["Endpoint"]
    assert only("Endpoint")["EndpointConfigName"] == after["EndpointConfig"]
    assert only("EndpointConfig")["ProductionVariants"][0]["ModelName"] == after["Model"]


def test_configuration_with_new_tags_still_follows_its_replaced_model():
    tagged = stack(Config=config(Tags=[{"Key": "digest", "Value": "one"}]))
    create_stack(tagged)
    before = only("Endpoint")["EndpointConfigName"]
    update_stack(stack(environment(KEY="two"), Config=config(Tags=[{"Key": "digest", "Value": "two"}])))
    assert only("EndpointConfig")["EndpointConfigName"] == only("Endpoint")["EndpointConfigName"] != before


def test_metadata_and_tags_replace_nothing():
    create_stack(stack())
    before = only("Model")["ModelName"]
    template = stack(model(Tags=[{"Key": "team", "Value": "a"}]))
    template["Resources"]["Config"]["Metadata"] = {"aws:cdk:path": "x"}
    update_stack(template)
    described = only("Model")
    assert described["ModelName"] == before
    tags = client("sagemaker").list_tags(ResourceArn=described["ModelArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]


def test_fixed_name_is_not_replaced():
    create_stack(stack(model(ModelName="mine")))
    with pytest.raises(StackFailed, match=r"custom-named resource requires replacing\. Rename mine"):
        update_stack(stack(model(ModelName="mine", EnableNetworkIsolation=True)))
    assert status() == "UPDATE_ROLLBACK_COMPLETE"
    update_stack(stack(model(ModelName="other", EnableNetworkIsolation=True)))
    assert only("Model")["ModelName"] == "other"


def test_fixed_name_of_a_dependent_is_not_replaced_either():
    create_stack(stack(Config=config(EndpointConfigName="mine")))
    with pytest.raises(StackFailed, match="Rename mine"):
        update_stack(stack(environment(KEY="new"), Config=config(EndpointConfigName="mine")))


def test_failed_update_leaves_everything_as_it_was(secret):
    create_stack(stack(environment(KEY=reference("team/signing", "key-1"))))
    kinds = ("Model", "EndpointConfig", "Endpoint")
    before = {kind: only(kind)[f"{kind}Name"] for kind in kinds}
    failing = stack(environment(KEY="new"), Group={"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {}})
    failing["Resources"]["Alarm"] = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {"AlarmDescription": reference("absent"), "EvaluationPeriods": 1},
        "DependsOn": ["Endpoint", "Group"],
    }
    with pytest.raises(StackFailed, match="UPDATE_ROLLBACK_COMPLETE: Secrets Manager can't find"):
        update_stack(failing)
    assert {kind: only(kind)[f"{kind}Name"] for kind in kinds} == before
    assert only("Endpoint")["EndpointConfigName"] == before["EndpointConfig"]
    assert variable() == "c0ffee"
    assert not client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    del failing["Resources"]["Alarm"]
    update_stack(failing)
    assert variable() == "new"


def test_resource_taken_out_of_the_template_goes_and_a_retained_one_stays():
    group = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "gone"}}
    kept = copy.deepcopy(group) | {"DeletionPolicy": "Retain"}
    kept["Properties"]["ModelPackageGroupName"] = "kept"
    create_stack(stack(Group=group, Kept=kept))
    update_stack(stack())
    groups = client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in groups] == ["kept"]


def test_parameter_keeps_its_default():
    template = {
        "Parameters": {"Count": {"Type": "String", "Default": "7"}},
        **one(Model=environment(A={"Ref": "Count"})),
    }
    create_stack(template)
    template["Resources"]["Model"] = environment(A={"Ref": "Count"}, B="1")
    client("cloudformation").update_stack(
        StackName="stack",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Count", "UsePreviousValue": True}],
    )
    assert (variable("A"), variable("B")) == ("7", "1")
    update_stack(template, parameters={"Count": "8"})
    assert variable("A") == "8"


# --- stacks and change sets


def change_set(template, kind, name="changes"):
    cloudformation = client("cloudformation")
    cloudformation.create_change_set(
        StackName="stack", ChangeSetName=name, ChangeSetType=kind, TemplateBody=json.dumps(template)
    )
    return cloudformation.describe_change_set(StackName="stack", ChangeSetName=name)["Changes"]


def test_change_set_details_what_changes_and_gives_outputs():
    cloudformation = client("cloudformation")
    change_set(stack(), "CREATE", "first")
    cloudformation.execute_change_set(StackName="stack", ChangeSetName="first")
    assert cloudformation.describe_stacks(StackName="stack")["Stacks"][0]["Outputs"]
    changes = {
        change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]
        for change in change_set(stack(environment(KEY="new")), "UPDATE", "second")
    }
    assert changes["Model"]["Replacement"] == "True"
    (detail,) = changes["Model"]["Details"]
    assert detail["Target"]["Name"] == "PrimaryContainer"
    assert detail["Target"]["RequiresRecreation"] == "Always"
    cloudformation.execute_change_set(StackName="stack", ChangeSetName="second")
    assert variable() == "new"


def test_failed_change_set_rolls_the_stack_back():
    change_set(one(Model=environment(KEY=reference("absent"))), "CREATE")
    client("cloudformation").execute_change_set(StackName="stack", ChangeSetName="changes")
    assert status() == "ROLLBACK_COMPLETE"


def test_absent_change_set_is_deleted_without_complaint_and_not_found():
    create_stack(stack())
    cloudformation = client("cloudformation")
    cloudformation.delete_change_set(StackName="stack", ChangeSetName="absent")
    with pytest.raises(cloudformation.exceptions.ChangeSetNotFoundException):
        cloudformation.describe_change_set(StackName="stack", ChangeSetName="absent")


def test_change_sets_of_one_name_belong_to_their_stacks():
    """The CLI calls all of them alike, deletes the last one, and waits until it is gone."""
    cloudformation = client("cloudformation")
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    for name in ("one", "two"):
        cloudformation.create_change_set(
            StackName=name, ChangeSetName="same", TemplateBody=body, ChangeSetType="CREATE"
        )
    cloudformation.execute_change_set(StackName="two", ChangeSetName="same")
    states = {one["StackName"]: one["StackStatus"] for one in cloudformation.describe_stacks()["Stacks"]}
    assert states == {"one": "REVIEW_IN_PROGRESS", "two": "CREATE_COMPLETE"}
    cloudformation.delete_change_set(StackName="two", ChangeSetName="same")
    with pytest.raises(cloudformation.exceptions.ChangeSetNotFoundException):
        cloudformation.describe_change_set(StackName="two", ChangeSetName="same")
    assert cloudformation.describe_change_set(StackName="one", ChangeSetName="same")["StackName"] == "one"
    cloudformation.delete_stack(StackName="one")
    with pytest.raises(cloudformation.exceptions.ChangeSetNotFoundException):
        cloudformation.describe_change_set(StackName="one", ChangeSetName="same")


def test_exports_are_imported_and_follow_an_update():
    exporting = stack()
    exporting["Outputs"]["Model"] = {"Value": att("Model", "ModelName"), "Export": {"Name": "model"}}
    create_stack(one(Role={"Type": "AWS::SageMaker::ModelPackageGroup"}), name="early")
    change_set(exporting, "CREATE")
    client("cloudformation").execute_change_set(StackName="stack", ChangeSetName="changes")
    imported = one(Role={"Type": "AWS::SageMaker::ModelPackageGroup"}, Copy=environment(A={"Fn::ImportValue": "model"}))
    update_stack(imported, name="early")
    (export,) = client("cloudformation").list_exports()["Exports"]
    before = export["Value"]
    names = [known["ModelName"] for known in client("sagemaker").list_models()["Models"]]
    (copied,) = [name for name in names if name.startswith("early-")]
    described = client("sagemaker").describe_model(ModelName=copied)
    assert described["PrimaryContainer"]["Environment"] == {"A": before}
    exporting["Resources"]["Model"] = environment(KEY="new")
    update_stack(exporting)
    assert client("cloudformation").list_exports()["Exports"][0]["Value"] != before


def test_template_by_a_loopback_url():
    client("s3").put_object(Bucket=ASSET_BUCKET, Key="t.json", Body=json.dumps(stack()))
    client("cloudformation").create_stack(StackName="stack", TemplateURL=f"http://127.0.0.1:5156/{ASSET_BUCKET}/t.json")
    assert status() == "CREATE_COMPLETE"


def test_deleting_leaves_nothing():
    create_stack(component_stack())
    cloudformation = client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName="stack")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="stack")
    cloudformation.describe_stacks(StackName=stack_id)  # on plain moto, reading its outputs brings its resources back
    sagemaker = client("sagemaker")
    assert not sagemaker.list_models()["Models"]
    assert not sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert not sagemaker.list_endpoints()["Endpoints"]
    assert not sagemaker.list_inference_components()["InferenceComponents"]
    scaling = client("application-autoscaling")
    assert not scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert not scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
