"""The dicts, lists and tuples of a tree."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .json_values import kind_of
from .multipart import Part
from .payload_errors import CodecError
from .tree_node import Node, first_of, read_part
from .tree_places import at, is_index, join, names_differ


class DictNode(Node):
    """A dict with the sample's keys."""

    def __init__(self, items: Dict[str, Node], *, reads_ints: bool) -> None:
        self._items, self._reads_ints = items, reads_ints
        self.has_large_values = any(node.has_large_values for node in self._items.values())
        self.needs = first_of(node.needs for node in self._items.values())

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        texts = {str(key): item for key, item in self._checked(value, path).items()}
        return {key: node.to_plain(texts[key], join(path, key), parts) for key, node in self._items.items()}

    def from_plain(self, plain: Any, path: str) -> Any:
        plain = read_part(plain)
        found = self._keys_differ(plain, path)
        if found:
            raise CodecError(found)
        return {self._key(key): node.from_plain(plain[key], join(path, key)) for key, node in self._items.items()}

    def difference(self, value: Any, path: str) -> Optional[str]:
        found = self._keys_differ(value, path)
        if found:
            return found
        inner = {str(key): item for key, item in value.items()}
        return first_of(node.difference(inner[key], join(path, key)) for key, node in self._items.items())

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

    def __init__(self, item: Node) -> None:
        self._item = item
        self.has_large_values, self.needs = item.has_large_values, item.needs

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        found = self._no_list(value, path)
        if found:
            raise CodecError(found)
        return [self._item.to_plain(item, join(path, str(number)), parts) for number, item in enumerate(value)]

    def from_plain(self, plain: Any, path: str) -> Any:
        plain = read_part(plain)
        found = self._no_list(plain, path)
        if found:
            raise CodecError(found)
        return [self._item.from_plain(item, join(path, str(number))) for number, item in enumerate(plain)]

    def difference(self, value: Any, path: str) -> Optional[str]:
        return self._no_list(value, path) or first_of(
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

    def __init__(self, items: List[Node], kind: Any) -> None:
        self._items, self._type = items, kind
        self.has_large_values = any(node.has_large_values for node in self._items)
        self.needs = first_of(node.needs for node in self._items)

    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        found = self._count_differs(value, path)
        if found:
            raise CodecError(found)
        return [
            node.to_plain(item, join(path, str(number)), parts)
            for number, (node, item) in enumerate(self._pairs(value))
        ]

    def from_plain(self, plain: Any, path: str) -> Any:
        plain = read_part(plain)
        found = self._count_differs(plain, path)
        if found:
            raise CodecError(found)
        pairs = enumerate(self._pairs(plain))
        return self._type(node.from_plain(item, join(path, str(number))) for number, (node, item) in pairs)

    def difference(self, value: Any, path: str) -> Optional[str]:
        return self._count_differs(value, path) or first_of(
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
