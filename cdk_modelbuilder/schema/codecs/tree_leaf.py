"""The leaves of a tree: each has a codec of its own."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .base import JSON, Codec
from .json_text import read_json
from .marshaller import decode
from .multipart import Part
from .registry import codec_class
from .tree_node import Node, PartOf
from .tree_places import At, at


class Leaf(Node):
    """A value with a codec of its own."""

    def __init__(self, spec: Dict[str, Any]) -> None:
        self.codec: Codec = codec_class(spec["codec"])(spec["spec"])
        self._native = self.codec.content_types[0]
        self.needs = self.codec.needs(self._native)
        self.has_large_values = self._native not in (JSON, "text/plain") and not self.codec.spec.get("scalar")

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        with At(path):
            if parts is None or not self.has_large_values:
                return self.codec.to_plain(self.codec.checked(value))
            body = self.codec.encode(self.codec.checked(value), self._native)
            parts.append(Part(path, self.codec.label(self._native, body), body))
            return None

    def from_plain(self, plain: Any, path: str) -> Any:
        with At(path):
            if not isinstance(plain, PartOf):
                return self.codec.from_plain(plain)
            part = plain.part
            unnamed = part.content_type.startswith(
                ("text/plain", "application/octet-stream")
            )  # as curl says by default
            if part.content_type and not unnamed:
                return decode(self.codec, part.data, part.content_type)
            if "text/plain" in self.codec.content_types or self.codec.spec.get("form") == {"kind": "string"}:
                return self.codec.from_plain(bytes(part.data).decode("utf-8", "strict"))
            if self.has_large_values:  # as `curl -F image=@file` sends what it does not know
                return decode(self.codec, part.data, None)
            return self.codec.from_plain(read_json(part.data))

    def difference(self, value: Any, path: str) -> Optional[str]:
        found = self.codec.difference(value)
        return None if found is None else at(path, found)

    def summary(self) -> str:
        return self.codec.summary()

    def json_schema(self) -> Dict[str, Any]:
        return self.codec.json_schema()

    def example(self) -> Any:
        return self.codec.example()
