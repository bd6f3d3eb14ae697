"""Hosting that a bundle cannot have, said before anything is written."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import ModelBuilderError
from cdk_modelbuilder.generating.plan import ArtifactPlan, HostingKind, ResourcesPlan, VpcPlan
from cdk_modelbuilder.generating.planning import plan_endpoint

VPC = VpcPlan(vpc_id="vpc-1", subnets=("subnet-1", "subnet-2"))
SERVERLESS = HostingKind.SERVERLESS


@pytest.fixture
def changed(iris_bundle, tmp_path):
    """The bundle with other facts in its container spec, as builds for other hosts and forms write them."""

    def change(part: str, **facts) -> ModelBundle:
        folder = tmp_path / "bundle"
        shutil.copytree(iris_bundle.path, folder)
        spec = json.loads((folder / "container.json").read_text())
        spec[part].update(facts)
        (folder / "container.json").write_text(json.dumps(spec))
        return ModelBundle.read(folder)

    return change


@pytest.mark.parametrize(
    ("part", "facts", "options", "message"),
    [
        ("image", {"processor": "gpu"}, {"hosting": SERVERLESS}, "serverless endpoint: it was built for NVIDIA GPUs"),
        ("image", {"architecture": "arm64"}, {"hosting": SERVERLESS}, "it was built for Graviton"),
        ("model_data", {"form": "folder"}, {"hosting": SERVERLESS}, "its model data is no archive"),
        ("model_data", {"form": "s3"}, {"hosting": SERVERLESS}, "lies in S3 as files"),
        ("model_data", {"form": "folder"}, {}, r"cannot be an asset .*\(--bucket\)"),
        (
            "image",
            {"processor": "gpu"},
            {"instance_type": "ml.c6i.large"},
            "is for NVIDIA GPUs, and ml.c6i.large has processors",
        ),
        (
            "image",
            {"processor": "neuron"},
            {"instance_type": "ml.g5.xlarge"},
            "Inferentia or Trainium, and ml.g5.xlarge",
        ),
        ("image", {}, {"hosting": SERVERLESS, "vpc": VPC}, "serverless endpoint has no vpc"),
        ("image", {}, {"hosting": SERVERLESS, "network_isolation": True}, "has no network_isolation"),
        ("image", {}, {"vpc": replace(VPC, subnets=())}, "vpc-1 is given with 0 subnets"),
        ("image", {}, {"vpc": replace(VPC, availability_zones=("eu-west-1a",))}, "2 subnets and 1 zones"),
        ("image", {}, {"resources": ResourcesPlan()}, "resources is for the hosting 'components'"),
        ("image", {}, {"initial_instance_count": 0}, "initial_instance_count is 0"),
        ("image", {}, {"endpoint_name": "a_b"}, "'a_b' cannot be a name in SageMaker"),
        ("image", {}, {"public_key": "release.pub"}, "no public signature"),
    ],
)
def test_it_is_refused(changed, tmp_path, part, facts, options, message):
    with pytest.raises(ModelBuilderError, match=message):
        plan_endpoint(changed(part, **facts), tmp_path, **options)


@pytest.mark.parametrize(
    ("facts", "instance_type"),
    [
        ({}, "ml.c6i.large"),
        ({"architecture": "arm64"}, "ml.c7g.large"),
        ({"processor": "gpu"}, "ml.g5.xlarge"),
        ({"processor": "neuron"}, "ml.inf2.xlarge"),
    ],
)
def test_the_default_instance_fits_the_bundle(changed, tmp_path, facts, instance_type):
    plan = plan_endpoint(changed("image", **facts), tmp_path, hosting=HostingKind.COMPONENTS)
    assert plan.instance_type == instance_type
    assert plan.resources is not None
    assert (plan.resources.num_accelerators == 1) == ("processor" in facts)


def test_a_golden_test_that_is_asked_for_has_to_be_there(changed, tmp_path):
    bundle = changed("image")
    assert plan_endpoint(bundle, tmp_path, verify_on_deploy=True).verify_on_deploy
    (bundle.path / "golden.json").unlink()
    with pytest.raises(ModelBuilderError, match=r"has no golden\.json"):
        plan_endpoint(bundle, tmp_path, verify_on_deploy=True)


def test_a_published_folder_is_no_asset(changed, tmp_path):
    plan = plan_endpoint(changed("model_data", form="folder"), tmp_path, artifact=ArtifactPlan(bucket="artifacts"))
    assert plan.artifact == ArtifactPlan(bucket="artifacts")


def test_an_archive_too_large_for_an_asset_is_told(changed, tmp_path):
    bundle = changed("image")
    with bundle.archive_path.open("r+b") as archive:
        archive.truncate(600 << 20)  # sparse: it takes no space
    with pytest.raises(ModelBuilderError, match="600 MiB; assets of an app are for up to 512"):
        plan_endpoint(bundle, tmp_path)
