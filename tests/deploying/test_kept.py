"""What is kept in .cdk-modelbuilder: state, history, and what runs by the stack's own template."""

import json

import pytest

from cdk_modelbuilder.deploying.assembly import Assembly, Changes
from cdk_modelbuilder.deploying.kept import Kept, KeptState, Outcome
from cdk_modelbuilder.errors import DeploymentError
from cdk_modelbuilder.generating.plan import AppPlan, EndpointPlan

STATE = KeptState("lines", "123456789012", "eu-west-1", "lines-endpoint", "lines", ("one",))
PLAN = AppPlan(name="lines", endpoints=(EndpointPlan(name="lines", bundle="../lines", instance_type="ml.m5.large"),))


def assembly(folder, size):
    """A cloud assembly as the CDK writes it, as far as it is read here."""
    folder.mkdir()
    artifact = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "x.template.json", "stackName": "lines-endpoint"},
    }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"x": artifact, "t": {"type": "cdk:tree"}}}))
    resources = {
        "E": {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointName": "lines", "Size": size}},
        "C": {"Type": "AWS::SageMaker::InferenceComponent", "Properties": {"InferenceComponentName": "lines-model"}},
    }
    (folder / "x.template.json").write_text(json.dumps({"Resources": resources}))
    (folder / "asset.tar.gz").write_bytes(b"large")
    return Assembly.read(folder)


def test_history_is_kept_in_order_without_what_is_large(line_bundles, tmp_path):
    kept = Kept(tmp_path / "apps", "lines")
    one, two = assembly(tmp_path / "one", 1), assembly(tmp_path / "two", 2)
    assert (one.endpoint_name, one.component_names) == ("lines", ("lines-model",))
    first = kept.settle(kept.begin(line_bundles.first, one, PLAN), Outcome.DEPLOYED)
    second = kept.begin(line_bundles.second, two, PLAN)
    assert [(entry.number, entry.outcome) for entry in kept.history()] == [
        (1, Outcome.DEPLOYED),
        (2, Outcome.UNKNOWN),
    ]
    assert first.bundle.root_sha256 == line_bundles.first.root_sha256
    assert first.bundle.schema == line_bundles.first.schema
    assert second.assembly.template == two.template
    names = {path.name for path in kept.folder.rglob("*") if path.is_file()}
    assert "model.tar.gz" not in names
    assert "asset.tar.gz" not in names
    assert not list(kept.folder.rglob(".new-*"))


def test_what_runs_is_what_the_stack_says(line_bundles, tmp_path):
    kept = Kept(tmp_path / "apps", "lines")
    one, two = assembly(tmp_path / "one", 1), assembly(tmp_path / "two", 2)
    kept.settle(kept.begin(line_bundles.first, one, PLAN), Outcome.DEPLOYED)
    kept.begin(line_bundles.second, two, PLAN)  # nobody has followed it
    assert kept.running(two.template, settled=False).outcome is Outcome.UNKNOWN
    assert kept.running(two.template, settled=True).outcome is Outcome.DEPLOYED
    assert kept.running(one.template, settled=True).number == 1
    assert kept.running({"Resources": {}}, settled=True) is None
    assert kept.running(None, settled=True) is None


def test_what_failed_is_no_wish_for_the_next_time(line_bundles, tmp_path):
    kept = Kept(tmp_path / "apps", "lines")
    assert kept.plan() is None
    kept.settle(kept.begin(line_bundles.first, assembly(tmp_path / "one", 1), PLAN), Outcome.FAILED)
    assert kept.plan() is None
    kept.settle(kept.begin(line_bundles.first, assembly(tmp_path / "two", 2), PLAN), Outcome.DEPLOYED)
    assert kept.plan() == PLAN


def test_state_survives_and_is_forgotten(tmp_path):
    kept = Kept(tmp_path / "apps", "lines")
    assert kept.state() is None
    kept.keep_state(STATE)
    assert kept.state() == STATE
    assert [one.name for one in Kept.all(tmp_path / "apps")] == ["lines"]
    kept.forget()
    assert kept.state() is None
    assert list(Kept.all(tmp_path / "apps")) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": 9}', '{"format_version": 1, "name": "x"}'])
def test_a_damaged_state_says_what_to_do(tmp_path, text):
    kept = Kept(tmp_path, "lines")
    kept.folder.mkdir()
    (kept.folder / "deployment.json").write_text(text)
    with pytest.raises(DeploymentError, match=r"deployment\.json cannot be read.*stack in AWS stays"):
        kept.state()


def test_a_damaged_entry_of_the_history_is_left_out(line_bundles, tmp_path):
    kept = Kept(tmp_path / "apps", "lines")
    entry = kept.begin(line_bundles.first, assembly(tmp_path / "one", 1), PLAN)
    (entry.folder / "deployment.json").write_text("{")
    assert kept.history() == []


def test_changes_leave_out_the_cdks_own_records():
    before = {"Resources": {"A": {"Type": "X", "Metadata": {"aws:cdk:path": "old"}}, "B": {"Type": "Y"}}}
    after = {
        "Resources": {
            "A": {"Type": "X", "Metadata": {"aws:cdk:path": "new"}},
            "B": {"Type": "Y", "Properties": {"P": 1}},
            "C": {"Type": "Z"},
            "M": {"Type": "AWS::CDK::Metadata"},
        }
    }
    found = Changes.between(before, after)
    assert found.lines == ("[+] Z C", "[~] Y B")
    assert found.summary == "1 to add, 1 to change"
    assert Changes.between(after, before).summary == "1 to change, 1 to remove"
    assert Changes.between(after, after).summary == "nothing to change"
    assert Changes.between(None, before).summary == "2 to add"


@pytest.mark.parametrize("manifest", ["", "[]", '{"artifacts": {}}', '{"artifacts": {"x": {"type": 1}}}'])
def test_a_folder_that_is_no_assembly(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(DeploymentError):
        Assembly.read(tmp_path)
