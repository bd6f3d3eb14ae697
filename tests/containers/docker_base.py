"""A base image for tests where no registry can be reached: this machine's own Python, its libraries, and a shell."""

from __future__ import annotations

import functools
import io
import os
import re
import shutil
import subprocess
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

BASE_IMAGE = "cdk-modelbuilder-tests/python:local"
_PYTHON = Path("/usr/bin/python3")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_LIBRARIES = (
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
)  # what compiled wheels expect of a system
_PROGRAMS = ("/bin/sh", "/usr/bin/env", "/bin/rm", "/bin/mkdir")


@functools.cache
def why_not() -> str | None:
    """Why no image can be built here; None if one can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    asked = subprocess.run(["docker", "version"], capture_output=True, check=False)
    if asked.returncode != 0:
        return "no Docker daemon answers"
    return None if _PYTHON.exists() else "there is no /usr/bin/python3 to make a base image of"


def python_version() -> str:
    """Minor version of the Python in the base image."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([_PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def run_docker(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The outcome of one command of the Docker CLI."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(["docker", *words], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0 or not check, f"{words}: {done.stdout}{done.stderr}"
    return done


@functools.cache
def make_base_image() -> str:
    """The image's name; it is made from files of this machine."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for path in sorted(set(_files())):
            archive.add(path, arcname=str(path), recursive=False)
        pip = Path(sysconfig.get_path("purelib"), "pip")
        archive.add(pip, arcname="/usr/local/lib/python/pip", filter=_without_bytecode)
        # This machine's own view of whom to trust, so that pip finds an index from inside too.
        certificates = Path(os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or _CERTIFICATES)
        if certificates.exists():
            archive.add(certificates.resolve(), arcname=_CERTIFICATES)
    variables = f"PATH=/usr/local/bin:/usr/bin:/bin PYTHONPATH=/usr/local/lib/python PIP_CERT={_CERTIFICATES}"
    changes = ["--change", f"ENV {variables}"]
    subprocess.run(
        ["docker", "import", *changes, "-", BASE_IMAGE], input=buffer.getvalue(), check=True, capture_output=True
    )
    return BASE_IMAGE


def _files() -> Iterator[Path]:
    python = _PYTHON.resolve()
    programs = [_PYTHON, python, *map(Path, _PROGRAMS), *(Path(name).resolve() for name in _PROGRAMS)]
    library = Path(f"/usr/lib/{python.name}")
    modules = [path for path in library.rglob("*") if "__pycache__" not in path.parts and "test" not in path.parts]
    yield from (path for path in programs if path.exists())
    yield from (path for path in modules if path.name != "EXTERNALLY-MANAGED")
    known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    for name in _LIBRARIES:
        for found in re.findall(rf"{re.escape(name)} .*x86-64.*=> (/\S+)", known)[:1]:
            yield Path(found)
            yield Path(found).resolve()
    compiled = [path for path in modules if path.suffix == ".so"]
    for binary in (python, Path("/bin/sh"), Path("/usr/bin/env"), *compiled):
        listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
        for found in re.findall(r"(/\S+) \(0x", listed):
            yield Path(found)
            yield Path(found).resolve()


def _without_bytecode(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
