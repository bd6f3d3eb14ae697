"""What the table says, held against what AWS's pages say of a few types, and the questions that can be asked of it."""

import subprocess
import sys
from time import perf_counter

import pytest

from cdk_modelbuilder.instances import (
    Accelerator,
    instance_type,
    known_regions,
    known_types,
    nearest,
    table_date,
)

# From AWS's instance type pages, read by people and not by the script: family by family, one of each kind.
PUBLISHED = {
    "ml.m5.large": (2, 8, "x86_64", None, False),
    "ml.m5d.large": (2, 8, "x86_64", None, True),
    "ml.c7g.4xlarge": (16, 32, "arm64", None, False),
    "ml.r6gd.xlarge": (4, 32, "arm64", None, True),
    "ml.t2.medium": (2, 4, "x86_64", None, False),
    "ml.g4dn.12xlarge": (48, 192, "x86_64", ("T4", 4), True),
    "ml.g5.48xlarge": (192, 768, "x86_64", ("A10G", 8), True),
    "ml.g6e.12xlarge": (48, 384, "x86_64", ("L40S", 4), True),
    "ml.p3.16xlarge": (64, 488, "x86_64", ("V100", 8), False),
    "ml.p4d.24xlarge": (96, 1152, "x86_64", ("A100", 8), True),
    "ml.p5.48xlarge": (192, 2048, "x86_64", ("H100", 8), True),
    "ml.p6e-gb200.36xlarge": (144, 960, "arm64", ("GB200", 4), True),
    "ml.inf1.24xlarge": (96, 192, "x86_64", ("Inferentia", 16), False),
    "ml.inf2.48xlarge": (192, 768, "x86_64", ("Inferentia2", 12), False),
    "ml.trn1.32xlarge": (128, 512, "x86_64", ("Trainium", 16), True),
    "ml.trn2.48xlarge": (192, 2048, "x86_64", ("Trainium2", 16), True),
    "ml.dl1.24xlarge": (96, 768, "x86_64", ("Gaudi", 8), True),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_facts_are_the_published_ones(name):
    vcpus, memory_gib, architecture, accelerator, nvme = PUBLISHED[name]
    found = instance_type(name)
    assert (found.vcpus, found.memory_mib / 1024, found.architecture) == (vcpus, memory_gib, architecture)
    assert (found.accelerator and (found.accelerator.name, found.accelerator.count)) == accelerator
    assert found.accelerator_count == (accelerator[1] if accelerator else 0)
    assert found.has_local_nvme is nvme


def test_accelerator_memory_is_of_one():
    assert instance_type("ml.g4dn.12xlarge").accelerator == Accelerator("NVIDIA", "T4", count=4, memory_mib=16384)
    assert instance_type("ml.trn2.48xlarge").accelerator.memory_mib * 16 == 1.5 * 1024 * 1024


def test_every_type_has_sensible_facts():
    for name in known_types():
        found = instance_type(name)
        assert found.name == name == f"ml.{found.family}.{found.size}"
        assert found.vcpus > 0
        assert found.memory_mib >= 512
        assert found.architecture in {"x86_64", "arm64"}
        # AWS names the families so: a "d" after the generation has disks, a "g" there is Graviton.
        plain = found.accelerator is None
        generation = found.family.lstrip("cmrt")
        assert not plain or found.has_local_nvme == ("d" in generation)
        assert not plain or (found.architecture == "arm64") == ("g" in generation)
        assert found.accelerator is None or 1 <= found.accelerator.count <= 16
        assert found.in_api or found.regions(), "neither the API nor the price list has it"


def test_unknown_type_is_none():
    assert instance_type("ml.m99.large") is None
    assert instance_type("m5.large") is None


def test_offered_in_a_region():
    g5 = instance_type("ml.g5.xlarge")
    assert g5.offered_in("us-east-1") is True
    assert g5.offered_in("af-south-1") is False
    assert "eu-west-1" in g5.regions()
    assert set(g5.regions()) < set(known_regions())


def test_region_or_type_that_the_list_lacks_is_unknown():
    assert instance_type("ml.g5.xlarge").offered_in("us-moon-1") is None
    assert instance_type("ml.trn2.48xlarge").offered_in("us-east-1") is None
    assert instance_type("ml.trn2.48xlarge").regions() == ()


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("ml.g5.12xlarg", "ml.g5.12xlarge"),
        ("ml.g5.large", "ml.g5.xlarge"),
        ("g5.xlarge", "ml.g5.xlarge"),
        ("ML.M5.Large", "ml.m5.large"),
        ("ml_m5_large", "ml.m5.large"),
        ("ml.p5.48xlrge", "ml.p5.48xlarge"),
        ("ml.m55.xlarge", "ml.m5.xlarge"),
    ],
)
def test_nearest_finds_what_was_meant(asked, first):
    assert nearest(asked)[0] == first
    assert len(nearest(asked)) <= 5


def test_nearest_is_empty_for_something_else():
    assert nearest("a banana") == []
    assert nearest("") == []


def test_the_table_has_a_date():
    assert table_date().isoformat() >= "2026-10-20"


def test_reads_quickly_and_imports_nothing_large():
    program = (
        "import sys, dataclasses, importlib.resources, difflib, json, datetime\n"
        "import cdk_modelbuilder.instances as i\n"
        "assert not {'aws_cdk', 'boto3', 'jsii', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    times = []
    for _ in range(5):
        for cached in ("_table", "_offers", "instance_type"):
            getattr(sys.modules["cdk_modelbuilder.instances.types"], cached).cache_clear()
        start = perf_counter()
        instance_type("ml.g5.xlarge").offered_in("us-east-1")
        times.append(perf_counter() - start)
    # 2 ms where it was written; the limit is what a synth does not notice on a machine five times slower.
    assert min(times) < 0.01
