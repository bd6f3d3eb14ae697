"""Which instance type is proposed for a bundle that names none, and why."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder import ResourceRequirements
from cdk_modelbuilder.deploying.instance_choice import Needs, model_bytes, propose
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.instances import instance_type

GIB = 1 << 30


def needs(bundle, *, gib=0.0, processor="cpu", architecture="x86_64", resources=None, copies_each=1):
    image = replace(bundle.container.image, processor=processor, architecture=architecture)
    changed = replace(bundle, container=replace(bundle.container, image=image))
    found = Needs.of(changed, resources, copies_each=copies_each)
    # As if the files were so large: nobody wants gigabytes in a test.
    size = int(gib * GIB)
    on_chip = processor != "cpu"
    return replace(
        found,
        model_bytes=size,
        memory_bytes=found.memory_bytes + size * (1 if on_chip else 2),
        accelerator_bytes=int(1.25 * size) if on_chip else 0,
    )


@pytest.mark.parametrize(
    ("wanted", "options"),
    [
        ("ml.c6i.large", {}),
        ("ml.m5.large", {"gib": 3}),
        ("ml.r5.large", {"gib": 6}),
        ("ml.c7g.large", {"architecture": "arm64"}),
        ("ml.g5.xlarge", {"gib": 13, "processor": "gpu"}),
        ("ml.g6e.xlarge", {"gib": 26, "processor": "gpu"}),
        ("ml.g5.12xlarge", {"gib": 60, "processor": "gpu"}),
        ("ml.inf2.xlarge", {"gib": 5, "processor": "neuron"}),
    ],
)
def test_the_smallest_that_holds_the_model(line_bundles, wanted, options):
    found = propose(needs(line_bundles.first, **options), "us-east-1")
    assert found.instance_type == wanted
    assert wanted in found.reason


def test_resources_of_a_copy_decide(line_bundles):
    four = ResourceRequirements(requests={"num_accelerators": 4, "memory": 1024, "copies": 1}, limits={})
    assert propose(Needs.of(line_bundles.first, four), "us-east-1").instance_type == "ml.g5.12xlarge"
    copies = ResourceRequirements(requests={"memory": 6000, "num_cpus": 1, "copies": 3})
    found = propose(Needs.of(line_bundles.first, copies, copies_each=3), "us-east-1")
    kind = instance_type(found.instance_type)
    assert kind.memory_mib >= 18_000
    assert kind.vcpus >= 3
    assert "3 processors" in found.reason


def test_what_no_type_holds_is_refused(line_bundles):
    with pytest.raises(UsageError, match=r"no instance type can be proposed.*instance_type="):
        propose(needs(line_bundles.first, gib=5000), "us-east-1")


def test_only_what_the_region_offers(line_bundles):
    region = "af-south-1"  # without g5, inf2 and c6i in the price list
    small = needs(line_bundles.first, gib=1, processor="gpu")
    assert propose(small, region).instance_type == "ml.g4dn.xlarge"
    with pytest.raises(UsageError, match=region):
        propose(needs(line_bundles.first, gib=1, processor="neuron"), region)


def test_the_size_is_that_of_the_model_alone(line_bundles, tmp_path):
    bundle = line_bundles.first
    files = [path for path in bundle.model_dir.iterdir() if path.is_file()]
    assert model_bytes(bundle) == sum(path.stat().st_size for path in files)
    texts_alone = replace(bundle, path=tmp_path)
    assert model_bytes(texts_alone) is None
    assert "not known" in propose(Needs.of(texts_alone), "eu-west-1").reason


@given(
    processor=st.sampled_from(["cpu", "gpu", "neuron"]),
    architecture=st.sampled_from(["x86_64", "arm64"]),
    size=st.floats(0, 300),
    region=st.sampled_from(["us-east-1", "eu-west-1", "ap-southeast-2"]),
)
def test_a_proposal_has_what_is_needed(line_bundles, processor, architecture, size, region):
    asked = needs(line_bundles.first, gib=size, processor=processor, architecture=architecture)
    try:
        found = propose(asked, region)
    except UsageError:
        return
    kind = instance_type(found.instance_type)
    assert kind.memory_mib << 20 >= asked.memory_bytes
    assert kind.offered_in(region) is not False
    if processor == "cpu":
        assert kind.architecture == architecture
        assert kind.accelerator is None
    else:
        assert kind.accelerator.count * kind.accelerator.memory_mib << 20 >= asked.accelerator_bytes
