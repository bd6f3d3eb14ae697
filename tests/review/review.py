"""All tools over one app, or over many at once, which costs little more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from tests.review.finding import Finding
from tests.review.plugins import CONTEXT, add_plugins, reported
from tests.review.template_tools import REPOSITORY, check, lint, templates_of


def findings(build: Callable[[cdk.App], object]) -> list[Finding]:
    """What all tools find in the stacks that `build` puts into an app.

    Args:
        build: Called with the app.

    Returns:
        Findings without an acknowledgement, sorted.
    """
    with tempfile.TemporaryDirectory() as folder:
        app = cdk.App(outdir=folder, context=CONTEXT)
        add_plugins(app)
        build(app)
        app.synth()
        return found_in(Path(folder))[Path(folder)]


def found_in(*assemblies: Path) -> dict[Path, list[Finding]]:
    """What all tools find in finished cloud assemblies that `add_plugins` had a part in, for each of them.

    The tools are started once for all: that takes longer than their work.
    """
    templates = [template for assembly in assemblies for template in templates_of(assembly)]
    by_tools = [*lint(templates), *check(templates)]
    return {
        assembly: sorted(
            {*reported(assembly), *(found for template, found in by_tools if template.is_relative_to(assembly))}
        )
        for assembly in assemblies
    }


def synthesize(script: Path, output: Path, context: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Run an app's own script as the CDK CLI does, with the plugins registered in whatever App it makes.

    Args:
        script: Such as examples/real_time/app.py; it runs in its folder.
        output: The cloud assembly goes there.
        context: Beside that of the cdk.json in the script's folder, and before it.
        environment: Further variables.

    Raises:
        RuntimeError: The script failed.
    """
    settings_file = script.with_name("cdk.json")
    settings = json.loads(settings_file.read_text(encoding="utf-8")) if settings_file.exists() else {}
    whole = {**settings.get("context", {}), **context, **CONTEXT}
    variables = {
        **os.environ,
        **environment,
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps(whole),
        "PYTHONPATH": str(REPOSITORY),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.review.reviewed_app", script.name],
        cwd=script.parent,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode != 0 or not (output / "manifest.json").exists():
        raise RuntimeError(f"{script} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
