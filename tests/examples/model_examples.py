"""The scripts in examples/models: run as a user runs them, and hosted as they themselves say."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cdk_modelbuilder
from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.deploying.planning import plan_app
from cdk_modelbuilder.generating.plan import AppPlan
from cdk_modelbuilder.generating.writing import write_app
from tests.aws_stand_in import ACCOUNT, REGION
from tests.conftest import MASTER_KEY

MODELS = Path(__file__).parents[2] / "examples" / "models"
SCRIPTS = sorted(MODELS.glob("*.py"))
_ACCOUNT = Account(None, ACCOUNT, REGION, f"arn:aws:iam::{ACCOUNT}:user/somebody")
_APP = re.compile(r"^# ```python\n(.*?)^# ```$", re.MULTILINE | re.DOTALL)
# The apps share one Node process, and so one folder for what they synthesize.
_SYNTHESIZE = """
import os, runpy, sys
for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path.insert(0, folder)
    runpy.run_path("app.py", run_name="__main__")
"""


def environment() -> dict[str, str]:
    """A user's environment without AWS, with the tests' key; one thread, as two tests share two processors."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST"))}
    return {**kept, "MODELBUILDER_MASTER_KEY": MASTER_KEY, "OMP_NUM_THREADS": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def run(script: Path, folder: Path) -> str:
    """Run a script in ``folder``; returns what it printed."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", str(script)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bundles_in(folder: Path) -> list[ModelBundle]:
    """What a script built there."""
    return [ModelBundle.read(path) for path in sorted(folder.glob("build/*"))]


def deployment_of(script: Path) -> dict[str, Any] | None:
    """The arguments of the ``deploy()`` below ``if DEPLOY:``; None for a script that leaves it to an app."""
    for node in ast.parse(script.read_text("utf-8")).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "DEPLOY":
            calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
            (call,) = [one for one in calls if isinstance(one.func, ast.Attribute) and one.func.attr == "deploy"]
            code = ast.unparse(ast.Call(ast.Name("dict", ast.Load()), [], call.keywords))
            names = {name: getattr(cdk_modelbuilder, name) for name in cdk_modelbuilder.__all__}
            return {key: value for key, value in eval(code, names).items() if key != "mode"}
    return None


def write_apps(folders: dict[str, Path], target: Path) -> list[Path]:
    """Write one app for all bundles that ``deploy()`` hosts, and those that scripts bring; returns their folders."""
    endpoints, apps = [], [target]
    for name, folder in folders.items():
        script = MODELS / f"{name}.py"
        given = deployment_of(script)
        if given is None:
            (app,) = _APP.findall(script.read_text("utf-8"))
            (folder / "app.py").write_text("".join(line[2:] or "\n" for line in app.splitlines(keepends=True)), "utf-8")
            apps.append(folder)
            continue
        (bundle,) = bundles_in(folder)
        plan = plan_app(bundle, DeployOptions.of(given), _ACCOUNT, target, before=None, say=lambda _: None)
        endpoints += plan.endpoints
    write_app(target, AppPlan(name="examples", endpoints=tuple(endpoints), account=ACCOUNT, region=REGION))
    return apps


def synthesize(apps: list[Path], out: Path) -> dict[str, Any]:
    """Run the apps as the CDK CLI does; returns each stack's template."""
    context = json.loads((apps[0] / "cdk.json").read_text())["context"]
    variables = {"CDK_OUTDIR": str(out), "CDK_CONTEXT_JSON": json.dumps(context), "CDK_VALIDATION": "false"}
    done = subprocess.run(
        [sys.executable, "-c", _SYNTHESIZE, *map(str, apps)],
        env={**environment(), **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {path.name.partition(".")[0]: json.loads(path.read_text()) for path in sorted(out.glob("*.template.json"))}
