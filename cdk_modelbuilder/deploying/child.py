"""The CDK CLI as a child process: a small environment, its output line by line, and an end on request."""

from __future__ import annotations

import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cdk_modelbuilder.deploying.cdk_tool import CdkTool

_PASSED_ON = frozenset(
    {"HOME", "USER", "LOGNAME", "USERPROFILE", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP", "LANG",
     "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS", "SSL_CERT_FILE", "SSL_CERT_DIR",
     "REQUESTS_CA_BUNDLE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONTAINER_HOST", "BUILDX_BUILDER"}
)  # fmt: skip
"""What a child gets of the environment: where things are, and how the network is reached. Not the master key."""
_PREFIXES = ("AWS_", "CDK_", "DOCKER_", "JSII_", "LC_", "XDG_")
_CALLER = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "AWS_SECURITY_TOKEN",
)
_TERM_SECONDS = 5
_KEPT_LINES = 400


def child_environment(tool: CdkTool, account: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of the CLI, and of the app that it starts.

    Args:
        tool: The CLI.
        account: Variables that say where to deploy to, and as whom.
    """
    kept = {
        name: value for name, value in os.environ.items() if name.upper() in _PASSED_ON or name.startswith(_PREFIXES)
    }
    if account.keys() & {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"}:  # nothing of another caller may be mixed with it
        for name in _CALLER:
            kept.pop(name, None)
    path = [str(Path(tool.node).parent), os.environ.get("PATH", os.defpath)]
    quiet = {
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_VALIDATION": "false",  # takes seconds and 300 MB, and its findings are shown by `cdk synth`, not here
        "CI": "1",  # plain lines, and what is no error on standard output
        "NO_COLOR": "1",
        "JSII_NODE": tool.node,
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    return {**quiet, **kept, **account, "PATH": os.pathsep.join(path), "NO_COLOR": "1", "CI": "1"}


class Child:
    """One run of the CLI.

    Args:
        tool: The CLI.
        words: Its arguments.
        folder: Where it runs.
        environment: All of its environment.
    """

    def __init__(self, tool: CdkTool, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.words = tuple(words)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._said: deque[str] = deque(maxlen=_KEPT_LINES)
        self._over = False
        # A session of its own: Ctrl-C is for whoever follows, and the CLI ends with the app that it started.
        self._process = subprocess.Popen(
            [*tool.command, *words],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    @property
    def text(self) -> str:
        """The last lines that it has said, as far as they were read."""
        return "\n".join(self._said)

    def read(self, seconds: float) -> list[str]:
        """Lines that are there within ``seconds``; it returns with the first, or when there are no more."""
        found: list[str] = []
        if self._over and seconds > 0:  # it has closed its output and is about to end
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        while not self._over:
            try:
                line = self._lines.get(timeout=seconds) if seconds > 0 and not found else self._lines.get_nowait()
            except queue.Empty:
                break
            if line is None:
                self._over = True
            else:
                found.append(line)
        self._said.extend(found)
        return found

    def wait(self) -> int:
        """Wait for its end, reading what it says; an interruption ends it."""
        try:
            while not self._over:
                self.read(1)
            return self._process.wait()
        finally:
            self.end()

    def end(self) -> None:
        """End it and what it started; for one that has ended this does nothing."""
        for kind in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            if self._process.poll() is not None:
                break
            try:
                if sys.platform == "win32":
                    self._process.terminate()
                else:
                    os.killpg(self._process.pid, kind)
                self._process.wait(_TERM_SECONDS)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self._process.wait()
        self._reader.join(_TERM_SECONDS)
        self.read(0)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


def app_command(script: str = "app.py") -> str:
    """The command that the CLI starts for the app: this interpreter, in which the libraries are."""
    words = [sys.executable, script]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
