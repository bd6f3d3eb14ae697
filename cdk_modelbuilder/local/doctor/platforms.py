"""Which system this is, and the commands that mend a thing on each."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from enum import StrEnum


class Platform(StrEnum):
    """Systems whose commands are known."""

    DEBIAN = "debian"
    """Debian, Ubuntu and what is made of them."""
    FEDORA = "fedora"
    """Fedora, Red Hat, Amazon Linux and what is made of them."""
    MACOS = "macos"
    OTHER = "other"


_FAMILIES = {
    Platform.DEBIAN: {"debian", "ubuntu"},
    Platform.FEDORA: {"fedora", "rhel", "centos", "amzn"},
}


def this_platform() -> Platform:
    """The system that this runs on.

    Source: ``ID`` and ``ID_LIKE`` of os-release(5).
    """
    if sys.platform == "darwin":
        return Platform.MACOS
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return Platform.OTHER
    names = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    return next((family for family, members in _FAMILIES.items() if names & members), Platform.OTHER)


@dataclass(frozen=True, slots=True)
class Commands:
    """What to type, for each system.

    Attributes:
        debian: On Debian and Ubuntu.
        fedora: On Fedora and Red Hat; None for the same.
        macos: On macOS; None for the same as on Debian.
    """

    debian: tuple[str, ...]
    fedora: tuple[str, ...] | None = None
    macos: tuple[str, ...] | None = None

    def on(self, system: Platform) -> tuple[str, ...]:
        """Those for ``system``; where its own are not known, Debian's with a note."""
        if system is Platform.MACOS:
            return self.debian if self.macos is None else self.macos
        if system is Platform.FEDORA:
            return self.debian if self.fedora is None else self.fedora
        if system is Platform.OTHER and self.fedora is not None:
            return ("# as on Debian; this system's package manager may differ:", *self.debian)
        return self.debian
