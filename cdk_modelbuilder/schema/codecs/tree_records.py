"""The dataclasses of a tree, and fields that may be None."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Optional

from .class_references import resolve
from .json_values import kind_of
from .multipart import Part
from .payload_errors import CodecError
from .tree_node import Node, first_of, read_part
from .tree_places import at, join, names_differ


class RecordNode(Node):
    """A dataclass. Where its class is not to be had, a dict with the same fields stands in for it, both ways."""

    def __init__(self, reference: str, fields: Dict[str, Node]) -> None:
        self._reference, self._fields = reference, fields
        self.has_large_values = any(node.has_large_values for node in self._fields.values())
        self.needs = first_of(node.needs for node in self._fields.values())

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        values = self._values(value, path)
        return {name: node.to_plain(values[name], join(path, name), parts) for name, node in self._fields.items()}

    def from_plain(self, plain: Any, path: str) -> Any:
        plain = read_part(plain)
        if not isinstance(plain, dict):
            raise CodecError(at(path, f"expected an object, got a {kind_of(plain)}."))
        found = names_differ(list(self._fields), list(plain), path, "fields")
        if found:
            raise CodecError(found)
        values = {name: node.from_plain(plain[name], join(path, name)) for name, node in self._fields.items()}
        kind: Any = resolve(self._reference, self._is_alike)
        if kind is None:
            return values
        at_init = {field.name for field in dataclasses.fields(kind) if field.init}
        try:
            record = kind(**{name: item for name, item in values.items() if name in at_init})
        except Exception as error:  # noqa: BLE001 - what the user's __post_init__ raises
            raise CodecError(at(path, f"{kind.__name__} refuses these fields: {error}.")) from None
        for name in values.keys() - at_init:
            object.__setattr__(record, name, values[name])
        return record

    def difference(self, value: Any, path: str) -> Optional[str]:
        try:
            values = self._values(value, path)
        except CodecError as error:
            return str(error)
        return first_of(node.difference(values[name], join(path, name)) for name, node in self._fields.items())

    def summary(self) -> str:
        return str(self._reference.rpartition(":")[2])

    def json_schema(self) -> Dict[str, Any]:
        return {
            "type": "object",
            "title": self.summary(),
            "properties": {name: node.json_schema() for name, node in self._fields.items()},
            "required": list(self._fields),
            "additionalProperties": False,
        }

    def child(self, step: str) -> Optional[Node]:
        return self._fields.get(step)

    def example(self) -> Any:
        return {name: node.example() for name, node in self._fields.items()}

    def _is_alike(self, kind: type) -> bool:
        return dataclasses.is_dataclass(kind) and {field.name for field in dataclasses.fields(kind)} == set(
            self._fields
        )

    def _values(self, value: Any, path: str) -> Dict[str, Any]:
        if isinstance(value, dict):
            values = value
        elif dataclasses.is_dataclass(value):
            values = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        else:
            raise CodecError(at(path, f"expected a {self.summary()}, got a {kind_of(value)}."))
        found = names_differ(list(self._fields), [name for name in values if name in self._fields], path, "fields")
        if found:
            raise CodecError(found)
        return values


class OptionalNode(Node):
    """A field that may be None as well."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.has_large_values, self.needs = node.has_large_values, node.needs

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        return None if value is None else self._node.to_plain(value, path, parts)

    def from_plain(self, plain: Any, path: str) -> Any:
        return None if plain is None else self._node.from_plain(plain, path)

    def difference(self, value: Any, path: str) -> Optional[str]:
        return None if value is None else self._node.difference(value, path)

    def summary(self) -> str:
        return f"{self._node.summary()} or None"

    def json_schema(self) -> Dict[str, Any]:
        return {"anyOf": [self._node.json_schema(), {"type": "null"}]}

    def child(self, step: str) -> Optional[Node]:
        return self._node.child(step)

    def example(self) -> Any:
        return self._node.example()
