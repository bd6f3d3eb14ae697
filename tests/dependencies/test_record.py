"""dependencies.json: what is written is what is read, and what is malformed is named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.bundle import ModelBundle, json_bytes
from cdk_modelbuilder.dependencies.listing import packages_of
from cdk_modelbuilder.dependencies.record import (
    RECORD_FILE,
    DependencyRecord,
    PackageRecord,
    VendoredRecord,
    read_record,
)
from cdk_modelbuilder.errors import BundleError

NUMPY = PackageRecord("numpy", "2.4.6", "numpy==2.4.6", "imported by code/inference.py", modules=("numpy",))
RECORD = DependencyRecord(
    packages=(
        NUMPY,
        PackageRecord(
            "a", None, "a @ git+https://host/a@0f", "given", "vcs", requires=("numpy",), hashes=("sha256:00",)
        ),
    ),
    python="3.11",
    target_python="3.12",
    target_machine="x86_64",
    image="sagemaker-x:1",
    checked=True,
    left_out={"rich": "scikit-learn goes on without it"},
    vendored={"mine": VendoredRecord("the folder of the script")},
)

texts = st.text(max_size=20)
sorted_texts = st.lists(texts, unique=True, max_size=4).map(lambda found: tuple(sorted(found)))
packages = st.builds(
    PackageRecord,
    name=texts,
    version=st.none() | texts,
    requirement=texts,
    reason=texts,
    origin=st.sampled_from(["index", "vcs", "url", "wheel", "vendored"]),
    modules=sorted_texts,
    requires=sorted_texts,
    license=st.none() | texts,
    in_image=st.none() | texts,
    installed_by_container=st.booleans(),
    hashes=sorted_texts,
)
records = st.builds(
    DependencyRecord,
    packages=st.lists(packages, unique_by=lambda one: one.name, max_size=4).map(
        lambda found: tuple(sorted(found, key=lambda one: one.name))
    ),
    python=texts,
    target_python=texts,
    target_machine=texts,
    image=texts,
    checked=st.booleans(),
    packaging=st.sampled_from(["install", "wheels", "image"]),
    left_out=st.dictionaries(texts, texts, max_size=3),
    vendored=st.dictionaries(texts, st.builds(VendoredRecord, texts, st.none() | texts), max_size=3),
)


@given(records)
def test_what_is_written_is_what_is_read(record):
    assert DependencyRecord.from_json(json.loads(json_bytes(record.to_json()))) == record


def test_the_order_of_what_was_found_does_not_matter():
    turned = replace(RECORD, packages=RECORD.packages[::-1], left_out=dict(reversed(RECORD.left_out.items())))
    assert json.dumps(turned.to_json()) == json.dumps(RECORD.to_json())
    assert [one["name"] for one in RECORD.to_json()["packages"]] == ["a", "numpy"]


def places(data, path=()):
    """Every place in nested data."""
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from places(value, (*path, index))


FREE = ("left_out", "vendored")  # their keys are names that anything may have


@pytest.mark.parametrize("path", [one for one in places(RECORD.to_json()) if one], ids=str)
def test_a_part_that_is_gone_or_of_another_type_is_named(path):
    data = json.loads(json.dumps(RECORD.to_json()))
    holder = data
    for step in path[:-1]:
        holder = holder[step]
    named = next(step for step in reversed(path) if isinstance(step, str))
    holder[path[-1]] = 1.5
    with pytest.raises(BundleError, match=named):
        DependencyRecord.from_json(data)
    del holder[path[-1]]
    if isinstance(path[-1], str) and path[0] not in FREE[:1] and not (path[0] == "vendored" and len(path) == 2):
        with pytest.raises(BundleError, match=f"has no '{named}'"):
            DependencyRecord.from_json(data)


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("format_version", 2, "Upgrade"),
        ("format_version", True, "a whole number"),
        ("packaging", "conda", "one of install, wheels, image"),
        ("packages", {}, "a list"),
        ("packages", [[]], r"packages\[0\]"),
    ],
)
def test_values_that_no_version_knows(part, value, said):
    with pytest.raises(BundleError, match=said):
        DependencyRecord.from_json({**RECORD.to_json(), part: value})


@pytest.fixture
def bundle(tumour_bundle, tmp_path) -> ModelBundle:
    """A copy that can be changed, with the record above."""
    folder = tmp_path / "tumour"
    shutil.copytree(tumour_bundle.path, folder)
    (folder / RECORD_FILE).write_bytes(json_bytes(RECORD.to_json()))
    return ModelBundle.read(folder)


def test_a_bundle_has_one_or_none(bundle):
    assert read_record(bundle) == replace(RECORD, packages=RECORD.packages[::-1])
    (bundle.path / RECORD_FILE).unlink()
    assert read_record(bundle) is None


def test_a_bundle_without_one_still_lists_its_lock(bundle):
    (bundle.path / RECORD_FILE).unlink()
    (bundle.path / "requirements.lock").write_text(
        "# why\nnumpy==2.4.6 --hash=sha256:0a  # payloads\nx @ git+https://host/x@0f  # given\ny>=2  # given\n"
    )
    found = {one.name: one for one in packages_of(bundle)}
    assert (found["numpy"].version, found["numpy"].reason, found["numpy"].hashes) == (
        "2.4.6",
        "payloads",
        ("sha256:0a",),
    )
    assert (found["x"].origin, found["x"].version) == ("vcs", None)
    assert found["y"].version is None


@pytest.mark.parametrize("data", [b"", b"[]", b'{"a": ', b"\xff"])
def test_a_file_that_is_no_json_object(bundle, data):
    (bundle.path / RECORD_FILE).write_bytes(data)
    with pytest.raises(BundleError, match=RECORD_FILE):
        read_record(bundle)
