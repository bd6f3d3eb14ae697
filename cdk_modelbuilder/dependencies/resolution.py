"""One question to uv: which versions and files satisfy these requirements on that Python and platform."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.index_options import for_uv, split_option
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.dependencies.uv_tool import interpreter_arguments, run_uv

LATE_PATCH = "99"
"""Images have late patch releases of their Python. Without one, uv takes x.y.0, which many packages exclude."""
_VIA = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)\S*\s.*# via (?P<parents>.+)$")
_EDITABLE = re.compile(r"^(-e|--editable)[ =]\s*")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)")
_PURPOSE = "to lock packages for the container's Python"


def as_requirement(pin: Pin) -> str:
    """The pin's line as uv takes it: an editable repository as ``name @ git+...``.

    >>> as_requirement(Pin("x", "-e git+https://host/x@0a#egg=x[fast]", "r"))
    'x[fast] @ git+https://host/x@0a'
    """
    line = _EDITABLE.sub("", pin.requirement)
    egg = _EGG.search(line)
    if egg is None or "://" not in line:
        return line
    bare = _EGG.sub("", line, count=1)
    name, at, address = bare.partition(" @ ")
    address = address if at else name
    if "#" not in address:
        address = address.replace("&", "#", 1)
    return f"{egg[1]} @ {address}"


def resolve(
    requirements: Mapping[str, str],
    target: Target,
    index_options: Sequence[str],
    *,
    sources: frozenset[str] = frozenset(),
) -> subprocess.CompletedProcess[str]:
    """``uv pip compile`` to PEP 751: what comes from an index comes as a wheel, repositories and archives as they are.

    Args:
        requirements: Normalised name -> line.
        target: The container's interpreter.
        index_options: Options of pip.
        sources: Names that may come from an index as source.
    """
    lines = "".join(f"{line}\n" for line in requirements.values())
    arguments = [*_base(target, index_options), "--format", "pylock.toml", "--no-annotate"]
    built = sources | {name for name, line in requirements.items() if "://" in line}
    if not built:
        return run_uv([*arguments, "--only-binary", ":all:"], purpose=_PURPOSE, stdin=lines)
    # uv cannot be told "wheels only, but for these": so the ones from an index are named, until no new one turns up.
    only_wheels = set(requirements) - built
    while True:
        named = [part for name in sorted(only_wheels) for part in ("--only-binary", name)]
        result = run_uv([*arguments, *named], purpose=_PURPOSE, stdin=lines)
        without = _from_index(result.stdout) - only_wheels - built if result.returncode == 0 else set()
        if not without:
            return result
        only_wheels |= without


def who_requires(
    packages: Mapping[str, Mapping[str, Any]], lines: Mapping[str, str], target: Target, index_options: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Package -> those that require it, of ``packages`` that were resolved from ``lines``."""
    given = dict(lines)
    exact = [f"{name}=={one['version']}" for name, one in packages.items() if name not in given and "version" in one]
    arguments = [*_base(target, index_options), "--annotation-style", "line"]
    result = run_uv(arguments, purpose=_PURPOSE, stdin="".join(f"{line}\n" for line in [*exact, *given.values()]))
    found: dict[str, tuple[str, ...]] = {}
    for line in result.stdout.splitlines():
        match = _VIA.match(line)
        if match:
            parents = [one for one in re.split(r",\s*", match["parents"]) if not one.startswith("-r ")]
            found[canonicalize_name(match["name"])] = tuple(sorted(parents))
    return found


def newest(specification: str, target: Target, index_options: Sequence[str], *, lowest: bool = False) -> str | None:
    """The newest (or lowest) version of a package that has a wheel for the target, such as of ``numpy<1.26``."""
    # With its requirements: an index may not say which Python a version needs, but its metadata does.
    arguments = [*_base(target, index_options), "--no-annotate", "--only-binary", ":all:"]
    arguments += ["--resolution", "lowest-direct"] if lowest else []
    result = run_uv(arguments, purpose=_PURPOSE, stdin=specification + "\n")
    name = re.split(r"[<>]", specification)[0]
    versions = dict(line.partition("==")[::2] for line in result.stdout.splitlines())
    return versions.get(name) if result.returncode == 0 else None


def _base(target: Target, index_options: Sequence[str]) -> list[str]:
    return [
        *("pip", "compile", "-", "--quiet", "--no-header", *interpreter_arguments()),
        *("--python-version", f"{target.python}.{LATE_PATCH}", "--python-platform", target.uv_platform),
        *for_uv([_with_absolute_path(option) for option in index_options]),
    ]


def _with_absolute_path(option: str) -> str:
    name, value = split_option(option)
    is_path = name in ("-f", "--find-links") and "://" not in value
    return f"{name} {Path(value).expanduser().absolute()}" if is_path else option


def _from_index(pylock: str) -> set[str]:
    packages = tomllib.loads(pylock).get("packages", [])
    return {canonicalize_name(one["name"]) for one in packages if "vcs" not in one and "archive" not in one}
