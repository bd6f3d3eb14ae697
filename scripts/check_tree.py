"""Refuses what must never be committed: names of registry hosts, absolute paths of a machine, keys, large files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# Split, so that this file does not find itself.
HOSTS = ("files.python" + "hosted", "py" + "pi.org/simple", "registry.np" + "mjs", "deb.deb" + "ian.org")
PATTERNS = {
    "names a package registry's host": re.compile("|".join(map(re.escape, HOSTS))),
    "holds an absolute path of a machine": re.compile(r"(?<![\w./-])/(?:work|root|farm|home/\w+)/[\w.]"),
    "holds a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----"),
}
MAX_BYTES = 1_000_000


def main() -> int:
    """Print every finding; 1 if there is any."""
    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, text=True).stdout  # noqa: S607
    findings = []
    for name in filter(None, tracked.split("\0")):
        path = Path(name)
        if not path.is_file():
            continue
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            findings.append(f"{name}: {len(data)} bytes is too large to track")
        text = data.decode("utf-8", errors="ignore")
        findings += [f"{name}: {what}" for what, pattern in PATTERNS.items() if pattern.search(text)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
