"""Real stacks of a real bundle, synthesized."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.comparing.assemblies.cloud_assembly import Stack, stack_of
from cdk_modelbuilder.constructs import ModelEndpoint

EUROPE = cdk.Environment(account="123456789012", region="eu-west-1")


def synthesize(folder: Path, *fill: Callable[[cdk.Stack], object], names: tuple[str, ...] = ("Service",)) -> str:
    """A cloud assembly in ``folder`` with a stack for each of ``names``; returns the path."""
    shutil.rmtree(folder, ignore_errors=True)
    app = cdk.App(outdir=str(folder), builtin_cloud_formation_validation=False)
    for name in names:
        stack = cdk.Stack(app, name, env=EUROPE)
        for make in fill:
            make(stack)
    app.synth()
    return str(folder)


def endpoint(bundle: ModelBundle, change: Callable[[ModelEndpoint], object] | None = None, **options: Any):
    """Makes a stack's endpoint; ``change`` gets it."""

    def make(stack: cdk.Stack) -> None:
        key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "cdk-modelbuilder/homes")
        if "hosting" not in options:
            options.setdefault("instance_type", "ml.m5.large")
        made = ModelEndpoint(stack, "Homes", bundle=bundle, signing_secret=key, **options)
        if change is not None:
            change(made)

    return make


def template(resources: dict[str, Any], **rest: Any) -> Stack:
    """A stack of plain JSON, as a template would have it."""
    return stack_of("Plain", json.loads(json.dumps({"Resources": resources, **rest})))
