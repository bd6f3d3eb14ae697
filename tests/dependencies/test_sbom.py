"""Bills of materials: the same bytes each time, and valid by CycloneDX's own library in the slow test."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_modelbuilder.bundle import ModelBundle, json_bytes
from cdk_modelbuilder.dependencies.record import RECORD_FILE, DependencyRecord, PackageRecord, VendoredRecord
from cdk_modelbuilder.dependencies.sbom import package_url, sbom_json
from cdk_modelbuilder.errors import BundleError

from .echo_bundle import build_echo

DIGEST = "ab" * 32
COMMIT = "0f" * 20
PACKAGES = (
    PackageRecord(
        "numpy",
        "2.4.6",
        "numpy==2.4.6",
        "imported by code/inference.py",
        license="BSD-3-Clause AND MIT",
        in_image="2.4.6",
        installed_by_container=False,
        hashes=(f"sha256:{DIGEST}",),
    ),
    PackageRecord("scipy", "1.17.1", "scipy==1.17.1", "required by tool", requires=("numpy",), license="New BSD"),
    PackageRecord(
        "tool",
        "0.1+cu121",
        f"tool @ git+https://host/a/tool@{COMMIT}#subdirectory=x",
        "given",
        "vcs",
        requires=("scipy",),
    ),
    PackageRecord("open", None, "open>=2", "given"),
)
RECORD = DependencyRecord(
    packages=PACKAGES,
    python="3.11",
    target_python="3.12",
    target_machine="x86_64",
    image="sagemaker-x:1",
    checked=True,
    vendored={"mine": VendoredRecord("https://host/mine", "1.5"), "other": VendoredRecord("the folder of the script")},
)


@pytest.fixture(scope="module")
def echo_path(tmp_path_factory) -> Path:
    return build_echo(tmp_path_factory.mktemp("sboms") / "echo").path


@pytest.fixture
def bundle(echo_path, tmp_path) -> ModelBundle:
    shutil.copytree(echo_path, tmp_path / "echo")
    (tmp_path / "echo" / RECORD_FILE).write_bytes(json_bytes(RECORD.to_json()))
    return ModelBundle.read(tmp_path / "echo")


def component(sbom: dict, reference: str) -> dict:
    return next(one for one in sbom["components"] if one["bom-ref"] == reference)


def test_the_model_is_what_it_is_about(bundle):
    sbom = json.loads(sbom_json(bundle))
    model = sbom["metadata"]["component"]
    assert (model["type"], model["name"]) == ("machine-learning-model", "echo")
    assert model["hashes"] == [{"alg": "SHA-256", "content": bundle.root_sha256}]
    image = component(sbom, "image")
    assert (image["type"], f"{image['name']}:{image['version']}") == (
        "container",
        f"{bundle.container.image.repository}:{bundle.container.image.tag}",
    )


def test_packages_have_their_address_license_and_digest(bundle):
    sbom = json.loads(sbom_json(bundle))
    numpy, scipy = component(sbom, "package:numpy"), component(sbom, "package:scipy")
    assert numpy["purl"] == "pkg:pypi/numpy@2.4.6"
    assert numpy["licenses"] == [{"expression": "BSD-3-Clause AND MIT"}]
    assert numpy["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]
    assert scipy["licenses"] == [{"license": {"name": "New BSD"}}]
    facts = {one["name"]: one["value"] for one in numpy["properties"]}
    assert facts["cdk-modelbuilder:installed"] == "the image has it"
    assert facts["cdk-modelbuilder:reason"] == "imported by code/inference.py"
    assert "version" not in component(sbom, "package:open")
    assert component(sbom, "vendored:mine")["version"] == "1.5"


def test_who_requires_what(bundle):
    graph = {one["ref"]: one["dependsOn"] for one in json.loads(sbom_json(bundle))["dependencies"]}
    assert graph["model"] == [
        "image",
        "package:numpy",
        "package:open",
        "package:tool",
        "vendored:mine",
        "vendored:other",
    ]
    assert graph["package:tool"] == ["package:scipy"]
    assert graph["package:scipy"] == ["package:numpy"]
    assert graph["package:numpy"] == graph["vendored:mine"] == graph["image"] == []


def test_the_same_bundle_gives_the_same_bytes_and_another_one_another_number(bundle, tmp_path):
    first = sbom_json(bundle)
    turned = replace(RECORD, packages=PACKAGES[::-1], vendored=dict(reversed(RECORD.vendored.items())))
    (bundle.path / RECORD_FILE).write_bytes(json_bytes(turned.to_json()))
    assert sbom_json(ModelBundle.read(bundle.path)) == first
    assert str(tmp_path).encode() not in first
    assert "timestamp" not in json.loads(first)["metadata"]
    other = build_echo(tmp_path / "another")
    assert json.loads(sbom_json(other))["serialNumber"] != json.loads(first)["serialNumber"]


def test_digests_come_from_pylock_where_the_list_has_none(bundle):
    (bundle.path / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "uv"\n[[packages]]\nname = "SciPy"\nversion = "1.17.1"\n'
        f'wheels = [{{ url = "https://host/scipy-1.17.1-py3-none-any.whl", hashes = {{ sha256 = "{DIGEST}" }} }}]\n'
    )
    assert component(json.loads(sbom_json(bundle)), "package:scipy")["hashes"][0]["content"] == DIGEST
    (bundle.path / "pylock.toml").write_text("packages = 5")
    with pytest.raises(BundleError, match=r"pylock\.toml"):
        sbom_json(bundle)


def test_a_bundle_with_a_lock_alone_has_one_too(bundle):
    (bundle.path / RECORD_FILE).unlink()
    (bundle.path / "requirements.lock").write_text("numpy==2.4.6  # payloads\n")
    sbom = json.loads(sbom_json(bundle))
    assert component(sbom, "package:numpy")["purl"] == "pkg:pypi/numpy@2.4.6"


@pytest.mark.slow
def test_addresses_are_as_the_purl_library_writes_them():
    packageurl = pytest.importorskip("packageurl", reason="packageurl is not installed")
    for package in PACKAGES:
        url = package.requirement.partition(" @ ")[2]
        expected = packageurl.PackageURL(
            "pypi", None, package.name, package.version, {"vcs_url": url} if url else None
        ).to_string()
        assert package_url(package) == expected


@pytest.mark.slow
def test_cyclonedx_takes_it(bundle):
    validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")
    schema = pytest.importorskip("cyclonedx.schema")
    model = pytest.importorskip("cyclonedx.model.bom")
    text = sbom_json(bundle).decode()
    assert validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text) is None
    read = model.Bom.from_json(json.loads(text))
    assert read.metadata.component.name == "echo"
    assert len(read.components) == len(RECORD.packages) + len(RECORD.vendored) + 1
    assert read.validate()
