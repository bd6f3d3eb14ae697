"""Known vulnerabilities of a bundle's packages, as pip-audit finds them: https://github.com/pypa/pip-audit.

pip-audit calls a list without findings clean although some of it could not be looked up. Here that is said, and a list
of which nothing could be looked up is an error.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from packaging.utils import canonicalize_name

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.dependencies.listing import packages_of, pins_of
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.pip_tool import last_words
from cdk_modelbuilder.dependencies.record import read_record
from cdk_modelbuilder.errors import DependencyError, IndexUnreachableError, ToolMissingError

TIMEOUT_SECONDS = 600
Service = Literal["osv", "pypi"]
_UNREACHABLE = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|NewConnectionError|Max retries exceeded|Could not connect"
)
_REFUSED = re.compile(r"ServiceError|HTTPError")


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One known vulnerability of a package.

    Attributes:
        package: Normalised name.
        version: The version that the bundle has.
        id: The advisory, such as ``PYSEC-2021-142``.
        aliases: Its other names, such as a CVE.
        fixed_in: Versions without it, oldest first.
        description: One line.
    """

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    fixed_in: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found.

    Attributes:
        checked: Package -> version of what was looked up.
        vulnerabilities: Sorted by package and id.
        not_checked: Package -> why it could not be looked up.
    """

    checked: Mapping[str, str]
    vulnerabilities: tuple[Vulnerability, ...]
    not_checked: Mapping[str, str]

    @property
    def is_clean(self) -> bool:
        """Whether every package was looked up and none has a known vulnerability."""
        return not self.vulnerabilities and not self.not_checked


def audit_bundle(bundle: ModelBundle, *, service: Service = "pypi", osv_url: str | None = None) -> Audit:
    """Look up every package of ``bundle``; what lies in it as source, or was built from a repository, is not checked.

    Raises:
        BundleError: The bundle's list of packages is missing or malformed.
        ToolMissingError: pip-audit is not installed.
        IndexUnreachableError: The service does not answer, or knows none of the packages.
        DependencyError: pip-audit failed.
    """
    record = read_record(bundle)
    vendored = {} if record is None else dict.fromkeys(record.vendored, "it lies in the bundle as source")
    elsewhere = {
        one.name: f"it is not from an index: {one.reason}" for one in packages_of(bundle) if one.origin != "index"
    }
    found = audit_pins([pin for pin in pins_of(bundle) if pin.name not in elsewhere], service=service, osv_url=osv_url)
    return replace(found, not_checked=dict(sorted({**found.not_checked, **elsewhere, **vendored}.items())))


def audit_pins(pins: Iterable[Pin], *, service: Service = "pypi", osv_url: str | None = None) -> Audit:
    """Look every pin up.

    Args:
        pins: The packages.
        service: Who is asked.
        osv_url: Address of the query of an OSV service, instead of its own: ``https://host/v1/query``.

    Raises:
        ToolMissingError: pip-audit is not installed.
        IndexUnreachableError: The service does not answer, or knows none of the packages.
        DependencyError: pip-audit failed.
    """
    listed = sorted(pins, key=lambda pin: pin.name)
    exact = [pin for pin in listed if pin.version is not None]
    unknown = {pin.name: _why_not(pin) for pin in listed if pin.version is None}
    if not exact:
        return Audit({}, (), unknown)
    checked: dict[str, str] = {}
    found: list[Vulnerability] = []
    for one in _run(exact, service, osv_url):
        name = canonicalize_name(one["name"])
        if "skip_reason" in one:
            unknown[name] = str(one["skip_reason"])
            continue
        checked[name] = one["version"]
        found += [_vulnerability(name, one["version"], each) for each in one["vulns"]]
    if not checked:
        raise IndexUnreachableError(
            f"the vulnerability service ({osv_url or service}) knows none of the packages in the list: "
            f"{next(iter(unknown.values()))}.",
            remedy="Is it reachable from here? Name another with --service or --osv-url.",
        )
    return Audit(checked, tuple(sorted(found, key=lambda one: (one.package, one.id))), dict(sorted(unknown.items())))


def _run(pins: Iterable[Pin], service: Service, osv_url: str | None) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="modelbuilder-audit-") as folder:
        listed = Path(folder) / "requirements.txt"
        # Extras and hashes do not change what is looked up, and advisories name no local versions (+cu121).
        exact = [f"{pin.name}=={(pin.version or '').partition('+')[0]}\n" for pin in pins]
        listed.write_text("".join(exact), "utf-8")
        command = [*_command(), "--requirement", str(listed), "--no-deps", "--disable-pip", "--format", "json"]
        command += ["--progress-spinner", "off", "--vulnerability-service", "osv" if osv_url else service]
        command += ["--osv-url", osv_url] if osv_url else []
        try:
            ended = subprocess.run(
                command,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                cwd=folder,
                env={**os.environ, "NO_COLOR": "1"},
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise IndexUnreachableError(
                f"pip-audit got no answers within {TIMEOUT_SECONDS} s.", remedy="Try again, or another --service."
            ) from None
    try:
        return list(json.loads(ended.stdout)["dependencies"])
    except (ValueError, KeyError, TypeError):
        raise _failure(ended.stderr, osv_url or service) from None


def _failure(said: str, service: str) -> DependencyError:
    if _UNREACHABLE.search(said) or _REFUSED.search(said):
        return IndexUnreachableError(
            f"the vulnerability service ({service}) does not answer: {last_words(said, 1)}. Nothing was looked up.",
            remedy="Is there a network? Name another with --service or --osv-url.",
        )
    return DependencyError(
        f"pip-audit failed:\n{last_words(said)}\n", remedy="Its last lines say why. Nothing was looked up."
    )


def _command() -> list[str]:
    if importlib.util.find_spec("pip_audit") is not None:
        return [sys.executable, "-m", "pip_audit"]
    on_path = shutil.which("pip-audit")
    if on_path is None:
        raise ToolMissingError(
            "pip-audit is not installed; it is needed to look up known vulnerabilities.",
            remedy="Install it: pip install 'cdk-modelbuilder[audit]'.",
        )
    return [on_path]


def _vulnerability(name: str, version: str, found: Mapping[str, Any]) -> Vulnerability:
    return Vulnerability(
        package=name,
        version=version,
        id=str(found["id"]),
        aliases=tuple(sorted(map(str, found.get("aliases", ())))),
        fixed_in=tuple(map(str, found.get("fix_versions", ()))),
        description=" ".join(str(found.get("description", "")).split()),
    )


def _why_not(pin: Pin) -> str:
    if "://" in pin.requirement:
        return "it is not from an index, so no advisory names its version"
    return f"{pin.requirement} does not say which version is installed"
