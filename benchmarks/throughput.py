"""Requests a second of process mode with a no-op model, against a bare ASGI application on the same HTTP server."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.client import requests_per_second
from benchmarks.measure import ROOT, Row, Settings, fresh

RATIO = 1.5


def rows(settings: Settings) -> list[Row]:
    fresh(build_no_op, settings.scratch)
    duration, rounds = (0.3, 6) if settings.quick else (1.0, 10)
    table = []
    with _bare() as bare, _served(settings.scratch / "no-op") as served:
        for connections in (1, 8):
            runs = [
                {name: fresh(measure, port, connections, duration) for name, port in (("bare", bare), ("own", served))}
                for _ in range(rounds)
            ]
            peer, own = (max((run[name] for run in runs), key=lambda found: found["rate"]) for name in ("bare", "own"))
            ratio = peer["rate"] / own["rate"]
            table.append(
                Row(
                    what=f"process mode, a no-op InferenceSpec, {connections} connection{'s' * (connections > 1)}",
                    measured=f"{own['rate']:.0f} requests/s",
                    limit=f"bare ASGI application {peer['rate']:.0f} requests/s",
                    ratio=ratio,
                    target=f"<= {RATIO}x",
                    reached=ratio <= RATIO,
                    note=f"The ratio is the peer's rate over ours. The client keeps {peer['busy']:.0%} of a processor "
                    f"busy with the peer and {own['busy']:.0%} with ours. Both run on uvicorn, uvloop and httptools. "
                    "Ours has an HTTP protocol of its own in place of ASGI; it decodes, hands over to the model's "
                    "thread, encodes, and writes one log line a request, which the parent process reads.",
                )
            )
    shutil.rmtree(settings.scratch / "no-op")
    return table


def measure(port: int, connections: int, duration: float) -> dict[str, float]:
    """One run of the client; for :func:`benchmarks.measure.fresh`."""
    from benchmarks.specs import REQUEST

    return requests_per_second(port, REQUEST, connections, duration)


def build_no_op(scratch: str) -> None:
    """Write the bundle; for :func:`benchmarks.measure.fresh`."""
    from benchmarks.specs import REQUEST, RESPONSE, NoOp
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    logging.getLogger("cdk_modelbuilder").setLevel(logging.ERROR)
    schema = SchemaBuilder(REQUEST, RESPONSE)
    path = Path(scratch) / "no-op"
    ModelBuilder(inference_spec=NoOp(), schema_builder=schema, model_path=path, archive=False).build()


@contextmanager
def _bare() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        descriptor = listener.fileno()
        command = [sys.executable, "-m", "benchmarks.bare_app", str(descriptor)]
        with subprocess.Popen(command, cwd=ROOT, pass_fds=(descriptor,)) as child:
            try:
                yield listener.getsockname()[1]
            finally:
                child.terminate()


@contextmanager
def _served(path: Path) -> Iterator[int]:
    from cdk_modelbuilder import Mode, ModelBundle

    with ModelBundle.load(path).deploy(mode=Mode.LOCAL_PROCESS, on_log=len) as predictor:
        yield int(predictor.url.rpartition(":")[2])
