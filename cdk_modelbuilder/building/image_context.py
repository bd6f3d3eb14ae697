"""Writes the folder that the bundle's own image is built from: packages, and what verifies, on top of another image."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.building.code_folder import VERIFIER_FILES
from cdk_modelbuilder.container_spec import ModelData
from cdk_modelbuilder.dependencies.delivery import place_wheels
from cdk_modelbuilder.dependencies.lock_file import requirements_text
from cdk_modelbuilder.dependencies.package_list import PackageList
from cdk_modelbuilder.rendering import render

IMAGE_FOLDER = "image"
_VERIFIER_SOURCES = ("integrity/public_signature.py", "integrity/stored_key.py", "integrity/verifier.py")

_SYSTEM_LIBRARIES = {"lightgbm": ("libgomp.so.1", "libgomp1")}
"""Package of Python -> the library that its wheel expects of the system, and Debian's package of that."""


@dataclass(frozen=True, slots=True)
class Start:
    """How an image starts, which an entry point that verifies goes before.

    Attributes:
        entry_point: Its ENTRYPOINT.
        command: Its CMD.
        has_python: Whether it has a ``python3``.
    """

    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    has_python: bool


def write_image_context(packages: PackageList, folder: Path, *, name: str, base: str, start: Start | None) -> None:
    """Write what an image on top of the chosen one is built from.

    Args:
        packages: The list.
        folder: The build context; it is made.
        name: The bundle's name.
        base: What the image below is called.
        start: How that one starts, if an entry point that verifies is to go before it.

    Raises:
        UsageError: An index option names an address with a password.
    """
    folder.mkdir()
    values = _packages(packages, folder)
    if start is not None:
        for module_name, module in VERIFIER_FILES.items():
            _copy(Path(str(module.__file__)), folder / "verify" / f"{module_name}.py")
        text = render("image/entry_point.py.jinja", model_dir=ModelData().mount_path)
        (folder / "verify" / "entry_point.py").write_text(text, encoding="utf-8")
        values |= {
            "entry_point": json.dumps(["python3", "/opt/modelbuilder/verify/entry_point.py", *start.entry_point]),
            "command": json.dumps(list(start.command)) if start.command else "",
            "has_python": start.has_python,
        }
    _write(folder, "image/Dockerfile.jinja", name=name, base=base, verifies=start is not None, **values)


def write_server_image(packages: PackageList, folder: Path, *, name: str, base: str) -> None:
    """Write what an image with the project's own server is built from: the server's source is a part of it.

    Raises:
        UsageError: An index option names an address with a password.
    """
    folder.mkdir()
    libraries = [_SYSTEM_LIBRARIES[pin.name] for pin in packages.fitted.pins if pin.name in _SYSTEM_LIBRARIES]
    values = {**_packages(packages, folder), "libraries": libraries}
    _write(folder, "image/server.Dockerfile.jinja", name=name, base=base, **values)
    package = folder / "server" / "cdk_modelbuilder"
    source = Path(__file__).parents[1]
    for module in sorted((source / "serving").iterdir()):
        if module.is_file():
            _copy(module, package / "serving" / module.name)
    for path in (*_VERIFIER_SOURCES, "integrity/__init__.py", "spec.py"):
        _copy(source / path, package / path)
    _copy(source / "serving" / "stand_in.py", package / "__init__.py")


def _packages(packages: PackageList, folder: Path) -> dict[str, object]:
    if not packages.fitted.to_install:
        return {"requirements": False, "wheels": False}
    options = [*packages.merged.index_options, *place_wheels(packages.wheels, folder)]
    text = requirements_text(packages.fitted.to_install, index_options=options)
    (folder / "requirements.txt").write_text(text, encoding="utf-8")
    return {"requirements": True, "wheels": bool(packages.wheels)}


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)


def _write(folder: Path, template: str, **values: object) -> None:
    text = render(template, builder_version=__version__, **values)
    (folder / "Dockerfile").write_text(text, encoding="utf-8")
