"""Values that JSON holds: numbers, booleans, None, text inside, lists and dicts of them.

One sample of a document does not tell which of its keys may be left out. So a document need not have the sample's keys,
and may have others; what it has must be of the sample's kind. null fits everywhere.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, ClassVar, Dict, Iterable, List, Optional, Set

from .base import Codec

_KINDS = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object", list: "array"}
_EXAMPLES: Dict[str, Any] = {"boolean": True, "number": 0, "string": "text", "object": {}, "array": []}
_PLAIN_TYPES: Dict[str, Set[Any]] = {
    "boolean": {bool, type(None)},
    "number": {int, float, type(None)},
    "string": {str, type(None)},
    "object": {dict, type(None)},
    "array": {list, type(None)},
}
_MAX_DEPTH = 60


class JsonCodec(Codec):
    """JSON documents. What was an int and comes as a float is left as it is."""

    name: ClassVar[str] = "json"

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        return {"form": form_of(sample)} if is_plain(sample) and not isinstance(sample, str) else None

    def to_plain(self, value: Any) -> Any:
        return value

    def from_plain(self, plain: Any) -> Any:
        return self.checked(plain)

    def difference(self, value: Any) -> Optional[str]:
        found = misfit(value.tolist() if hasattr(value, "tolist") else value, self.spec["form"], "")
        return None if found is None else found + "."

    def summary(self) -> str:
        return f"JSON {self.spec['form'].get('kind', 'value')}"

    def json_schema(self) -> Dict[str, Any]:
        return _schema(self.spec["form"])

    def example(self) -> Any:
        return _example(self.spec["form"])


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether ``value`` is just what JSON gives back: no tuple, no key that is not text, no object."""
    if depth > _MAX_DEPTH:
        return False
    if value is None or isinstance(value, (bool, int, float, str)):
        return True
    if type(value) is list:
        return all(is_plain(item, depth + 1) for item in value)
    return type(value) is dict and all(
        isinstance(key, str) and is_plain(item, depth + 1) for key, item in value.items()
    )


def form_of(value: Any) -> Dict[str, Any]:
    """What is kept of a plain sample: its kind and the forms inside; ``{}`` where anything fits."""
    if value is None:
        return {"kind": "null"}
    kind = _KINDS.get(type(value)) or next((name for base, name in _KINDS.items() if isinstance(value, base)), None)
    if kind is None:
        return {}
    form: Dict[str, Any] = {"kind": kind}
    if kind == "object":
        form["fields"] = {key: form_of(item) for key, item in sorted(value.items())}
    elif kind == "array" and value:
        form["items"] = merged([form_of(item) for item in value])
    return form


def merged(forms: List[Dict[str, Any]]) -> Dict[str, Any]:
    """The form that all of ``forms`` have; ``{}`` where they are of different kinds."""
    first = forms[0]
    if all(form == first for form in forms):
        return first
    known = [form for form in forms if form.get("kind") != "null"]
    if any(form.get("kind") != known[0].get("kind") for form in known) or not known[0]:
        return {}
    both: Dict[str, Any] = {"kind": known[0]["kind"]}
    if both["kind"] == "object":
        names = sorted({name for form in known for name in form["fields"]})
        both["fields"] = {
            name: merged([form["fields"][name] for form in known if name in form["fields"]]) for name in names
        }
    items = [form["items"] for form in known if "items" in form]
    if items:
        both["items"] = merged(items)
    return both


def misfit(value: Any, form: Dict[str, Any], place: str) -> Optional[str]:
    """What keeps a plain ``value`` from having ``form``, with the place; None if it has."""
    if value is None or form.get("kind", "null") == "null":
        return None
    if _all_have([value], form):
        return None
    return _misfit(value, form, place)


def _all_have(values: Iterable[Any], form: Dict[str, Any]) -> bool:
    """Whether it is seen at once, without a walk through each, that all ``values`` have ``form``."""
    kind, inner = form.get("kind", "null"), form.get("items")
    if kind == "null" or not set(map(type, values)) <= _PLAIN_TYPES[kind]:
        return bool(kind == "null")
    if kind == "array" and inner:
        cells = chain.from_iterable(filter(None, values))
        return _all_have(cells if inner["kind"] in ("boolean", "number", "string") else list(cells), inner)
    if kind == "object":
        return all(
            _all_have([value[name] for value in values if value and name in value], field)
            for name, field in form["fields"].items()
        )
    return True


def _misfit(value: Any, form: Dict[str, Any], place: str) -> Optional[str]:
    if value is None or form.get("kind", "null") == "null":
        return None
    kind, got = form["kind"], kind_of(value)
    if got != kind:
        at = f" at {place}" if place else ""
        return f"expected a JSON {kind}{at}, got a JSON {got}"
    if kind == "object":
        for name, inner in form["fields"].items():
            if name in value:
                found = _misfit(value[name], inner, f"{place}/{name}")
                if found:
                    return found
    elif kind == "array" and form.get("items"):
        for number, item in enumerate(value):
            found = _misfit(item, form["items"], f"{place}/{number}")
            if found:
                return found
    return None


def kind_of(value: Any) -> str:
    """The name of a value's kind in JSON, or of its type where it has none."""
    if value is None:
        return "null"
    for base, name in _KINDS.items():
        if isinstance(value, base) or (name == "array" and isinstance(value, tuple)):
            return name
    if hasattr(value, "tolist"):
        return kind_of(value.tolist())
    return type(value).__name__


def _schema(form: Dict[str, Any]) -> Dict[str, Any]:
    if form.get("kind", "null") == "null":
        return {}
    schema: Dict[str, Any] = {"type": [form["kind"], "null"]}
    if form.get("fields"):
        schema["properties"] = {name: _schema(inner) for name, inner in form["fields"].items()}
    if form.get("items"):
        schema["items"] = _schema(form["items"])
    return schema


def _example(form: Dict[str, Any]) -> Any:
    if form.get("kind", "null") == "null":
        return None
    if form["kind"] == "object":
        return {name: _example(inner) for name, inner in form["fields"].items()}
    if form["kind"] == "array" and "items" in form:
        return [_example(form["items"])]
    return _EXAMPLES[form["kind"]]


CODEC = JsonCodec
