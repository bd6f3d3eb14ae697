"""`init` and `generate` as a user runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.root_command import group
from cdk_modelbuilder.errors import ModelBuilderError
from cdk_modelbuilder.generating.marker import read_marker
from cdk_modelbuilder.generating.plan import AppPlan, HostingKind, Part
from cdk_modelbuilder.generating.planning import plan_endpoint
from cdk_modelbuilder.generating.writing import write_app


def run(*words, status: int = 0) -> str:
    done = CliRunner().invoke(group, [*map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def refused(*words) -> str:
    with pytest.raises(ModelBuilderError) as caught:
        run(*words)
    return str(caught.value)


@pytest.fixture
def project(iris_bundle, tmp_path, monkeypatch) -> Path:
    """A working directory with the bundle as build/iris."""
    shutil.copytree(iris_bundle.path, tmp_path / "build" / "iris")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_without_a_bundle_there_is_an_example(project):
    text = run("init", "demo")
    assert "model.py: created" in text
    assert "Next: read demo/README.md" in text
    assert "LogisticRegression" in Path("demo/model.py").read_text()
    assert "demo is current" in run("init", "demo")


def test_a_bundle_beside_the_example_leaves_its_model_alone(project):
    run("init", "demo", "--ci", "github")
    before = Path("demo/model.py").read_bytes()
    run("init", "demo", "--bundle", "a-first=build/iris")
    assert Path("demo/model.py").read_bytes() == before
    assert Path("demo/.github/workflows/deploy.yml").read_text().count("keys push") == 2
    run("init", "demo", "--remove", "iris")
    assert '"a-first": APP / "../build/iris"' in Path("demo/model.py").read_text()


def test_a_bundle_is_written_relative_to_the_app(project):
    run("init", "infra", "--bundle", "build/iris")
    assert 'BUNDLE = Path(__file__).parents[1] / "../build/iris"' in Path("infra/stacks/iris_stack.py").read_text()
    assert '"iris": APP / "../build/iris"' in Path("infra/model.py").read_text()
    run("init", "--bundle", "build/iris", "--ci", "github", "--name", "here")
    assert 'BUNDLE = Path(__file__).parents[1] / "build/iris"' in Path("stacks/iris_stack.py").read_text()
    assert "\n  BUNDLES: build/iris\n" in Path(".github/workflows/pull-request.yml").read_text()


def test_two_runs_elsewhere_give_the_same_bytes(project):
    for name in ("one", "two"):
        shutil.copytree("build", f"{name}/build")
        run("init", f"{name}/app", "--bundle", f"{name}/build/iris", "--ci", "gitlab")
    assert tree(project / "one/app") == tree(project / "two/app")


def test_a_bundle_that_is_added_keeps_the_others_and_one_can_be_removed(project):
    run("init", "app", "--bundle", "build/iris", "--instance-type", "ml.m5.xlarge")
    run("init", "app", "--bundle", "second=build/iris", "--hosting", "serverless")
    plan = read_marker(Path("app")).plan
    assert [(one.name, one.hosting) for one in plan.endpoints] == [
        ("iris", HostingKind.REAL_TIME),
        ("second", HostingKind.SERVERLESS),
    ]
    assert plan.endpoints[0].instance_type == "ml.m5.xlarge"
    # Its keys are where `keys push` puts those of the bundle, whose name is another.
    assert plan.endpoints[1].signing_secret == "cdk-modelbuilder/iris"
    assert "stacks/second_stack.py: removed" in run("init", "app", "--remove", "second")
    assert "app has no endpoint 'second'" in refused("init", "app", "--remove", "second")


def test_a_bundle_that_was_named_again_keeps_its_hosting(project):
    run("init", "app", "--bundle", "build/iris", "--hosting", "serverless")
    shutil.move("build", "moved")
    run("init", "app", "--bundle", "moved/iris")
    (endpoint,) = read_marker(Path("app")).plan.endpoints
    assert (endpoint.hosting, endpoint.bundle) == (HostingKind.SERVERLESS, "../moved/iris")


def test_hosting_of_what_is_there_can_be_changed(project):
    run("init", "app", "--bundle", "build/iris", "--signing-secret", "keys", "--instance-type", "ml.m5.large")
    run("init", "app", "--instance-count", "3")
    (endpoint,) = read_marker(Path("app")).plan.endpoints
    assert (endpoint.instance_type, endpoint.initial_instance_count) == ("ml.m5.large", 3)
    run("init", "app", "--hosting", "serverless")
    (endpoint,) = read_marker(Path("app")).plan.endpoints
    assert (endpoint.hosting, endpoint.signing_secret, endpoint.instance_type) == (HostingKind.SERVERLESS, "keys", None)
    run("init", "example")
    run("init", "example", "--hosting", "components")
    assert "Hosting.inference_components(" in Path("example/stacks/iris_stack.py").read_text()


def test_what_is_not_asked_for_stays_as_it_was(project):
    first = ("--signing-secret", "keys", "--instance-type", "ml.m5.large", "--bucket", "artifacts")
    run("init", "app", "--bundle", "build/iris", *first)
    run("init", "app", "--bundle", "build/iris", "--hosting", "components")
    (endpoint,) = read_marker(Path("app")).plan.endpoints
    assert endpoint.hosting is HostingKind.COMPONENTS
    assert endpoint.artifact.bucket == "artifacts"
    assert (endpoint.instance_type, endpoint.signing_secret) == ("ml.m5.large", "keys")
    shutil.rmtree("build")
    assert "is not here, so its hosting cannot be changed" in refused("init", "app", "--hosting", "serverless")


def test_the_example_gives_way_to_a_bundle_of_its_name_from_elsewhere_but_not_to_its_own(project):
    run("init", "demo")
    shutil.copytree("build/iris", "demo/build/iris")
    run("init", "demo", "--bundle", "demo/build/iris")
    assert read_marker(Path("demo")).plan.example
    run("init", "demo", "--bundle", "build/iris")
    assert not read_marker(Path("demo")).plan.example
    assert '"../build/iris"' in Path("demo/model.py").read_text()
    assert "an app without an endpoint" in refused("init", "demo", "--remove", "iris")


def test_check_says_what_is_not_current(project):
    run("init", "app")
    assert "app is current" in run("init", "app", "--check")
    Path("app/app.py").write_text("mine\n")
    assert "app.py: kept as you changed it" in run("init", "app", "--check")
    before = tree(Path("app"))
    text = run("init", "app", "--check", "--ci", "github", status=1)
    assert ".github/workflows/test.yml: would be created" in text
    assert tree(Path("app")) == before
    assert "holds no generated app" in refused("init", "other", "--check")


def test_a_conflict_ends_with_1_and_shows_the_difference(project):
    run("init", "app")
    Path("app/app.py").write_text("mine\n")
    text = run("init", "app", "--region", "eu-west-1", status=1)
    assert "app.py: changed by you and by the generator" in text
    assert "-mine" in text
    assert '+    env = cdk.Environment(region="eu-west-1")' in text
    assert Path("app/app.py").read_text() == "mine\n"
    data = json.loads(run("init", "app", "--region", "eu-west-1", "--json", status=1))
    assert data["conflicts"] == ["app.py"]
    assert not data["written"]
    run("init", "app", "--region", "eu-west-1", "--accept")
    assert Path("app/app.py").read_text() == "mine\n"
    run("init", "app", "--check")
    run("init", "app", "--force")
    assert "eu-west-1" in Path("app/app.py").read_text()


def test_a_dry_run_shows_all_of_it(project):
    text = run("init", "app", "--dry-run")
    assert "app.py: would be created" in text
    assert '+    IrisStack(app, "iris-endpoint")' in text
    assert not Path("app").exists()


def test_generate_prints_a_stack(project):
    text = run("generate", "build/iris", "--hosting", "async", "--app", "infra")
    assert "Hosting.asynchronous(" in text
    run("init", "infra", "--bundle", "build/iris", "--hosting", "async")
    assert Path("infra/stacks/iris_stack.py").read_text() == text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bundle", "nowhere"], "nowhere does not exist"),
        (["--bundle", "1st=build/iris"], "'1st' cannot name a stack"),
        (["--bundle", "=build/iris"], "'' cannot name a stack"),
        (["--bundle", "build/iris", "--bundle", "build/../build/iris"], "are both called iris"),
        (["--bundle", "build/iris", "--bundle", "IRIS=build/iris"], "would share the file iris_stack"),
        (
            ["--bundle", "build/iris", "--hosting", "serverless", "--instance-type", "ml.m5.large"],
            "has no instance_type",
        ),
        (["--hosting", "serverless", "--instance-count", "2"], "has no initial_instance_count"),
        (["--instance-type", "ml.c6i.lagre"], "Like it: ml.c6i.large"),
        (["--instance-type", "ml.c7g.large"], "build/iris is for Intel or AMD"),
        (["--bundle", "build/iris", "--instance-type", "ml.c6i.lagre"], "Like it: ml.c6i.large"),
        (["--bundle", "build/iris", "--instance-type", "c6i.large"], "begin with 'ml.'"),
        (["--bundle", "build/iris", "--instance-type", "ml.c7g.large"], "is for Intel or AMD"),
        (["--bundle", "build/iris", "--output-uri", "s3://b/out"], "asynchronous is for the hosting 'async'"),
        (["--account", "1234"], "is no account"),
        (["--region", "Ireland"], "is no region"),
        (["--name", 'a"b'], "cannot be called"),
        (["--accept", "--force"], "Give one of them"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(project, words, message):
    assert message in refused("init", "app", *words)
    assert not Path("app").exists()


def test_an_app_of_deploy_is_adopted(project):
    """What deploy() writes, moved into a repository and completed."""
    kept = Path(".cdk-modelbuilder/iris")
    bundle = ModelBundle.read("build/iris")
    endpoint = plan_endpoint(bundle, kept, instance_type="ml.m5.large", initial_instance_count=1)
    write_app(
        kept, AppPlan(name="iris", endpoints=(endpoint,), account="123456789012", region="eu-west-1"), parts={Part.APP}
    )
    assert 'parents[1] / "../../build/iris"' in (kept / "stacks/iris_stack.py").read_text()
    shutil.move(kept, "infra")
    text = run("init", "infra", "--bundle", "build/iris", "--ci", "github")
    assert "stacks/iris_stack.py: updated" in text
    assert "tests/test_templates.py: created" in text
    stack = Path("infra/stacks/iris_stack.py").read_text()
    assert 'parents[1] / "../build/iris"' in stack
    assert 'instance_type="ml.m5.large"' in stack
    assert 'account="123456789012", region="eu-west-1"' in Path("infra/app.py").read_text()


def test_a_link_to_a_bundle_stays_a_link(project):
    Path("build/current").symlink_to("iris")
    Path("linked").symlink_to("build")
    run("init", "app", "--bundle", "linked/current")
    assert 'parents[1] / "../build/current"' in Path("app/stacks/iris_stack.py").read_text()


@pytest.mark.parametrize("command", ["init", "generate"])
def test_help_has_an_example(command):
    assert f"Example: cdk-modelbuilder {command}" in run(command, "--help")


def test_a_bundle_that_was_tampered_with_is_refused(project):
    next(path for path in (project / "build/iris/model").iterdir() if path.is_file()).write_bytes(b"other")
    assert "was changed" in refused("init", "app", "--bundle", "build/iris")
    shutil.rmtree(project / "build/iris/model")  # the text files alone, as they are committed, can be planned for
    run("init", "app", "--bundle", "build/iris", "--bucket", "artifacts")
    assert 'Artifact.published("artifacts")' in Path("app/stacks/iris_stack.py").read_text()
