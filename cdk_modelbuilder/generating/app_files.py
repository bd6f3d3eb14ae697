"""The files of a generated app, as texts: everything in them follows from its plan."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.generating.names import check_apart, class_of, import_order, module_of, stack_of
from cdk_modelbuilder.generating.plan import EXAMPLE, AppPlan, EndpointPlan, Part, Pipeline
from cdk_modelbuilder.generating.source import Call, Code, source_of, text
from cdk_modelbuilder.generating.stack_source import imported, stack_source
from cdk_modelbuilder.rendering import render, templates_folder

ALL_PARTS = frozenset(Part)


def app_files(plan: AppPlan, parts: Collection[Part] = ALL_PARTS) -> dict[str, str]:
    """Path below the app's folder -> text, sorted. The same plan gives the same bytes.

    Args:
        plan: What the app consists of.
        parts: Which parts of it.

    Raises:
        UsageError: Endpoints whose names clash, or that have names of which no stack can be made.
    """
    check_apart(plan.endpoints)
    values = _values(plan, parts)
    files = _app(plan, values)
    if Part.MODEL in parts:
        kind = "example" if values["example"] else "bundles"
        files["model.py"] = render(f"app/model_{kind}.py.jinja", **values)
    if Part.TESTS in parts:
        for name in ("conftest", "test_golden", "test_review", "test_templates"):
            files[f"tests/{name}.py"] = render(f"app/tests/{name}.py.jinja", **values)
        for name in ("pyproject.toml", "requirements-dev.txt"):
            files[name] = render(f"app/{name}.jinja", **values)
    if Part.PIPELINE in parts:
        files |= _pipeline(plan, values)
    return dict(sorted(files.items()))


def _app(plan: AppPlan, values: Mapping[str, Any]) -> dict[str, str]:
    settings = {
        "app": "python3 app.py",
        "watch": {"include": ["**"], "exclude": ["**/__pycache__", "*.md", "cdk*.json", "requirements*.txt", "tests"]},
        "context": versions_and_flags("feature_flags.json"),
    }
    tools = {
        "private": True,
        "description": f"The CDK CLI of {plan.name}, pinned",
        "devDependencies": {"aws-cdk": versions_and_flags("versions.json")["aws-cdk"]},
    }
    return {
        ".gitignore": render("app/gitignore.jinja", **values),
        "README.md": render("app/README.md.jinja", **values).rstrip("\n") + "\n",
        "app.py": render("app/app.py.jinja", **values),
        "cdk.json": json.dumps(settings, indent=2) + "\n",
        "package.json": json.dumps(tools, indent=2, ensure_ascii=False) + "\n",
        "requirements.txt": render("app/requirements.txt.jinja", **values),
        "stacks/__init__.py": render("app/stacks_init.py.jinja"),
        **{f"stacks/{module_of(one)}.py": stack_source(one) for one in plan.endpoints},
    }


def _pipeline(plan: AppPlan, values: Mapping[str, Any]) -> dict[str, str]:
    if plan.pipeline is Pipeline.GITLAB:
        lines = [_scalar(line) for line in values["before_deploy"]]
        return {".gitlab-ci.yml": render("app/gitlab/gitlab-ci.yml.jinja", **{**values, "before_deploy": lines})}
    if plan.pipeline is Pipeline.NONE:
        return {}
    report = (templates_folder() / "ci" / "github" / "pull-request.yml").read_text(encoding="utf-8")
    build = f"pip install --quiet --requirement requirements-dev.txt && {values['build']}" if values["build"] else ""
    settings = {
        "TOOL": f"cdk-modelbuilder=={__version__}",
        "BUNDLES": _compared(plan),
        "BUILD": build,
        "SYNTH": f'npx --yes aws-cdk@{values["versions"]["aws-cdk"]} synth --quiet --output "$OUT"',
    }
    return {
        ".github/workflows/deploy.yml": render("app/github/deploy.yml.jinja", **values),
        ".github/workflows/pull-request.yml": with_settings(report, settings),
        ".github/workflows/test.yml": render("app/github/test.yml.jinja", **values),
    }


def with_settings(workflow: str, settings: Mapping[str, str]) -> str:
    """``workflow`` with other values of the variables that it begins with."""
    for name, value in settings.items():
        line = f"  {name}: {_scalar(value)}"
        workflow, count = re.subn(rf"(?m)^  {name}: .*$", line.replace("\\", r"\\"), workflow, count=1)
        if not count:
            raise ValueError(f"the workflow has no setting {name}")
    return workflow


def _scalar(line: str) -> str:
    """``line`` as a value in YAML: in the quotes that it shares with JSON, unless it needs none."""
    plain = re.fullmatch(r"[A-Za-z][\w./@=-]*( [\w./@=$\"-]+)*", line, re.ASCII)
    return line if plain else json.dumps(line, ensure_ascii=False)


def _compared(plan: AppPlan) -> str:
    """The one bundle that is in the app's folder, or the folder of several; empty where there is no such.

    A report compares what is committed there, or built.
    """
    inside = _inside(plan)
    if not inside or len(inside) < len({one.bundle for one in plan.endpoints}):
        return ""
    if len(inside) == 1:
        return inside[0]
    parents = {bundle.rpartition("/")[0] for bundle in inside}
    return parents.pop() if len(parents) == 1 else ""


def _inside(plan: AppPlan) -> list[str]:
    """The bundles that lie in the app's folder."""
    return sorted({one.bundle for one in plan.endpoints if not one.bundle.startswith(("../", "/"))})


def _values(plan: AppPlan, parts: Collection[Part]) -> dict[str, Any]:
    endpoints = sorted(plan.endpoints, key=import_order)
    has_env = plan.account is not None or plan.region is not None
    where = {"account": plan.account, "region": plan.region}
    environment = Call("cdk.Environment", (), {name: value for name, value in where.items() if value is not None})
    example = next((one for one in endpoints if plan.example and one.name == EXAMPLE), None)
    built = example.name if example else None
    build = f"cdk-modelbuilder build model.py --output {shlex.quote(example.bundle)}" if example else ""
    described = [_described(one, has_env=has_env) for one in endpoints]
    return {
        "app_name": plan.name,
        "endpoints": described,
        "environment": "env = " + source_of(environment, indent=4, before=6) if has_env else "",
        "compared": shlex.quote(_compared(plan)) if _compared(plan) else "",
        "code_of_bundles": json.dumps(_inside(plan), ensure_ascii=False) if _inside(plan) else "",
        "example": example is not None,
        "example_bundle": example.bundle if example else "",
        "name": text(example.name) if example else "",
        "bundle": example.bundle if example else "",
        "build": build,
        "before_deploy": [line for one in described for line in _commands(one, built=built == one["name"])],
        "excluded_bundles": json.dumps([f"^{re.escape(bundle)}/" for bundle in _inside(plan)], ensure_ascii=False),
        "modelbuilder": __version__,
        "packages": _packages(plan.endpoints),
        "pipeline": plan.pipeline.value if Part.PIPELINE in parts else "none",
        "python": plan.python,
        "stack_modules": imported("stacks", [module_of(one) for one in endpoints]),
        "signed_there": example is not None and len(endpoints) == 1,
        "stacks": source_of([one["stack"] for one in described], before=len("STACKS = ")),
        "tested": Part.TESTS in parts,
        "versions": versions_and_flags("versions.json"),
    }


def _described(endpoint: EndpointPlan, *, has_env: bool) -> dict[str, Any]:
    stack = stack_of(endpoint)
    call = Call(class_of(endpoint), [Code("app"), stack], {"env": Code("env")} if has_env else None)
    secret = endpoint.signing_secret
    artifact = endpoint.artifact
    return {
        "name": endpoint.name,
        "name_text": text(endpoint.name),
        "module": module_of(endpoint),
        "class_name": class_of(endpoint),
        "stack": stack,
        "stack_text": text(stack),
        "stack_call": source_of(call, indent=4),
        "bundle": endpoint.bundle,
        "bundle_text": text(endpoint.bundle),
        "shell_bundle": shlex.quote(f"./{endpoint.bundle}" if endpoint.bundle.startswith("-") else endpoint.bundle),
        "keyed": endpoint.public_key is None,
        "secret_option": "" if secret is None else f" --secret-name {shlex.quote(secret)}",
        "published": artifact is not None and artifact.uri is None,
        "bucket": ""
        if artifact is None
        else artifact.bucket + (f" --prefix {artifact.prefix}" * bool(artifact.prefix)),
    }


def _commands(described: Mapping[str, Any], *, built: bool) -> Iterable[str]:
    """What a pipeline does before it deploys; bundles that it does not build were published by who built them."""
    if described["published"] and built:
        yield f"cdk-modelbuilder publish {described['shell_bundle']} --bucket {described['bucket']}"
    if described["keyed"]:
        yield f"cdk-modelbuilder keys push {described['shell_bundle']}{described['secret_option']}"


def _packages(endpoints: Iterable[EndpointPlan]) -> list[str]:
    """The pins of all bundles; a package that they pin differently is not pinned here."""
    versions: dict[str, set[str]] = {}
    for endpoint in endpoints:
        for pin in endpoint.packages:
            name, _, version = pin.partition("==")
            versions.setdefault(name, set()).add(version)
    return [
        f"{name}=={next(iter(found))}" if len(found) == 1 else f"{name}  # the bundles have {', '.join(sorted(found))}"
        for name, found in sorted(versions.items())
    ]


@cache
def versions_and_flags(table: str) -> dict[str, Any]:
    """One of the tables beside this file; scripts/make_app_tables.py makes them."""
    found: dict[str, Any] = json.loads(resources.files(__package__).joinpath(table).read_text(encoding="utf-8"))
    return found
