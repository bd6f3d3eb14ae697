"""Reading a template: what refers to what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


def refers(value: Any) -> set[str]:
    """Names of the resources, parameters and mappings that a piece of template refers to."""
    if isinstance(value, list):
        return set().union(*map(refers, value))
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        if key in ("Ref", "Fn::GetAtt", "Fn::FindInMap"):
            first, *rest = [inner] if isinstance(inner, str) else inner
            found |= {first.split(".")[0]} | refers(rest)
        elif key == "Fn::Sub":
            text, *values = [inner] if isinstance(inner, str) else inner
            found |= {name.split(".")[0] for name in PLACEHOLDER.findall(text)} | refers(values)
        else:
            found |= refers(inner)
    return found


def needs(resource: dict[str, Any]) -> set[str]:
    """What a resource refers to or depends on."""
    depends = resource.get("DependsOn", [])
    return refers(resource.get("Properties", {})) | ({depends} if isinstance(depends, str) else set(depends))


def ordered(names: Iterable[str], resources: dict[str, Any]) -> list[str]:
    """The names, each after everything it needs."""
    done: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in done or name in path:
            return
        for other in sorted(needs(resources[name]) & resources.keys()):
            visit(other, (*path, name))
        done[name] = None

    for name in resources:
        visit(name, ())
    wanted = set(names)
    return [name for name in done if name in wanted]
