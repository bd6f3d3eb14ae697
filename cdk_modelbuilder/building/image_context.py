"""Writes the folder that the bundle's own image is built from: the image that was chosen, and the packages on top."""

from __future__ import annotations

import shutil
from pathlib import Path

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.dependencies.delivery import place_wheels
from cdk_modelbuilder.dependencies.lock_file import requirements_text
from cdk_modelbuilder.dependencies.package_list import PackageList
from cdk_modelbuilder.rendering import render

IMAGE_FOLDER = "image"
VERIFIER_SOURCES = ("integrity/public_signature.py", "integrity/stored_key.py", "integrity/verifier.py")


def write_image_context(packages: PackageList, folder: Path, *, name: str, base: str) -> None:
    """Write ``Dockerfile`` and ``requirements.txt`` into ``folder``.

    Args:
        packages: The list.
        folder: The build context; it is made.
        name: The bundle's name.
        base: What the image below is called.

    Raises:
        UsageError: An index option names an address with a password.
    """
    _write(packages, folder, "image/Dockerfile.jinja", name=name, base=base)


def write_server_image(packages: PackageList, folder: Path, *, name: str, base: str) -> None:
    """The same for an image that runs the project's own server: its source travels too.

    Raises:
        UsageError: An index option names an address with a password.
    """
    _write(packages, folder, "image/server.Dockerfile.jinja", name=name, base=base)
    package = folder / "server" / "cdk_modelbuilder"
    source = Path(__file__).parents[1]
    for module in sorted((source / "serving").iterdir()):
        if module.is_file():
            _copy(module, package / "serving" / module.name)
    for path in (*VERIFIER_SOURCES, "integrity/__init__.py", "spec.py"):
        _copy(source / path, package / path)
    (package / "__init__.py").write_text(render("inference/stub.py.jinja"), encoding="utf-8")


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)


def _write(packages: PackageList, folder: Path, template: str, *, name: str, base: str) -> None:
    folder.mkdir()
    options = [*packages.merged.index_options, *place_wheels(packages.wheels, folder)]
    text = requirements_text(packages.fitted.to_install, index_options=options)
    (folder / "requirements.txt").write_text(text, encoding="utf-8")
    values = {"name": name, "base": base, "builder_version": __version__, "wheels": bool(packages.wheels)}
    dockerfile = render(template, **values)
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
