"""What is asked of ``importlib.metadata`` at this moment, and what a distribution has of it.

Standard library only: it runs in the interpreter that is observed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from types import FrameType
from typing import Any

_METADATA = os.path.join("metadata", "__init__.py")  # noqa: PTH118 - compared with what frames say
_NAME = re.compile(r"^Name:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_SEPARATORS = re.compile(r"[-_.]+")


def name_of(found: metadata.Distribution) -> str:
    """Its normalised name; empty where its metadata have none."""
    named = _NAME.search(found.read_text("METADATA") or found.read_text("PKG-INFO") or "")
    return "" if named is None else _SEPARATORS.sub("-", named[1]).lower()


def wanted_entry_points() -> Mapping[str, Any]:
    """What ``importlib.metadata.entry_points(group=..., name=...)`` is called with, if it is that which asks now."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the one way to see who asks
    while frame is not None:
        if frame.f_code.co_name == "entry_points" and frame.f_code.co_filename.endswith(_METADATA):
            return {key: value for key, value in frame.f_locals.get("params", {}).items() if key in ("group", "name")}
        frame = frame.f_back
    return {}


def brings(found: metadata.Distribution, wanted: Mapping[str, Any]) -> bool:
    """Whether a distribution has such an entry point."""
    return any(all(getattr(point, key) == value for key, value in wanted.items()) for point in found.entry_points)
