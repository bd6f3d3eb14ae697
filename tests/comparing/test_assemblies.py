"""Two real synths: what CloudFormation will do, in a reviewer's words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from cdk_modelbuilder.comparing import Mark, Report, compare, report_markdown
from cdk_modelbuilder.comparing.report import ABSENT, Group
from cdk_modelbuilder.constructs import Hosting, ScalingTarget
from cdk_modelbuilder.errors import BundleError
from tests.comparing.homes import changes, facets, groups, section
from tests.comparing.stacks import EUROPE, endpoint, synthesize
from tests.constructs.everything import STACKS


@pytest.fixture(scope="module")
def plain(homes, tmp_path_factory) -> str:
    """The endpoint as it is made without options."""
    return synthesize(tmp_path_factory.mktemp("plain") / "cdk.out", endpoint(homes))


def titled(report: Report, words: str) -> Group:
    (found,) = [group for group in section(report, "resources").groups if words in group.title]
    return found


def lines(group: Group) -> dict[str, tuple]:
    return {change.what.partition(" (\x02")[0]: (change.old, change.new, change.marks) for change in group.changes}


def kinds(report: Report) -> dict[str, str]:
    """Type of resource -> what happens to it."""
    found = {}
    for group in section(report, "resources").groups:
        kind = group.title.partition(" (\x02")[2].partition("\x03")[0]
        found[kind] = group.note.partition(",")[0].partition(":")[0]
    return found


def test_nothing_is_said_of_two_synths_of_the_same(plain, homes, tmp_path):
    copy = tmp_path / "elsewhere" / "homes"
    shutil.copytree(homes.path, copy)
    again = synthesize(tmp_path / "cdk.out", endpoint(type(homes).load(copy)))
    assert report_markdown(compare(plain, again)) == ""


@pytest.mark.parametrize("build", STACKS, ids=lambda build: build.__name__)
def test_every_stack_with_everything_on_is_the_same_as_itself(build, tmp_path):
    places = []
    for name in ("one", "two"):
        app = cdk.App(outdir=str(tmp_path / name), builtin_cloud_formation_validation=False)
        build(cdk.Stack(app, "Stack", env=EUROPE))
        app.synth()
        places.append(str(tmp_path / name))
    assert not compare(*places)
    added, removed = compare("/dev/null", places[0]), compare(places[0], "/dev/null")
    created, gone = (section(report, "resources").groups for report in (added, removed))
    assert [group.title for group in created] == [group.title for group in gone]
    assert {group.note.partition(":")[0] for group in created} == {"created"}
    assert {group.note.partition(":")[0] for group in gone} == {"removed"}


def test_another_bundle(plain, other_homes, homes, tmp_path):
    report = compare(plain, synthesize(tmp_path / "cdk.out", endpoint(other_homes)))
    assert kinds(report) == {
        "SageMaker Endpoint": "changed in place",
        "SageMaker EndpointConfig": "replaced",
        "SageMaker Model": "replaced",
        "IAM ManagedPolicy": "changed",
    }
    assert titled(report, "IAM ManagedPolicy").note == "changed: a new policy beside the old one, which goes last"
    model = lines(titled(report, "SageMaker Model"))
    assert model["model digest"] == (homes.root_sha256, other_homes.root_sha256, ())
    assert model["key id"] == (homes.key_id, other_homes.key_id, ())
    assert homes.artifact_digest in model["model data"][0]
    assert other_homes.artifact_digest in model["model data"][1]
    config = titled(report, "EndpointConfig")
    assert config.note == "replaced, because of \x02ProductionVariants\x03"  # nothing but a reference to the Model
    assert "is replaced" in config.changes[0].note
    # The one policy has another name and reads another artifact: nobody may do more.
    (policy,) = section(report, "iam").groups
    (line,) = policy.changes
    assert line.marks == (Mark.FOLLOWS,)
    assert line.what == "statement \x02ReadModel\x03: resource"
    assert "widened" not in report.words
    assert "iam" not in report.words
    assert "replaced" in report.words
    summary = report.parts[0].summary
    assert summary[0].startswith("model digest")
    assert "permissions follow the artifact" in summary


def test_hosting(plain, homes, tmp_path):
    change = endpoint(homes, hosting=Hosting.real_time(instance_type="ml.g5.xlarge", initial_instance_count=3))
    report = compare(plain, synthesize(tmp_path / "cdk.out", change))
    config = lines(titled(report, "EndpointConfig"))
    assert config["instance type of \x02AllTraffic\x03"] == ("ml.m5.large", "ml.g5.xlarge", ())
    assert config["first instances of \x02AllTraffic\x03"] == (1, 3, ())
    # A type with local NVMe takes no key: the reviewer is told that the volumes have none of their own any more.
    lost = [what for what, (_, _, marks) in config.items() if Mark.SECURITY in marks]
    assert any("not encrypted with a key of its own" in what for what in lost)
    assert kinds(report)["KMS Key"] == "removed"
    assert "SageMaker Model" not in kinds(report)


def test_serverless(plain, homes, tmp_path):
    hosting = Hosting.serverless(memory_size=cdk.Size.mebibytes(2048), max_concurrency=5)
    report = compare(plain, synthesize(tmp_path / "cdk.out", endpoint(homes, hosting=hosting)))
    config = lines(titled(report, "EndpointConfig"))
    assert config["instance type of \x02AllTraffic\x03"][:2] == ("ml.m5.large", ABSENT)
    assert config["serverless memory of \x02AllTraffic\x03"] == (ABSENT, 2048, ())
    assert config["serverless concurrency of \x02AllTraffic\x03"] == (ABSENT, 5, ())


def test_autoscaling_and_monitoring(plain, homes, tmp_path):
    def scale(made, most: int) -> None:
        made.autoscale(min_capacity=1, max_capacity=most, target=ScalingTarget.invocations(100))
        made.monitor()

    few = synthesize(tmp_path / "few", endpoint(homes, lambda made: scale(made, 4)))
    many = synthesize(tmp_path / "many", endpoint(homes, lambda made: scale(made, 8)))
    created = compare(plain, few)
    alarms = [group.note for group in groups(created) if "CloudWatch Alarm" in group.title]
    assert any("Maximum of DiskUtilization > 90" in note and "3\x03 periods of" in note for note in alarms)
    target = titled(created, "ScalableTarget")
    assert target.note == "created: \x02DesiredInstanceCount\x03 from \x021\x03 to \x024\x03"
    report = compare(few, many)
    assert facets(report) == ["resources"]
    (group,) = section(report, "resources").groups
    assert group.note == "changed in place"
    assert lines(group) == {"most capacity": (4, 8, ())}
    assert report.parts[0].summary == ("most capacity \x024\x03 → \x028\x03", "1 changed in place")
    removed = compare(many, plain)
    endpoint_lines = lines(titled(removed, "SageMaker Endpoint"))
    assert any("does not go back any more" in what for what in endpoint_lines)


def test_alarm_thresholds(homes, tmp_path):
    from cdk_modelbuilder.constructs.monitoring import AlarmThresholds

    places = [
        synthesize(
            tmp_path / str(share),
            endpoint(homes, lambda made, share=share: made.monitor(thresholds=AlarmThresholds(disk=share))),
        )
        for share in (80, 95)
    ]
    report = compare(*places)
    (group,) = section(report, "resources").groups
    assert lines(group)["alarm threshold"] == (80, 95, ())
    assert "alarm threshold \x0280\x03 → \x0295\x03" in report.parts[0].summary


def test_permissions_that_are_wider(plain, homes, tmp_path):
    def more(made) -> None:
        made.role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:*"], resources=["*"]))

    wide = synthesize(tmp_path / "wide", endpoint(homes, more))
    report = compare(plain, wide)
    (group,) = section(report, "iam").groups
    (line,) = group.changes
    assert (line.old, line.new, line.marks) == (ABSENT, "allow s3:* on *", (Mark.WIDENED,))
    assert line.note == "with a wild card"
    assert {"iam", "widened"} <= report.words
    narrower = compare(wide, plain)
    assert "widened" not in narrower.words
    assert "permissions are not wider" in narrower.parts[0].summary


def test_isolation_and_encryption_that_go_are_marked(plain, homes, tmp_path):
    def isolate(made) -> None:
        made.models["AllTraffic"].resource.enable_network_isolation = True

    report = compare(synthesize(tmp_path / "isolated", endpoint(homes, isolate)), plain)
    model = lines(titled(report, "SageMaker Model"))
    assert model["its network isolation is gone"][2] == (Mark.SECURITY,)
    assert model["network isolation"] == (True, False, ())
    bare = compare(plain, synthesize(tmp_path / "bare", endpoint(homes, encrypt_storage=False)))
    assert "security" in bare.words
    back = compare(str(tmp_path / "bare"), plain)
    assert not any("not encrypted" in change.what for change in changes(back))


def test_the_golden_gate_is_no_secret_and_no_alarm(plain, homes, tmp_path):
    report = compare(plain, synthesize(tmp_path / "gate", endpoint(homes, verify_on_deploy=True)))
    assert facets(report) == ["resources", "iam"]
    assert {"Lambda Function", "Custom ModelBuilderGoldenTest"} <= set(kinds(report))
    assert "security" not in report.words
    again = synthesize(tmp_path / "again", endpoint(homes, verify_on_deploy=True))
    assert not compare(str(tmp_path / "gate"), again)


def test_a_fixed_name_that_cannot_be_replaced_is_foretold(homes, tmp_path):
    def named(name: str):
        return synthesize(
            tmp_path / name,
            endpoint(homes, lambda made: setattr(made.config.resource, "endpoint_config_name", "fixed"),
                     hosting=Hosting.real_time(instance_type=name)),
        )  # fmt: skip

    report = compare(named("ml.m5.large"), named("ml.m5.xlarge"))
    assert "this will fail: the new one cannot be called \x02fixed\x03" in titled(report, "EndpointConfig").note


def test_a_construct_that_was_renamed(homes, tmp_path):
    def make(name: str):
        def fill(stack: cdk.Stack) -> None:
            sns.Topic(stack, name, display_name="told", enforce_ssl=False)

        return synthesize(tmp_path / name, fill)

    report = compare(make("Old"), make("New"))
    (group,) = section(report, "resources").groups
    assert group.note.startswith("replaced, because its logical id was \x02Old")
    assert group.marks == (Mark.REPLACED,)


def test_stages_and_nested_stacks(tmp_path):
    def make(folder: str, told: str) -> str:
        app = cdk.App(outdir=str(tmp_path / folder), builtin_cloud_formation_validation=False)
        for scope in (app, cdk.Stage(app, "Prod")):
            stack = cdk.Stack(scope, "Service", termination_protection=folder == "one")
            sns.Topic(stack, "Topic", display_name=told)
            sns.Topic(cdk.NestedStack(stack, "Inner"), "Topic", display_name=told)
        app.synth()
        return str(tmp_path / folder)

    report = compare(make("one", "before"), make("two", "after"))
    titles = [part.title.removeprefix("Stack ").strip("\x02\x03") for part in report.parts]
    whole = [title for title in titles if "Inner" not in title]
    inner = [title.partition("Inner")[0] for title in titles if "Inner" in title]
    assert (whole, inner) == (["Prod/Service", "Service"], ["Prod/ProdService", "Service"])
    told = [(change.old, change.new) for change in changes(report) if "DisplayName" in change.what]
    assert told == [("before", "after")] * 4
    protection = [change for change in changes(report) if change.what == "\x02terminationProtection\x03"]
    assert [change.marks for change in protection] == [(Mark.SECURITY,)] * 2


def test_stacks_that_are_new_or_removed(plain, homes, tmp_path):
    two = synthesize(tmp_path / "two", endpoint(homes), names=("Service", "Second"))
    new = compare(plain, two)
    assert [(part.title, part.summary[0]) for part in new.parts] == [("Stack \x02Second\x03", "new stack")]
    gone = compare(two, plain)
    assert [part.summary[0] for part in gone.parts] == ["stack removed"]
    assert compare("/dev/null", plain).parts[0].summary[0] == "new stack"


def test_outputs_and_parameters(plain, homes, tmp_path):
    def told(made) -> None:
        cdk.CfnOutput(cdk.Stack.of(made), "Name", value=made.endpoint_name)

    report = compare(plain, synthesize(tmp_path / "told", endpoint(homes, told)))
    (line,) = section(report, "template").groups[0].changes
    assert line.what == "\x02Outputs\x03"
    assert "template" in report.words


def test_what_a_library_says_of_itself_is_no_change(plain, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(plain, copy)
    path = copy / "Service.template.json"
    template = json.loads(path.read_text())
    template["Resources"]["CDKMetadata"] = {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:other"}}
    for resource in template["Resources"].values():
        resource.setdefault("Metadata", {})["aws:cdk:path"] = "Service/Moved"
    path.write_text(json.dumps(template))
    assert not compare(plain, str(copy))


def test_bundles_that_are_deployed_are_reported_too(plain, homes, other_homes, tmp_path):
    new = synthesize(tmp_path / "cdk.out", endpoint(other_homes))
    folders = []
    for name, bundle in (("old", homes), ("new", other_homes)):
        shutil.copytree(bundle.path, tmp_path / name / "homes")
        shutil.copytree(homes.path, tmp_path / name / "not-deployed-any-more")
        folders.append(str(tmp_path / name))
    report = compare(plain, new, bundles=(folders[0], folders[1]))
    titles = [part.title for part in report.parts]
    assert titles[0] == "Stack \x02Service\x03"
    assert "Bundle \x02homes\x03" in titles
    removed = [part for part in report.parts if part.summary[0] == "bundle removed"]
    assert [part.title for part in removed] == ["Bundle \x02homes\x03 in \x02not-deployed-any-more\x03"]


def test_acknowledged_findings_are_shown(plain, homes, tmp_path):
    def accept(made) -> None:
        made.config.resource.add_metadata("guard", {"SuppressedRules": ["two_instances"]})

    report = compare(plain, synthesize(tmp_path / "cdk.out", endpoint(homes, accept)))
    found = [change for change in changes(report) if change.what.startswith("accepted finding")]
    assert found
    assert {change.marks for change in found} == {(Mark.SECURITY,)}


def test_a_cut_assembly_is_told(plain, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(plain, copy)
    (copy / "Service.template.json").unlink()
    with pytest.raises(BundleError, match=r"has no Service\.template\.json: it was not synthesized to its end"):
        compare(plain, str(copy))
    (copy / "Service.template.json").write_text("[" * 200 + "]" * 200)
    with pytest.raises(BundleError, match="nested deeper"):
        compare(plain, str(copy))


def test_a_path_that_leaves_the_assembly_is_not_followed(plain, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text('{"Outputs": {"a": "b"}}')
    copy = Path(tmp_path / "copy")
    shutil.copytree(plain, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["artifacts"]["Service"]["properties"]["templateFile"] = "../secret.json"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"has no \.\./secret\.json"):
        compare(plain, str(copy))
