"""Real wheels, written without a build tool, so that tests need no network."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    requires: Iterable[str] = (),
    modules: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
    requires_python: str | None = None,
) -> Path:
    """A wheel whose module has the package's name, unless others are given."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    files = dict(modules if modules is not None else {f"{name.replace('-', '_')}.py": f"VERSION = {version!r}\n"})
    info = f"{stem}.dist-info"
    fields = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    fields += [f"Requires-Python: {requires_python}"] if requires_python else []
    fields += [f"Requires-Dist: {line}" for line in requires]
    files[f"{info}/METADATA"] = "\n".join([*fields, ""])
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(zipfile.ZipInfo(member), text)
    return path
