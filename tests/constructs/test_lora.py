"""Adapters from folders here, as inference components on a language model: packed, named by digest, and refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile

import aws_cdk as cdk
import pytest
from syrupy.extensions.json import JSONSnapshotExtension

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.constructs import Container, EndpointComponent, Hosting, ModelEndpoint
from cdk_modelbuilder.errors import ModelError, UsageError
from cdk_modelbuilder.resources import ResourceRequirements
from tests.conftest import MASTER_KEY
from tests.constructs.synthesis import app_in, resources
from tests.constructs.uses import own
from tests.language_models.architectures import llama, write_model
from tests.language_models.tiny_llama import write_adapter, write_tiny_llama

TYPE = "ml.g5.xlarge"


def build(folder, model, *, server="vllm", serving=None):
    return ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder({"messages": []}, {"choices": []}),
        model_server=server,
        instance_type=TYPE,
        serving=serving,
        archive=True,
        name="base",
        model_path=folder,
        signing_key=MASTER_KEY,
    ).build()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora")
    write_tiny_llama(folder / "weights")
    write_adapter(folder / "sql", 1)
    write_adapter(folder / "talk", 2, rank=32)
    return folder


@pytest.fixture(scope="module")
def base(files):
    """A bundle with room for four adapters of up to rank 16."""
    return build(files / "base", files / "weights", serving={"adapters": 4, "adapter_rank": 16})


def template_of(folder, container, adapters):
    app = app_in(folder)
    stack = cdk.Stack(app, "Test")
    ModelEndpoint(
        stack,
        "Endpoint",
        hosting=Hosting.inference_components(instance_type=TYPE),
        components=[
            EndpointComponent(
                name="base",
                container=container,
                resources=ResourceRequirements(requests={"num_accelerators": 1, "memory": 1024}),
                adapters=adapters,
            )
        ],
    )
    assembly = app.synth().directory
    with open(f"{assembly}/Test.template.json") as file:  # noqa: PTH123 - jsii gives a text
        return json.load(file)


def test_a_base_and_two_adapters(base, files, tmp_path, snapshot):
    same = files / "same"
    shutil.copytree(files / "sql", same, dirs_exist_ok=True)
    template = template_of(
        tmp_path, Container.from_bundle(base), {"sql": files / "sql", "same": same, "far": "s3://adapters/far.tar.gz"}
    )
    components = resources(template, "SageMaker::InferenceComponent")
    (first,) = [name for name, one in components.items() if "BaseInferenceComponentName" not in json.dumps(one)]
    adapters = {name: one for name, one in components.items() if name != first}
    assert len(adapters) == 3
    for one in adapters.values():
        assert first in one["DependsOn"]
    named = json.dumps(components[first]["Properties"]["InferenceComponentName"])
    assert {
        json.dumps(one["Properties"]["Specification"]["BaseInferenceComponentName"]) for one in adapters.values()
    } == {named}
    kept = json.loads(json.dumps(list(components.values())).replace(base.artifact_digest, "<base>"))
    assert kept == snapshot(extension_class=JSONSnapshotExtension)


def test_the_archive_is_the_adapter_and_its_name_the_digest(base, files, tmp_path):
    template = template_of(tmp_path, Container.from_bundle(base), {"sql": files / "sql"})
    found = [path for path in (tmp_path / "cdk.out").glob("asset.*.tar.gz") if base.artifact_digest not in path.name]
    (archive,) = found
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert archive.name == f"asset.{digest}.tar.gz"
    assert f"{digest}.tar.gz" in json.dumps(template)
    with tarfile.open(archive) as opened:
        assert opened.getnames() == ["adapter_config.json", "adapter_model.safetensors"]
        for name in opened.getnames():
            assert opened.extractfile(name).read() == (files / "sql" / name).read_bytes()
    again = template_of(tmp_path / "again", Container.from_bundle(base), {"sql": files / "sql"})
    assert again == template


def test_the_role_may_fetch_it(base, files, tmp_path):
    template = template_of(tmp_path, Container.from_bundle(base), {"sql": files / "sql"})
    (archive,) = [p for p in (tmp_path / "cdk.out").glob("asset.*.tar.gz") if base.artifact_digest not in p.name]
    digest = archive.name.split(".")[1]
    kinds = ("IAM::Role", "IAM::ManagedPolicy", "IAM::Policy")
    policies = json.dumps([one for kind in kinds for one in resources(template, kind).values()])
    assert digest in policies


def test_an_adapter_that_is_too_large_for_the_room(base, files, tmp_path):
    with pytest.raises(UsageError, match=r"'talk' has rank 32, and there is room for 16.*'adapter_rank': 32"):
        template_of(tmp_path, Container.from_bundle(base), {"talk": files / "talk"})


@pytest.mark.parametrize("weights", ["folder", "archive"])
def test_a_base_without_room(files, tmp_path, weights):
    plain = build(tmp_path / "plain", files / "weights")
    given = files / "sql" if weights == "folder" else "s3://adapters/sql.tar.gz"
    with pytest.raises(UsageError, match=r"no room for adapters: SM_VLLM_ENABLE_LORA is None.*serving="):
        template_of(tmp_path, Container.from_bundle(plain), {"sql": given})


def test_a_server_that_loads_none_while_it_runs(files, tmp_path):
    plain = build(tmp_path / "plain", files / "weights", server="tgi")
    with pytest.raises(UsageError, match=r"Text Generation Inference, which loads none.*lora_adapters="):
        template_of(tmp_path, Container.from_bundle(plain), {"sql": files / "sql"})


def test_an_adapter_of_another_model(files, tmp_path):
    narrow = write_model(tmp_path / "narrow", llama(2, 64, 128, 4, 2, 320, 256))
    other = build(tmp_path / "other", narrow, serving={"adapters": 1})
    with pytest.raises(ModelError, match="and the model's is"):
        template_of(tmp_path, Container.from_bundle(other), {"sql": files / "sql"})


def test_a_container_of_ones_own_takes_a_folder_too(files, tmp_path):
    template = template_of(tmp_path, own("language"), {"sql": files / "sql"})
    assert len(resources(template, "SageMaker::InferenceComponent")) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, "has no weights"), ({"artifact_s3_uri": "s3://a/b.tar.gz", "folder": "x"}, "in two places")],
)
def test_an_adapter_added_without_weights_or_with_two(base, tmp_path, options, words):
    stack = cdk.Stack(app_in(tmp_path), "Test")
    endpoint = ModelEndpoint(
        stack,
        "Endpoint",
        bundle=base,
        hosting=Hosting.inference_components(instance_type=TYPE),
        resources=ResourceRequirements(requests={"num_accelerators": 1, "memory": 1024}),
    )
    with pytest.raises(UsageError, match=words):
        endpoint.add_adapter("sql", **options)


def test_a_prefix_is_no_archive():
    with pytest.raises(UsageError, match="a prefix; SageMaker fetches one archive"):
        EndpointComponent(
            name="base", container=own("x"), resources=ResourceRequirements(), adapters={"sql": "s3://adapters/sql/"}
        )
