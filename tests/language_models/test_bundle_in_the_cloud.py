"""What becomes of a language model's bundle: its template, its bucket, the instance proposed, a review."""

from __future__ import annotations

import json
import shutil

import pytest

pytest.importorskip("aws_cdk", exc_type=ImportError)
pytest.importorskip("boto3", exc_type=ImportError)

import aws_cdk as cdk
from click.testing import CliRunner

from cdk_modelbuilder import ModelBuilder, ResourceRequirements, SchemaBuilder
from cdk_modelbuilder.cli.build_command import command as build_command
from cdk_modelbuilder.cli.inspect_command import command as inspect
from cdk_modelbuilder.comparing import compare
from cdk_modelbuilder.comparing.bundles.serving_lines import serving_facts
from cdk_modelbuilder.constructs import Artifact, ModelEndpoint
from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.instance_choice import Needs, propose
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.deploying.planning import plan_app
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.generating.plan import ArtifactPlan
from cdk_modelbuilder.generating.planning import plan_endpoint
from cdk_modelbuilder.local.gateway import host_assembly
from cdk_modelbuilder.publishing import publish
from tests.aws_stand_in import AwsStandIn
from tests.comparing.homes import changes
from tests.conftest import MASTER_KEY
from tests.constructs.synthesis import only, synthesize
from tests.language_models.architectures import PUBLISHED, llama, write_model

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub/token-a1B2c3"


def build(folder, model, **options):
    return ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder({"messages": []}, {"choices": []}),
        model_path=folder / "chat",
        signing_key=MASTER_KEY,
        **{"model_server": "vllm", "instance_type": "ml.g5.12xlarge", **options},
    ).build()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("weights") / "llama", llama(2, 64, 128, 4, 4, 100, 4096))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, weights):
    """Shared: nothing changes it."""
    return build(tmp_path_factory.mktemp("built"), weights)


@pytest.fixture(scope="module")
def of_70b(tmp_path_factory):
    """A bundle of a model on a hub, whose facts are those of a copy."""
    folder = tmp_path_factory.mktemp("large")
    copy = write_model(folder / "llama", PUBLISHED["llama-3-70b"].config, files=4)
    return build(folder, "org/llama@main", model_files=copy, instance_type="ml.g6e.12xlarge")


def template(folder, bundle, **options):
    given = {"instance_type": "ml.g5.12xlarge", **options}
    virginia = cdk.Environment(account="123456789012", region="us-east-1")
    return synthesize(folder, lambda stack: ModelEndpoint(stack, "Chat", bundle=bundle, **given), virginia)


def permissions(made) -> str:
    found = json.dumps([one for one in made["Resources"].values() if one["Type"].startswith("AWS::IAM::")])
    assert "logs:PutLogEvents" in found
    return found


def test_weights_are_a_prefix_named_by_digest(tmp_path, bundle):
    made = template(tmp_path, bundle, artifact=Artifact.published("weights", prefix="models"))
    place = f"s3://weights/models/{bundle.artifact_digest}/model/"
    data = only(made, "SageMaker::Model")["PrimaryContainer"]["ModelDataSource"]
    assert data == {"S3DataSource": {"CompressionType": "None", "S3DataType": "S3Prefix", "S3Uri": place}}
    variables = only(made, "SageMaker::Model")["PrimaryContainer"]["Environment"]
    assert variables["MODELBUILDER_ROOT_SHA256"] == bundle.root_sha256
    assert variables["SM_VLLM_TENSOR_PARALLEL_SIZE"] == "4"
    assert f"weights/models/{bundle.artifact_digest}/model/*" in permissions(made)


def test_the_prefix_is_where_publish_puts_the_files(tmp_path, bundle, monkeypatch):
    with AwsStandIn() as stand_in:
        for name, value in stand_in.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
        s3 = stand_in.client("s3")
        s3.create_bucket(Bucket="weights")
        published = publish(bundle, bucket="weights")
        keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket="weights")["Contents"]}
    assert published.uri == f"s3://weights/{bundle.artifact_digest}/model/"
    assert {f"{bundle.artifact_digest}/model/{name}" for name in bundle.manifest.files} < keys
    made = template(tmp_path, bundle, artifact=Artifact.s3(published.uri, published.digest))
    data = only(made, "SageMaker::Model")["PrimaryContainer"]["ModelDataSource"]
    assert data["S3DataSource"]["S3Uri"] == published.uri


def test_files_as_they_are_are_no_asset_and_the_way_out_is_named(tmp_path, bundle):
    with pytest.raises(BundleError, match=r"cdk-modelbuilder publish .*Artifact\.published\(BUCKET\)"):
        template(tmp_path, bundle)
    with pytest.raises(BundleError, match=r"--bucket"):
        plan_endpoint(bundle, tmp_path)
    plan = plan_endpoint(bundle, tmp_path, artifact=ArtifactPlan(bucket="weights"))
    assert plan.instance_type == "ml.g5.12xlarge"  # the one that the server was set up for


@pytest.mark.parametrize(
    ("given", "reference"),
    [
        ("hub/token", "{{resolve:secretsmanager:hub/token:SecretString:::}}"),
        ("hub/token#read", "{{resolve:secretsmanager:hub/token:SecretString:read::}}"),
        (f"{ARN}#read", f"{{{{resolve:secretsmanager:{ARN}:SecretString:read::}}}}"),
    ],
)
def test_a_hubs_token_is_a_reference_and_the_role_may_read_no_secret(tmp_path, given, reference):
    bundle = build(tmp_path, "org/gated@main", hub_token_secret=given)
    assert dict(bundle.container.secrets) == {"HF_TOKEN": given}
    assert "HF_TOKEN" not in bundle.container.environment
    made = template(tmp_path, bundle)
    assert only(made, "SageMaker::Model")["PrimaryContainer"]["Environment"]["HF_TOKEN"] == reference
    assert "secretsmanager" not in permissions(made)  # CloudFormation resolves it with its own rights


def test_who_deploys_may_keep_the_token_in_another_secret(tmp_path):
    from cdk_modelbuilder.constructs.container import Container

    bundle = build(tmp_path, "org/gated@main", hub_token_secret="hub/token")
    own = cdk.SecretValue.secrets_manager("ours", json_field="hub")
    bound = {}

    def fill(stack):
        bound.update(stack.resolve(Container.from_bundle(bundle, secrets={"HF_TOKEN": own}).bind(stack).environment))

    synthesize(tmp_path, fill)
    assert bound["HF_TOKEN"].startswith("{{resolve:secretsmanager:ours:SecretString:hub:")
    with pytest.raises(UsageError, match="container spec decides"):
        Container.from_bundle(bundle, environment={"HF_TOKEN": "{{resolve:secretsmanager:x}}"})


@pytest.mark.parametrize(
    ("instance_type", "words"),
    [
        ("ml.g5.xlarge", r"split over 4 accelerators, and ml\.g5\.xlarge has 1"),
        ("ml.g5.12xlarge", r"32\.86 GiB .*more than those of ml\.g5\.12xlarge have"),
    ],
)
def test_instances_that_the_server_was_not_set_up_for(tmp_path, of_70b, instance_type, words):
    with pytest.raises(UsageError, match=words):
        template(tmp_path, of_70b, instance_type=instance_type)
    with pytest.raises(UsageError, match=words):
        plan_endpoint(of_70b, tmp_path, instance_type=instance_type)
    larger = plan_endpoint(of_70b, tmp_path, instance_type="ml.p4de.24xlarge")
    assert larger.instance_type == "ml.p4de.24xlarge"


def test_the_proposal_is_what_was_reckoned(of_70b, bundle):
    found = propose(Needs.of(of_70b), "us-east-1")
    assert found.instance_type == "ml.g6e.12xlarge"
    assert "weights 32.86 GiB" in found.reason
    assert propose(Needs.of(bundle), "us-east-1").instance_type == "ml.g5.12xlarge"
    with pytest.raises(UsageError, match=r"ml\.g6e\.12xlarge.* is not offered for hosting in af-south-1.*again"):
        propose(Needs.of(of_70b), "af-south-1")


def test_deploy_publishes_the_files_and_proposes_what_was_reckoned(tmp_path, bundle):
    account = Account(None, "123456789012", "us-east-1", "arn:aws:iam::123456789012:role/tester")
    said: list[str] = []
    (plan,) = plan_app(bundle, DeployOptions(), account, tmp_path, before=None, say=said.append).endpoints
    assert plan.instance_type == "ml.g5.12xlarge"
    assert plan.artifact.bucket == "cdk-hnb659fds-assets-123456789012-us-east-1"
    assert [line for line in said if "ml.g5.12xlarge, proposed for each of its accelerators holds" in line]
    said.clear()
    larger = DeployOptions(instance_type="ml.g5.48xlarge")
    plan_app(bundle, larger, account, tmp_path, before=None, say=said.append)
    assert [line for line in said if "set up for ml.g5.12xlarge, and ml.g5.48xlarge is another type" in line]
    smaller = DeployOptions(instance_type="ml.g5.xlarge")
    with pytest.raises(UsageError, match="split over 4 accelerators"):
        plan_app(bundle, smaller, account, tmp_path, before=None, say=said.append)


def test_no_token_gets_into_a_generated_app(tmp_path, bundle):
    given = {"artifact": ArtifactPlan(bucket="weights"), "environment": {"HF_TOKEN": "hf_mine"}}
    with pytest.raises(UsageError, match="environment sets HF_TOKEN to a token") as refused:
        plan_endpoint(bundle, tmp_path, **given)
    assert "hf_mine" not in str(refused.value)


def test_copies_of_a_split_model_get_accelerators_each(of_70b):
    needs = Needs.of(of_70b, ResourceRequirements(requests={"memory": 1024, "copies": 2}), copies_each=2)
    assert needs.accelerators == 8
    assert propose(needs, "us-east-1").instance_type == "ml.g6e.48xlarge"


def test_a_record_that_somebody_broke(tmp_path, bundle):
    shutil.copytree(bundle.path, tmp_path / "chat")
    (tmp_path / "chat" / "serving.json").write_text('{"arithmetic": {"split_over": 1}}')
    with pytest.raises(BundleError, match=r"serving\.json in .* is malformed: KeyError"):
        Needs.of(type(bundle).read(tmp_path / "chat"))
    shown = CliRunner().invoke(inspect, [str(tmp_path / "chat")])
    assert isinstance(shown.exception, BundleError)


def test_the_command_line_shows_what_was_chosen(tmp_path, weights):
    (tmp_path / "chat.py").write_text(
        f"""from cdk_modelbuilder import ModelBuilder, SchemaBuilder

schema = SchemaBuilder({{"messages": []}}, {{"choices": []}})
chat = ModelBuilder(model={str(weights)!r}, schema_builder=schema, model_server="vllm", signing_key={MASTER_KEY!r})
"""
    )
    made = CliRunner().invoke(build_command, [f"{tmp_path / 'chat.py'}", "--output", str(tmp_path / "chat")])
    assert made.exit_code == 0, made.output
    assert "LlamaForCausalLM, 0.00 billion parameters" in made.output
    assert "served by vllm on ml.g4dn.xlarge" in made.output


def test_inspect_shows_values_reasons_and_the_sum(bundle):
    shown = CliRunner().invoke(inspect, [str(bundle.path)]).output
    assert "served by vllm on ml.g5.12xlarge" in shown
    assert "the files have it" in shown
    assert "overhead 1.50 GiB" in shown
    assert json.loads(CliRunner().invoke(inspect, [str(bundle.path), "--json"]).output)["serving"] == bundle.serving


def test_a_review_says_why_a_value_changed(tmp_path, bundle, weights):
    other = build(tmp_path, weights, instance_type="ml.g4dn.12xlarge")
    found = {change.place or change.what: change for change in changes(compare(str(bundle.path), str(other.path)))}
    dtype = found["environment.SM_VLLM_DTYPE"]
    assert (dtype.old, dtype.new, dtype.note) == ("bfloat16", "float16", "T4 has no bfloat16")
    assert found["serving.instance_type"].new == "ml.g4dn.12xlarge"
    made = {change.what: (change.new, change.note) for change in serving_facts(bundle.serving)}  # of a new bundle
    assert made["instance type that the values are for"] == ("ml.g5.12xlarge", "")
    assert ("bfloat16", "the files have it") in made.values()


def test_large_weights_have_the_time_to_load(tmp_path, of_70b, bundle):
    """141 GB from a hub: 23 minutes more than SageMaker's default, which is enough for small models."""
    assert of_70b.container.health_check.startup_seconds == 480 + 23 * 60
    made = template(tmp_path, of_70b, instance_type="ml.g6e.12xlarge")
    (variant,) = only(made, "SageMaker::EndpointConfig")["ProductionVariants"]
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 480 + 23 * 60
    made = template(tmp_path / "small", bundle, artifact=Artifact.published("weights"))
    (variant,) = only(made, "SageMaker::EndpointConfig")["ProductionVariants"]
    assert "ContainerStartupHealthCheckTimeoutInSeconds" not in variant


def test_the_local_gateway_finds_the_bundle_of_a_template(tmp_path, bundle):
    """By the root digest that the template pins: files that lie in a bucket there are the bundle's here."""
    gated = build(tmp_path / "gated", "org/gated@main", hub_token_secret="hub/token")
    app = cdk.App(outdir=str(tmp_path / "cdk.out"), builtin_cloud_formation_validation=False)
    stack = cdk.Stack(app, "Two", env=cdk.Environment(account="123456789012", region="us-east-1"))
    for name, served in (("Small", bundle), ("Gated", gated)):
        given = {"instance_type": "ml.g5.12xlarge", "artifact": Artifact.published("weights")}
        ModelEndpoint(stack, name, bundle=served, endpoint_name=name, **given)
    app.synth()
    hosted = host_assembly(tmp_path / "cdk.out", bundles_in=[bundle.path, gated.path])
    found = {one.name: one.variants[0].model.containers[0] for one in hosted.endpoints}
    assert found["Small"].bundle.path == bundle.path
    assert found["Small"].environment["SM_VLLM_MAX_MODEL_LEN"] == "4096"
    assert dict(found["Gated"].bundle.container.secrets) == {"HF_TOKEN": "hub/token"}
    assert not any("HF_TOKEN" in warning for warning in hosted.warnings)  # it is that of whoever runs it
