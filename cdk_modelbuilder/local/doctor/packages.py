"""The packages that a bundle is locked to, against what is installed here."""

from __future__ import annotations

import functools
import importlib.util
import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from cdk_modelbuilder.bundle import LOCK_FILE, ModelBundle
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

_FILE = "dependencies.json"
_MOST_NAMED = 8


def _run(about: Circumstances) -> Iterator[Finding]:
    bundle = about.bundle
    if bundle is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, "no bundle was named.")
        return
    packages = _packages(bundle)
    if packages is None:
        yield Finding(
            CHECK.name, Outcome.SKIPPED, f"{bundle.path / _FILE} is not there, so the packages are not known."
        )
        return
    missing = [one for one in packages if _installed(one) is None]
    missing += [one for one in packages if one not in missing and (_lost_module(one) is not None)]
    differing = [one for one in packages if one not in missing and _installed(one) != one["version"]]
    install = (f"{_installer()} -r {shlex.quote(str(bundle.path / LOCK_FILE))}",)
    if missing:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{bundle.name} needs packages that are not installed in {sys.prefix}: {_named(missing)}.",
            "Install what the bundle is locked to, or run its container.",
            install,
        )
    if differing:
        others = ", ".join(f"{one['name']} {_installed(one)} for {one['version']}" for one in differing[:_MOST_NAMED])
        more = f" and {len(differing) - _MOST_NAMED} more" if len(differing) > _MOST_NAMED else ""
        yield Finding(
            CHECK.name,
            Outcome.WARNING,
            f"other versions are installed than {bundle.name} is locked to: {others}{more}.",
            "Install those, if its answers differ or it does not load.",
            install,
        )
    if not missing and not differing:
        yield Finding(CHECK.name, Outcome.OK, f"all {len(packages)} packages of {bundle.name} are installed as locked.")


def missing_module(name: str, about: Circumstances) -> Finding | None:
    """What to do about a module that could not be imported; None if nothing of it is missing here.

    Args:
        name: The module, as the error names it.
        about: Whose lock to look in.
    """
    top = name.partition(".")[0]
    packages = (_packages(about.bundle) if about.bundle is not None else None) or []
    package = next((one for one in packages if top in one["modules"]), None)
    if _can_import(top):
        return _lacks_a_part(name, package) if package is not None and name != top else None
    if package is None:
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"module {top} cannot be imported, and no package that the bundle is locked to brings it.",
            "Add the package that does to dependencies= and build again, or ship the module with the source.",
        )
    requirement = f"{package['name']}=={package['version']}"
    return Finding(
        CHECK.name,
        Outcome.FAILURE,
        f"module {top} cannot be imported in {sys.prefix}: it belongs to {requirement}, which the bundle is locked to.",
        "Install it, or run the bundle's container.",
        (f"{_installer()} {shlex.quote(requirement)}",),
    )


def _lacks_a_part(name: str, package: Mapping[str, Any]) -> Finding | None:
    here = _installed(package)
    if here == package["version"]:
        return None
    requirement = f"{package['name']}=={package['version']}"
    return Finding(
        CHECK.name,
        Outcome.FAILURE,
        f"module {name} is not in {package['name']} {here}, which is installed in {sys.prefix}; the bundle is locked "
        f"to {package['version']}.",
        "Install that, or run the bundle's container.",
        (f"{_installer()} {shlex.quote(requirement)}",),
    )


def _packages(bundle: ModelBundle) -> list[dict[str, Any]] | None:
    try:
        listed = json.loads((bundle.path / _FILE).read_bytes())["packages"]
        return [
            {
                "name": str(one["name"]),
                "version": str(one["version"]),
                "modules": [str(name) for name in one["modules"]],
            }
            for one in listed
        ]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _installed(package: Mapping[str, Any]) -> str | None:
    """The version that is installed; of another distribution, where that brings the module, as xgboost-cpu does."""
    try:
        return metadata.version(package["name"])
    except metadata.PackageNotFoundError:
        tops = {name.partition(".")[0] for name in package["modules"]}
        others = [name for top in sorted(tops) if _can_import(top) for name in _distributions().get(top, ())]
        return metadata.version(others[0]) if others else None


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    # Reads a file of every distribution, some tenths of a second; what is installed does not change in between.
    return metadata.packages_distributions()


def _lost_module(package: Mapping[str, Any]) -> str | None:
    """A module of an installed package that is not there; a package may bring some for other systems only."""
    tops = {name.partition(".")[0] for name in package["modules"]}
    return next(iter(sorted(tops)), None) if tops and not any(_can_import(top) for top in tops) else None


def _can_import(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):  # a module that is loaded without a spec, such as __main__
        return top in sys.modules


def _named(packages: list[dict[str, Any]]) -> str:
    names = [f"{one['name']}=={one['version']}" for one in packages[:_MOST_NAMED]]
    more = [f"and {len(packages) - _MOST_NAMED} more"] if len(packages) > _MOST_NAMED else []
    return ", ".join((*names, *more))


def _installer() -> str:
    python = shlex.quote(sys.executable)
    if importlib.util.find_spec("pip") is None and shutil.which("uv"):
        return f"uv pip install --python {python}"
    return f"{python} -m pip install"


CHECK = Check(
    "packages",
    "Python",
    "whether every package that the bundle is locked to can be imported here, and in that version",
    "installs what `requirements.lock` names",
    _run,
)
