"""What ties saved files to a version of their framework."""

from __future__ import annotations

from enum import StrEnum


class ReadBy(StrEnum):
    """Which versions of the framework can read what one version has saved."""

    NEWER = "newer"
    """The same minor version and every newer one."""
    SAME_MINOR = "same-minor"
    """The same minor version: what pickles are tied to."""
    SAME_MAJOR = "same-major"
    """The same major version; the nearest one is taken."""
    ANY = "any"
    """Nothing in the files depends on it."""
