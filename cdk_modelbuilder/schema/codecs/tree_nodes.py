"""Opens the nodes of a tree from their spec."""

from __future__ import annotations

from typing import Any, Dict

from .payload_errors import CodecError
from .tree_containers import DictNode, ListNode, SequenceNode
from .tree_leaf import Leaf
from .tree_node import Node
from .tree_records import OptionalNode, RecordNode


def open_node(spec: Dict[str, Any]) -> Node:
    """The node that ``spec`` describes, with all that is below it. Raises CodecError for a kind that is not known."""
    node = _opened(spec)
    return OptionalNode(node) if spec.get("optional") else node


def _opened(spec: Dict[str, Any]) -> Node:
    kind = spec["node"]
    if kind == "leaf":
        return Leaf(spec)
    if kind == "dict":
        return DictNode({key: open_node(inner) for key, inner in spec["items"]}, reads_ints=spec["keys"] == "integers")
    if kind == "list":
        return ListNode(open_node(spec["item"]))
    if kind == "sequence":
        return SequenceNode(list(map(open_node, spec["items"])), tuple if spec["type"] == "tuple" else list)
    if kind == "record":
        return RecordNode(spec["class"], {name: open_node(inner) for name, inner in spec["fields"]})
    raise CodecError(f"the schema has a node of an unknown kind, {kind!r}.")
