"""Process mode: the project's own server as a child process, with the container spec's environment and files."""

from __future__ import annotations

import atexit
import collections
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.keys import MASTER_KEY_FILE_VARIABLE, MASTER_KEY_VARIABLE
from cdk_modelbuilder.integrity.private_key import PRIVATE_KEY_FILE_VARIABLE, PRIVATE_KEY_VARIABLE
from cdk_modelbuilder.integrity.signature import BundleKey
from cdk_modelbuilder.local.health import wait_until_healthy
from cdk_modelbuilder.local.last_words import last_words
from cdk_modelbuilder.local.listening import listen
from cdk_modelbuilder.local.memory import resident_bytes
from cdk_modelbuilder.local.strict.families import family_of

_log = logging.getLogger("cdk_modelbuilder.endpoint")
_STOP_SECONDS = 30


class LocalProcess:
    """A bundle's server in a child process on a loopback port.

    It ends with :meth:`stop`, when this interpreter exits, and within half a second when this process is killed.

    Args:
        bundle: What to serve.
        key: The bundle's key; it goes to the child through its environment.
        port: Port on 127.0.0.1, or 0 for a free one.
        workers: Server processes. Default: as many as the container spec's variable says, else one.
        strict: Answer by the rules of the toolkit in the bundle's container, quirks included, instead of our server's.
        on_log: Called with each log line of the server. Default: the logger ``cdk_modelbuilder.endpoint``.
        own_group: Run it in a process group of its own, all of which is ended with it: also what the model has
            started. Ctrl-C in a terminal then does not reach it.

    Raises:
        LocalEndpointError: The server did not become healthy; the message ends with its last log lines.
        UsageError: Strict mode has no rules for the bundle's model server, or the port is taken.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        key: BundleKey,
        *,
        port: int = 0,
        workers: int | None = None,
        strict: bool = False,
        on_log: Callable[[str], object] | None = None,
        own_group: bool = False,
    ) -> None:
        self._bundle = bundle
        self._tail: collections.deque[str] = collections.deque(maxlen=40)
        self._on_log = on_log or _forward
        self._own_group = own_group
        self._family = family_of(bundle.container) if strict else None
        # Bound here and handed over, so that nobody can take the port in between.
        with listen(port) as listener:
            self.port: int = listener.getsockname()[1]
            self._child = self._start(listener, key, workers)
        self._reader = threading.Thread(target=self._read_log, name="endpoint-log", daemon=True)
        self._reader.start()
        atexit.register(self.stop)
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where the server listens, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._child.pid

    @property
    def identity(self) -> str:
        """What finds it among the processes here."""
        return f"process {self.pid}"

    def is_running(self) -> bool:
        """Whether the server has not ended."""
        return self._child.poll() is None

    def memory_bytes(self) -> int | None:
        """Resident memory of the server and its workers; None where the system does not tell."""
        return resident_bytes(self.pid)

    def last_log_lines(self) -> list[str]:
        """The newest lines of the log, oldest first."""
        return list(self._tail)

    def stop(self) -> None:
        """End the server; requests that are running get their answer first. Does nothing when it has ended."""
        atexit.unregister(self.stop)
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        if self._own_group:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
        self._reader.join(timeout=5)
        assert self._child.stdout is not None
        self._child.stdout.close()

    def wait(self) -> int:
        """Wait until the server ends by itself; returns its exit status."""
        return self._child.wait()

    def _start(self, listener: socket.socket, key: BundleKey, workers: int | None) -> subprocess.Popen[str]:
        spec = self._bundle.container
        if self._family is None:
            own = ["-m", "cdk_modelbuilder.serving", "--stuck-after", str(2 * spec.invocation_timeout_seconds)]
        else:
            own = ["-m", "cdk_modelbuilder.local.strict", "--family", self._family.name]
        command = [
            *(sys.executable, *own),
            *("--model-dir", str(self._bundle.model_dir.resolve())),
            *("--fd", str(listener.fileno())),
            *(() if workers is None else ("--workers", str(workers))),
            *("--max-payload-bytes", str(spec.max_payload_bytes)),
            *("--parent", str(os.getpid())),
        ]
        # Not the keys of those who build; and the key comes from here, whatever else is set in this shell.
        kept_back = {
            *(MASTER_KEY_VARIABLE, MASTER_KEY_FILE_VARIABLE, PRIVATE_KEY_VARIABLE, PRIVATE_KEY_FILE_VARIABLE),
            *verifier.DELIVERIES,
        }
        inherited = {name: value for name, value in os.environ.items() if name not in kept_back}
        environment = {
            **inherited,
            **spec.environment,
            **dict.fromkeys(spec.secret_environment, key.secret.hex()),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONSAFEPATH": "1",  # a container does not see the caller's folder either
        }
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=(listener.fileno(),),
            start_new_session=self._own_group,
        )

    def _read_log(self) -> None:
        assert self._child.stdout is not None
        with contextlib.suppress(ValueError):  # closed by stop()
            for line in self._child.stdout:
                text = line.rstrip("\n")
                self._tail.append(text)
                self._on_log(text)

    def _wait_until_healthy(self) -> None:
        check = self._bundle.container.health_check
        said = wait_until_healthy(self.url, check, check.startup_seconds, self._has_ended)
        if said is None:
            return
        if not self.is_running():
            self._reader.join(timeout=5)
            raise self._failure(
                f"ended with status {self._child.returncode} before it was healthy", "The reason is in these lines."
            )
        raise self._failure(
            f"was not healthy within {check.startup_seconds} s: {said}", "Find out in load() what takes so long."
        )

    def _has_ended(self, seconds: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)
        return not self.is_running()

    def _failure(self, what: str, remedy: str) -> LocalEndpointError:
        """The error of a start that failed, with what the doctor's checks know about it."""
        from cdk_modelbuilder.local.doctor.explain import explain_start_failure  # noqa: PLC0415 - only now

        said = last_words(self._tail)
        found = explain_start_failure(f"status {self._child.returncode}\n{said}", bundle=self._bundle)
        return LocalEndpointError(
            f"the server of {self._bundle.name} {what}. {said}",
            remedy="\n".join(str(one) for one in found) or remedy,
            status=self._child.returncode,
        )


def _forward(text: str) -> None:
    try:
        line = json.loads(text)
        level = logging.getLevelNamesMapping().get(str(line["level"]).upper(), logging.INFO)
    except (ValueError, TypeError, KeyError):
        level = logging.INFO
    _log.log(level, "%s", text)
