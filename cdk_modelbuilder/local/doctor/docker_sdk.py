"""The Docker SDK for Python, which runs containers."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from importlib import metadata

from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.docker_service import needs_container
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome


def _run(about: Circumstances) -> Iterator[Finding]:
    spec = importlib.util.find_spec("docker")
    if spec is None or spec.origin is None:  # a folder of that name, as many projects have, has no origin
        yield Finding(
            CHECK.name,
            Outcome.FAILURE if needs_container(about) else Outcome.WARNING,
            f"the Docker SDK for Python is not installed in {sys.prefix}: no container can be run from here.",
            "Install the extra for it.",
            ("pip install 'cdk-modelbuilder[local]'",),
        )
        return
    try:
        version = metadata.version("docker")
    except metadata.PackageNotFoundError:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            "a module called docker is found first that is not the Docker SDK for Python.",
            "Rename your file or folder of that name; this prints where it is.",
            (f"{sys.executable} -c 'import docker; print(docker.__path__)'",),
        )
        return
    yield Finding(CHECK.name, Outcome.OK, f"the Docker SDK for Python, {version}.")


CHECK = Check("docker-sdk", "Docker", "the Docker SDK for Python", "installs the extra `local`", _run)
