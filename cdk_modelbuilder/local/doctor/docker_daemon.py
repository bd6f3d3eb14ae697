"""The Docker daemon: where it listens, whether it may be asked, and what it says of itself."""

from __future__ import annotations

import getpass
import grp
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.local.docker_address import DockerAddress, docker_addresses
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.docker_api import DockerApi, NoAnswerError
from cdk_modelbuilder.local.doctor.docker_service import (
    INSTALL,
    has_systemd,
    is_installed,
    needs_container,
    restart_commands,
    start_commands,
)
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.hidden_secrets import without_secrets
from cdk_modelbuilder.local.doctor.platforms import Platform

_OLDEST_API = (1, 24)
"""docker.constants.MINIMUM_DOCKER_API_VERSION of the Docker SDK for Python 7."""

_INTERFACES = Path("/sys/class/net")


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An address and why nothing came from it."""

    address: DockerAddress
    error: NoAnswerError


def _run(about: Circumstances) -> Iterator[Finding]:
    refusals: list[_Refusal] = []
    for address in docker_addresses():
        api = DockerApi(address)
        try:
            yield from _described(api, about)
        except NoAnswerError as error:
            refusals.append(_Refusal(address, error))
        else:
            return
    # Where several were tried, the one that is there but does not answer says most.
    worst = min(refusals, key=lambda item: item.error.reason == "absent")
    yield _refused(worst, about)


def _described(api: DockerApi, about: Circumstances) -> Iterator[Finding]:
    version: dict[str, Any] = api.get("/version")
    info: dict[str, Any] = api.get("/info")
    name, number = _engine(version)
    where = f"at {_shown(api.address)} ({api.address.origin})"
    said = f"{name} {number} answers {where}; API {version.get('ApiVersion')}, storage {info.get('Driver')} in "
    said += f"{info.get('DockerRootDir')}"
    if "name=rootless" in (info.get("SecurityOptions") or ()):
        said += ", rootless"
    numbers = tuple(int(part) for part in str(version.get("ApiVersion")).split(".") if part.isdecimal())
    if numbers < _OLDEST_API:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{said}. The Docker SDK for Python speaks API 1.24 and newer.",
            "Install a newer Docker.",
            INSTALL.on(about.system),
        )
    elif api.address.must_be_named:
        yield Finding(
            CHECK.name,
            Outcome.WARNING,
            f"{said}. Nothing that is set names it, so containers are not run there.",
            "Name it.",
            (f"export DOCKER_HOST={api.address.url}",),
        )
    else:
        yield Finding(CHECK.name, Outcome.OK, f"{said}.")
    lost = _lost_bridge(api, info)
    if lost:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"the network interface {lost}, which Docker made for its containers, is gone: none with a port starts.",
            "Start the daemon again, which makes it anew.",
            restart_commands(about.system),
        )
    if info.get("Driver") == "vfs":
        yield Finding(
            CHECK.name,
            Outcome.WARNING,
            "the storage driver is vfs, which copies the whole image for each layer and each container: slow, and many "
            "times the space.",
            "Use overlay2, or fuse-overlayfs where the file system under it cannot; images have to be fetched again.",
            (
                'sudo tee /etc/docker/daemon.json <<< \'{"storage-driver": "overlay2"}\'  # keep what is in it already',
                *restart_commands(about.system),
            ),
        )


def _engine(version: dict[str, Any]) -> tuple[str, str]:
    for component in version.get("Components") or ():
        if component.get("Name") == "Podman Engine":
            return "Podman", str(component.get("Version"))
    return "Docker", str(version.get("Version"))


def _lost_bridge(api: DockerApi, info: dict[str, Any]) -> str | None:
    """The bridge that the daemon relies on and this machine has no more, as after another with --bridge none."""
    is_rootless = "name=rootless" in (info.get("SecurityOptions") or ())  # its network is in another namespace
    in_a_machine = api.address.must_be_named or "Docker Desktop" in str(info.get("OperatingSystem"))
    if is_rootless or in_a_machine or not _INTERFACES.is_dir():
        return None
    try:
        options = api.get("/networks/bridge").get("Options") or {}
    except NoAnswerError:  # Podman has another network, or this daemon has none
        return None
    name = options.get("com.docker.network.bridge.name")
    return str(name) if name and not (_INTERFACES / str(name)).exists() else None


def _refused(refusal: _Refusal, about: Circumstances) -> Finding:
    address, reason = refusal.address, refusal.error.reason
    if reason == "permission" and address.socket is not None:
        return _no_permission(address, address.socket, about)
    if reason == "absent" and not address.is_chosen and not is_installed():
        return Finding(
            CHECK.name,
            Outcome.FAILURE if needs_container(about) else Outcome.WARNING,
            "neither Docker nor Podman is installed: bundles run in a process here, not in their containers.",
            "Install one of them to run containers.",
            INSTALL.on(about.system),
        )
    place = f"{_shown(address)} ({address.origin})"
    if reason in {"absent", "refused"}:
        said = "there is no socket" if reason == "absent" else "nobody listens"
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"the Docker daemon does not run: {said} at {place}.",
            "Start it" + (f", or unset what names it ({address.origin})." if address.is_chosen else "."),
            start_commands(about.system),
        )
    if reason == "timeout":
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"the Docker daemon at {place} takes connections but does not answer.",
            "Start it again; its log says what it hangs on.",
            (*restart_commands(about.system), *(("journalctl -u docker -n 50",) if has_systemd() else ())),
        )
    if reason == "elsewhere":
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{address.origin} names a daemon on another machine, {_shown(address)}, which does not see the model's "
            "files here.",
            "Unset it, or choose a daemon of this machine.",
            ("unset DOCKER_HOST",) if address.origin == "DOCKER_HOST" else ("docker context use default",),
        )
    if reason == "unsupported":
        return Finding(CHECK.name, Outcome.SKIPPED, f"{address.origin} is {_shown(address)}: {refusal.error.detail}.")
    return Finding(
        CHECK.name,
        Outcome.FAILURE,
        f"the Docker daemon at {place} does not answer as one: {refusal.error.detail}.",
        "See what it says to its own command.",
        ("docker version",),
    )


def _no_permission(address: DockerAddress, socket: Path, about: Circumstances) -> Finding:
    what = f"this user, {_user()}, may not open {address.url} ({address.origin})"
    group = _group(socket)
    if group is None or about.system is Platform.MACOS:
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{what}.",
            "Look who may, and start the daemon as this user, or Docker rootless.",
            (f"ls -l {socket}", "dockerd-rootless-setuptool.sh install"),
        )
    if _user() in group.gr_mem:
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{what}, though a member of group {group.gr_name}: this session began before that.",
            "Log in again, or begin a shell that has the group.",
            (f"newgrp {group.gr_name}",),
        )
    if group.gr_name == "root":
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{what}: it belongs to root alone.",
            "Make a group for it and start the daemon again. Who is in it can become root on this machine.",
            (
                "sudo groupadd --force docker",
                "sudo usermod -aG docker $USER",
                *restart_commands(about.system),
                "newgrp docker",
            ),
        )
    return Finding(
        CHECK.name,
        Outcome.FAILURE,
        f"{what}: it is for members of group {group.gr_name}.",
        "Become one. Who is in it can become root on this machine; rootless Docker is the way without that.",
        (f"sudo usermod -aG {group.gr_name} $USER", f"newgrp {group.gr_name}"),
    )


def _shown(address: DockerAddress) -> str:
    return without_secrets((address.url,))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _group(socket: Path) -> grp.struct_group | None:
    try:
        return grp.getgrgid(socket.stat().st_gid)
    except (OSError, KeyError):
        return None


CHECK = Check(
    "docker-daemon",
    "Docker",
    "the daemon: which socket (`DOCKER_HOST`, context, usual places, Podman), whether it runs and may be asked, its "
    "API, storage driver and folder",
    "installs or starts it, gives you its group, names its socket",
    _run,
)
