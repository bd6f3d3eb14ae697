"""The ``dependencies=`` argument of ModelBuilder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.dependencies.distributions import merge_custom, pin_closure
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.errors import UsageError


@dataclass(frozen=True, slots=True)
class DependencyOptions:
    """How the list of packages is made.

    Attributes:
        auto: Capture what the bundle's code imports.
        requirements: A requirements file laid over it.
        custom: Requirement lines laid over both.
    """

    auto: bool = True
    requirements: Path | None = None
    custom: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None) -> DependencyOptions:
        """From ``{"auto": bool, "requirements": path, "custom": [...]}``, every part optional.

        Raises:
            UsageError: An unknown part, or one of the wrong type.
        """
        given = dict(given or {})
        auto, requirements, custom = given.pop("auto", True), given.pop("requirements", None), given.pop("custom", [])
        if given:
            raise UsageError(
                f"dependencies has no part {min(given)!r}.", remedy="Its parts are auto, requirements and custom."
            )
        lines = isinstance(custom, list | tuple) and all(isinstance(line, str) for line in custom)
        if not isinstance(auto, bool) or not lines or not isinstance(requirements, str | Path | None):
            raise UsageError(
                "dependencies: auto is True or False, requirements a path, and custom a list of requirement lines.",
                remedy="For example {'auto': True, 'custom': ['numpy==2.1.0']}.",
            )
        if requirements is not None and not Path(requirements).is_file():
            raise UsageError(
                f"dependencies: the requirements file {str(requirements)!r} does not exist.",
                remedy="Name an existing file, relative to the current folder.",
            )
        return cls(auto, None if requirements is None else Path(requirements), tuple(custom))

    def pins(self, framework: Mapping[str, str], captured: Mapping[str, str], aliases: Mapping[str, str]) -> list[Pin]:
        """Every package that the bundle needs, pinned, sorted by name; the user's own lines win.

        Args:
            framework: Distribution -> reason for what is always included.
            captured: Distribution -> reason for what the code imports.
            aliases: Distribution -> the name it is written down under.
        """
        pins = pin_closure({**captured, **framework} if self.auto else framework, aliases)
        if self.requirements is not None:
            pins = merge_custom(pins, self.requirements.read_text("utf-8").splitlines(), self.requirements.name)
        return merge_custom(pins, self.custom, "dependencies['custom']")


def lock_text(pins: list[Pin]) -> str:
    """``requirements.lock``: one package a line, each with why it is there."""
    header = "# Every package that the model needs at run time, and why.\n"
    return header + "".join(f"{pin.requirement}  # {pin.reason}\n" for pin in pins)
