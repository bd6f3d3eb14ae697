"""A container that does as it is told: statuses, headers, chunked pieces, broken connections."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class Reply:
    """One answer.

    Attributes:
        status: HTTP status code; 0 closes the connection without a word.
        body: The whole body, or its pieces, which are sent as chunks.
        headers: Beside Content-Type.
        gate: Is waited for before every piece but the first.
        cut: Break the connection in place of the last chunk.
    """

    status: int = 200
    body: bytes | Sequence[bytes] = b"{}"
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None
    cut: bool = False


class QuietServer(ThreadingHTTPServer):
    """Does not print that a client went away: tests make them do that."""

    daemon_threads = True
    request_queue_size = 64  # the library's five are too few for clients that come at once, and the system resets them

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class ScriptedContainer:
    """Answers the requests with ``replies`` in turn, the last one again and again; for a ``with`` block.

    Attributes:
        requests: Headers and body of every request.
        clients: Address and port that each came from.
    """

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.clients: list[tuple[str, int]] = []
        self._lock = threading.Lock()
        container = self

        class Handler(_Handler):
            script = container

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def next_reply(self, headers: dict[str, str], body: bytes) -> Reply:
        with self._lock:
            self.requests.append((headers, body))
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class _Handler(BaseHTTPRequestHandler):
    script: ScriptedContainer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *unused: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.script.clients.append(self.client_address)
        reply = self.script.next_reply(dict(self.headers.items()), body)
        if reply.status == 0:
            if reply.gate:
                reply.gate.wait(30)
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            self.send_header("Content-Length", str(len(reply.body) + (9 if reply.cut else 0)))
            self.end_headers()
            self.wfile.write(reply.body)
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for number, piece in enumerate(reply.body):
                if number and reply.gate:
                    reply.gate.wait(30)
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
            if not reply.cut:
                self.wfile.write(b"0\r\n\r\n")
        self.close_connection = self.close_connection or reply.cut

    do_GET = do_PUT = do_POST  # noqa: N815 - S3 is spoken to with these
