"""Asks the index whether a bundle's list is complete and to be had for its container."""

from __future__ import annotations

from dataclasses import dataclass

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.dependencies.listing import container_options, pins_of, target_of, wheels_of
from cdk_modelbuilder.dependencies.locking import lock
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import DependencyError


@dataclass(frozen=True, slots=True)
class Check:
    """A list that passed.

    Attributes:
        pins: What the container gets.
        target: The container's interpreter.
        notes: What the user should know.
    """

    pins: tuple[Pin, ...]
    target: Target
    notes: tuple[str, ...]


def check_bundle(bundle: ModelBundle) -> Check:
    """Lock the packages of ``bundle`` again, for the Python and platform of its container.

    Raises:
        BundleError: The bundle's list is missing or malformed.
        DependencyError: A package is not to be had there, they contradict each other, or one is missing from the list.
        IndexUnreachableError: The index does not answer.
        ToolMissingError: uv is not installed.
    """
    pins, target = pins_of(bundle), target_of(bundle)
    wheels = wheels_of(bundle)
    options = container_options(bundle)
    locked = lock(pins, target, index_options=options, local_links=() if wheels is None else (wheels,))
    known = {pin.name for pin in pins}
    missing = [pin for pin in locked.pins if pin.name not in known]
    if missing:
        lines = ", ".join(f"{pin.requirement} ({pin.reason})" for pin in missing)
        named = ", ".join(f"'{pin.requirement}'" for pin in missing)
        raise DependencyError(
            f"the list lacks {lines}; the container would take the newest version that it finds.",
            remedy=f"Build with dependencies={{'lock': True}}, or add them: 'custom': [{named}].",
        )
    return Check(locked.pins, target, locked.notes)
