"""nginx in front of a server, with the settings that a container has; where it is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.containers.serving import free_port

_CONFIGURATION = """\
{user}worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  default_type application/octet-stream;
  access_log off;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    {rules}
  }}
}}
"""

_USER = "user root;\n" if os.getuid() == 0 else ""
"""Its workers would be somebody else, who may not write into a test's folder."""


def is_here() -> bool:
    """Whether it is installed."""
    return shutil.which("nginx") is not None


@contextlib.contextmanager
def in_front_of(rules: str, folder: Path) -> Iterator[str]:
    """Where nginx answers by ``rules``, the inside of a ``server`` block."""
    folder.mkdir()
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(user=_USER, folder=folder, port=port, rules=rules))
    process = subprocess.Popen(["nginx", "-c", configuration, "-p", folder, "-e", folder / "error.log"])
    try:
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < deadline, "nginx does not listen"
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=5):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
