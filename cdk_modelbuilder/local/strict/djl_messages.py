"""What a handler of DJL Serving's Python engine is given, and what it answers with.

Source: deepjavalibrary/djl-serving 0.36, ``engines/python/setup/djl_python`` (``inputs.py``, ``outputs.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self


class Input:
    """A request: properties, which are its headers, and named contents, which are its body or the parts of a form."""

    def __init__(self, properties: Mapping[str, str], content: Sequence[tuple[str, bytes]]) -> None:
        self.properties = dict(properties)
        self._content = [(name, bytearray(data)) for name, data in content]

    def is_empty(self) -> bool:
        """Whether there is no content, as in the call that loads the model; an empty body is one."""
        return not self._content

    def get_property(self, key: str) -> str | None:
        """A header, by its name in any case."""
        return next((value for name, value in self.properties.items() if name.lower() == key.lower()), None)

    def get_as_bytes(self, key: str | None = None) -> bytearray | None:
        """The content called ``key``; by default the body, or the first part of a form."""
        if not self._content:
            return None
        found = dict(reversed(self._content))
        if key is not None:
            return found[key]
        return found.get("data", self._content[0][1])


class Output:
    """An answer. Contents after the first are not sent."""

    def __init__(self, code: int = 200, message: str = "OK") -> None:
        self.code = code
        self.message = message
        self.properties: dict[str, str] = {}
        self.content: list[bytes] = []

    def add_property(self, key: str, value: str) -> Self:
        self.properties[key] = value
        return self

    def add(self, value: Any) -> Self:
        """Text and bytes go as they are, anything else as indented JSON."""
        if isinstance(value, str):
            value = value.encode()
        elif not isinstance(value, bytes | bytearray):
            value = _json(value)
        self.content.append(bytes(value))
        return self

    def error(self, error: str, code: int = 424, message: str = "invoke handler failure") -> Self:
        """Say what went wrong, in JSON."""
        self.code, self.message = code, message
        self.add_property("content-type", "application/json")
        return self.add({"code": code, "message": message, "error": error})


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, separators=(",", ":")).encode()
