"""A registry on loopback, as the OCI Distribution Specification has it: one image, and perhaps a password."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import io
import json
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class StandIn:
    """What it holds, and what it was asked.

    Attributes:
        port: On 127.0.0.1; Docker takes plain HTTP there.
        asked: Each request's path, and what it said in ``Authorization``.
    """

    port: int
    asked: list[tuple[str, str | None]] = field(default_factory=list)


def blobs_of(image: str) -> tuple[bytes, dict[str, bytes]]:
    """The manifest of an image that the daemon has, and digest -> bytes of what it names."""
    saved = subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:

        def read(name: str) -> bytes:
            file = archive.extractfile(name)
            assert file is not None
            return file.read()

        listed = json.loads(read("manifest.json"))[0]
        config, layers = read(listed["Config"]), [read(name) for name in listed["Layers"]]
    blobs = {f"sha256:{hashlib.sha256(data).hexdigest()}": data for data in (config, *layers)}
    digests = list(blobs)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config),
            "digest": digests[0],
        },
        "layers": [
            {"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": len(blobs[digest]), "digest": digest}
            for digest in digests[1:]
        ],
    }
    return json.dumps(manifest).encode(), blobs


@contextlib.contextmanager
def serving(image: str, *, password: str | None = None, listener: socket.socket | None = None) -> Iterator[StandIn]:
    """A registry whose ``team/model:1`` is ``image``; with ``password``, for the user AWS alone.

    ``listener`` is where it takes connections, if not in this process's network.
    """
    manifest, blobs = blobs_of(image)
    wanted = None if password is None else "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = self.headers.get("Authorization")
            stand_in.asked.append((self.path, said))
            if wanted is not None and said != wanted:
                self.answer(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}')
            elif self.path == "/v2/":
                self.answer(200, b"{}")
            elif self.path.startswith("/v2/team/model/manifests/"):
                named = self.path.rpartition("/")[2]
                known = named in ("1", f"sha256:{hashlib.sha256(manifest).hexdigest()}")
                missing = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'
                self.answer(200, manifest, MANIFEST) if known else self.answer(404, missing)
            else:
                data = blobs.get(self.path.rpartition("/")[2])
                self.answer(404, b"{}") if data is None else self.answer(200, data, "application/octet-stream")

        def do_HEAD(self) -> None:
            self.do_GET()

        def answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="stand-in"')
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *unused: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if listener is not None:
            server.socket.close()
            server.socket = listener
            server.server_address = listener.getsockname()
        stand_in = StandIn(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
