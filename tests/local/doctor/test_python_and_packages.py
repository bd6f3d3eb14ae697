"""Python, the packages of a bundle and the master key."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest

from cdk_modelbuilder.local.doctor import bundle_files, packages, python, signing_key
from cdk_modelbuilder.local.doctor.check import Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Outcome
from cdk_modelbuilder.local.doctor.platforms import Platform
from tests.conftest import MASTER_KEY

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def found(check, bundle=None):
    return examine([check], Circumstances(bundle=bundle, system=Platform.DEBIAN))


def package(name, version, *modules):
    return {"name": name, "version": version, "modules": list(modules)}


def test_an_environment_is_fine_and_the_systems_python_is_not(monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/somewhere/.venv")
    assert found(python.CHECK)[0].outcome is Outcome.OK
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    [finding] = found(python.CHECK)
    assert finding.outcome is Outcome.WARNING
    assert "python3 -m venv .venv" in finding.commands


def test_a_python_that_is_too_old(monkeypatch):
    monkeypatch.setattr(sys, "version_info", type("V", (tuple,), {"major": 3, "minor": 9})((3, 9)))
    [finding] = found(python.CHECK)
    assert finding.outcome is Outcome.FAILURE
    assert "3.9 is too old" in finding.detail


@pytest.mark.parametrize(
    ("form", "built", "outcome"),
    [
        ("cloudpickle", "3.99", Outcome.FAILURE),
        ("pickle", "3.99", Outcome.WARNING),
        ("ubj", "3.99", Outcome.OK),
        ("cloudpickle", HERE, Outcome.OK),
    ],
)
def test_the_bundles_python_against_this_one(changed_bundle, form, built, outcome):
    bundle = changed_bundle(info={"python": built, "model": {"format": form}})
    assert found(python.CHECK, bundle)[-1].outcome is outcome


def test_packages_that_are_installed_as_locked(changed_bundle):
    numpy = package("numpy", metadata.version("numpy"), "numpy", "numpy.typing")
    [finding] = found(packages.CHECK, changed_bundle(packages=[numpy]))
    assert (finding.outcome, "all 1 packages" in finding.detail) == (Outcome.OK, True)


def test_packages_that_are_missing_or_of_another_version(changed_bundle):
    listed = [
        package("no-such-thing", "1.0", "no_such_thing"),
        package("numpy", "0.0.1", "numpy"),
        package("click", metadata.version("click"), "no_such_module"),  # installed, and broken
    ]
    bundle = changed_bundle(packages=listed)
    missing, differing = found(packages.CHECK, bundle)
    assert missing.outcome is Outcome.FAILURE
    assert "no-such-thing==1.0, click==" in missing.detail
    assert missing.commands[0].endswith(f"pip install -r {bundle.path}/requirements.lock")
    assert differing.outcome is Outcome.WARNING
    assert f"numpy {metadata.version('numpy')} for 0.0.1" in differing.detail


def test_many_missing_packages_are_not_all_named(changed_bundle):
    [missing] = found(packages.CHECK, changed_bundle(packages=[package(f"no-{n}", "1", f"no_{n}") for n in range(50)]))
    assert "and 42 more" in missing.detail


def test_what_a_missing_module_belongs_to(changed_bundle):
    bundle = changed_bundle(packages=[package("PyThing", "1.2", "thing", "thing.parts")])
    about = Circumstances(bundle=bundle)
    assert packages.missing_module("json.decoder", about) is None
    assert packages.missing_module("thing.parts", about).commands[0].endswith(" PyThing==1.2")
    assert "no package that the bundle is locked to" in packages.missing_module("nothing_of_it", about).detail
    assert packages.missing_module("nothing_of_it", Circumstances()).outcome is Outcome.FAILURE


def test_a_real_bundle(built_bundle):
    assert found(packages.CHECK, built_bundle)[0].outcome is Outcome.OK


def test_another_distribution_may_bring_the_module(changed_bundle):
    bundle = changed_bundle(packages=[package("click-by-another-name", metadata.version("click"), "click")])
    assert found(packages.CHECK, bundle)[0].outcome is Outcome.OK
    bundle = changed_bundle(packages=[package("click-by-another-name", "0.1", "click")])
    assert found(packages.CHECK, bundle)[0].outcome is Outcome.WARNING


@pytest.mark.parametrize("text", ["", "[]", '{"packages": 7}', '{"packages": [{"name": 1}]}'])
def test_a_broken_list_of_packages_is_skipped(changed_bundle, text):
    bundle = changed_bundle()
    (bundle.path / "dependencies.json").write_text(text)
    assert found(packages.CHECK, bundle)[0].outcome is Outcome.SKIPPED


def test_uv_installs_where_there_is_no_pip(monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(packages.shutil, "which", lambda name: "/usr/bin/uv")
    assert packages._installer().startswith("uv pip install --python ")


def test_the_master_key(monkeypatch, built_bundle, tmp_path):
    [finding] = found(signing_key.CHECK, built_bundle)
    assert (finding.outcome, "signed doubles" in finding.detail) == (Outcome.OK, True)
    assert MASTER_KEY not in str(finding)
    monkeypatch.setenv("MODELBUILDER_MASTER_KEY", "6b" * 32)
    [finding] = found(signing_key.CHECK, built_bundle)
    assert (finding.outcome, "another master key" in finding.detail) == (Outcome.FAILURE, True)
    assert "6b6b" not in str(finding)
    monkeypatch.setenv("MODELBUILDER_MASTER_KEY", "hunter2")
    [finding] = found(signing_key.CHECK)
    assert finding.outcome is Outcome.FAILURE
    assert "hunter2" not in str(finding)
    monkeypatch.delenv("MODELBUILDER_MASTER_KEY")
    assert found(signing_key.CHECK)[0].outcome is Outcome.OK
    assert found(signing_key.CHECK, built_bundle)[0].outcome is Outcome.FAILURE
    open_to_all = tmp_path / "master.key"
    open_to_all.write_text(MASTER_KEY)
    open_to_all.chmod(0o644)
    monkeypatch.setenv("MODELBUILDER_MASTER_KEY_FILE", str(open_to_all))
    assert found(signing_key.CHECK)[0].outcome is Outcome.FAILURE


def test_the_bundles_files(built_bundle, tmp_path):
    import shutil

    from cdk_modelbuilder import ModelBundle

    assert found(bundle_files.CHECK)[0].outcome is Outcome.SKIPPED
    assert found(bundle_files.CHECK, built_bundle)[0].outcome is Outcome.OK
    shutil.copytree(built_bundle.path, tmp_path / "copy")
    copy = ModelBundle.read(tmp_path / "copy")
    (copy.model_dir / "code" / "inference.py").write_text("evil")
    [finding] = found(bundle_files.CHECK, copy)
    assert finding.outcome is Outcome.FAILURE
    assert "inference.py" in str(finding)
    shutil.rmtree(copy.model_dir)
    [finding] = found(bundle_files.CHECK, copy)
    assert (finding.outcome, "only the bundle's text files are here" in finding.detail) == (Outcome.FAILURE, True)


def test_a_large_bundle_is_not_hashed_in_passing(changed_bundle):
    [finding] = found(bundle_files.CHECK, changed_bundle(model_bytes=3 << 30))
    assert finding.outcome is Outcome.SKIPPED
    assert finding.commands[0].startswith("cdk-modelbuilder verify ")
