"""The rows of the catalogue and their URIs, against what the upstream SDK looks up."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from cdk_modelbuilder.errors import ImageError, ModelBuilderError
from cdk_modelbuilder.frameworks import adapter_named, known_frameworks
from cdk_modelbuilder.images import (
    UnknownFramework,
    UnknownRegion,
    dns_suffix,
    frameworks,
    images_for,
    images_of_server,
    servers,
    table_date,
)
from cdk_modelbuilder.images.framework_names import distribution_of
from cdk_modelbuilder.images.table_files import own_folder
from cdk_modelbuilder.servers.base import ModelServer

ALL_IMAGES = [image for server in servers() for image in images_of_server(server)]
UPSTREAM = json.loads(Path(__file__).with_name("upstream_uris.json").read_text(encoding="utf-8"))
URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z]+(-[a-z]+)+-\d)\.(?P<suffix>[a-z0-9.-]+)"
    r"/(?P<repository>[a-z][a-z0-9-]*):(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"
)
# What the SDK's tables lack, and AWS's list of images has.
ONLY_DOCUMENTED = ("pytorch-inference-neuronx:", "djl-inference:0.35.0-cpu", "djl-inference:0.36.0-cpu")
ONLY_DOCUMENTED += ("tei:2.0.1-tei1.9.3-", "tei-cpu:2.0.1-tei1.9.3-")


def image(server, version):
    return next(image for image in images_of_server(server) if image.version == version)


def is_only_documented(name):
    return name.startswith(ONLY_DOCUMENTED)


def test_full_uri_in_us_east_1():
    uri = image("xgboost", "3.2-0").uri("us-east-1")
    assert uri == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def test_full_uri_in_china():
    uri = image("sklearn", "1.9-0").uri("cn-north-1")
    assert uri == "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.9-0-cpu-py3"


def test_every_uri_in_every_region_is_that_of_the_upstream_sdk():
    hosts = UPSTREAM["hosts"]
    ours = {
        image.name: {region: image.uri(region) for region in image.accounts}
        for image in ALL_IMAGES
        if not is_only_documented(image.name)
    }
    theirs = {
        name: {region: f"{host}/{name}" for region, host in hosts[UPSTREAM["images"][name]].items()} for name in ours
    }
    assert ours == theirs
    assert sum(map(len, ours.values())) > 9000


def test_every_upstream_image_is_here_or_left_out_with_a_reason():
    left_out = set()
    for server in servers():
        table = json.loads((own_folder() / f"tables/{server}.json").read_bytes())
        left_out |= {name for names in table["left_out"].values() for name in names.split()}
    assert {image.name for image in ALL_IMAGES if not is_only_documented(image.name)} | left_out == set(
        UPSTREAM["images"]
    )
    assert not left_out & {image.name for image in ALL_IMAGES}


def test_servers_and_frameworks():
    assert set(servers()) == set(ModelServer) - {ModelServer.BUILTIN, ModelServer.MLFLOW}
    assert set(frameworks()) >= {"onnx", "pytorch", "sklearn", "tensorflow", "transformers", "xgboost"}


def test_every_uri_is_well_formed():
    for image in ALL_IMAGES:
        assert image.accounts
        for region, account in image.accounts.items():
            parts = URI.fullmatch(image.uri(region))
            assert parts, image.uri(region)
            assert (parts["account"], parts["region"], parts["suffix"]) == (account, region, dns_suffix(region))


def test_names_are_unique():
    names = [(image.name, image.architecture) for image in ALL_IMAGES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("server", servers())
def test_every_row_states_plausible_facts(server):
    for image in images_of_server(server):
        assert (image.processor, image.architecture) in {
            ("cpu", "x86_64"), ("cpu", "arm64"), ("gpu", "x86_64"), ("neuron", "x86_64")
        }  # fmt: skip
        assert Version("3.8") <= Version(image.python) < Version("4")
        assert image.frameworks[image.framework] == image.framework_version
        assert all(version is None or Version(version) for version in image.frameworks.values())
        for name, version in image.provides.items():
            assert canonicalize_name(name) == name
            assert Version(version)
        assert image.processor == "gpu" or (image.cuda, image.inference_ami) == (None, None)
        assert image.cuda is None or re.fullmatch(r"1[0-9]\.\d", image.cuda)
        assert image.inference_ami in {
            None, "al2-ami-sagemaker-inference-gpu-3-1", "al2023-ami-sagemaker-inference-gpu-4-1"
        }  # fmt: skip
        assert image.cuda is None or (image.cuda < "13") or image.inference_ami
        assert image.model_server == server
        assert isinstance(hash(image), int)


@pytest.mark.parametrize("server", servers())
def test_newest_first(server):
    versions = [Version(image.framework_version) for image in images_of_server(server)]
    assert versions == sorted(versions, reverse=True)


@pytest.mark.parametrize(("framework", "version"), [("sklearn", "1.9-0"), ("xgboost", "3.2-0")])
def test_the_frameworks_own_image_comes_first(framework, version):
    own = images_for(framework)[0]
    assert (own.model_server, own.version) == (framework, version)
    assert {image.model_server for image in images_for(framework)} >= {framework, "smd", "djl_serving"}


def test_a_framework_by_its_other_names():
    assert images_for("torch") == images_for("pytorch")
    assert images_for("huggingface") == images_for("transformers")
    assert images_for("sentence_transformers") == images_for("sentence-transformers")


def test_names_are_those_of_the_adapters():
    for name in known_frameworks():
        assert distribution_of(name) == adapter_named(name).distribution
    # Keras 3 is no TensorFlow 2, though it runs in it.
    assert {image.frameworks["keras"] for image in images_for("keras")} == {"3.10.0"}


def test_known_contents():
    assert image("xgboost", "3.2-0").provides.items() >= {"numpy": "2.1.0", "pandas": "2.2.3"}.items()
    assert image("sklearn", "1.9-0").provides.items() >= {"numpy": "2.5.1", "scipy": "1.18.0"}.items()
    assert "colorama" not in image("xgboost", "3.2-0").provides  # locked for Windows only
    assert "scipy" not in image("sklearn", "1.4-2-py312").provides  # its build file gives a range
    ray = image("ray", "1.4")
    assert ray.frameworks == {"ray": "2.57.0", "pytorch": "2.10.0", "sklearn": "1.9.0", "transformers": "5.8.0"}
    assert ray.provides.items() >= {"torch": "2.10.0", "pandas": "3.0.5"}.items()
    assert (ray.entry_point, ray.command) == (("/usr/local/bin/sagemaker_entrypoint.sh",), ("serve",))
    # The server has TensorFlow compiled in; the container's Python does not.
    assert "tensorflow" not in image("tensorflow_serving", "2.20.0").provides
    assert not image("tei", "1.9.3").has_python


def test_what_has_ended_is_retired():
    assert all(image.retired for image in images_of_server("torchserve") if image.processor != "neuron")
    assert all(image.retired for image in images_of_server("tgi"))
    for image in ALL_IMAGES:
        if image.end_of_patch is not None and image.model_server != "tgi":
            assert (image.retired is not None) == (image.end_of_patch < table_date())
    torch = next(image for image in images_of_server("torchserve") if image.name == "pytorch-inference:2.6.0-cpu-py312")
    assert torch.end_of_patch == dt.date(2026, 6, 30)
    assert "has not patched it since 2026-06-30. Use the model server 'ray'" in torch.retired


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-east-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("mx-central-1", "amazonaws.com"),
        ("cn-northwest-1", "amazonaws.com.cn"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("us-isof-south-1", "csp.hci.ic.gov"),
        ("eu-isoe-west-1", "cloud.adc-e.uk"),
        ("eusc-de-east-1", "amazonaws.eu"),
    ],
)
def test_dns_suffix(region, suffix):
    assert dns_suffix(region) == suffix


@pytest.mark.parametrize("region", ["", "moon", "us-east", "us-east-1\n", "us-east-1.evil.example", "us-east-\u0661"])
def test_no_region_at_all(region):
    with pytest.raises(UnknownRegion, match="not the name of an AWS region"):
        dns_suffix(region)


def test_mistyped_region_names_the_nearest():
    with pytest.raises(UnknownRegion, match=r"'us_east_1'.*Did you mean us-east-1"):
        image("xgboost", "3.2-0").uri("us_east_1")


@pytest.mark.parametrize(
    ("region", "remedy"),
    [
        ("us-east-3", "Deploy to us-east-1, us-east-2, us-west-1 or us-west-2, or copy"),
        ("us-iso-west-1", "Deploy to us-iso-east-1, or copy"),
        ("eusc-de-east-1", "Copy the image into a registry of your own"),
    ],
)
def test_region_without_the_image(region, remedy):
    with pytest.raises(UnknownRegion) as caught:
        image("xgboost", "3.2-0").uri(region)
    assert caught.value.what == f"AWS does not offer the image sagemaker-xgboost:3.2-0 in {region!r}."
    assert caught.value.remedy.startswith(remedy)
    assert isinstance(caught.value, ModelBuilderError)


@pytest.mark.parametrize("name", ["lightgbm", "", "../tables/xgboost"])
def test_unknown_framework_or_server(name):
    with pytest.raises(UnknownFramework, match=r"sklearn.*tensorflow"):
        images_for(name)
    with pytest.raises(UnknownFramework, match=r"sklearn, smd, tei.*'builtin'"):
        images_of_server(name)


def test_tables_say_where_they_are_from():
    for server in servers():
        table = json.loads((own_folder() / f"tables/{server}.json").read_bytes())
        assert {source["project"] for source in table["sources"]} == {"sagemaker-core", "aws/deep-learning-containers"}
        assert table["as_of"] == table_date().isoformat()
        assert all(image["facts_from"] for image in table["images"])


def test_all_tables_together_are_small():
    assert sum(path.stat().st_size for path in own_folder().rglob("*.json")) < 400_000


@pytest.fixture
def other_folder(tmp_path, monkeypatch):
    """A copy of the tables in which XGBoost has one image, in an environment that prefers it."""
    for path in own_folder().rglob("*.json"):
        copy = tmp_path / path.relative_to(own_folder())
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    table = json.loads((tmp_path / "tables/xgboost.json").read_bytes())
    table["images"] = [table["images"][0] | {"tag": "9.9-9"}]
    (tmp_path / "tables/xgboost.json").write_text(json.dumps(table), encoding="utf-8")
    monkeypatch.setenv("MODELBUILDER_IMAGE_TABLES", str(tmp_path))
    return tmp_path


def test_tables_of_a_folder_of_ones_own(other_folder, monkeypatch):
    assert [image.name for image in images_of_server("xgboost")] == ["sagemaker-xgboost:9.9-9"]
    monkeypatch.delenv("MODELBUILDER_IMAGE_TABLES")
    assert images_of_server("xgboost")[0].name == "sagemaker-xgboost:3.2-0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "FileNotFoundError"),
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError"),
        ('{"format": 1}', "has format 1, this package reads format 2"),
    ],
)
def test_tables_of_ones_own_that_cannot_be_read(text, message, tmp_path, monkeypatch):
    if text is not None:
        (tmp_path / "index.json").write_text(text, encoding="utf-8")
    monkeypatch.setenv("MODELBUILDER_IMAGE_TABLES", str(tmp_path))
    with pytest.raises(ImageError, match=message) as caught:
        servers()
    assert str(tmp_path / "index.json") in caught.value.what
    assert "unset MODELBUILDER_IMAGE_TABLES" in caught.value.remedy
