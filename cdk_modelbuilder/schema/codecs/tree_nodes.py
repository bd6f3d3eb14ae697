"""The nodes of a tree: leaves with a codec each, dicts, lists of alike items, sequences item by item, dataclasses."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Dict, List, NamedTuple, Optional, Type

from .base import JSON, Codec
from .class_references import resolve
from .json_text import read_json
from .json_values import kind_of
from .marshaller import decode
from .multipart import Part
from .payload_errors import CodecError
from .registry import codec_class
from .tree_places import At, at, is_index, join, names_differ


class PartOf(NamedTuple):
    """A part of a multipart body, in the place where its value belongs."""

    part: Part


class Node(ABC):
    """One node of a tree. ``path`` is where it stands, for messages and for the names of parts."""

    kind: ClassVar[str]
    has_large_values: bool = False

    @abstractmethod
    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        """JSON data; large values go to ``parts``, unless that is None, and leave null in their place."""

    @abstractmethod
    def from_plain(self, plain: Any, path: str) -> Any:
        """The value for JSON data with parts in it."""

    @abstractmethod
    def difference(self, value: Any, path: str) -> Optional[str]:
        """What keeps a value from fitting, or None."""

    @abstractmethod
    def summary(self) -> str:
        """A few words."""

    @abstractmethod
    def json_schema(self) -> Dict[str, Any]:
        """JSON Schema of the plain form."""

    def child(self, step: str) -> Optional[Node]:
        """The node at ``step`` below this one; None if there is none."""
        return None

    @abstractmethod
    def example(self) -> Any:
        """Some value that fits."""


class Leaf(Node):
    """A value with a codec of its own."""

    kind = "leaf"

    def __init__(self, spec: Dict[str, Any]) -> None:
        self.codec: Codec = codec_class(spec["codec"])(spec["spec"])
        self._native = self.codec.content_types[0]
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


class DictNode(Node):
    """A dict with the sample's keys."""

    kind = "dict"

    def __init__(self, spec: Dict[str, Any]) -> None:
        self._reads_ints = spec["keys"] == "integers"
        self._items = {key: open_node(inner) for key, inner in spec["items"]}
        self.has_large_values = any(node.has_large_values for node in self._items.values())

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        texts = {str(key): item for key, item in self._checked(value, path).items()}
        return {key: node.to_plain(texts[key], join(path, key), parts) for key, node in self._items.items()}

    def from_plain(self, plain: Any, path: str) -> Any:
        plain = _read_part(plain)
        found = self._keys_differ(plain, path)
        if found:
            raise CodecError(found)
        return {self._key(key): node.from_plain(plain[key], join(path, key)) for key, node in self._items.items()}

    def difference(self, value: Any, path: str) -> Optional[str]:
        found = self._keys_differ(value, path)
        if found:
            return found
        inner = {str(key): item for key, item in value.items()}
        return _first(node.difference(inner[key], join(path, key)) for key, node in self._items.items())

    def summary(self) -> str:
        return "dict of " + ", ".join(f"{key}: {node.summary()}" for key, node in self._items.items())

    def json_schema(self) -> Dict[str, Any]:
        return {
            "type": "object",
            "properties": {key: node.json_schema() for key, node in self._items.items()},
            "required": list(self._items),
            "additionalProperties": False,
        }

    def child(self, step: str) -> Optional[Node]:
        return self._items.get(step)

    def example(self) -> Any:
        return {self._key(key): node.example() for key, node in self._items.items()}

    def _key(self, text: str) -> Any:
        return int(text) if self._reads_ints else text

    def _checked(self, value: Any, path: str) -> Any:
        found = self._keys_differ(value, path)
        if found:
            raise CodecError(found)
        return value

    def _keys_differ(self, value: Any, path: str) -> Optional[str]:
        if not isinstance(value, dict):
            return at(path, f"expected an object with the keys {list(self._items)}, got a {kind_of(value)}.")
        return names_differ(list(self._items), [str(key) for key in value], path, "keys")


class ListNode(Node):
    """A list of alike items, of any length."""

    kind = "list"

    def __init__(self, spec: Dict[str, Any]) -> None:
        self._item = open_node(spec["item"])
        self.has_large_values = self._item.has_large_values

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        found = self._no_list(value, path)
        if found:
            raise CodecError(found)
        return [self._item.to_plain(item, join(path, str(number)), parts) for number, item in enumerate(value)]

    def from_plain(self, plain: Any, path: str) -> Any:
        plain = _read_part(plain)
        found = self._no_list(plain, path)
        if found:
            raise CodecError(found)
        return [self._item.from_plain(item, join(path, str(number))) for number, item in enumerate(plain)]

    def difference(self, value: Any, path: str) -> Optional[str]:
        return self._no_list(value, path) or _first(
            self._item.difference(item, join(path, str(number))) for number, item in enumerate(value)
        )

    def summary(self) -> str:
        return f"list of {self._item.summary()}"

    def json_schema(self) -> Dict[str, Any]:
        return {"type": "array", "items": self._item.json_schema()}

    def child(self, step: str) -> Optional[Node]:
        return self._item if is_index(step) else None

    def example(self) -> Any:
        return [self._item.example()]

    def _no_list(self, value: Any, path: str) -> Optional[str]:
        fits = isinstance(value, (list, tuple))
        return None if fits else at(path, f"expected a list, got a {kind_of(value)}.")


class SequenceNode(Node):
    """A tuple, or a list of unlike items: as many as in the sample, each of its own kind."""

    kind = "sequence"

    def __init__(self, spec: Dict[str, Any]) -> None:
        self._type: Any = tuple if spec["type"] == "tuple" else list
        self._items = [open_node(inner) for inner in spec["items"]]
        self.has_large_values = any(node.has_large_values for node in self._items)

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        found = self._count_differs(value, path)
        if found:
            raise CodecError(found)
        return [
            node.to_plain(item, join(path, str(number)), parts)
            for number, (node, item) in enumerate(self._pairs(value))
        ]

    def from_plain(self, plain: Any, path: str) -> Any:
        plain = _read_part(plain)
        found = self._count_differs(plain, path)
        if found:
            raise CodecError(found)
        pairs = enumerate(self._pairs(plain))
        return self._type(node.from_plain(item, join(path, str(number))) for number, (node, item) in pairs)

    def difference(self, value: Any, path: str) -> Optional[str]:
        return self._count_differs(value, path) or _first(
            node.difference(item, join(path, str(number))) for number, (node, item) in enumerate(self._pairs(value))
        )

    def summary(self) -> str:
        return f"{self._type.__name__} of ({', '.join(node.summary() for node in self._items)})"

    def json_schema(self) -> Dict[str, Any]:
        count = len(self._items)
        return {
            "type": "array",
            **({"prefixItems": [node.json_schema() for node in self._items]} if self._items else {}),
            "minItems": count,
            "maxItems": count,
        }

    def child(self, step: str) -> Optional[Node]:
        return self._items[int(step)] if is_index(step) and int(step) < len(self._items) else None

    def example(self) -> Any:
        return self._type(node.example() for node in self._items)

    def _pairs(self, value: Any) -> Any:
        return zip(self._items, value)  # noqa: B905 - Python 3.8; the lengths were compared

    def _count_differs(self, value: Any, path: str) -> Optional[str]:
        if not isinstance(value, (list, tuple)):
            return at(path, f"expected a list of {len(self._items)} items, got a {kind_of(value)}.")
        if len(value) != len(self._items):
            return at(path, f"expected {len(self._items)} items, got {len(value)}.")
        return None


class RecordNode(Node):
    """A dataclass. Where its class is not to be had, a dict with the same fields stands in for it, both ways."""

    kind = "record"

    def __init__(self, spec: Dict[str, Any]) -> None:
        self._reference = spec["class"]
        self._fields = {name: open_node(inner) for name, inner in spec["fields"]}
        self.has_large_values = any(node.has_large_values for node in self._fields.values())

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        values = self._values(value, path)
        return {name: node.to_plain(values[name], join(path, name), parts) for name, node in self._fields.items()}

    def from_plain(self, plain: Any, path: str) -> Any:
        plain = _read_part(plain)
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
        return _first(node.difference(values[name], join(path, name)) for name, node in self._fields.items())

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

    kind = "optional"

    def __init__(self, node: Node) -> None:
        self._node = node
        self.has_large_values = node.has_large_values

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


_NODES: Dict[str, Type[Any]] = {kind.kind: kind for kind in (Leaf, DictNode, ListNode, SequenceNode, RecordNode)}


def open_node(spec: Dict[str, Any]) -> Node:
    """The node that ``spec`` describes."""
    node: Node = _NODES[spec["node"]](spec)
    return OptionalNode(node) if spec.get("optional") else node


def _read_part(plain: Any) -> Any:
    return read_json(plain.part.data) if isinstance(plain, PartOf) else plain


def _first(found: Any) -> Optional[str]:
    return next((item for item in found if item is not None), None)
