"""From a sample to the spec of a tree: what is alike in a list becomes one node, what differs is left open."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Dict, List, Optional, Set

from .class_references import reference_to
from .json_values import form_of, is_plain, merged
from .payload_errors import CodecError
from .registry import describe_sample
from .tree_places import at, join

_MAX_DEPTH = 40
_MAX_LENGTH_OF_INT = 30


def describe_node(sample: Any, path: str, depth: int = 0) -> Dict[str, Any]:
    """The spec of a tree like ``sample``. Raises CodecError, naming the place, for what has no codec."""
    if depth > _MAX_DEPTH:
        raise CodecError(f"the sample is nested more than {_MAX_DEPTH} deep.")
    if is_plain(sample):
        return {"node": "leaf", "codec": "json", "spec": {"form": form_of(sample)}}
    if dataclasses.is_dataclass(sample) and not isinstance(sample, type):
        optional = _optional_fields(type(sample))
        fields = []
        for field in dataclasses.fields(sample):
            node = describe_node(getattr(sample, field.name), join(path, field.name), depth + 1)
            fields.append([field.name, {**node, "optional": True} if field.name in optional else node])
        return {"node": "record", "class": reference_to(type(sample)), "fields": fields}
    if isinstance(sample, dict):
        keys = _kind_of_keys(sample, path)
        # A list of pairs, because the order of a dict's keys comes back too.
        items = [[str(key), describe_node(item, join(path, str(key)), depth + 1)] for key, item in sample.items()]
        return {"node": "dict", "keys": keys, "items": items}
    if type(sample) in (list, tuple):
        nodes = [describe_node(item, join(path, str(number)), depth + 1) for number, item in enumerate(sample)]
        common = _common(nodes)
        if type(sample) is list and common is not None:
            return {"node": "list", "item": common}
        return {"node": "sequence", "type": type(sample).__name__, "items": nodes}
    try:
        found = describe_sample(sample, but=("tree",))
    except CodecError as error:
        raise CodecError(at(path, str(error))) from None
    if found is None:
        kind = f"{type(sample).__module__}.{type(sample).__qualname__}"
        raise CodecError(at(path, f"a {kind} has no codec."))
    return {"node": "leaf", "codec": found[0], "spec": found[1]}


def _optional_fields(kind: type) -> Set[str]:
    """Fields of a dataclass that its annotations let be None."""
    try:
        hints = typing.get_type_hints(kind)
    except Exception:  # noqa: BLE001 - names that only a type checker sees
        return set()
    return {name for name, hint in hints.items() if type(None) in typing.get_args(hint)}


def _kind_of_keys(sample: Dict[Any, Any], path: str) -> str:
    if all(isinstance(key, str) for key in sample):
        return "text"
    if all(type(key) is int and len(str(key)) < _MAX_LENGTH_OF_INT for key in sample):
        return "integers"
    raise CodecError(at(path, f"the keys {list(sample)[:5]} are neither all text nor all integers."))


def _common(nodes: List[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """The one node that all of ``nodes`` are, with what differs between them left open; None if they are not alike."""
    if not nodes:
        return None
    first = nodes[0]
    if all(node == first for node in nodes):
        return first
    if any(node["node"] != first["node"] or node.get("codec") != first.get("codec") for node in nodes):
        return None
    if first["node"] == "leaf":
        if first["codec"] == "json":
            return {**first, "spec": {"form": merged([node["spec"]["form"] for node in nodes])}}
        return _common_leaf(nodes)
    if first["node"] == "dict":
        every = [dict(node["items"]) for node in nodes]
        if all(items.keys() == every[0].keys() for items in every):
            inner = [[key, _common([items[key] for items in every])] for key in every[0]]
            return None if any(common is None for _, common in inner) else {**first, "items": inner}
    return None


def _common_leaf(nodes: List[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    specs = [node["spec"] for node in nodes]
    shapes = [spec.get("shape") for spec in specs]
    others = [{key: item for key, item in spec.items() if key != "shape"} for spec in specs]
    if None in shapes or any(len(shape) != len(shapes[0]) for shape in shapes) or any(o != others[0] for o in others):
        return None
    shape = [sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes)]  # noqa: B905 - Python 3.8
    return {**nodes[0], "spec": {**others[0], "shape": shape}}
