"""A stand-in for OSV on this machine: https://google.github.io/osv.dev/post-v1-query/."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

ADVISORY = {
    "id": "PYSEC-2099-1",
    "aliases": ["CVE-2099-1", "CVE-2098-1"],
    "summary": "Does\nharm.",
    "affected": [
        {
            "package": {"name": "numpy", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.5.0"}]}],
        }
    ],
}


class Osv(http.server.BaseHTTPRequestHandler):
    """Knows one advisory, for numpy 2.4.6, and fails for the package "broken"."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, version = query["package"]["name"], query["version"]
        self.asked.append((name, version))
        answer = {"vulns": [ADVISORY]} if (name, version) == ("numpy", "2.4.6") else {}
        body = json.dumps(answer).encode()
        self.send_response(500 if name == "broken" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def osv_service() -> Iterator[str]:
    """The address of its query, for a while."""
    Osv.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        server.shutdown()
