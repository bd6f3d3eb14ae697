"""Where the packages are to run: the container's Python, its platform, and what its image brings."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

# The oldest C library among the images that are alive: files for a newer one would not load there.
_GLIBC = "2_28"


@dataclass(frozen=True, slots=True)
class Target:
    """The interpreter and the image that requirements are for.

    Attributes:
        python: Minor version, such as ``3.12``.
        machine: ``x86_64`` or ``aarch64``; SageMaker runs nothing but Linux.
        provides: Normalised distribution -> version that the image brings. Incomplete: a name that is missing may be
            inside or not.
        image: What to call the image in messages, such as ``sagemaker-scikit-learn:1.9-0-cpu-py3``.

    >>> Target(python="3.12").uv_platform
    'x86_64-manylinux_2_28'
    >>> Target(python="3.9").marker_environment()["python_version"]
    '3.9'
    """

    python: str
    machine: str = "x86_64"
    provides: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    image: str = "the container"

    @classmethod
    def here(cls) -> Target:
        """This interpreter's minor version, on Linux: for an image of which nothing is known."""
        return cls(python=f"{sys.version_info.major}.{sys.version_info.minor}")

    @property
    def is_this_interpreter(self) -> bool:
        """Whether what is installed here would be installed there: same minor version of Python, same platform."""
        return (
            self.python == f"{sys.version_info.major}.{sys.version_info.minor}"
            and sys.platform == "linux"
            and platform.machine() == self.machine
        )

    @property
    def uv_platform(self) -> str:
        """What uv calls the platform."""
        return f"{self.machine}-manylinux_{_GLIBC}"

    @property
    def pip_platforms(self) -> tuple[str, ...]:
        """The platform tags whose wheels run there, the newest first (PEP 600 and its predecessors)."""
        newest = int(_GLIBC.partition("_")[2])
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in range(newest, 16, -1)]
        tags.append(f"manylinux2014_{self.machine}")
        if self.machine == "x86_64":
            tags += [f"manylinux_2_{minor}_x86_64" for minor in range(16, 4, -1)]
            tags += ["manylinux2010_x86_64", "manylinux1_x86_64"]
        return (*tags, f"linux_{self.machine}")

    def marker_environment(self) -> dict[str, str]:
        """Values for environment markers (PEP 508) as they are in the container."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }
