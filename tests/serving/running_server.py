"""The real server on a small folder that is made and signed by hand: for what no codec has a part in."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.integrity.signed import seal, write_files

ECHO = """
    def model_fn(model_dir):
        return model_dir

    def input_fn(request_body, content_type):
        return request_body

    def predict_fn(input_data, model):
        return input_data

    def output_fn(prediction, accept):
        return prediction, "application/octet-stream"
"""


class RunningServer:
    """A server process and its log."""

    def __init__(self, child: subprocess.Popen[str], *, loaded: bool) -> None:
        self.child = child
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert eventually(lambda: self.events("listening"))
        self.port: int = self.events("listening")[0]["port"]
        assert not loaded or eventually(lambda: self.events("model loaded"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _read(self) -> None:
        assert self.child.stderr is not None
        for line in self.child.stderr:
            self.lines.append(line)

    def events(self, name: str) -> list[dict[str, object]]:
        return [line for line in map(json.loads, list(self.lines)) if line["event"] == name]

    def stop(self) -> int:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        status = self.child.wait(30)
        self._reader.join(5)
        return status

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Send ``parts`` on a connection of its own and return all that comes until it is closed, or quiet."""
        with self.connect() as client:
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
            return read_until_quiet(client)


def read_until_quiet(client: socket.socket, seconds: float = 0.5) -> bytes:
    client.settimeout(seconds)
    found = b""
    with contextlib.suppress(TimeoutError):
        while data := client.recv(1 << 16):
            found += data
    return found


def eventually(condition: Callable[[], object], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@contextlib.contextmanager
def running(
    folder: Path, code: str, *options: str, files: dict[str, bytes] | None = None, loaded: bool = True
) -> Iterator[RunningServer]:
    """Sign ``folder`` with ``code`` as its inference.py, and serve it; ``loaded`` waits for the model."""
    text = textwrap.dedent(code).encode()
    signed = seal(write_files(folder, {"code/inference.py": text, "weights": b"0", **(files or {})}))
    child = subprocess.Popen(
        [sys.executable, "-m", "cdk_modelbuilder.serving", "--model-dir", str(folder), "--port", "0", *options],
        env={**os.environ, **signed.environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        server = RunningServer(child, loaded=loaded)
        yield server
        server.stop()
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        assert child.stderr is not None
        child.stderr.close()
