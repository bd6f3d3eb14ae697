"""Synthesizing one stack, looking into its template, and the template as snapshots keep it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from tests.constructs.all_stacks import EUROPE
from tests.constructs.uses import Bundles

Template = dict[str, Any]


def app_in(folder: Path) -> cdk.App:
    # The validator that runs at every synth costs seconds and is the business of tests/review.
    return cdk.App(outdir=str(folder / "cdk.out"), builtin_cloud_formation_validation=False)


def synthesize(folder: Path, fill: Callable[[cdk.Stack], Any], env: cdk.Environment | None = EUROPE) -> Template:
    """The template of one stack."""
    app = app_in(folder)
    fill(cdk.Stack(app, "Test", env=env))
    read: Template = json.loads((Path(app.synth().directory) / "Test.template.json").read_text())
    return read


def resources(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Resources of a type, by logical id."""
    return {name: one for name, one in template["Resources"].items() if one["Type"] == f"AWS::{kind}"}


def only(template: Template, kind: str) -> dict[str, Any]:
    """The properties of the one resource of a type."""
    (one,) = resources(template, kind).values()
    return one["Properties"]


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Each value of a template and its place; references as short text, so that they compare with what is known."""
    if (text := _spoken(value)) is not None:
        yield place, text
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{place}.{name}" if place else name)
    else:
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{place}[{number}]")


def _spoken(value: Any) -> str | None:
    if not isinstance(value, dict | list):
        return str(value)
    if isinstance(value, list) or len(value) != 1:
        return None
    ((function, argument),) = value.items()
    if function == "Ref":
        return f"<{argument}>"
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    if function == "Fn::Sub" and isinstance(argument, str):
        return argument.replace("${", "<").replace("}", ">")
    if function == "Fn::FindInMap":
        return f"<{' of '.join(str(_spoken(part)) for part in argument)}>"
    if function == "Fn::Join" and argument[0] == "":
        return "".join(str(_spoken(part)) for part in argument[1])
    return None


def kept(template: Template, bundles: Bundles | None = None) -> Template:
    """A template with placeholders for what differs from one version of the code to the next."""
    text = json.dumps(template)
    for number, bundle in enumerate([] if bundles is None else [bundles.first, bundles.second], 1):
        for name, value in (
            ("root", bundle.root_sha256),
            ("manifest", bundle.manifest.sha256),
            ("artifact", bundle.artifact_digest),
            ("key id", bundle.key_id),
        ):
            text = text.replace(value, f"<{name} {number}>")
    text = re.sub(r"[0-9a-f]{64}(?=\.(json|zip)\b)", "<asset>", text)
    ids: dict[str, list[str]] = {}

    def placeholder(found: re.Match[str]) -> str:
        # A policy is called by its content; one that would not fit into the first is told from it by a number.
        alike = ids.setdefault(found[1], [])
        if found[0] not in alike:
            alike.append(found[0])
        number = alike.index(found[0])
        return f"{found[1]}Access<content{f' {number + 1}' if number else ''}>"

    text = re.sub(r"(\w+?)Access[0-9a-f]{8}[0-9A-F]{8}\b", placeholder, text)
    read: Template = json.loads(text)
    assert len(read["Resources"]) == len(template["Resources"]), "two ids became one"
    return read
