"""Writes the folder that the bundle's own image is built from: the image that was chosen, and the packages on top."""

from __future__ import annotations

from pathlib import Path

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.building.rendering import render
from cdk_modelbuilder.dependencies.delivery import place_wheels
from cdk_modelbuilder.dependencies.lock_file import requirements_text
from cdk_modelbuilder.dependencies.package_list import PackageList

IMAGE_FOLDER = "image"


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
    folder.mkdir()
    options = [*packages.merged.index_options, *place_wheels(packages.wheels, folder)]
    text = requirements_text(packages.fitted.to_install, index_options=options)
    (folder / "requirements.txt").write_text(text, encoding="utf-8")
    dockerfile = render(
        "image/Dockerfile.jinja", name=name, base=base, builder_version=__version__, wheels=bool(packages.wheels)
    )
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
