"""What is missing or in the way before anything is changed: each with the way out. No CDK CLI is run."""

import os
import shutil
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.deploying.account import BOOTSTRAP_PARAMETER, Account
from cdk_modelbuilder.deploying.checks import check_endpoint_name, check_stack
from cdk_modelbuilder.deploying.deployment import Deployment, deploy_endpoint
from cdk_modelbuilder.deploying.going_back import earlier_deployment, unfinished_call
from cdk_modelbuilder.deploying.kept import Kept, Outcome
from cdk_modelbuilder.deploying.keys import make_key_available
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.deploying.planning import plan_app
from cdk_modelbuilder.deploying.stack import Stack, StackState
from cdk_modelbuilder.deploying.target import Target
from cdk_modelbuilder.errors import DeploymentError, IntegrityError, KeyFileError, UsageError
from cdk_modelbuilder.generating.plan import AppPlan, ArtifactPlan, EndpointPlan, HostingKind
from tests.aws_stand_in import ACCOUNT, REGION, client, create_stack, mended_aws
from tests.aws_stand_in.environment import CREDENTIALS
from tests.deploying.test_kept import PLAN, assembly

TEMPLATE = {"Resources": {"E": {"Type": "AWS::SageMaker::Endpoint"}}}


@pytest.fixture
def clean(monkeypatch):
    """Neither credentials nor a region."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.setenv(name, CREDENTIALS[name])


@pytest.fixture
def account():
    with mended_aws():
        yield Account.open()


def test_no_region(clean, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(UsageError, match=r"no AWS region is set.*export AWS_DEFAULT_REGION=eu-west-1"):
        Account.open()


def test_no_credentials(clean, line_bundles, tmp_path):
    with pytest.raises(DeploymentError, match=r"no AWS credentials.*aws configure sso") as refused:
        deploy_endpoint(line_bundles.first, DeployOptions(region=REGION, folder=tmp_path))
    assert refused.value.cause == "credentials"
    assert list(tmp_path.iterdir()) == []


def test_a_profile_that_there_is_not(clean):
    with pytest.raises(DeploymentError, match=r"nobody.*aws configure list-profiles"):
        Account.open(profile="nobody", region=REGION)
    with pytest.raises(UsageError, match="session and profile"):
        Account.open(profile="nobody", session=object())


class Expired:
    """A session whose token has expired."""

    region_name, profile_name = REGION, "default"

    def client(self, *_, **__):
        return self

    def get_caller_identity(self):
        error = {"Code": "ExpiredToken", "Message": "The security token included in the request is expired"}
        raise ClientError({"Error": error, "ResponseMetadata": {"HTTPHeaders": {}}}, "GetCallerIdentity")


def test_expired_credentials():
    with pytest.raises(DeploymentError, match=r"expired \(ExpiredToken\).*aws sso login"):
        Account.open(session=Expired())


def test_an_account_that_is_not_bootstrapped_or_long_ago(account):
    account.check_bootstrapped()
    client("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value="5", Type="String", Overwrite=True)
    with pytest.raises(DeploymentError, match=f"version 5; 6 is needed.*bootstrap aws://{ACCOUNT}/{REGION}"):
        account.check_bootstrapped()
    client("ssm").delete_parameter(Name=BOOTSTRAP_PARAMETER)
    with pytest.raises(DeploymentError, match=f"not bootstrapped.*bootstrap aws://{ACCOUNT}/{REGION}") as refused:
        account.check_bootstrapped()
    assert refused.value.cause == "not-bootstrapped"


def state(status, *, reason=""):
    now = datetime.now(UTC)
    return StackState("lines-endpoint", "arn:aws:x", status, reason, {}, {}, now, None, "a queue of somebody")


@pytest.mark.parametrize(
    ("status", "cause", "words"),
    [
        ("UPDATE_IN_PROGRESS", "stack-busy", "cdk-modelbuilder logs lines --follow"),
        ("DELETE_IN_PROGRESS", "stack-busy", "Wait for it"),
        ("UPDATE_ROLLBACK_FAILED", "stack-update-rollback-failed", "cdk-modelbuilder rollback lines"),
        ("CREATE_FAILED", "stack-failed", "cdk-modelbuilder destroy lines"),
        ("ROLLBACK_FAILED", "stack-failed", "cdk-modelbuilder destroy lines"),
        ("DELETE_FAILED", "stack-failed", "cdk-modelbuilder destroy lines"),
    ],
)
def test_a_stack_that_refuses_work(status, cause, words):
    with pytest.raises(DeploymentError, match=words) as refused:
        check_stack(state(status, reason="why"), TEMPLATE, "lines")
    assert refused.value.cause == cause


def test_stacks_that_take_work():
    check_stack(None, None, "lines")
    for status in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
        check_stack(state(status), TEMPLATE, "lines")


def test_a_stack_of_somebody_else():
    queue = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}
    with pytest.raises(DeploymentError, match=r"no endpoint's: a queue of somebody.*--stack-name"):
        check_stack(state("CREATE_COMPLETE"), queue, "lines")


def endpoint_template(name):
    model = {"ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "PrimaryContainer": {"Image": "i"}}
    variant = {"VariantName": "v", "ModelName": {"Fn::GetAtt": ["M", "ModelName"]}, "InitialInstanceCount": 1}
    config = {"ProductionVariants": [{**variant, "InstanceType": "ml.m5.large", "InitialVariantWeight": 1}]}
    served = {"EndpointName": name, "EndpointConfigName": {"Fn::GetAtt": ["C", "EndpointConfigName"]}}
    return {
        "Resources": {
            "M": {"Type": "AWS::SageMaker::Model", "Properties": model},
            "C": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": config},
            "E": {"Type": "AWS::SageMaker::Endpoint", "Properties": served},
        }
    }


def test_an_endpoint_name_that_is_taken(account, tmp_path):
    mine = assembly(tmp_path / "one", 1)
    stack = Stack(account.stack_client(), "lines-endpoint")
    check_endpoint_name(account, stack, mine)
    create_stack(endpoint_template("lines"), name="theirs")
    with pytest.raises(DeploymentError, match=f"endpoint name lines is taken in account {ACCOUNT}.*--endpoint-name"):
        check_endpoint_name(account, stack, mine)
    check_endpoint_name(account, Stack(account.stack_client(), "theirs"), mine)


def test_a_kind_of_hosting_that_an_endpoint_cannot_become(account, line_bundles, tmp_path):
    options = DeployOptions(hosting="serverless")
    with pytest.raises(UsageError, match=r"deployed as real-time.*destroy lines"):
        plan_app(line_bundles.first, options, account, tmp_path, before=PLAN, say=print)
    elsewhere = AppPlan(name="lines", endpoints=PLAN.endpoints, region="eu-west-1")
    with pytest.raises(UsageError, match=r"deployed in eu-west-1.*for us-east-1"):
        plan_app(line_bundles.first, DeployOptions(), account, tmp_path, before=elsewhere, say=print)


def test_what_is_not_given_stays_as_it_was(account, line_bundles, tmp_path):
    said = []
    before = EndpointPlan(
        name="lines", bundle="old", instance_type="ml.m5.large", initial_instance_count=3, environment={"A": "1"},
        artifact=ArtifactPlan(bucket="mine", prefix="models"),
    )  # fmt: skip
    options = DeployOptions(initial_instance_count=4, vpc={"vpc_id": "vpc-1", "subnets": ["subnet-1", "subnet-2"]})
    plan = plan_app(
        line_bundles.first, options, account, tmp_path / "app",
        before=AppPlan(name="lines", endpoints=(before,)), say=said.append,
    ).endpoints[0]  # fmt: skip
    assert (plan.instance_type, plan.initial_instance_count, plan.environment) == ("ml.m5.large", 4, {"A": "1"})
    assert plan.vpc.subnets == ("subnet-1", "subnet-2")
    assert plan.artifact == before.artifact
    assert (tmp_path / "app" / plan.bundle).resolve() == line_bundles.first.path
    assert said == []


def test_subnets_alone_are_enough(account, line_bundles, tmp_path):
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    options = DeployOptions(vpc={"Subnets": [subnet], "SecurityGroupIds": ["sg-1"]})
    plan = plan_app(line_bundles.first, options, account, tmp_path, before=None, say=print).endpoints[0]
    assert (plan.vpc.vpc_id, plan.vpc.subnets, plan.vpc.security_groups) == (vpc, (subnet,), ("sg-1",))
    for wrong, words in (({"Subnets": ["subnet-404"]}, "cannot be looked up"), ({"vpc_id": vpc}, "no subnets")):
        with pytest.raises((DeploymentError, UsageError), match=words):
            plan_app(line_bundles.first, DeployOptions(vpc=wrong), account, tmp_path, before=None, say=print)


@pytest.mark.parametrize(
    ("given", "requests"),
    [
        ({"output_s3_uri": "s3://bucket/a/answers"}, "s3://bucket/a/requests/"),
        ({"output_s3_uri": "s3://bucket/answers/"}, "s3://bucket/requests/"),
        ({"output_s3_uri": "s3://bucket"}, "s3://bucket/requests/"),
        ({"output_s3_uri": "s3://bucket/a", "input_s3_uri": "s3://other/b/"}, "s3://other/b/"),
        ({}, None),
    ],
)
def test_asynchronous_requests_have_a_place(account, line_bundles, tmp_path, given, requests):
    options = DeployOptions(asynchronous=given)
    plan = plan_app(line_bundles.first, options, account, tmp_path, before=None, say=print).endpoints[0]
    assert plan.hosting is HostingKind.ASYNCHRONOUS
    assert plan.asynchronous.input_s3_uri == requests


def test_components_get_resources_and_large_data_a_bucket(account, line_bundles, tmp_path, monkeypatch):
    from cdk_modelbuilder.deploying import planning

    said = []
    options = DeployOptions(hosting="components")
    plan = plan_app(line_bundles.first, options, account, tmp_path, before=None, say=said.append).endpoints[0]
    assert plan.hosting is HostingKind.COMPONENTS
    assert plan.resources.memory >= 1536
    assert any("resources= overrides it" in line for line in said)
    monkeypatch.setattr(planning, "ASSET_LIMIT", 100)
    plan = plan_app(line_bundles.first, DeployOptions(), account, tmp_path, before=None, say=print).endpoints[0]
    assert plan.artifact.bucket == f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"


def test_the_key_without_the_master_key(account, line_bundles, monkeypatch):
    bundle = line_bundles.first
    monkeypatch.delenv("MODELBUILDER_MASTER_KEY")
    with pytest.raises(KeyFileError, match="to derive the key of lines from"):
        make_key_available(bundle, account, secret=None, signing_key=None)
    with pytest.raises(IntegrityError):
        make_key_available(bundle, account, secret=None, signing_key="00" * 32)
    assert client("secretsmanager").list_secrets()["SecretList"] == []
    name = make_key_available(bundle, account, secret=None, signing_key="5a" * 32)
    assert make_key_available(bundle, account, secret=None, signing_key=None) == name == "cdk-modelbuilder/lines"


def test_a_bundle_that_was_changed_goes_nowhere(account, line_bundles, tmp_path):
    copy = tmp_path / "lines"
    shutil.copytree(line_bundles.first.path, copy)
    weights = next(path for path in (copy / "model").iterdir() if path.is_file())
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(IntegrityError, match="is not what was signed"):
        deploy_endpoint(ModelBundle.read(copy), DeployOptions(folder=tmp_path / "apps"))
    assert client("secretsmanager").list_secrets()["SecretList"] == []
    assert not (tmp_path / "apps").exists()


def test_who_may_only_assume_the_cdks_role_sees_the_stack_with_it(account, monkeypatch):
    asked = []
    own = Account.client

    def client_of(self, service):
        found = own(self, service)
        if service == "cloudformation":

            def denied(**_):
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks")

            found.describe_stacks = denied
        if service == "sts":
            assume = found.assume_role
            found.assume_role = lambda **names: asked.append(names["RoleArn"]) or assume(**names)
        return found

    monkeypatch.setattr(Account, "client", client_of)
    create_stack(endpoint_template("lines"), name="lines-endpoint")
    assert Stack(account.stack_client(), "lines-endpoint").state().status == "CREATE_COMPLETE"
    assert asked == [f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}"]


def test_another_process_finds_the_credentials_itself_unless_a_session_was_given(account):
    import boto3

    assert account.environment() == {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    session = boto3.Session(aws_access_key_id="AK", aws_secret_access_key="s", aws_session_token="t")
    handed = Account.open(session=session, region=REGION).environment()
    assert (handed["AWS_ACCESS_KEY_ID"], handed["AWS_SESSION_TOKEN"]) == ("AK", "t")


def test_what_was_never_deployed(account, tmp_path):
    with pytest.raises(DeploymentError, match=f"churn is not deployed in account {ACCOUNT}.*no stack churn-endpoint"):
        Deployment.find("churn", folder=tmp_path)


def test_a_deployment_of_others_is_found_by_its_stack(account, tmp_path):
    create_stack(endpoint_template("lines"), name="lines-endpoint")
    found = Deployment.find("lines", folder=tmp_path)
    assert found.endpoint_name == "lines"
    status = found.status()
    assert (status.endpoint_status, status.instances) == ("InService", {"v": "1 x ml.m5.large"})
    assert status.deployment is None
    with pytest.raises(DeploymentError, match=r"was not deployed from.*Its key is in the secret"):
        found.rollback()
    found.destroy()
    assert client("sagemaker").list_endpoints()["Endpoints"] == []


@pytest.mark.parametrize(
    ("status", "call"),
    [
        ("UPDATE_IN_PROGRESS", "cancel_update_stack"),
        ("UPDATE_ROLLBACK_FAILED", "continue_update_rollback"),
        ("UPDATE_FAILED", "rollback_stack"),
        ("UPDATE_COMPLETE", None),
        ("CREATE_IN_PROGRESS", None),
    ],
)
def test_how_to_get_out_of_an_update(status, call):
    assert unfinished_call(state(status)) == call


@pytest.mark.parametrize(
    ("status", "call", "ends"),
    [
        ("UPDATE_IN_PROGRESS", "cancel_update_stack", "UPDATE_ROLLBACK_COMPLETE"),
        ("UPDATE_ROLLBACK_FAILED", "continue_update_rollback", "UPDATE_ROLLBACK_COMPLETE"),
        ("UPDATE_FAILED", "rollback_stack", "UPDATE_ROLLBACK_COMPLETE"),
        ("UPDATE_ROLLBACK_FAILED", "continue_update_rollback", "UPDATE_ROLLBACK_FAILED"),
    ],
)
def test_cloudformation_is_asked_to_go_back(account, tmp_path, monkeypatch, status, call, ends):
    cloudformation, calls = account.client("cloudformation"), []
    states = iter([status, status, "UPDATE_ROLLBACK_IN_PROGRESS", ends, ends])
    monkeypatch.setattr(Stack, "state", lambda _: state(next(states), reason="EndpointX could not be put back"))
    monkeypatch.setattr(Stack, "events", lambda *_, **__: [])
    # Against the API's own model: no other argument is required, and none is misspelt.
    shape = cloudformation.meta.service_model.operation_model(cloudformation.meta.method_to_api_mapping[call])
    monkeypatch.setattr(
        cloudformation, call, lambda **given: calls.append(given) or validate_parameters(given, shape.input_shape)
    )
    stack = Stack(cloudformation, "lines-endpoint")
    deployment = Deployment(Target("lines", account, Kept(tmp_path, "lines"), None, stack, "lines", ()))
    if ends.endswith("FAILED"):
        with pytest.raises(DeploymentError, match="the rollback of lines failed: EndpointX") as failed:
            deployment.rollback(poll_seconds=0)
        assert "is now in UPDATE_ROLLBACK_FAILED" in failed.value.what
    else:
        assert deployment.rollback(poll_seconds=0) is deployment
    assert calls == [{"StackName": "lines-endpoint"}]


def test_which_deployment_to_go_back_to(account, line_bundles, tmp_path):
    class Deployed:
        def __init__(self, template):
            self.name, self._template = "lines-endpoint", template

        def template(self):
            return self._template

    kept = Kept(tmp_path / "apps", "lines")
    made = [assembly(tmp_path / str(size), size) for size in range(3)]

    def target(number):
        return Target("lines", account, kept, None, Deployed(made[number].template), "lines", ())

    done = state("UPDATE_COMPLETE")
    for one in made:
        kept.settle(kept.begin(line_bundles.first, one, PLAN), Outcome.DEPLOYED)
    failed = kept.begin(line_bundles.second, assembly(tmp_path / "failed", 9), PLAN)
    kept.settle(failed, Outcome.FAILED)
    assert earlier_deployment(target(2), done, to=None).number == 2
    assert earlier_deployment(target(2), done, to=1).number == 1
    for number in (4, 7):
        with pytest.raises(DeploymentError, match=f"no deployment {number} to go back to.*1, 2, 3"):
            earlier_deployment(target(2), done, to=number)
    back = kept.begin(line_bundles.first, made[1], PLAN, rolled_back_to=2)
    kept.settle(back, Outcome.DEPLOYED)
    assert earlier_deployment(target(1), done, to=None).number == 1  # not forward again
    for status, words in (("ROLLBACK_COMPLETE", "destroy lines"), ("CREATE_IN_PROGRESS", "status lines")):
        with pytest.raises(DeploymentError, match=f"no way back.*{words}"):
            earlier_deployment(target(1), state(status), to=None)
