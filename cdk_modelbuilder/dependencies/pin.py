"""One package of a bundle: what is installed, and why."""

from __future__ import annotations

from dataclasses import dataclass

SERVER_REASON = "the server"
"""Why a package is there that the model does not need: the project's own server in the bundle's own image does."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of ``requirements.lock``.

    Attributes:
        name: Normalised distribution name.
        requirement: The line itself, such as ``numpy==2.1.0`` or ``x @ git+https://host/x@commit``.
        reason: Why it is there, in words: ``imported by code/inference.py``.
        hashes: ``sha256:<hex>`` of each file that may be installed; empty where none was asked for.
    """

    name: str
    requirement: str
    reason: str
    hashes: tuple[str, ...] = ()

    @property
    def version(self) -> str | None:
        """The version of ``name==version``; None for a range, or for what is not from an index.

        >>> Pin("numpy", "numpy==2.1.0", "r").version
        '2.1.0'
        """
        name, equals, version = self.requirement.partition("==")
        bare = version.partition(";")[0].strip()
        return bare if equals and "@" not in name and not any(char in bare for char in ",*=<>~! ") else None
