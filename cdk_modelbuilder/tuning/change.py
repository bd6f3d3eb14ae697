"""What a tuned configuration changes in the container spec, and the diff that a reviewer reads."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import replace

from cdk_modelbuilder.container_spec import ContainerSpec

_AROUND = 2


def with_environment(spec: ContainerSpec, changes: Mapping[str, str | None]) -> ContainerSpec:
    """``spec`` with variables set, or taken away where the value is None."""
    environment = {name: text for name, text in spec.environment.items() if name not in changes}
    environment |= {name: text for name, text in changes.items() if text is not None}
    return replace(spec, environment=dict(sorted(environment.items())))


def spec_diff(spec: ContainerSpec, changes: Mapping[str, str | None]) -> str:
    """The change of ``container.json`` as a unified diff; empty where nothing changes."""
    before, after = (_lines(one) for one in (spec, with_environment(spec, changes)))
    found = difflib.unified_diff(before, after, "container.json", "container.json, tuned", n=_AROUND)
    return "".join(found)


def _lines(spec: ContainerSpec) -> list[str]:
    return (json.dumps(spec.to_json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n").splitlines(keepends=True)
