"""The image that a bundle names, at the Docker daemon here."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.docker_api import DockerApi, NoAnswerError, answering_daemon
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_QEMU = {"x86_64": "qemu-x86_64", "arm64": "qemu-aarch64"}
ECR_URI = re.compile(
    r"(?P<host>(?P<account>\d{12}|ACCOUNT)\.dkr\.ecr(?:-fips)?\.(?P<region>[\w-]+)\.amazonaws\.com(?:\.cn)?)"
    r"/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
"""An image in a private registry of AWS. Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html."""
_BINFMT = Path("/proc/sys/fs/binfmt_misc")


def _run(about: Circumstances) -> Iterator[Finding]:
    if about.bundle is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, "no bundle was named.")
        return
    image = about.bundle.container.image
    mismatch = _architecture(image, about)
    if mismatch is not None:
        yield mismatch
    api = answering_daemon()
    if api is None:
        yield Finding(CHECK.name, Outcome.SKIPPED, "no Docker daemon answers.")
        return
    here = image_here(api, image)
    if here is not None:
        size = int(here.get("Size", 0)) / 1e9
        yield Finding(CHECK.name, Outcome.OK, f"the image of {about.bundle.name} is here, {size:.1f} GB.")
        return
    remedy, *commands = _how_to_get(image)
    yield Finding(
        CHECK.name,
        Outcome.WARNING,
        f"{image.uri or f'{image.repository}:{image.tag}'}, the image of {about.bundle.name}, is not here; a start in "
        "a container fetches it first.",
        remedy,
        tuple(commands),
    )


def image_here(api: DockerApi, image: ImageReference) -> dict[str, Any] | None:
    """What the daemon says about ``image``; None where it has it not. AWS's images are found in any region's name."""
    if image.uri:
        return _inspected(api, image.uri)
    wanted = f"/{image.repository}:{image.tag}"
    try:
        listed = api.get("/images/json")
    except NoAnswerError:
        return None
    return next((one for one in listed if any(tag.endswith(wanted) for tag in one.get("RepoTags") or ())), None)


def _inspected(api: DockerApi, uri: str) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = api.get(f"/images/{uri}/json")
    except NoAnswerError:
        return None
    return data


def _how_to_get(image: ImageReference) -> tuple[str, ...]:
    """A sentence, then the commands."""
    if image.build is not None:
        return (f"It is built from the bundle's folder {image.build}; the first start takes longer for that.",)
    sentence = "Fetch it before, if starting must not wait for it."
    uri = image.uri or _uri_of_aws(image)
    found = ECR_URI.fullmatch(uri)
    if found is None:
        return (sentence, f"docker pull {uri}")
    host, region = found["host"], found["region"]
    login = f"aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {host}"
    note = ("# REGION is yours; container.json has its ACCOUNT",) if region == "REGION" else ()
    return (sentence, *note, login, f"docker pull {uri}")


def _uri_of_aws(image: ImageReference) -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    account = image.accounts.get(region)
    if account is None:
        region, account = "REGION", "ACCOUNT"
    ending = ".cn" if region.startswith("cn-") else ""
    return f"{account}.dkr.ecr.{region}.amazonaws.com{ending}/{image.repository}:{image.tag}"


def _architecture(image: ImageReference, about: Circumstances) -> Finding | None:
    here = _ARCHITECTURES.get(platform.machine().lower(), platform.machine())
    wanted = _ARCHITECTURES.get(image.architecture, image.architecture)
    if here == wanted:
        return None
    emulated = about.system.value == "macos" or (_BINFMT / _QEMU.get(wanted, "none")).exists()
    if emulated:
        return Finding(
            CHECK.name,
            Outcome.WARNING,
            f"the image is for {wanted}, this machine is {here}: it is emulated, many times slower, and may time out.",
            "Build the bundle for this machine's kind to try it here, or be patient.",
        )
    return Finding(
        CHECK.name,
        Outcome.FAILURE,
        f"the image is for {wanted} and this machine is {here}, without an emulator: it ends with exec format error.",
        "Install the emulator, or run the bundle in a process.",
        (f"docker run --privileged --rm tonistiigi/binfmt --install {'arm64' if wanted == 'arm64' else 'amd64'}",),
    )


CHECK = Check(
    "image",
    "Docker",
    "whether the bundle's image is here, and for this machine's architecture",
    "fetches it; installs an emulator",
    _run,
)
