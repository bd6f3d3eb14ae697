"""`make demo`: one model from training to a deployed, updated and destroyed endpoint, on this machine alone.

AWS is a mended moto server on 127.0.0.1 (tests/aws_stand_in); the CDK CLI, the bundle, the signature, the local
endpoint and the predictions are real.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "examples")]

from cdk_modelbuilder import Mode, ModelBuilder, ModelBuilderError, ModelBundle, SchemaBuilder  # noqa: E402
from tests.aws_stand_in import AwsStandIn, CdkCli  # noqa: E402

CLI = [sys.executable, "-m", "cdk_modelbuilder.cli"]
STEPS: list[tuple[str, str, float]] = []


@contextmanager
def step(title: str) -> Iterator[list[str]]:
    """Print and time one step; what the block appends is its outcome in the closing table."""
    print(f"\n=== {title}", flush=True)
    outcome: list[str] = []
    start = time.perf_counter()
    yield outcome
    STEPS.append((title, "; ".join(outcome), time.perf_counter() - start))


def command_line(*words: str, env: dict[str, str] | None = None, fails: bool = False) -> str:
    """Run our own command line as a user would, and show it."""
    print(f"$ cdk-modelbuilder {' '.join(words)}", flush=True)
    run = subprocess.run([*CLI, *words], env=env, capture_output=True, text=True, check=False)
    print(run.stdout + run.stderr, end="", flush=True)
    if (run.returncode != 0) != fails:
        raise SystemExit(f"this command should have {'failed' if fails else 'worked'}")
    return run.stdout


def build_and_run(work: Path) -> tuple[ModelBundle, ModelBundle]:
    """Train, build two bundles, run the first, and show that a changed copy is refused."""
    with step("train XGBoost on the breast cancer data of scikit-learn") as outcome:
        import tumour  # noqa: PLC0415 - training is the step

        second_model = tumour.trained(trees=40)
        score = tumour.model.score(tumour.X_test, tumour.y_test)
        outcome.append(f"accuracy {score:.3f} on {len(tumour.X_test)} unseen rows")
    with step("build and sign the bundle") as outcome:
        tumour.builder.model_path = work / "tumour"
        first = tumour.builder.build()
        outcome.append(f"root digest {first.root_sha256[:12]}…")
    command_line("inspect", str(first.path))
    with step("run it as a local process and predict over HTTP") as outcome:
        in_memory = tumour.model.predict(tumour.X_test)
        with first.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
            over_http = predictor.predict(tumour.X_test)
        if not np.array_equal(over_http, in_memory):
            raise SystemExit("predictions differ")
        outcome.append(f"{len(over_http)} predictions over HTTP equal those in memory")
        print(outcome[-1])
    with step("flip one byte in a copy") as outcome:
        tampered = work / "tampered"
        shutil.copytree(first.path, tampered)
        weights = tampered / "model" / "model.ubj"
        content = bytearray(weights.read_bytes())
        content[len(content) // 2] ^= 1
        weights.write_bytes(content)
        command_line("verify", str(tampered), fails=True)
        try:
            ModelBundle.read(tampered).deploy(mode=Mode.LOCAL_PROCESS)
        except ModelBuilderError as error:
            print(f"the server's own check: {error}")
        else:
            raise SystemExit("a tampered bundle was served")
        shutil.rmtree(tampered)
        outcome.append("refused by verify and by the server")
    with step("build a second model") as outcome:
        second = ModelBuilder(
            model=second_model,
            schema_builder=SchemaBuilder(tumour.X_train[:5], tumour.y_train[:5]),
            name="tumour",
            model_path=work / "second" / "tumour",
        ).build()
        outcome.append(f"root digest {second.root_sha256[:12]}…")
    return first, second


def deploy(work: Path, first: ModelBundle, second: ModelBundle) -> None:
    """Synthesize, deploy, update and destroy with the real CDK CLI."""
    folder = work / "cdk"
    folder.mkdir()
    with AwsStandIn() as aws:
        cdk = CdkCli(aws, [sys.executable, REPOSITORY / "app.py"], folder, cwd=REPOSITORY)
        env = {**os.environ, **aws.environment}

        def context(bundle: ModelBundle) -> dict[str, str]:
            return {"bundles": str(bundle.path)}

        with step("cdk synth") as outcome:
            cdk.synth(context=context(first))
            template = json.loads((cdk.output / "tumour-endpoint.template.json").read_text())
            outcome.append(f"{len(template['Resources'])} resources")
            model = next(r for r in template["Resources"].values() if r["Type"] == "AWS::SageMaker::Model")
            print(json.dumps(model["Properties"]["PrimaryContainer"]["Environment"], indent=2))
        with step("cdk bootstrap, push the bundle's key, cdk deploy") as outcome:
            cdk.bootstrap()
            command_line("keys", "push", str(first.path), env=env)
            print(cdk.deploy(context=context(first)).text)
            before = describe(aws, first)
            outcome.append(f"endpoint {before['EndpointStatus']}, key resolved from the secret")
        with step("what a reviewer sees of the second model") as outcome:
            report = command_line("diff", str(first.path), str(second.path))
            outcome.append(f"{len(report.splitlines())} lines of Markdown")
        with step("cdk diff and deploy of the second model") as outcome:
            command_line("keys", "push", str(second.path), env=env)
            print(cdk.diff(context=context(second)).text)
            cdk.deploy(context=context(second))
            after = describe(aws, second)
            same = after["EndpointName"] == before["EndpointName"]
            replaced = after["EndpointConfigName"] != before["EndpointConfigName"]
            if not (same and replaced):
                raise SystemExit("the update did not keep the endpoint and replace its configuration")
            outcome.append("same endpoint, new model and configuration")
        with step("cdk destroy") as outcome:
            cdk.destroy(context=context(second))
            sagemaker = aws.client("sagemaker")
            left = sagemaker.list_endpoints()["Endpoints"] + sagemaker.list_models()["Models"]
            if left:
                raise SystemExit(f"left behind: {left}")
            outcome.append("nothing left")


def describe(aws: AwsStandIn, bundle: ModelBundle) -> dict[str, str]:
    """The endpoint as DescribeEndpoint shows it, after a look at whether its model is the bundle's."""
    sagemaker = aws.client("sagemaker")
    name = sagemaker.list_endpoints()["Endpoints"][0]["EndpointName"]
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    environment = model["PrimaryContainer"]["Environment"]
    if environment["MODELBUILDER_ROOT_SHA256"] != bundle.root_sha256 or len(environment["MODELBUILDER_HMAC_KEY"]) != 64:
        raise SystemExit("the deployed model is not the bundle's")
    print(f"endpoint {name}: {endpoint['EndpointStatus']}, image {model['PrimaryContainer']['Image']}")
    return {key: endpoint[key] for key in ("EndpointName", "EndpointConfigName", "EndpointStatus")}


def closing_table() -> None:
    """What happened and how long each step took."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="What happened")
    table.add_column("step")
    table.add_column("outcome")
    table.add_column("seconds", justify="right")
    for title, outcome, seconds in STEPS:
        table.add_row(title, outcome, f"{seconds:.1f}")
    table.add_row("", "all", f"{sum(seconds for _, _, seconds in STEPS):.1f}")
    Console(width=None if sys.stdout.isatty() else 110).print(table)


def main() -> None:
    """Run every step in a temporary folder, with a master key of its own."""
    with tempfile.TemporaryDirectory(prefix="cdk-modelbuilder-demo-") as folder:
        work = Path(folder)
        os.environ.pop("MODELBUILDER_MASTER_KEY", None)
        os.environ["MODELBUILDER_MASTER_KEY_FILE"] = str(work / "master.key")
        first, second = build_and_run(work)
        deploy(work, first, second)
    closing_table()


if __name__ == "__main__":
    main()
