"""Which host an image comes from, and that a login goes to Amazon ECR and to no host that only looks like it."""

from __future__ import annotations

import base64
import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.container.pulling import LayerTally, pull_failure
from cdk_modelbuilder.local.container.registry import EcrRegistry, ecr_login, ecr_registry, image_uri, registry_host

REAL = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
regions = st.sampled_from(["us-east-1", "eu-west-1", "ap-southeast-2", "us-gov-west-1", "il-central-1"])
accounts = st.text("0123456789", min_size=12, max_size=12)


@given(accounts, regions)
def test_what_is_ecr_is_known_as_such(account, region):
    found = ecr_registry(f"{account}.dkr.ecr.{region}.amazonaws.com/team/model:1")
    assert found == EcrRegistry(account, region)


def test_china_is_ecr_under_its_own_suffix():
    assert ecr_registry("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1") == EcrRegistry(
        "123456789012", "cn-north-1"
    )
    assert ecr_registry("123456789012.dkr.ecr.cn-north-1.amazonaws.com/a:1") is None
    assert ecr_registry("123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn/a:1") is None


@given(st.text(string.printable, max_size=8), st.text(string.printable, max_size=8))
@example("", ".example.com")
@example("", ":443")
@example("", "@example.com")
@example("user@", "")
@example("", "\n")
@example("1", "")
@example("", ".")
@example("x.", "")
@example("example.com/", "")
@example("", "#.example.com")
@example("", "?.example.com")
@example("", "\\.example.com")
@example("", "\t")
def test_what_only_looks_like_ecr_is_not(before, after):
    if not before and (not after or after[0] == "/"):
        return
    host = before + REAL + after
    found = ecr_registry(f"{host}/team/model:1")
    assert found is None or registry_host(f"{host}/team/model:1") == REAL


@pytest.mark.parametrize(
    "image",
    [
        "12345678901.dkr.ecr.eu-west-1.amazonaws.com/a",
        "1234567890123.dkr.ecr.eu-west-1.amazonaws.com/a",
        "١٢٣٤٥٦٧٨٩٠١٢.dkr.ecr.eu-west-1.amazonaws.com/a",  # Arabic digits
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com/a",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.co/a",
        "123456789012.dkr.ecr.eu-west-1xamazonaws.com/a",
        "123456789012xdkr.ecr.eu-west-1.amazonaws.com/a",
        "123456789012.dkr.ecr.example.com/x.eu-west-1.amazonaws.com/a",
        "123456789012.DKR.ecr.eu-west-1.amazonaws.com/a",
        "public.ecr.aws/team/a",
        "example.com/123456789012.dkr.ecr.eu-west-1.amazonaws.com/a",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",  # an image on Docker Hub of a strange name
        "ubuntu",
    ],
)
def test_no_login_for(image):
    assert ecr_registry(image) is None


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("ubuntu", "docker.io"),
        ("ubuntu:24.04", "docker.io"),
        ("team/model", "docker.io"),
        ("localhost/model", "localhost"),
        ("host:5000/model:1", "host:5000"),
        ("Host/model", "Host"),
        (f"{REAL}/a/b@sha256:{'0' * 64}", REAL),
    ],
)
def test_the_host_is_read_as_docker_reads_it(image, host):
    from docker.auth import resolve_repository_name

    assert registry_host(image) == host
    if image == image.lower():
        assert resolve_repository_name(image)[0] == host


class Session:
    """Stands in for boto3's where no AWS is to be had; the client is botocore's own, with its answer put in."""

    def __init__(self, answer=None, error=None):
        self.answer, self.error, self.asked = answer, error, []

    def client(self, service, region_name):
        import botocore.session
        from botocore.stub import Stubber

        client = botocore.session.get_session().create_client(
            service, region_name=region_name, aws_access_key_id="x", aws_secret_access_key="x"
        )
        stub = Stubber(client)
        expected = {"registryIds": ["123456789012"]}
        if self.error:
            stub.add_client_error("get_authorization_token", self.error, expected_params=expected)
        else:
            stub.add_response("get_authorization_token", self.answer, expected)
        stub.activate()
        self.asked.append((service, region_name))
        return client


def test_a_login_is_asked_of_the_account_and_region_of_the_image():
    token = base64.b64encode(b"AWS:the:password").decode()
    session = Session({"authorizationData": [{"authorizationToken": token}]})
    found = ecr_login(EcrRegistry("123456789012", "eu-west-1"), f"{REAL}/a", session)
    assert found == {"username": "AWS", "password": "the:password"}
    assert session.asked == [("ecr", "eu-west-1")]


def test_a_login_that_is_refused_names_the_permission():
    with pytest.raises(LocalEndpointError, match=r"AccessDeniedException.*ecr:GetAuthorizationToken"):
        ecr_login(EcrRegistry("123456789012", "eu-west-1"), f"{REAL}/a", Session(error="AccessDeniedException"))


def test_no_credentials(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(LocalEndpointError, match=r"credentials.*aws sso login"):
        ecr_login(EcrRegistry("123456789012", "eu-west-1"), f"{REAL}/a")


def test_an_image_of_aws_in_a_region(monkeypatch):
    image = ImageReference(repository="sagemaker-x", tag="1", accounts={"eu-west-1": "1" * 12, "cn-north-1": "2" * 12})
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(UsageError, match="no region is known"):
        image_uri(image)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert image_uri(image) == f"{'1' * 12}.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-x:1"
    assert image_uri(image, "cn-north-1") == f"{'2' * 12}.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-x:1"
    assert ecr_registry(image_uri(image, "cn-north-1")) == EcrRegistry("2" * 12, "cn-north-1")
    with pytest.raises(UsageError, match=r"not offer sagemaker-x:1 in 'us-east-1'.*cn-north-1, eu-west-1"):
        image_uri(image, "us-east-1")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("manifest for example.com/a:1 not found: manifest unknown", r"has no such image.*its tag"),
        (
            "pull access denied for a, repository does not exist or may require 'docker login'",
            r"did not allow.*docker login",
        ),
        ("Head https://x: no basic auth credentials", r"did not allow"),
        ("dial tcp: lookup example.com: no such host", r"does not reach example.com.*docker load"),
        ("dial tcp 10.0.0.1:443: i/o timeout", r"does not reach"),
        ("failed to register layer: write /usr/lib/x: no space left on device", r"docker image prune.*data-root"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", r"an architecture that it has"),
        ("toomanyrequests: You have reached your pull rate limit", r"takes no more requests"),
        ("something else", r"something else. The daemon says why"),
    ],
)
def test_why_an_image_did_not_come(said, words):
    error = pull_failure("example.com/a:1", said)
    assert re.search(words, str(error)), error


def test_permissions_of_ecr_are_named_for_ecr_alone():
    assert "ecr:BatchGetImage" in str(pull_failure(f"{REAL}/a", "denied: not authorized"))
    assert "ecr:" not in str(pull_failure(f"{REAL}.example.com/a", "denied: not authorized"))


def test_a_pull_is_told_by_tenths():
    tally = LayerTally()
    events = [{"id": layer, "status": "Pulling fs layer"} for layer in "ab"]
    for done in range(101):
        for layer in "ab":
            detail = {"current": done * 10_000, "total": 1_000_000}
            events.append({"id": layer, "status": "Downloading", "progressDetail": detail})
    said = [text for event in events if (text := tally.take(event))]
    assert len(said) == 10
    assert said[-1] == "2 of 2 MB in 2 layers"
    assert tally.take({"status": "Digest: sha256:0"}) is None
