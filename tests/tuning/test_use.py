"""What deploying does with a tuning: used on instances like the machine it was measured on, and said either way."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from cdk_modelbuilder.bundle import TUNING_FILE, ModelBundle
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.instances import instance_type
from cdk_modelbuilder.tuning.hardware import Hardware, hardware_here
from cdk_modelbuilder.tuning.result import served_by
from cdk_modelbuilder.tuning.use import use_of
from tests.tuning.scripted import MACHINE, configuration, result

GPU = Hardware("x86_64", "a processor", 4, 16384, "NVIDIA A10G", 1, 23028)
WORKERS = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}


@pytest.fixture
def tuned(tumour_bundle, tmp_path) -> ModelBundle:
    """A bundle with a tuning of two processors."""
    shutil.copytree(tumour_bundle.path, tmp_path / "tumour", ignore=shutil.ignore_patterns("model.tar.gz"))
    bundle = ModelBundle.read(tmp_path / "tumour")
    made = result(environment=WORKERS, served=served_by(bundle), root_sha256=bundle.root_sha256)
    made.save(bundle.path)
    return bundle


def test_on_the_same(tuned):
    use = use_of(tuned, ["ml.c6i.large"])
    assert use.environment == WORKERS
    assert use.note == ("the tuning of tumour of 2026-11-26 is used: SAGEMAKER_MODEL_SERVER_WORKERS=2.")


@pytest.mark.parametrize(
    ("types", "says"),
    [
        (["ml.c6i.xlarge"], "measured on 2 processors (x86_64), and ml.c6i.xlarge has 4 (x86_64)"),
        (["ml.c6i.large", "ml.c7g.large"], "ml.c7g.large has 2 (arm64)"),
        (["ml.g5.xlarge"], "measured without an accelerator, and ml.g5.xlarge has A10G"),
        (["ml.new9.large"], "the instance type ml.new9.large is not known here"),
        ([], "the endpoint is serverless"),
    ],
)
def test_on_another(tuned, types, says):
    use = use_of(tuned, types)
    assert use.environment == {}
    assert use.note.startswith("the tuning of tumour is not used: ")
    assert says in use.note
    assert use_of(tuned, types, "always").environment == WORKERS
    assert use_of(tuned, types, "never").note is None


def test_another_build_of_the_model_is_said(tuned):
    result(environment=WORKERS, served=served_by(tuned)).save(tuned.path)
    use = use_of(tuned, ["ml.c6i.large"])
    assert use.environment == WORKERS
    assert "with an earlier build of the model" in use.note


def test_another_image(tuned):
    served = {**served_by(tuned), "image": "older:1"}
    result(environment=WORKERS, served=served).save(tuned.path)
    assert "it was measured with image older:1" in use_of(tuned, ["ml.c6i.large"]).note


def test_nothing_better_changes_nothing(tuned):
    same = configuration(100.0, workers=1)
    result(default=same, chosen=same, environment={}, served=served_by(tuned)).save(tuned.path)
    assert use_of(tuned, ["ml.c6i.large"]) == use_of(tuned, ["ml.c6i.large"], "never")


def test_a_text_file_sets_serving_properties_alone(tuned):
    result(environment={"MODELBUILDER_ROOT_SHA256": "0" * 64}, served=served_by(tuned)).save(tuned.path)
    with pytest.raises(BundleError, match="sets MODELBUILDER_ROOT_SHA256, which is no serving property"):
        use_of(tuned, ["ml.c6i.large"])


def test_wishes(tuned):
    with pytest.raises(UsageError, match="Take one of matching, always, never"):
        use_of(tuned, ["ml.c6i.large"], "yes")
    (tuned.path / TUNING_FILE).unlink()
    assert use_of(tuned, ["ml.c6i.large"]).note is None
    with pytest.raises(UsageError, match=r"has no tuning\.json"):
        use_of(tuned, ["ml.c6i.large"], "always")


@pytest.mark.parametrize(
    ("machine", "name", "used", "says"),
    [
        (GPU, "ml.g5.xlarge", 1, None),
        (GPU, "ml.g5.12xlarge", 1, None),  # more of the same
        (GPU, "ml.g5.xlarge", 2, "uses 2 accelerators, and ml.g5.xlarge has 1"),
        (GPU, "ml.g6.xlarge", 1, "measured on NVIDIA A10G, and ml.g6.xlarge has L4"),
        (GPU, "ml.m5.xlarge", 1, "has no accelerator"),
        (replace(GPU, accelerator="NVIDIA H100 80GB HBM3"), "ml.p5.48xlarge", 8, None),
        (replace(GPU, accelerator="NVIDIA L40S"), "ml.g6.xlarge", 1, "has L4"),
        (replace(GPU, accelerator="NVIDIA L4"), "ml.g6e.xlarge", 1, "has L40S"),
        (MACHINE, "ml.m5.large", 1, None),
    ],
)
def test_hardware(machine, name, used, says):
    found = machine.difference(instance_type(name), used=used)
    assert (found is None) == (says is None)
    assert says is None or says in found


def test_this_machine():
    here = hardware_here()
    assert here.vcpus >= 1
    assert here.memory_mib > 256
    assert Hardware.from_json(here.to_json()) == here
    assert f"{here.vcpus} processors" in here.words


def test_the_gpus_that_the_driver_tells_of(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA A10G, 23028'\necho 'NVIDIA A10G, 23028'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    here = hardware_here()
    assert (here.accelerator, here.accelerators, here.accelerator_memory_mib) == ("NVIDIA A10G", 2, 23028)
