"""Models that a server reads itself: a folder, a hub's id, a prefix in S3; and an image that holds its own."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from cdk_modelbuilder import Mode
from cdk_modelbuilder.constructs import Artifact, ModelEndpoint
from cdk_modelbuilder.errors import ModelError, UsageError
from cdk_modelbuilder.images import NoMatchingImage

GPU = "ml.g6e.2xlarge"
COMMIT = "0123456789abcdef" * 2 + "01234567"


def template(bundle, instance_type: str = GPU, **options) -> dict:
    stack = cdk.Stack(cdk.App(), "Files", env=cdk.Environment(account="123456789012", region="us-east-1"))
    if bundle.container.model_data.form == "folder":
        options = {"artifact": Artifact.published("weights"), **options}
    ModelEndpoint(stack, "Endpoint", bundle=bundle, instance_type=instance_type, **options)
    return Template.from_stack(stack).to_json()["Resources"]


def container(resources: dict) -> dict:
    (model,) = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::SageMaker::Model"]
    return model.get("PrimaryContainer") or model["Containers"][0]


def variant(resources: dict) -> dict:
    (config,) = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::SageMaker::EndpointConfig"]
    return config["ProductionVariants"][0]


def test_a_folder_is_packaged_as_it_is_and_its_server_told_where_it_lies(build, weights):
    bundle = build(model=weights, model_server="vllm", instance_type=GPU)
    names = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(bundle.manifest.files) == names
    spec = bundle.container
    assert spec.environment["SM_VLLM_MODEL"] == "/opt/ml/model"
    assert spec.environment["SM_VLLM_SERVED_MODEL_NAME"] == "bundle"
    assert (spec.verified, dict(spec.secret_environment), spec.image.processor) == ("nothing", {}, "gpu")
    assert any("verifying_image" in note for note in bundle.notes)
    resources = template(bundle)
    assert variant(resources)["InferenceAmiVersion"] == spec.inference_ami_version is not None
    assert container(resources)["Environment"]["MODELBUILDER_ROOT_SHA256"] == bundle.root_sha256


@pytest.mark.parametrize(
    ("server", "variable", "revision"),
    [
        ("vllm", "SM_VLLM_MODEL", "SM_VLLM_REVISION"),
        ("sglang", "SM_SGLANG_MODEL_PATH", "SM_SGLANG_REVISION"),
        ("tgi", "HF_MODEL_ID", "HF_MODEL_REVISION"),
        ("tei", "HF_MODEL_ID", "HF_MODEL_REVISION"),
        ("djl_serving", "HF_MODEL_ID", "HF_REVISION"),
        ("mms", "HF_MODEL_ID", "HF_MODEL_REVISION"),
    ],
)
@pytest.mark.proves("files read by the server", "vllm", contract=True)
@pytest.mark.proves("files read by the server", "sglang", contract=True)
@pytest.mark.proves("files read by the server", "tgi", contract=True)
@pytest.mark.proves("files read by the server", "tei", contract=True)
@pytest.mark.proves("files read by the server", "djl_serving", contract=True)
def test_a_hub_id_is_not_downloaded_but_named(build, server, variable, revision):
    bundle = build(model=f"org/name@{COMMIT}", model_server=server, instance_type=GPU)
    environment = bundle.container.environment
    assert (environment[variable], environment[revision]) == ("org/name", COMMIT)
    assert bundle.manifest.files == {}
    resources = template(bundle)
    assert not {"ModelDataUrl", "ModelDataSource"} & set(container(resources))


def test_who_follows_a_branch_is_told(build):
    pinned = build(model=f"org/name@{COMMIT}", model_server="tei")
    assert not any("not pinned" in note for note in pinned.notes)
    assert any("not pinned to a commit" in note for note in build(model="org/name@main", model_server="tei").notes)


def test_a_container_that_downloads_has_a_network(build):
    bundle = build(model="org/name", model_server="vllm", instance_type=GPU)
    (model,) = [one for one in template(bundle).values() if one["Type"] == "AWS::SageMaker::Model"]
    assert not model["Properties"].get("EnableNetworkIsolation")


def test_a_prefix_in_s3_is_referenced_and_may_be_read(build):
    bundle = build(model="s3://weights/llama/", model_server="vllm", instance_type=GPU)
    assert not (bundle.path / "model.tar.gz").exists()
    resources = template(bundle)
    source = container(resources)["ModelDataSource"]["S3DataSource"]
    assert source == {"CompressionType": "None", "S3DataType": "S3Prefix", "S3Uri": "s3://weights/llama/"}
    assert "weights/llama/*" in str([one for one in resources.values() if "AWS::IAM::" in one["Type"]])
    archive = build(model="s3://weights/llama/model.tar.gz", model_server="vllm", instance_type=GPU)
    assert container(template(archive))["ModelDataUrl"] == "s3://weights/llama/model.tar.gz"


def test_a_process_here_has_nothing_to_run(build, weights):
    bundle = build(model=weights, model_server="vllm", instance_type=GPU)
    with pytest.raises(UsageError, match="has no code that a process here could run: vllm serves its model"):
        bundle.deploy(mode=Mode.LOCAL_PROCESS)


def test_an_image_alone_has_no_artifact(build):
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"
    bundle = build(image_uri=image)
    found = container(template(bundle, "ml.c6i.large"))
    assert found["Image"] == image
    assert not {"ModelDataUrl", "ModelDataSource"} & set(found)


def test_a_retired_server_is_taken_when_it_is_named_and_says_so(build, weights):
    bundle = build(model=weights, model_server="tgi", instance_type=GPU)
    assert any("archived" in note and "vllm" in note for note in bundle.notes)


REFUSED = {
    "a hub without a server": ({"model": "org/name"}, UsageError, "model_server=, one of djl_serving"),
    "a server of code": ({"model": "org/n", "model_server": "ray"}, UsageError, "runs the bundle's own code"),
    "no such file": ({"model": "model.pkl"}, ModelError, "no such file or folder"),
    "no such path": ({"model": "./org/name"}, ModelError, "no such file or folder"),
    "a prefix without a slash": ({"model": "s3://bucket/prefix"}, UsageError, "slash at its end"),
    "no bucket": ({"model": "s3://B/"}, UsageError, "neither a prefix nor an archive"),
    "nothing": ({}, UsageError, "needs a model= or an inference_spec="),
    "nothing to verify": ({"model": "o/n", "model_server": "tei", "verifying_image": True}, UsageError, "elsewhere"),
    "a misspelt server": ({"model": "org/n", "model_server": "vlm"}, UsageError, "Did you mean 'vllm'"),
    "no GPU": ({"model": "o/n", "model_server": "vllm", "instance_type": "ml.c6i.large"}, NoMatchingImage, "gpu"),
    "no type": ({"model": "o/n", "model_server": "vllm", "instance_type": "ml.g6e.2xlrge"}, UsageError, "6e.2xlarge"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_served_is_refused_with_the_way_out(build, case):
    options, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        build(**options)


def test_pickled_weights_are_refused(build, weights):
    (weights / "pytorch_model.bin").write_bytes(b"")
    assert "pytorch_model.bin" not in build(model=weights, model_server="vllm", instance_type=GPU).manifest.files
    (weights / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="run code where they are loaded"):
        build(model=weights, model_server="vllm", instance_type=GPU)


def test_the_wrong_instance_is_refused(build, weights):
    bundle = build(model=weights, model_server="vllm", instance_type=GPU)
    with pytest.raises(Exception, match=r"was built for NVIDIA GPUs, and ml.c6i.large has"):
        template(bundle, "ml.c6i.large")
    with pytest.raises(Exception, match=r"was built for Intel or AMD, and ml.c7g.large has Graviton"):
        template(bundle, "ml.c7g.large")


class Gate(BaseHTTPRequestHandler):
    """A hub that answers as Hugging Face's does for a model whose terms were not accepted."""

    def do_GET(self):
        self.send_response(403)
        self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.slow
def test_a_gated_model_without_a_token(build, monkeypatch, tmp_path):
    pytest.importorskip("huggingface_hub", exc_type=ImportError)
    with ThreadingHTTPServer(("127.0.0.1", 0), Gate) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        with pytest.raises(ModelError, match=r"org/name is gated: .*Accept them at .*set HF_TOKEN"):
            build(model="org/name", model_server="vllm", download=True)
        server.shutdown()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_hub_that_cannot_be_reached(build, monkeypatch):
    pytest.importorskip("huggingface_hub", exc_type=ImportError)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"the hub does not give org/name: .*Is there a network"):
        build(model="org/name", download=True)
