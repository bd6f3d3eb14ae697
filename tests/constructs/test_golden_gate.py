"""verify_on_deploy: the function's real code asks a real server of the bundle, and CloudFormation believes it."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.constructs import (
    AsyncInference,
    Container,
    EndpointComponent,
    EndpointVariant,
    GoldenTest,
    Hosting,
    ModelEndpoint,
    ResourceRequirements,
)
from cdk_modelbuilder.constructs.golden_gate_function.golden_gate import first_difference
from cdk_modelbuilder.errors import BundleError, UsageError
from tests.aws_stand_in import StackFailed, client, create_stack, mended_aws, update_stack
from tests.aws_stand_in.sagemaker_runtime import Fault, SageMakerRuntime

EUROPE = cdk.Environment(account="123456789012", region="us-east-1")


@pytest.fixture(scope="module")
def bundles(tumours, tmp_path_factory):
    """Two models of one name, with golden tests."""
    import xgboost

    models = (tumours.model, xgboost.XGBClassifier(n_estimators=2, max_depth=1).fit(tumours.X, 1 - tumours.y))
    return [
        ModelBuilder(
            model=model,
            schema_builder=SchemaBuilder(tumours.X[:40], tumours.y[:40], keep_samples=True),
            name="tumour",
            dependencies={"auto": False},
            model_path=tmp_path_factory.mktemp("gate") / "tumour",
            signing_key="5a" * 32,
        ).build()
        for model in models
    ]


def stack_of(bundle, folder, **options):
    app = cdk.App(outdir=str(folder / "cdk.out"), builtin_cloud_formation_validation=False)
    stack = cdk.Stack(app, "Gated", env=EUROPE)
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "k")
    options.setdefault("hosting", Hosting.real_time(instance_type="ml.m5.large"))
    options.setdefault("verify_on_deploy", True)
    ModelEndpoint(stack, "E", bundle=bundle, signing_secret=secret, endpoint_name="tumour", **options)
    return stack


def deploy(change, stack):
    assembly = stack.node.root.synth()
    return change(assembly.get_stack_by_name("Gated").template, assets=Path(assembly.directory))


@contextmanager
def account(*bundles):
    with SageMakerRuntime() as runtime, mended_aws(sagemaker_runtime=runtime.url):
        keys = {bundle.key_id: "00" * 32 for bundle in bundles}
        client("secretsmanager").create_secret(Name="k", SecretString=json.dumps(keys))
        yield runtime


def test_a_wrong_model_fails_the_deployment_and_the_right_one_passes(bundles, tmp_path):
    right, other = bundles
    with account(right, other) as runtime, right.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        runtime.endpoints["tumour"] = predictor.url
        deploy(create_stack, stack_of(right, tmp_path / "right"))
        assert len(runtime.requests) == 1
        before = client("sagemaker").describe_endpoint(EndpointName="tumour")
        # The endpoint goes on serving the first model: what a wrong container would do.
        with pytest.raises(StackFailed, match=r"UPDATE_ROLLBACK_COMPLETE.*answers something else .* at \$"):
            deploy(update_stack, stack_of(other, tmp_path / "other"))
        assert len(runtime.requests) == 3, "asked for the new model, and once more while going back"
        after = client("sagemaker").describe_endpoint(EndpointName="tumour")
        assert before["EndpointName"] == after["EndpointName"]
    with account(right, other) as runtime, other.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        runtime.endpoints["tumour"] = predictor.url
        with pytest.raises(StackFailed, match="answers something else"):
            deploy(create_stack, stack_of(right, tmp_path / "first"))


def test_what_the_container_says_is_told(bundles, tmp_path):
    with account(bundles[0]) as runtime, bundles[0].deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        runtime.endpoints["tumour"] = predictor.url
        runtime.faults.append(Fault(424, "ModelError", "the model broke", {"OriginalStatusCode": 500}))
        with pytest.raises(StackFailed, match="the model broke"):
            deploy(create_stack, stack_of(bundles[0], tmp_path))


@pytest.mark.heavy
def test_an_asynchronous_endpoint_is_asked_through_s3(bundles, tmp_path):
    with account(bundles[0]) as runtime, bundles[0].deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        for name in ("requests", "answers"):
            client("s3").create_bucket(Bucket=name)
        runtime.s3, runtime.output = client("s3"), "s3://answers/out"
        runtime.endpoints["tumour"] = predictor.url
        queue = AsyncInference(output_s3_uri="s3://answers/out", input_s3_uri="s3://requests/in")
        hosting = Hosting.asynchronous(instance_type="ml.m5.large", asynchronous=queue)
        deploy(create_stack, stack_of(bundles[0], tmp_path, hosting=hosting))
        assert client("s3").list_objects_v2(Bucket="requests")["KeyCount"] == 0


def test_each_variant_and_component_is_asked_by_name(bundles, tmp_path):
    app = cdk.App(outdir=str(tmp_path / "out"), builtin_cloud_formation_validation=False)
    stack = cdk.Stack(app, "S", env=EUROPE)
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "k")

    def container(bundle):
        return Container.from_bundle(bundle, signing_secret=secret)

    ModelEndpoint(
        stack,
        "V",
        variants=[EndpointVariant(name="Blue", containers=container(bundles[0])),
                  EndpointVariant(name="Green", containers=container(bundles[1]))],
        instance_type="ml.m5.large",
        verify_on_deploy=GoldenTest(relative_tolerance=0.01, absolute_tolerance=0.5),
    )  # fmt: skip
    ModelEndpoint(
        stack,
        "C",
        components=[EndpointComponent(name="one", container=container(bundles[0]),
                                      resources=ResourceRequirements(requests={"memory": 512}))],
        instance_type="ml.m5.large",
        verify_on_deploy=True,
    )  # fmt: skip
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::Lambda::Function", 1)
    gates = template.find_resources("Custom::ModelBuilderGoldenTest")
    texts = [json.dumps(gate["Properties"]["Tests"]) for gate in gates.values()]
    assert any("TargetVariant" in text and "Green" in text for text in texts)
    assert any("InferenceComponentName" in text for text in texts)
    assert {gate["Properties"]["RelativeTolerance"] for gate in gates.values()} == {"0.01", "1e-06"}
    for policy in template.find_resources("AWS::IAM::ManagedPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Sid"] == "AskEndpoint":
                assert statement["Resource"] != "*"


def test_what_cannot_be_verified(bundles, tumour_bundle, tmp_path):
    with pytest.raises(BundleError, match="keep_samples=True"):
        stack_of(tumour_bundle, tmp_path / "a")
    queue = AsyncInference(output_s3_uri="s3://answers/out")
    hosting = Hosting.asynchronous(instance_type="ml.m5.large", asynchronous=queue)
    with pytest.raises(UsageError, match="input_s3_uri"):
        stack_of(bundles[0], tmp_path / "b", hosting=hosting)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_a_value_is_like_itself(value):
    assert first_difference(json.loads(json.dumps(value)), value, 0, 0) is None


@given(JSON, JSON)
def test_different_values_differ_somewhere(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    found = first_difference(one, other, 0, 0)
    assert found is None or not same
    if found is None:  # only numbers of one value may be written in two ways, as 1 and 1.0
        assert one == other


@pytest.mark.parametrize(
    ("found", "wanted", "place"),
    [
        ([1.0, 2.0], [1.0, 2.0000001], None),
        ([1.0, 2.1], [1.0, 2.0], "$[1] (another number)"),
        ({"a": [1]}, {"a": [True]}, "$.a[0] (another value)"),
        ({"a": 1}, {"b": 1}, "$ (other keys)"),
        ([1], [1, 2], "$ (1 values, not 2)"),
        ("1", 1, "$ (another value)"),
        (math.inf, math.inf, None),
    ],
)
def test_where_answers_differ(found, wanted, place):
    assert first_difference(found, wanted, 1e-6, 0) == place
