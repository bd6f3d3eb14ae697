"""AWS, asked for who one is and what one may do: moto with IAM's rules in force, and answers of a server of our own.

Moto has no policy simulation; here it is made of moto's own evaluation of the policies that the test put there.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from cdk_modelbuilder.local.doctor import (
    aws_bucket,
    aws_caller,
    aws_image,
    aws_permissions,
    aws_role,
    aws_simulation,
    clock,
)
from cdk_modelbuilder.local.doctor.aws_account import AwsAccount, AwsQuestion
from cdk_modelbuilder.local.doctor.check import Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Outcome
from cdk_modelbuilder.local.doctor.platforms import Platform

boto3 = pytest.importorskip("boto3", exc_type=ImportError)
moto = pytest.importorskip("moto", exc_type=ImportError)

ACCOUNT = "123456789012"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EVERYTHING = [("Allow", "*", "*")]
SIMULATE = ("Allow", ["iam:SimulatePrincipalPolicy", "iam:GetRole"], "*")
REGION = "eu-west-1"


@pytest.fixture(scope="module")
def loader():
    """What botocore reads its descriptions of services with: one for all sessions, since it keeps what it read."""
    from botocore.loaders import create_loader

    return create_loader()


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path, loader):
    """No settings but the test's: nobody's keys are used, and nothing of the network is asked."""
    import os

    monkeypatch.setattr("botocore.session.create_loader", lambda *_: loader, raising=False)
    monkeypatch.setattr("botocore.loaders.create_loader", lambda *_: loader)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def use(monkeypatch, key="AKIAIOSFODNN7EXAMPLE", secret=SECRET, region=REGION):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    if region:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)


def found(check, account=None, bundle=None, **question):
    account = account or AwsAccount(AwsQuestion(**question))
    findings = examine([check], Circumstances(bundle=bundle, aws=account, system=Platform.DEBIAN))
    assert SECRET not in str(findings)
    return findings


def policy(statements):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": effect, "Action": action, "Resource": on} for effect, action, on in statements],
        }
    )


class Cloud:
    """An account with one user, whose policies are in force."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def client(self, service, region=REGION):
        return boto3.client(service, region_name=region)

    def become(self, *statements):
        """The keys of a user with these policies, from now on checked as IAM does."""
        from moto.core.authorization import ActionAuthenticatorMixin

        iam = self.client("iam")
        iam.create_user(UserName="jane")
        iam.put_user_policy(UserName="jane", PolicyName="p", PolicyDocument=policy(statements))
        key = iam.create_access_key(UserName="jane")["AccessKey"]
        use(self._monkeypatch, key["AccessKeyId"], key["SecretAccessKey"])
        self._monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
        self._monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
        return key

    def account(self, *statements, **question):
        """Asks as that user; policies are simulated by moto's own evaluation of `statements`."""
        account = AwsAccount(AwsQuestion(**question))
        account.session.events.register("before-call.iam.SimulatePrincipalPolicy", _Simulation(policy(statements)))
        return account


class _Simulation:
    def __init__(self, document):
        self._document = document

    def __call__(self, params, **_):
        from botocore.awsrequest import AWSResponse
        from botocore.exceptions import ClientError
        from moto.iam.access_control import IAMPolicy, PermissionResult

        rules = IAMPolicy(self._document)
        if rules.is_action_permitted("iam:SimulatePrincipalPolicy", "*") is not PermissionResult.PERMITTED:
            message = "User: jane is not authorized to perform: iam:SimulatePrincipalPolicy on resource: x"
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "SimulatePrincipalPolicy")
        asked = params["body"]
        [resource] = [value for name, value in asked.items() if name.startswith("ResourceArns.member")]
        words = {PermissionResult.PERMITTED: "allowed", PermissionResult.DENIED: "explicitDeny"}
        results = [
            {
                "EvalActionName": action,
                "EvalDecision": words.get(rules.is_action_permitted(action, resource), "implicitDeny"),
            }
            for name, action in asked.items()
            if name.startswith("ActionNames.member")
        ]
        return AWSResponse("", 200, {}, None), {"EvaluationResults": results, "IsTruncated": False}


@pytest.fixture
def cloud(monkeypatch):
    use(monkeypatch)
    with moto.mock_aws():
        yield Cloud(monkeypatch)


@contextlib.contextmanager
def answering(monkeypatch, *, status=200, code=None, ahead=0, arn=f"arn:aws:iam::{ACCOUNT}:user/jane"):
    """An STS that gives one answer, with a clock that is `ahead` of ours."""
    error = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    identity = (
        f"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>X</UserId>"
        f"<Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            assert asked["Action"] == ["GetCallerIdentity"]
            body = (error if code else identity).encode()
            self.send_response_only(status)
            self.send_header("Date", formatdate(time.time() + ahead, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{server.server_port}")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_without_being_asked_nothing_is(monkeypatch):
    for check in (aws_caller, clock, aws_permissions, aws_role, aws_bucket, aws_image):
        [finding] = examine([check.CHECK], Circumstances())
        assert (finding.outcome, "--aws" in finding.detail) == (Outcome.SKIPPED, True)


def test_who_this_is_and_where_it_comes_from(cloud, monkeypatch):
    cloud.become(*EVERYTHING)
    who, region = found(aws_caller.CHECK)
    assert who.outcome is Outcome.OK
    assert f"arn:aws:iam::{ACCOUNT}:user/jane" in who.detail
    assert "the environment's variables" in who.detail
    assert region.detail == "the region is eu-west-1."


@pytest.mark.parametrize("ahead", [0, 30, -200, 900, -900])
def test_the_clock_against_the_answers_date(monkeypatch, ahead):
    use(monkeypatch)
    with answering(monkeypatch, ahead=ahead):
        [finding] = found(clock.CHECK)
    expected = Outcome.OK if abs(ahead) <= 30 else Outcome.WARNING if abs(ahead) < 300 else Outcome.FAILURE
    assert finding.outcome is expected
    if expected is Outcome.FAILURE:
        assert ("behind" if ahead > 0 else "ahead of") in finding.detail
        assert finding.commands[0] == "sudo timedatectl set-ntp true"


@pytest.mark.parametrize(
    ("code", "ahead", "word", "command"),
    [
        ("ExpiredToken", 0, "have expired", "aws sso login"),
        ("ExpiredToken", 4000, "the clock here is", "sudo timedatectl set-ntp true"),
        ("SignatureDoesNotMatch", 900, "the clock here is", "sudo timedatectl set-ntp true"),
        ("SignatureDoesNotMatch", 0, "the clock is right", "aws configure"),
        ("InvalidClientTokenId", 0, "does not know the access key", "aws configure list"),
        ("AccessDenied", 0, "does not allow", None),
        ("ValidationError", 0, "answered ValidationError", None),
    ],
)
def test_what_aws_refuses_is_worded_by_its_code_and_the_clock(monkeypatch, code, ahead, word, command):
    use(monkeypatch)
    monkeypatch.setattr("cdk_modelbuilder.local.doctor.aws_failures.this_platform", lambda: Platform.DEBIAN)
    with answering(monkeypatch, status=403, code=code, ahead=ahead):
        account = AwsAccount(AwsQuestion())
        [finding] = found(aws_caller.CHECK, account)
        [time_finding] = found(clock.CHECK, account)
        [skipped] = found(aws_permissions.CHECK, account)
    assert finding.outcome is Outcome.FAILURE
    assert word in finding.detail
    assert (finding.commands[0] if finding.commands else None) == command
    assert time_finding.outcome is (Outcome.FAILURE if ahead else Outcome.OK)
    assert skipped.outcome is Outcome.SKIPPED


def test_no_credentials_a_lost_profile_half_a_key(monkeypatch):
    [finding] = found(aws_caller.CHECK)
    assert (finding.outcome, "no AWS credentials" in finding.detail) == (Outcome.FAILURE, True)
    [finding] = found(aws_caller.CHECK, profile="lost")
    assert (finding.outcome, "(lost)" in finding.detail) == (Outcome.FAILURE, True)
    assert finding.commands[0] == "aws configure list-profiles"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    [finding] = found(aws_caller.CHECK)
    assert finding.remedy == "Set both parts of the key, or neither."
    assert found(clock.CHECK)[0].outcome is Outcome.SKIPPED


def test_a_login_of_sso_that_has_ended(tmp_path):
    (tmp_path / "config").write_text(
        "[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\nregion = eu-west-1\n"
        "[sso-session s]\nsso_start_url = https://example.com/start\nsso_region = eu-west-1\n"
    )
    [finding] = found(aws_caller.CHECK, profile="work")
    assert finding.outcome is Outcome.FAILURE
    assert "SSO" in finding.detail
    assert finding.commands[0] == "aws sso login --profile work"


def test_a_process_for_credentials_that_fails_does_not_print_what_it_said(tmp_path):
    (tmp_path / "config").write_text("[profile p]\ncredential_process = sh -c 'echo password=hunter2 >&2; exit 1'\n")
    [finding] = found(aws_caller.CHECK, profile="p")
    assert finding.outcome is Outcome.FAILURE
    assert "could not be fetched" in finding.detail
    assert "hunter2" not in str(finding)


def test_nobody_answers(monkeypatch):
    use(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    [finding] = found(aws_caller.CHECK)
    assert "gave no answer" in finding.detail


def test_boto3_is_not_installed(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "boto3", None)
    [finding] = found(aws_caller.CHECK)
    assert finding.commands == ("pip install 'cdk-modelbuilder[aws]'",)


def test_settings_that_contradict_each_other(monkeypatch, tmp_path):
    use(monkeypatch)
    (tmp_path / "config").write_text("[profile other]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_PROFILE", "other")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    with answering(monkeypatch, arn=f"arn:aws:iam::{ACCOUNT}:root"):
        root, keys, region = found(aws_caller.CHECK)
        assert (root.outcome, "root" in root.remedy) == (Outcome.WARNING, True)
        assert (keys.outcome, "AWS_PROFILE (other)" in keys.detail) == (Outcome.WARNING, True)
        assert (region.outcome, "eu-north-1" in region.commands[0]) == (Outcome.WARNING, True)
        monkeypatch.delenv("AWS_PROFILE")
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        assert found(aws_caller.CHECK)[-1].outcome is Outcome.FAILURE
        assert found(aws_caller.CHECK, region="eu-west-3")[-1].outcome is Outcome.OK


BOOTSTRAP = ("Allow", "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-*")
BY_ITSELF = ("Allow", ["cloudformation:*", "sagemaker:*"], "*")


@pytest.mark.parametrize(
    ("statements", "deploying", "asking"),
    [
        ([BOOTSTRAP, ("Allow", "sagemaker:InvokeEndpoint", "*")], Outcome.OK, Outcome.OK),
        ([BY_ITSELF], Outcome.OK, Outcome.OK),
        ([BOOTSTRAP], Outcome.OK, Outcome.WARNING),
        ([("Allow", "s3:*", "*")], Outcome.FAILURE, Outcome.WARNING),
        ([BY_ITSELF, ("Deny", "sagemaker:CreateEndpoint", "*")], Outcome.FAILURE, Outcome.OK),
    ],
)
def test_who_may_deploy(cloud, statements, deploying, asking):
    cloud.become(*EVERYTHING)
    first, second = found(aws_permissions.CHECK, cloud.account(SIMULATE, *statements))
    assert (first.outcome, second.outcome) == (deploying, asking)
    if deploying is Outcome.FAILURE:
        assert "sts:AssumeRole on arn:aws:iam::123456789012:role/cdk-hnb659fds-deploy-role-" in first.detail
        assert first.commands == (f"cdk bootstrap aws://{ACCOUNT}/{REGION}",)


def test_who_may_not_simulate_is_told_so_and_it_is_no_failure(cloud):
    cloud.become(*EVERYTHING)
    [finding] = found(aws_permissions.CHECK, cloud.account(BY_ITSELF))
    assert (finding.outcome, "iam:SimulatePrincipalPolicy" in finding.remedy) == (Outcome.SKIPPED, True)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"EvalDecision": "explicitDeny"}, "a policy denies it"),
        ({"EvalDecision": "implicitDeny"}, "no policy allows it"),
        (
            {"EvalDecision": "implicitDeny", "OrganizationsDecisionDetail": {"AllowedByOrganizations": False}},
            "the organization's policies do not allow it",
        ),
        (
            {
                "EvalDecision": "implicitDeny",
                "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
            },
            "the permissions boundary does not allow it",
        ),
    ],
)
def test_why_something_is_not_allowed(cloud, result, reason):
    account = AwsAccount(AwsQuestion())
    answer = {"EvaluationResults": [{"EvalActionName": "s3:GetObject", **result}], "IsTruncated": False}
    account.session.events.register("before-call.iam.SimulatePrincipalPolicy", lambda **_: (_Answered(), answer))
    assert aws_simulation.denied(account, [aws_simulation.Wish(("s3:GetObject",))]) == [("s3:GetObject", "*", reason)]


class _Answered:
    status_code = 200


def test_the_role_behind_a_session_is_what_is_simulated(cloud, monkeypatch):
    iam = cloud.client("iam")
    arn = iam.create_role(RoleName="team", Path="/x/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    got = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    use(monkeypatch, got["AccessKeyId"], got["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", got["SessionToken"])
    account = AwsAccount(AwsQuestion())
    assert ":assumed-role/team/me" in account.caller().arn
    assert account.principal_arn() == f"arn:aws:iam::{ACCOUNT}:role/x/team"
    iam.delete_role(RoleName="team")
    assert account.principal_arn() == f"arn:aws:iam::{ACCOUNT}:role/team"


def trust(service):
    return json.dumps(
        {"Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
    )


def test_the_endpoints_role(cloud):
    iam = cloud.client("iam")
    good, other = (
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
        for name, service in (("good", ["sagemaker.amazonaws.com"]), ("other", "lambda.amazonaws.com"))
    )
    cloud.become(*EVERYTHING)
    passing = ("Allow", "iam:PassRole", "*")
    [finding] = found(aws_role.CHECK, cloud.account(SIMULATE, passing, role=good))
    assert finding.outcome is Outcome.OK
    [finding] = found(aws_role.CHECK, cloud.account(SIMULATE, role=good))
    assert (finding.outcome, "iam:PassRole" in finding.detail) == (Outcome.FAILURE, True)
    _, finding = found(aws_role.CHECK, cloud.account(SIMULATE, passing, role=other))
    assert (finding.outcome, "does not trust" in finding.detail) == (Outcome.FAILURE, True)
    *_, finding = found(aws_role.CHECK, cloud.account(SIMULATE, passing, role=f"arn:aws:iam::{ACCOUNT}:role/lost"))
    assert (finding.outcome, "there is no role" in finding.detail) == (Outcome.FAILURE, True)
    [finding] = found(aws_role.CHECK, cloud.account(SIMULATE))
    assert finding.detail == "none was named (--role)."


@pytest.mark.parametrize(
    ("document", "trusted"),
    [
        (trust("sagemaker.amazonaws.com"), True),
        ({"Statement": {"Effect": "Allow", "Principal": "*"}}, True),
        ({"Statement": {"Effect": "Deny", "Principal": {"Service": "sagemaker.amazonaws.com"}}}, False),
        ({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}]}, False),
        ("not json", False),
        (None, False),
    ],
)
def test_trust_is_read_from_any_form_of_the_document(document, trusted):
    assert aws_role.trusts_sagemaker(document) is trusted


def test_the_bucket(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": REGION})
    cloud.become(*EVERYTHING)
    may = ("Allow", "s3:*", "*")
    [finding] = found(aws_bucket.CHECK, cloud.account(SIMULATE, may, bucket="models"))
    assert (finding.outcome, "read and written" in finding.detail) == (Outcome.OK, True)
    [finding] = found(aws_bucket.CHECK, cloud.account(SIMULATE, bucket="models"))
    assert (finding.outcome, "s3:GetObject" in finding.detail) == (Outcome.FAILURE, True)
    reading = ("Allow", "s3:GetObject", "arn:aws:s3:::models/*")
    [finding] = found(aws_bucket.CHECK, cloud.account(SIMULATE, reading, bucket="models"))
    assert (finding.outcome, "not written" in finding.detail) == (Outcome.WARNING, True)
    first, second = found(aws_bucket.CHECK, cloud.account(may, bucket="models"))
    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.SKIPPED)
    [finding] = found(aws_bucket.CHECK, cloud.account(SIMULATE, may, bucket="no-such-models"))
    assert (finding.outcome, "there is no bucket" in finding.detail) == (Outcome.FAILURE, True)
    first, _ = found(aws_bucket.CHECK, cloud.account(SIMULATE, may, bucket="models", region="us-east-1"))
    assert (first.outcome, "eu-west-1 and the endpoint in us-east-1" in first.detail) == (Outcome.FAILURE, True)


def test_a_bucket_that_is_denied(cloud):
    cloud.client("s3").create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": REGION})
    cloud.become(("Allow", ["iam:*", "sts:*"], "*"))
    [finding] = found(aws_bucket.CHECK, cloud.account(SIMULATE, bucket="models"))
    assert finding.outcome is Outcome.FAILURE
    assert "s3:ListBucket on arn:aws:s3:::models" in finding.remedy


MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"size": 1, "digest": "sha256:" + "0" * 64},
    "layers": [
        {"size": 3_000_000_000, "digest": "sha256:" + "1" * 64},
        {"size": 500_000_000, "digest": "sha256:" + "2" * 64},
    ],
}
URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn"


def test_the_image(cloud, changed_bundle):
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="churn")
    ecr.put_image(repositoryName="churn", imageTag="1", imageManifest=json.dumps(MANIFEST))
    account = cloud.account
    [finding] = found(aws_image.CHECK, account(image=f"{URI}:1"))
    assert (finding.outcome, "3.5 GB to fetch" in finding.detail) == (Outcome.OK, True)
    [finding] = found(aws_image.CHECK, account(), bundle=changed_bundle(uri=f"{URI}:1"))
    assert finding.outcome is Outcome.OK
    [finding] = found(aws_image.CHECK, account(image=f"{URI}:2"))
    assert (finding.outcome, "is not there" in finding.detail) == (Outcome.FAILURE, True)
    [finding] = found(aws_image.CHECK, account(image=f"{URI}-lost:1"))
    assert (finding.outcome, "no repository" in finding.detail) == (Outcome.FAILURE, True)
    [finding] = found(aws_image.CHECK, account(image="example.com/churn:1"))
    assert finding.outcome is Outcome.SKIPPED
    [finding] = found(aws_image.CHECK, account(), bundle=changed_bundle(uri=None, build="image"))
    assert finding.outcome is Outcome.SKIPPED
    own = changed_bundle(repository="churn", tag="1", accounts={REGION: ACCOUNT})
    assert found(aws_image.CHECK, account(), bundle=own)[0].outcome is Outcome.OK


def test_an_image_that_is_denied(cloud):
    cloud.client("ecr").create_repository(repositoryName="churn")
    cloud.become(("Allow", ["iam:*", "sts:*"], "*"))
    [finding] = found(aws_image.CHECK, cloud.account(image=f"{URI}:1"))
    assert finding.outcome is Outcome.FAILURE
    assert "ecr:BatchGetImage" in finding.detail
    assert "repository's policy" not in finding.remedy
    [finding] = found(aws_image.CHECK, cloud.account(image=f"{URI}:1".replace(ACCOUNT, "210987654321")))
    assert "repository's policy" in finding.remedy
