"""A server that a command starts: run on a free port of this machine, and ended with all that it has started."""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdk_modelbuilder.container_spec import HealthCheck
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.health import wait_until_healthy
from cdk_modelbuilder.local.last_words import last_words
from cdk_modelbuilder.local.listening import listen
from cdk_modelbuilder.local.memory import resident_bytes

_GRACE_SECONDS = 10.0
PORT = "{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCommand:
    """How a server is started by a command, and asked.

    Attributes:
        argv: The program and its arguments; ``{port}`` stands for the port that it is to listen on.
        environment: Its variables beside ``PATH``, ``HOME`` and the like; ``{port}`` likewise.
        invocations_path: Where requests are POSTed.
        health_path: Asked with GET; 200 means ready.
        startup_seconds: The first 200 must come within this.
        folder: Where it runs. Default: here.

    Raises:
        UsageError: The port is given nowhere, or there is no program.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    invocations_path: str = "/invocations"
    health_path: str = "/ping"
    startup_seconds: float = 480.0
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not self.argv:
            raise UsageError("the server's command is empty.", remedy="Give the program and its arguments.")
        if not any(PORT in text for text in (*self.argv, *self.environment.values())):
            raise UsageError(
                f"the command {self.argv[0]} is told no port.",
                remedy=f"Write {PORT} where its argument or variable for the port has it, such as --port {PORT}.",
            )


def run_command(
    command: ServerCommand, *, on_log: Callable[[str], object] | None = None, deadline: float | None = None
) -> CommandServer:
    """Start the server and wait until it is ready.

    Args:
        command: How.
        on_log: Told of each line that it writes.
        deadline: It must be ready by then, by ``time.monotonic()``.

    Raises:
        LocalEndpointError: It ended, or was not ready in time.
        UsageError: There is no such program.
    """
    server = CommandServer(command, on_log)
    try:
        server.wait_until_ready(deadline)
    except BaseException:
        server.stop()
        raise
    return server


class CommandServer:
    """The running server; a ``RunningModel``.

    Between this process and the server is a keeper, which ends the server's process group when this process asks for
    that or is gone, even if it was killed.
    """

    def __init__(self, command: ServerCommand, on_log: Callable[[str], object] | None) -> None:
        self._command = command
        self._on_log = on_log
        self._tail: collections.deque[str] = collections.deque(maxlen=60)
        with listen(0) as probe:  # released before the server takes it: a command cannot be handed a socket
            self.port: int = probe.getsockname()[1]
        argv = [text.replace(PORT, str(self.port)) for text in command.argv]
        own = {name: text.replace(PORT, str(self.port)) for name, text in command.environment.items()}
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("keeper.py")), str(_GRACE_SECONDS), *argv],
            env={**_inherited(), **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=command.folder,
            start_new_session=True,  # Ctrl-C is for this process, which then ends the server
        )
        atexit.register(self.stop)
        self._reader = threading.Thread(target=self._read, name="command-log", daemon=True)
        self._reader.start()

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def identity(self) -> str:
        """What finds it among the processes here."""
        return f"process {self._keeper.pid}"

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._keeper.poll() is None

    def memory_bytes(self) -> int | None:
        """Resident memory of all its processes."""
        return resident_bytes(self._keeper.pid)

    def last_log_lines(self) -> list[str]:
        """The newest lines that it wrote, oldest first."""
        return list(self._tail)

    def wait(self) -> int:
        """Wait until it ends by itself; returns its exit status."""
        return self._keeper.wait()

    def stop(self) -> None:
        """End it and all that it has started. Does nothing when that is so."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        with contextlib.suppress(OSError):
            self._keeper.stdin.close()  # the keeper sees that, and ends the group
        try:
            self._keeper.wait(_GRACE_SECONDS + 10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._keeper.pid, signal.SIGKILL)
            self._keeper.wait()
        atexit.unregister(self.stop)
        self._reader.join(timeout=5)
        self._keeper.stdout.close()

    def wait_until_ready(self, deadline: float | None) -> None:
        """Ask until it is.

        Raises:
            LocalEndpointError: It ended, or the time is over.
        """
        command = self._command
        seconds = command.startup_seconds
        if deadline is not None:
            seconds = min(seconds, max(0.1, deadline - time.monotonic()))
        check = HealthCheck(path=command.health_path)
        said = wait_until_healthy(self.url, check, seconds, self._has_ended)
        if said is None:
            return
        program = Path(command.argv[0]).name
        if self.is_running():
            raise LocalEndpointError(
                f"{program} was not ready within {seconds:.0f} s: {said}. {last_words(self._tail)}",
                remedy="Give startup_seconds more, or find out what takes so long.",
            )
        self._reader.join(timeout=5)
        raise LocalEndpointError(
            f"{program} ended with status {self._keeper.returncode} before it was ready. {last_words(self._tail)}",
            remedy="The reason is in these lines.",
            status=self._keeper.returncode,
        )

    def _has_ended(self, seconds: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(seconds)
        return not self.is_running()

    def _read(self) -> None:
        assert self._keeper.stdout is not None
        with contextlib.suppress(ValueError):  # closed by stop()
            for line in self._keeper.stdout:
                text = line.rstrip("\n")
                self._tail.append(text)
                if self._on_log is not None:
                    self._on_log(text)


_KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES")


def _inherited() -> dict[str, str]:
    """Of this process's variables what a program needs to run, and no key or token."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}
