"""The rows of the catalogue and their URIs, against what the upstream SDK looks up."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from cdk_modelbuilder.errors import ModelBuilderError
from cdk_modelbuilder.images import UnknownFramework, UnknownRegion, dns_suffix, frameworks, images_for

ALL_IMAGES = [image for framework in frameworks() for image in images_for(framework)]
UPSTREAM = json.loads(Path(__file__).with_name("upstream_uris.json").read_text(encoding="utf-8"))["uris"]
URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z]+(-[a-z]+)+-\d)\.(?P<suffix>[a-z0-9.-]+)"
    r"/(?P<repository>[a-z][a-z-]*):(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"
)


def image(framework, version):
    return next(image for image in images_for(framework) if image.version == version)


def every(images):
    return pytest.mark.parametrize("image", images, ids=lambda image: image.name)


def test_catalogue_holds_two_frameworks():
    assert frameworks() == ("sklearn", "xgboost")


def test_full_uri_in_us_east_1():
    uri = image("xgboost", "3.2-0").uri("us-east-1")
    assert uri == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def test_full_uri_in_china():
    uri = image("sklearn", "1.9-0").uri("cn-north-1")
    assert uri == "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.9-0-cpu-py3"


@every(ALL_IMAGES)
def test_uris_are_those_of_the_upstream_sdk(image):
    ours = {region: image.uri(region) for region in image.accounts}
    assert ours == UPSTREAM[image.framework][image.version]


def test_every_upstream_row_is_here():
    ours = {framework: {image.version for image in images_for(framework)} for framework in frameworks()}
    assert ours == {framework: set(versions) for framework, versions in UPSTREAM.items()}


@every(ALL_IMAGES)
def test_every_uri_is_well_formed(image):
    assert image.accounts
    for region, account in image.accounts.items():
        parts = URI.fullmatch(image.uri(region))
        assert parts, image.uri(region)
        assert parts["account"] == account
        assert parts["region"] == region
        assert parts["suffix"] == dns_suffix(region)


@every(ALL_IMAGES)
def test_every_row_states_plausible_facts(image):
    assert image.processor == "cpu"
    assert Version("3.8") <= Version(image.python)
    assert image.provides[image.distribution] == image.framework_version
    for name, version in image.provides.items():
        assert canonicalize_name(name) == name
        assert Version(version)
    # AWS's own name for the image starts with the framework's minor version: a wrong row would break this first.
    assert image.version.startswith(".".join(image.framework_version.split(".")[:2]))
    assert "scipy" not in image.provides or Version(image.provides["scipy"]) >= Version("1.8")
    assert isinstance(hash(image), int)


@pytest.mark.parametrize("framework", frameworks())
def test_newest_first(framework):
    versions = [Version(image.framework_version) for image in images_for(framework)]
    assert versions == sorted(versions, reverse=True)


def test_known_contents():
    assert image("xgboost", "3.2-0").provides.items() >= {"numpy": "2.1.0", "pandas": "2.2.3"}.items()
    assert image("sklearn", "1.9-0").provides.items() >= {"numpy": "2.5.1", "scipy": "1.18.0"}.items()
    assert "colorama" not in image("xgboost", "3.2-0").provides  # locked for Windows only
    assert "scipy" not in image("sklearn", "1.4-2-py312").provides  # its build file gives a range


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-east-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("mx-central-1", "amazonaws.com"),  # no image there, a suffix all the same
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


@pytest.mark.parametrize("framework", ["pytorch", "", "../tables/xgboost"])
def test_unknown_framework(framework):
    with pytest.raises(UnknownFramework, match="sklearn, xgboost"):
        images_for(framework)


@pytest.mark.parametrize("file", ["regions.json", *(f"tables/{framework}.json" for framework in frameworks())])
def test_tables_are_in_canonical_form(file):
    text = resources.files("cdk_modelbuilder.images").joinpath(file).read_bytes()
    assert text == (json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n").encode()


def test_tables_say_where_they_are_from():
    for framework in frameworks():
        table = json.loads(resources.files("cdk_modelbuilder.images").joinpath(f"tables/{framework}.json").read_bytes())
        assert {source["project"] for source in table["sources"]} == {"sagemaker-core", "aws/deep-learning-containers"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", table["as_of"])
        assert all(image["facts_from"] for image in table["images"])
