"""Servers of a few lines that a command starts; they fail in the ways that servers do."""

from __future__ import annotations

import sys

from cdk_modelbuilder.tuning.trial import ServerCommand

_SERVER = """
import http.server, os, subprocess, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        server.asked += 1
        {on_request}
        self.answer(200)

    def answer(self, status, words=b"ok"):
        self.send_response(status)
        self.send_header("content-length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

{at_start}
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.asked = 0
server.serve_forever()
"""


def server(on_request: str = "pass", *, at_start: str = "", **options: object) -> ServerCommand:
    """A server that does this with each request, and that before it listens."""
    code = _SERVER.format(on_request=on_request, at_start=at_start)
    return ServerCommand(argv=(sys.executable, "-c", code, "{port}"), health_path="/", **options)
