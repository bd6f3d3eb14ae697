"""A base image for tests where no registry can be reached: this machine's own Python, its libraries, and a shell."""

from __future__ import annotations

import functools
import io
import re
import shutil
import subprocess
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

BASE_IMAGE = "cdk-modelbuilder-tests/python:local"
_PYTHON = Path("/usr/bin/python3")
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


@functools.cache
def make_base_image() -> str:
    """The image's name; it is made from files of this machine."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for path in sorted(set(_files())):
            archive.add(path, arcname=str(path), recursive=False)
        pip = Path(sysconfig.get_path("purelib"), "pip")
        archive.add(pip, arcname="/usr/local/lib/python/pip", filter=_without_bytecode)
    changes = ["--change", "ENV PATH=/usr/local/bin:/usr/bin:/bin PYTHONPATH=/usr/local/lib/python"]
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
    compiled = [path for path in modules if path.suffix == ".so"]
    for binary in (python, Path("/bin/sh"), Path("/usr/bin/env"), *compiled):
        listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
        for found in re.findall(r"(/\S+) \(0x", listed):
            yield Path(found)
            yield Path(found).resolve()


def _without_bytecode(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
