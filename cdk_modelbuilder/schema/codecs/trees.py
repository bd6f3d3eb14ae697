"""Dicts, lists, tuples and dataclasses that hold more than JSON does: arrays, images, dates, bytes, tables.

Natively the large values travel as parts of a multipart/form-data body, each in its own native type, and the rest as
one JSON part named ``/``; where there are no large values, and whenever a client prefers it, everything is JSON.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, List, Mapping, Optional

from .base import JSON, Codec
from .json_text import read_json, write_json
from .multipart import CONTENT_TYPE as MULTIPART
from .multipart import MAX_PARTS, Part, boundary_of, read_multipart, write_multipart
from .payload_errors import CodecError
from .tree_node import Node, PartOf
from .tree_nodes import open_node
from .tree_places import is_index, steps_of
from .tree_samples import describe_node

ROOT_PART = "/"


class TreeCodec(Codec):
    """A tree with the sample's structure. Lists of alike items may be of any length; dicts have the sample's keys."""

    name: ClassVar[str] = "tree"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self._root: Node = open_node(spec)
        self.content_types = (MULTIPART, JSON) if self._root.has_large_values else (JSON,)

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if not isinstance(sample, (dict, list, tuple)) and not dataclasses.is_dataclass(sample):
            return None
        found = describe_node(sample, "")
        return None if found["node"] == "leaf" else found

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == JSON:
            return write_json(self.to_plain(value))
        parts: List[Part] = []
        plain = self._root.to_plain(value, "", parts)
        if len(parts) >= MAX_PARTS:
            raise CodecError(f"{len(parts)} arrays and other large values are too many parts: join them, or send JSON.")
        return write_multipart([Part(ROOT_PART, JSON, write_json(plain)), *parts])

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == JSON:
            return self.from_plain(read_json(body))
        parameters: Mapping[str, str] = getattr(content_type, "parameters", {})
        parts = read_multipart(body, parameters.get("boundary", ""))
        return self.from_plain(self._assembled(parts))

    def needs(self, content_type: str) -> Optional[str]:
        return self._root.needs if content_type == MULTIPART else None

    def label(self, content_type: str, body: Any) -> str:
        return f"{content_type}; boundary={boundary_of(body)}" if content_type == MULTIPART else content_type

    def to_plain(self, value: Any) -> Any:
        return self._root.to_plain(value, "", None)

    def from_plain(self, plain: Any) -> Any:
        return self._root.from_plain(plain, "")

    def difference(self, value: Any) -> Optional[str]:
        return self._root.difference(value, "")

    def summary(self) -> str:
        return self._root.summary()

    def json_schema(self) -> Dict[str, Any]:
        return self._root.json_schema()

    def example(self) -> Any:
        return self._root.example()

    def _assembled(self, parts: List[Part]) -> Any:
        """JSON data with the other parts in their places, which their names tell: ``image``, ``inputs/0/pixels``."""
        root: Any = {}
        for part in parts:
            if part.name == ROOT_PART:
                root = read_json(part.data)
        for part in parts:
            if part.name != ROOT_PART:
                self._place(root, part)
        return root

    def _place(self, root: Any, part: Part) -> None:
        *steps, last = steps_of(part.name)
        holder: Any = root
        node: Optional[Node] = self._root
        for step in steps:
            holder, node = _inside(holder, step), node and node.child(step)
        at_end = node.child(last) if node else None
        if at_end is not None and isinstance(holder, list) and is_index(last) and int(last) <= len(holder):
            holder[int(last) : int(last) + 1] = [PartOf(part)]
        elif at_end is not None and isinstance(holder, dict):
            holder[last] = PartOf(part)
        else:
            raise CodecError(f"the part named {part.name!r} has no place in the value.")


def _inside(holder: Any, step: str) -> Any:
    if isinstance(holder, dict):
        return holder.setdefault(step, {})
    if isinstance(holder, list) and is_index(step) and int(step) < len(holder):
        return holder[int(step)]
    return None


CODEC = TreeCodec
