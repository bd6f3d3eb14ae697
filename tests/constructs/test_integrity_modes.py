"""Integrity: what each way of delivering the key puts into template and role, and that a container can start on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.constructs import ModelEndpoint
from cdk_modelbuilder.constructs.integrity import BoundIntegrity, Integrity
from cdk_modelbuilder.constructs.signing_secret import SigningSecret
from cdk_modelbuilder.errors import IntegrityError, KeyFileError, UsageError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.secrets_manager import push_key
from tests.aws_stand_in import ACCOUNT, REGION, client, create_stack, mended_aws
from tests.conftest import MASTER_KEY
from tests.integrity.key_pairs import private_key, private_pem

HERE = cdk.Environment(account=ACCOUNT, region=REGION)
PINS = {verifier.ROOT_VARIABLE, verifier.MANIFEST_VARIABLE, verifier.KEY_ID_VARIABLE}
NAME = "cdk-modelbuilder/line"
ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{NAME}"


@pytest.fixture(scope="module")
def line_bundle(tmp_path_factory) -> ModelBundle:
    """A bundle with both signatures."""
    import numpy as np
    from sklearn.linear_model import LinearRegression

    X = np.arange(12, dtype=float).reshape(6, 2)
    y = X @ [1.0, 2.0]
    return ModelBuilder(
        model=LinearRegression().fit(X, y),
        schema_builder=SchemaBuilder(X, y),
        model_path=tmp_path_factory.mktemp("signed") / "line",
        signing_key=MASTER_KEY,
        signing_private_key=private_pem(),
    ).build()


@pytest.fixture
def stack(tmp_path) -> cdk.Stack:
    return stack_in(tmp_path)


def stack_in(folder: Path, env: cdk.Environment | None = HERE) -> cdk.Stack:
    app = cdk.App(outdir=str(folder / "cdk.out"), builtin_cloud_formation_validation=False)
    return cdk.Stack(app, "Test", env=env)


def secret_in(stack: cdk.Stack) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_name_v2(stack, "Secret", NAME)


def integrity_of(mode: str, stack: cdk.Stack) -> Integrity:
    if mode == "public_key":
        return Integrity.public_key(private_key().public.pem)
    return getattr(Integrity, mode)(secret_in(stack))


def resources(stack: cdk.Stack, kind: str) -> list[dict[str, Any]]:
    found = Template.from_stack(stack).to_json()["Resources"].values()
    return [resource["Properties"] for resource in found if resource["Type"] == kind]


def environment_of(stack: cdk.Stack) -> dict[str, Any]:
    (model,) = resources(stack, "AWS::SageMaker::Model")
    return model["PrimaryContainer"]["Environment"]


MODES = {
    "hmac": verifier.KEY_VARIABLE,
    "secret_reference": verifier.KEY_ARN_VARIABLE,
    "public_key": verifier.PUBLIC_KEY_VARIABLE,
}


@pytest.mark.parametrize("mode", MODES)
def test_the_environment_holds_the_pins_and_what_the_mode_needs_alone(line_bundle, stack, mode):
    integrity = integrity_of(mode, stack)
    ModelEndpoint(stack, "Endpoint", bundle=line_bundle, instance_type="ml.c6i.large", integrity=integrity)
    environment = environment_of(stack)
    own = {name for name in environment if name.startswith("MODELBUILDER_")}
    assert own == {*PINS, MODES[mode]}
    assert environment[verifier.ROOT_VARIABLE] == line_bundle.root_sha256
    assert environment[verifier.MANIFEST_VARIABLE] == line_bundle.manifest.sha256
    assert line_bundle.verify(bytes.fromhex(MASTER_KEY)).secret.hex() not in json.dumps(environment)


def test_hmac_renders_what_the_cdk_s_own_way_renders(line_bundle, tmp_path):
    owned = stack_in(tmp_path)
    for place, secret in (("named", secret_in(owned)), ("owned", secretsmanager.Secret(owned, "Own"))):
        bound = Integrity.hmac(secret).bind(line_bundle)
        cdk.CfnOutput(owned, f"{place}Ours", value=bound.environment[verifier.KEY_VARIABLE])
        theirs = secret.secret_value_from_json(line_bundle.key_id).unsafe_unwrap()
        cdk.CfnOutput(owned, f"{place}Theirs", value=theirs)
        assert bound == BoundIntegrity(bound.environment, (), works_isolated=True, needs_network="")
    outputs = Template.from_stack(owned).to_json()["Outputs"]
    for place in ("named", "owned"):
        assert outputs[f"{place}Ours"] == outputs[f"{place}Theirs"]
        assert f":SecretString:{line_bundle.key_id}::" in json.dumps(outputs[f"{place}Ours"])


def test_a_public_key_is_one_line_and_is_taken_as_file_text_and_line(line_bundle, tmp_path):
    public = private_key().public
    path = tmp_path / "release.pub"
    path.write_text(public.pem)
    for given in (path, str(path), public.pem, public.line):
        bound = Integrity.public_key(given).bind(line_bundle)
        assert bound == BoundIntegrity({verifier.PUBLIC_KEY_VARIABLE: public.line})
        assert bound.works_isolated


def test_a_bundle_without_a_public_signature_says_how_to_get_one(tumour_bundle):
    with pytest.raises(UsageError, match="has no public signature") as caught:
        Integrity.public_key(private_key().public.pem).bind(tumour_bundle)
    assert "ModelBuilder(signing_private_key=...)" in caught.value.remedy


def test_a_bundle_of_another_private_key_is_found_at_synth(line_bundle):
    other = Integrity.public_key(private_key(2).public.pem)
    with pytest.raises(IntegrityError, match=f"made with the key {line_bundle.public_key_id}"):
        other.bind(line_bundle)


def test_what_is_no_public_key_or_no_secret_is_refused(tmp_path, stack):
    for given in (tmp_path / "nowhere.pub", "nowhere.pub", private_pem()):
        with pytest.raises(KeyFileError) as refused:
            Integrity.public_key(given)
        assert "PRIVATE" not in str(refused.value)
    value = cdk.SecretValue.unsafe_plain_text("5ec4e7")
    for given in ("5ec4e7", value, None, SigningSecret(stack, "Signing", model_name="x")):
        for make in (Integrity.hmac, Integrity.secret_reference):
            with pytest.raises(UsageError, match="not an ISecret") as caught:
                make(given)
            assert "SigningSecret(...).secret" in caught.value.remedy
            assert "5ec4e7" not in str(caught.value)


class Counted:
    """A real secret that counts how often it is asked for an attribute: each is a call to another process."""

    def __init__(self, secret: secretsmanager.ISecret) -> None:
        self._secret, self.calls = secret, 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        return getattr(self._secret, name)


@pytest.mark.parametrize("mode", ["hmac", "secret_reference"])
def test_the_cdk_is_asked_once_however_many_bundles_there_are(line_bundle, stack, mode):
    secret = Counted(secret_in(stack))
    integrity = getattr(Integrity, mode)(secret)
    integrity.bind(line_bundle)
    asked = secret.calls
    assert asked <= 5
    first = integrity.bind(line_bundle)
    for _ in range(50):
        assert integrity.bind(line_bundle) == first
    assert secret.calls == asked


def statements_of(integrity: Integrity, bundle: ModelBundle, stack: cdk.Stack) -> Any:
    return stack.resolve(list(integrity.bind(bundle).statements))


@pytest.mark.parametrize("mode", ["hmac", "public_key"])
def test_the_role_needs_nothing_more(line_bundle, stack, mode):
    assert statements_of(integrity_of(mode, stack), line_bundle, stack) == []


def test_a_reference_by_name_reads_that_secret_and_no_other(line_bundle, stack):
    arn = stack.resolve(secret_in(stack).secret_arn)
    (read,) = statements_of(
        Integrity.secret_reference(secret_in(cdk.Stack(stack, "Other", env=HERE))), line_bundle, stack
    )
    assert read == {
        "Sid": "ReadBundleKey",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": {"Fn::Join": ["", [*arn["Fn::Join"][1][:-1], f"{arn['Fn::Join'][1][-1]}-??????"]]},
    }


@pytest.mark.parametrize("env", [HERE, None], ids=["known region", "any region"])
def test_a_reference_to_an_encrypted_secret_may_decrypt_with_its_key_through_secrets_manager_only(
    line_bundle, tmp_path, env
):
    stack = stack_in(tmp_path, env)
    key = kms.Key(stack, "Key")
    secret = secretsmanager.Secret(stack, "Secret", encryption_key=key)
    read, decrypt = statements_of(Integrity.secret_reference(secret), line_bundle, stack)
    assert read["Resource"] == stack.resolve(secret.secret_arn)
    assert (decrypt["Action"], decrypt["Resource"]) == ("kms:Decrypt", stack.resolve(key.key_arn))
    region = REGION if env else {"Ref": "AWS::Region"}
    service = f"secretsmanager.{region}.amazonaws.com"
    expected = service if env else {"Fn::Join": ["", ["secretsmanager.", region, ".amazonaws.com"]]}
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": expected}}


def test_a_secret_of_another_region_is_decrypted_there(line_bundle, stack):
    arn = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{NAME}-AbCdEf"
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1")
    secret = SigningSecret.from_arn(stack, "Secret", arn, encryption_key=key)
    read, decrypt = statements_of(Integrity.secret_reference(secret), line_bundle, stack)
    assert read["Resource"] == arn
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}}


def test_a_key_by_its_alias_is_asked_for_by_a_condition(line_bundle, stack):
    # A policy cannot name an alias as its resource.
    secret = SigningSecret.from_name(stack, "Secret", "line")
    _, decrypt = statements_of(Integrity.secret_reference(secret), line_bundle, stack)
    assert decrypt["Condition"]["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": f"alias/{NAME}"}
    assert json.dumps(decrypt["Resource"]).endswith(f':kms:{REGION}:{ACCOUNT}:key/*"]]}}')


def test_the_role_of_an_endpoint_gets_the_statements(line_bundle, stack):
    integrity = Integrity.secret_reference(SigningSecret.from_name(stack, "Secret", "line"))
    ModelEndpoint(stack, "Endpoint", bundle=line_bundle, instance_type="ml.c6i.large", integrity=integrity)
    (policy,) = resources(stack, "AWS::IAM::ManagedPolicy")
    sids = [statement["Sid"] for statement in policy["PolicyDocument"]["Statement"]]
    assert {"ReadBundleKey", "DecryptBundleKey"} <= set(sids)


def test_a_reference_cannot_work_under_network_isolation_and_says_why(line_bundle, stack):
    integrity = Integrity.secret_reference(secret_in(stack))
    assert not integrity.bind(line_bundle).works_isolated
    with pytest.raises(UsageError, match="fetches the key from Secrets Manager"):
        ModelEndpoint(
            stack,
            "Endpoint",
            bundle=line_bundle,
            instance_type="ml.c6i.large",
            integrity=integrity,
            network_isolation=True,
        )


@pytest.mark.parametrize("mode", MODES)
def test_what_is_deployed_lets_the_verifier_start(line_bundle, tmp_path, mode):
    stack = stack_in(tmp_path)
    integrity = integrity_of(mode, stack)
    ModelEndpoint(stack, "Endpoint", bundle=line_bundle, instance_type="ml.c6i.large", integrity=integrity)
    template = Template.from_stack(stack).to_json()
    with mended_aws():
        if mode != "public_key":
            push_key(line_bundle.check_signature(bytes.fromhex(MASTER_KEY)), NAME, region=REGION)
        create_stack(template)
        (model,) = client("sagemaker").list_models()["Models"]
        described = client("sagemaker").describe_model(ModelName=model["ModelName"])
        environment = described["PrimaryContainer"]["Environment"]
        try:
            assert verifier.verify_from_environment(line_bundle.model_dir, environment) == line_bundle.root_sha256
        finally:
            verifier.forget(line_bundle.model_dir)
    shown = line_bundle.check_signature(bytes.fromhex(MASTER_KEY)).secret.hex() in json.dumps(environment)
    assert shown == (mode == "hmac")  # what DescribeModel shows
