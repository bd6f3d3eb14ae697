"""Reads the files that an image is built from, as far as the catalogue needs them."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


@dataclass(frozen=True, slots=True)
class Start:
    """How a container starts.

    Attributes:
        entry_point: ENTRYPOINT; None where the Dockerfile states none.
        command: CMD; None where it states none.
    """

    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None


def flat_yaml(text: str) -> dict[str, str]:
    """Reads ``key: value`` lines at any depth: all that these files need, and no YAML library."""
    return dict(re.findall(r'^[ ]*([a-z_]+):[ ]*"?([^"\n]*?)"?[ ]*$', text, flags=re.MULTILINE))


def listed(text: str, key: str) -> list[str]:
    """The strings of the YAML list that stands below ``key:``."""
    _, _, rest = text.partition(f"\n{key}:\n")
    found = re.match(r'(?:[ ]*-[ ]*"?[^"\n]*"?[ ]*(?:\n|$))*', rest)
    return re.findall(r'^[ ]*-[ ]*"?([^"\n]*?)"?[ ]*$', found[0], flags=re.MULTILINE) if found else []


def start_of(dockerfile: str, target: str) -> Start:
    """ENTRYPOINT and CMD of a stage, or of the stage that it is built on."""
    stages: dict[str, tuple[str, Start]] = {}
    name, base, entry_point, command = "", "", None, None
    for line in [*re.sub(r"\\\n", " ", dockerfile).splitlines(), "FROM end"]:
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stages[name] = (base, Start(entry_point, command))
            parts = [part for part in rest.split() if not part.startswith("--")]
            base, name = parts[0], parts[2] if len(parts) > 2 else parts[0]
            entry_point, command = None, None
        elif word == "ENTRYPOINT":
            entry_point, command = _words(rest), None
        elif word == "CMD":
            command = _words(rest)
    while target in stages:
        target, start = stages[target]
        if start != Start():
            return start
    return Start()


def _words(text: str) -> tuple[str, ...]:
    try:
        words: list[str] = json.loads(text)
    except ValueError:
        return ("/bin/sh", "-c", text.strip())
    return tuple(words)


def pinned(requirements: str) -> dict[str, str]:
    """Name -> version of the lines that pin one version; a range says nothing about what is inside."""
    found: dict[str, str] = {}
    for line in requirements.splitlines():
        try:
            requirement = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:
            continue  # an empty line or an option
        if exact := re.fullmatch(r"==([^,*]+)", str(requirement.specifier)):
            found[canonicalize_name(requirement.name)] = str(Version(exact[1]))
    return found


def locked(lock: str, python: str) -> dict[str, str]:
    """Name -> version of what a uv.lock installs on Linux; it also lists packages of other systems, hence the walk."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads(lock)["package"]:
        packages.setdefault(package["name"], []).append(package)
    environment = {
        "implementation_name": "cpython",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    (root,) = (name for name, ones in packages.items() if "virtual" in ones[0]["source"])
    found: dict[str, str] = {}
    todo: list[dict[str, Any]] = [{"name": root}]
    seen: set[tuple[str, str]] = set()
    while todo:
        wanted = todo.pop()
        package = _meant(packages[wanted["name"]], wanted)
        found[canonicalize_name(package["name"])] = package["version"]
        for extra in ("", *wanted.get("extra", ())):
            if (package["name"], extra) in seen:
                continue
            seen.add((package["name"], extra))
            edges = (
                package.get("optional-dependencies", {}).get(extra, ()) if extra else package.get("dependencies", ())
            )
            todo += [edge for edge in edges if "marker" not in edge or Marker(edge["marker"]).evaluate(environment)]
    del found[canonicalize_name(root)]
    return found


def _meant(candidates: list[dict[str, Any]], wanted: dict[str, Any]) -> dict[str, Any]:
    """The one of several versions of a package that an edge means: such edges name the version."""
    return next((one for one in candidates if wanted.get("version") in (None, one["version"])), candidates[0])
