"""The peer of the server: the least that ASGI allows, on the same uvicorn. ``python -m benchmarks.bare_app FD``."""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

from benchmarks.specs import RESPONSE

_HEADERS = [(b"content-type", b"application/octet-stream"), (b"content-length", str(len(RESPONSE)).encode())]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, answer, do nothing else."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": RESPONSE})


def main() -> None:
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, server_header=False, timeout_keep_alive=75
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
