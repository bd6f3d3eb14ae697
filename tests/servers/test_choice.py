"""Which server and image a framework's model gets, by instance type and by name."""

from __future__ import annotations

import pytest

from cdk_modelbuilder.building.hosting import HostingWishes, host_for
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.frameworks import ReadBy, adapter_named, known_frameworks
from cdk_modelbuilder.images import NoMatchingImage, processor_of
from cdk_modelbuilder.servers import known_servers, server_adapter

BY_DEFAULT = {
    "catboost": "builtin",
    "diffusers": "builtin",
    "keras": "builtin",
    "lightgbm": "builtin",
    "mlflow": "builtin",
    "onnx": "builtin",
    "pytorch": "ray",
    "sentence_transformers": "mms",
    "sklearn": "sklearn",
    "spacy": "builtin",
    "statsmodels": "builtin",
    "tensorflow": "tensorflow_serving",
    "transformers": "mms",
    "xgboost": "xgboost",
}


def wishes(server: str | None = None, instance_type: str | None = None) -> HostingWishes:
    if instance_type is None:
        return HostingWishes(server)
    processor, architecture = processor_of(instance_type)
    return HostingWishes(server, processor=processor, architecture=architecture, has_instance_type=True)


def host(framework: str, version: str, asked: HostingWishes, read_by: ReadBy = ReadBy.ANY):
    adapter = adapter_named(framework)
    return host_for(adapter, version, server=asked.server_for(adapter), read_by=read_by, wishes=asked)


def test_every_framework_has_a_server_by_default():
    found = {name: wishes().server_for(adapter_named(name)).name for name in known_frameworks()}
    assert found == {name: BY_DEFAULT[name] for name in found}


@pytest.mark.parametrize(
    ("framework", "version", "instance_type", "repository"),
    [
        ("xgboost", "3.2.0", None, "sagemaker-xgboost"),
        ("sklearn", "1.9.1", "ml.m5.large", "sagemaker-scikit-learn"),
        ("pytorch", "2.10.0", "ml.c6i.large", "ray"),
        ("pytorch", "2.10.0", "ml.g5.xlarge", "ray"),
        ("transformers", "5.5.3", "ml.g5.xlarge", "huggingface-pytorch-inference"),
        ("tensorflow", "2.20.0", "ml.c6i.large", "tensorflow-inference"),
    ],
)
def test_images_by_instance_type(framework, version, instance_type, repository):
    found = host(framework, version, wishes(instance_type=instance_type))
    assert found.reference.repository == repository
    if instance_type is not None:
        assert (found.reference.processor, found.reference.architecture) == processor_of(instance_type)


def test_graviton_gets_the_own_image_where_aws_has_none():
    found = host("xgboost", "3.2.0", wishes(instance_type="ml.c7g.large"))
    assert (found.server.name, found.reference.architecture, found.target.machine) == ("builtin", "arm64", "aarch64")
    assert any("Python 3.8" in note for note in found.notes)
    assert host("xgboost", "1.5.2", wishes("xgboost", "ml.c7g.large")).reference.tag.startswith("1.5-1")
    with pytest.raises(NoMatchingImage):
        host("xgboost", "3.2.0", wishes("xgboost", "ml.inf2.xlarge"))


def test_inferentia_gets_an_image_with_its_runtime_or_none():
    assert host("transformers", "5.5.3", wishes(instance_type="ml.inf2.xlarge")).reference.processor == "neuron"
    assert host("pytorch", "2.9.0", wishes(instance_type="ml.inf2.xlarge")).server.name == "torchserve"
    with pytest.raises(NoMatchingImage, match="no Neuron runtime"):
        host("lightgbm", "4.7.0", wishes(instance_type="ml.inf2.xlarge"))


def test_a_retired_server_only_by_name():
    assert wishes().server_for(adapter_named("pytorch")).name != "torchserve"
    found = host("pytorch", "2.6.0", wishes("torchserve"))
    assert found.reference.repository == "pytorch-inference"
    assert any("retired" in note and "ray" in note for note in found.notes)


def test_a_base_image_is_for_the_own_image():
    asked = HostingWishes("builtin", base_image="registry/python:3.12")
    assert host("sklearn", "1.9.0", asked).reference.uri == "registry/python:3.12"
    with pytest.raises(UsageError, match="base_image goes with an image of the bundle's own"):
        host("sklearn", "1.9.0", HostingWishes("sklearn", base_image="registry/python:3.12"))


def test_every_server_says_what_it_is():
    for name in known_servers():
        adapter = server_adapter(name)
        assert adapter.name == name
        assert adapter.title
        assert adapter.max_payload_bytes >= 6 << 20
