"""Runs the application on uvicorn: one process, or several workers behind one socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from cdk_modelbuilder.serving import stand_in
from cdk_modelbuilder.serving.app import InferenceApp
from cdk_modelbuilder.serving.connection import Connection
from cdk_modelbuilder.serving.log import configure, flush, log
from cdk_modelbuilder.serving.variables import Batching

OPTIONS_VARIABLE = "MODELBUILDER_SERVING_OPTIONS"
SWITCH_SECONDS = 0.0001
GRACE_SECONDS = 25
"""SageMaker sends SIGKILL 30 s after SIGTERM."""


@dataclass(frozen=True)
class ServerOptions:
    """How the server runs.

    Attributes:
        model_dir: A bundle's ``model/`` folder.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        descriptor: A listening socket that was inherited, instead of host and port.
        workers: Processes.
        threads: Requests that a worker handles at a time.
        max_batch_size: Requests that are answered with one call of the model; None for what its code says.
        max_batch_delay_ms: How long more of them are waited for; None likewise.
        max_payload_bytes: Largest request body.
        stuck_after: Seconds after which an unfinished request makes /ping fail.
        parent: Process id of whoever started the server; when that process is gone, the server stops.
    """

    model_dir: str
    host: str = "127.0.0.1"
    port: int = 8080
    descriptor: int | None = None
    workers: int = 1
    threads: int = 1
    max_batch_size: int | None = None
    max_batch_delay_ms: float | None = None
    max_payload_bytes: int = 25 << 20
    stuck_after: float = 120.0
    parent: int | None = None


def create_app() -> InferenceApp:
    """The application of one worker, from the options in the environment; uvicorn calls it in each."""
    options = ServerOptions(**json.loads(os.environ[OPTIONS_VARIABLE]))
    configure()
    stand_in.install()
    # By default a thread asks for the interpreter's lock after 5 ms without a release. A model that releases it for an
    # instant more often than that, and takes it back at once, would keep /ping waiting for seconds.
    sys.setswitchinterval(SWITCH_SECONDS)
    if options.workers > 1:
        stop_with(os.getppid())  # the supervisor may be killed without a chance to stop its workers
    return InferenceApp(
        Path(options.model_dir),
        max_payload_bytes=options.max_payload_bytes,
        threads=options.threads,
        batching=Batching(options.max_batch_size, options.max_batch_delay_ms),
        stuck_after=options.stuck_after,
    )


def serve(options: ServerOptions) -> None:
    """Serve until SIGTERM or SIGINT; requests that are running then get their answer."""
    configure()
    os.environ[OPTIONS_VARIABLE] = json.dumps(asdict(options))
    listener = _listen(options)
    if options.parent is not None:
        stop_with(options.parent)
    config = uvicorn.Config(
        "cdk_modelbuilder.serving.server:create_app",
        factory=True,
        http=Connection,
        ws="none",
        interface="asgi3",
        proxy_headers=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        workers=options.workers,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=60,  # a worker that holds the interpreter lock while importing is not dead
    )
    host, port = listener.getsockname()[:2]
    log("listening", host=host, port=port, workers=options.workers, threads=options.threads, pid=os.getpid())
    if options.workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        uvicorn.Server(config).run(sockets=[listener])
    log("stopped")


def _listen(options: ServerOptions) -> socket.socket:
    if options.descriptor is not None:
        listener = socket.socket(fileno=options.descriptor)
    else:
        listener = socket.create_server((options.host, options.port), backlog=2048)
    listener.set_inheritable(True)
    return listener


def stop_with(parent: int) -> None:
    """End this process when the process ``parent``, which started it, is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS + 5)
        flush()
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
