"""Which kind of image an instance type needs."""

import pytest

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images import processor_of
from cdk_modelbuilder.instances import instance_type, known_types


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ml.m5.large", ("cpu", "x86_64")),
        ("ml.g5.xlarge", ("gpu", "x86_64")),
        ("ml.p5.48xlarge", ("gpu", "x86_64")),
        ("ml.p6e-gb200.36xlarge", ("gpu", "arm64")),
        ("ml.inf2.xlarge", ("neuron", "x86_64")),
        ("ml.trn1.32xlarge", ("neuron", "x86_64")),
        ("ml.c6g.large", ("cpu", "arm64")),
        ("ml.c7g.xlarge", ("cpu", "arm64")),
        ("ml.m7gd.large", ("cpu", "arm64")),
        ("ml.r8g.large", ("cpu", "arm64")),
    ],
)
def test_known_types(name, expected):
    assert instance_type(name) is not None
    assert processor_of(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ml.g9.xlarge", ("gpu", "x86_64")),
        ("ml.g5g.xlarge", ("gpu", "arm64")),
        ("ml.p7e-gb300.36xlarge", ("gpu", "arm64")),
        ("ml.inf3.xlarge", ("neuron", "x86_64")),
        ("ml.trn3.48xlarge", ("neuron", "x86_64")),
        ("ml.c9g.large", ("cpu", "arm64")),
        ("ml.r9gd.2xlarge", ("cpu", "arm64")),
        ("ml.m9i.large", ("cpu", "x86_64")),
    ],
)
def test_types_younger_than_the_table_go_by_their_name(name, expected):
    assert instance_type(name) is None
    assert processor_of(name) == expected


def test_the_name_alone_gives_what_the_table_says(monkeypatch):
    families = {name.rpartition(".")[0]: name for name in known_types() if not name.startswith("ml.dl")}
    from_table = {name: processor_of(name) for name in families.values()}
    monkeypatch.setattr("cdk_modelbuilder.images.processors.find_type", lambda name: None)
    assert {name: processor_of(name) for name in families.values()} == from_table


@pytest.mark.parametrize(
    "name", ["", "ml.g5", "ml.g5.xlrge", "g5.xlarge", "ml.zz1.xlarge", "ml.c\u0667g.large", "local"]
)
def test_no_instance_type(name):
    with pytest.raises(UsageError) as caught:
        processor_of(name)
    assert repr(name) in caught.value.what
    assert "ml." in caught.value.remedy


def test_near_matches_are_named():
    with pytest.raises(UsageError, match=r"Did you mean .*ml\.g5\.xlarge"):
        processor_of("ml.g5.xlrge")


def test_an_accelerator_without_images():
    with pytest.raises(UsageError, match="accelerators by Habana"):
        processor_of("ml.dl1.24xlarge")
