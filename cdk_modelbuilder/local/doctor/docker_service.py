"""How Docker is installed, started and started again on each system, and whether it is needed at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from cdk_modelbuilder.local.doctor.check import Circumstances
from cdk_modelbuilder.local.doctor.platforms import Commands, Platform

INSTALL = Commands(
    debian=("sudo apt-get install docker.io", "sudo usermod -aG docker $USER", "newgrp docker"),
    fedora=(
        "sudo dnf install podman",
        "systemctl --user enable --now podman.socket",
        "export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock",
    ),
    macos=("brew install colima docker", "colima start"),
)
_CODE = "code/inference.py"


def needs_container(about: Circumstances) -> bool:
    """Whether the bundle cannot run in a process: it has no code that one could run, or asks for a container."""
    bundle = about.bundle
    if bundle is None:
        return False
    return _CODE not in bundle.manifest.files or bundle.info.get("mode") == "LOCAL_CONTAINER"


def is_installed() -> bool:
    """Whether there is a command of Docker or Podman."""
    return any(map(shutil.which, ("docker", "dockerd", "podman", "colima")))


def has_systemd() -> bool:
    """Whether systemd starts services here."""
    return Path("/run/systemd/system").is_dir()


def start_commands(system: Platform) -> tuple[str, ...]:
    """What starts the daemon."""
    if system is Platform.MACOS:
        return ("colima start",) if shutil.which("colima") else ("open -a Docker",)
    if has_systemd():
        if not shutil.which("dockerd") and shutil.which("podman"):
            return ("systemctl --user enable --now podman.socket",)
        return ("sudo systemctl start docker", "sudo systemctl status docker --no-pager")
    return ("sudo service docker start", "# or, without an init system: sudo dockerd &")


def restart_commands(system: Platform) -> tuple[str, ...]:
    """What starts it again."""
    if system is Platform.MACOS:
        return (
            ("colima restart",) if shutil.which("colima") else ("osascript -e 'quit app \"Docker\"'", "open -a Docker")
        )
    return ("sudo systemctl restart docker",) if has_systemd() else ("sudo service docker restart",)
