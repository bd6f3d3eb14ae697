"""``schema.json`` as forms that can be compared whatever the codec: a kind, facts about it, and parts with forms.

What a codec derives from a sample is plain data that the codec alone understands. Here each is turned into a
:class:`Form`, without its library. What is not known, of a codec of the user or of a later version, becomes facts that
are compared as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cdk_modelbuilder.comparing.json_data import leaves, place_of

_MOST_LEVELS: Final = 40
_NUMPY_DTYPE: Final = re.compile(r"([<>|=]?)([biufcmMUSV])(\d+)(\[.*\])?")
_NUMPY_KINDS: Final = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}
_ARROW_NAMES: Final = {"double": "float64", "float": "float32", "halffloat": "float16"}
_LISTS: Final = frozenset({"anyOf", "oneOf", "enum", "categories"})
"""Facts that are lists of what is allowed."""


@dataclass(frozen=True)
class Form:
    """What payloads look like.

    Attributes:
        kind: In a few words; payloads of two kinds never fit each other.
        facts: What else is known of it.
        parts: The forms inside, by name.
        noun: What a part is called.
        closed: Whether a payload has exactly these parts.
        optional: Names of parts that a payload need not have.
    """

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Form] = field(default_factory=dict)
    noun: str = "field"
    closed: bool = True
    optional: frozenset[str] = frozenset()

    def __str__(self) -> str:
        words = [self.kind, *(_fact_text(self.facts[name]) for name in ("dtype", "shape") if name in self.facts)]
        if self.parts:
            shown = [f"{name} {part}" for name, part in list(self.parts.items())[:6]]
            words.append(f"({', '.join(shown)}{', ...' if len(self.parts) > 6 else ''})")
        return " ".join(filter(None, words))


def form_of(codec: Any, spec: Any) -> Form:
    """The form of what a codec describes, whatever the two are."""
    return _form(codec, spec, _MOST_LEVELS)


def dtype_text(dtype: Any) -> Any:
    """A dtype as people call it: ``<f8`` is float64; text of any length is text. Others stay as they are."""
    if not isinstance(dtype, str):
        return dtype
    found = _NUMPY_DTYPE.fullmatch(dtype)
    if found is None:
        return _ARROW_NAMES.get(dtype, dtype)
    order, kind, size, unit = found.groups()
    if kind in _NUMPY_KINDS:
        name = "bool" if kind == "b" else f"{_NUMPY_KINDS[kind]}{8 * int(size)}"
        return f"{name}, big-endian" if order == ">" else name
    if kind in "mM":
        return f"{'timedelta64' if kind == 'm' else 'datetime64'}{unit or ''}"
    return {"U": "text", "S": "bytes"}.get(kind, dtype)


def _form(codec: Any, spec: Any, levels: int) -> Form:
    known = _CODECS.get(codec) if isinstance(codec, str) else None
    if known is None or not isinstance(spec, Mapping) or levels <= 0:
        return _unknown(str(codec), spec)
    try:
        return known(dict(spec), levels)
    except (AttributeError, KeyError, TypeError, ValueError):
        return _unknown(str(codec), spec)


def _unknown(kind: str, spec: Any) -> Form:
    return Form(kind, {place_of(path) or "spec": value for path, value in leaves(spec)})


def _rest(spec: dict[str, Any]) -> dict[str, Any]:
    """What a converter left of a spec, as facts."""
    return {place_of(path): value for path, value in leaves(spec) if path}


def _array(kind: str) -> Callable[[dict[str, Any], int], Form]:
    def convert(spec: dict[str, Any], _: int) -> Form:
        facts = {"dtype": dtype_text(spec.pop("dtype")), "shape": spec.pop("shape")}
        return Form(kind, {**facts, **_rest(spec)})

    return convert


def _pandas(spec: dict[str, Any], _: int) -> Form:
    columns, index, kind = spec.pop("columns"), spec.pop("index", []), spec.pop("kind")
    parts = {str(column["name"]): _pandas_column(dict(column)) for column in columns}
    if len(parts) < len(columns):
        raise ValueError("two columns of one name")
    levels = [f"{entry['name'] or 'no name'}: {entry['dtype']}" for entry in index]
    name = "pandas Series" if kind == "series" else "pandas DataFrame"
    return Form(name, {"index": levels, **_rest(spec)}, parts, noun="column")


def _pandas_column(column: dict[str, Any]) -> Form:
    facts = {"dtype": column.pop("dtype")}
    del column["name"]
    kind = column.pop("kind")
    if "categories" in column:
        facts["categories"] = column.pop("categories")
    # Whole numbers, fractions and those that may be missing are told apart by their dtype.
    words = "" if kind in ("number", "nullable") else str(kind)
    return Form(words, {**facts, **_rest(column)})


def _arrow(spec: dict[str, Any], _: int) -> Form:
    kind, columns = spec.pop("kind"), spec.pop("columns")
    parts = {str(column["name"]): Form("", {"dtype": dtype_text(column["type"])}) for column in columns}
    if len(parts) < len(columns):
        raise ValueError("two columns of one name")
    return Form(f"Arrow {kind}", _rest(spec), parts, noun="column")


def _polars(spec: dict[str, Any], levels: int) -> Form:
    enums, kind = spec.pop("enums", {}), spec.pop("kind")
    table = _arrow(dict(spec.pop("arrow")), levels)
    parts = {
        name: replace(part, facts={**part.facts, "categories": enums[name]}) if name in enums else part
        for name, part in table.parts.items()
    }
    name = "polars Series" if kind == "series" else "polars DataFrame"
    return replace(table, kind=name, parts=parts, facts=_rest(spec))


def _json(spec: dict[str, Any], _: int) -> Form:
    form = _json_form(spec.pop("form"))
    return replace(form, facts={**form.facts, **_rest(spec)})


def _json_form(form: Mapping[str, Any]) -> Form:
    """A document need not have the sample's keys, and may have others; null fits everywhere."""
    kind = form.get("kind", "null")
    if kind == "null":
        return Form("anything")
    if kind == "object":
        parts = {name: _json_form(inner) for name, inner in form["fields"].items()}
        return Form("object", {}, parts, closed=False, optional=frozenset(parts))
    if kind == "array":
        entries = {"[]": _json_form(form["items"])} if "items" in form else {}
        return Form("array", {}, entries, noun="entry", closed=False, optional=frozenset({"[]"}))
    return Form(str(kind))


def _scalar(spec: dict[str, Any], _: int) -> Form:
    return Form(str(spec.pop("kind")), _rest(spec))


def _named(kind: str) -> Callable[[dict[str, Any], int], Form]:
    return lambda spec, _: Form(kind, _rest(spec))


def _media(spec: dict[str, Any], _: int) -> Form:
    kind = spec.pop("kind")
    spec.pop("content_type", None)  # the first of the content types, which have lines of their own
    return Form(f"{kind} file", _rest(spec))


def _tree(spec: dict[str, Any], levels: int) -> Form:
    node = spec.pop("node")
    may_be_null = bool(spec.pop("optional", False))
    form = _TREE_NODES[node](spec, levels - 1)
    return replace(form, facts={**form.facts, "null": True}) if may_be_null else form


def _tree_leaf(spec: dict[str, Any], levels: int) -> Form:
    return _form(spec["codec"], spec["spec"], levels)


def _tree_dict(spec: dict[str, Any], levels: int) -> Form:
    parts = {str(name): _tree(dict(inner), levels) for name, inner in spec.pop("items")}
    return Form("dict", _rest(spec), parts)


def _tree_list(spec: dict[str, Any], levels: int) -> Form:
    return Form("list", {}, {"[]": _tree(dict(spec.pop("item")), levels)}, noun="entry")


def _tree_sequence(spec: dict[str, Any], levels: int) -> Form:
    parts = {f"[{index}]": _tree(dict(inner), levels) for index, inner in enumerate(spec.pop("items"))}
    return Form("sequence", _rest(spec), parts, noun="entry")


def _tree_record(spec: dict[str, Any], levels: int) -> Form:
    parts = {str(name): _tree(dict(inner), levels) for name, inner in spec.pop("fields")}
    return Form("record", _rest(spec), parts)


def _pydantic(spec: dict[str, Any], levels: int) -> Form:
    schema = dict(spec.pop("json_schema"))
    form = _json_schema(schema, schema.pop("$defs", {}), levels)
    return replace(form, facts={**form.facts, **_rest(spec)})


def _json_schema(schema: Mapping[str, Any], definitions: Mapping[str, Any], levels: int) -> Form:
    reference = schema.get("$ref")
    if isinstance(reference, str) and levels > 0:
        target = definitions.get(reference.rpartition("/")[2])
        if isinstance(target, Mapping):
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            return _json_schema({**target, **rest}, definitions, levels - 1)
    rest = dict(schema)
    kind = rest.pop("type", "")
    rest.pop("title", None)
    facts: dict[str, Any] = {name: rest.pop(name) for name in _LISTS if isinstance(rest.get(name), list)}
    for name in ("anyOf", "oneOf"):
        if name in facts:
            facts[name] = [_without_titles(option) for option in facts[name]]
    parts: dict[str, Form] = {}
    noun, closed, optional = "field", False, frozenset[str]()
    if levels > 0 and isinstance(rest.get("properties"), Mapping):
        properties = rest.pop("properties")
        parts = {str(name): _json_schema(inner, definitions, levels - 1) for name, inner in properties.items()}
        optional = frozenset(parts) - frozenset(rest.pop("required", ()))
        closed = rest.pop("additionalProperties", None) is False
    elif levels > 0 and isinstance(rest.get("items"), Mapping):
        parts, noun = {"[]": _json_schema(rest.pop("items"), definitions, levels - 1)}, "entry"
    return Form(str(kind), {**facts, **_rest(rest)}, parts, noun, closed=closed, optional=optional)


def _without_titles(option: Any) -> Any:
    if not isinstance(option, Mapping):
        return option
    return {name: value for name, value in option.items() if name not in ("title", "description")}


def _stream(spec: dict[str, Any], levels: int) -> Form:
    return Form("stream", {}, {"[]": _form(spec["codec"], spec["spec"], levels - 1)}, noun="item")


def _message(kind: str) -> Callable[[dict[str, Any], int], Form]:
    """The form of a value in the messages of a model server's own protocol."""

    def read(spec: dict[str, Any], levels: int) -> Form:
        item = spec["item"]
        parts = {"value": _form(item["codec"], item["spec"], levels - 1)}
        for tensor in spec.get("tensors", ()):
            facts = {name: fact for name, fact in tensor.items() if name not in ("datatype", "name")}
            parts[f"tensor {tensor['name']}"] = Form(tensor["datatype"], facts)
        return Form(kind, {"form": spec["form"]}, parts, noun="part")

    return read


def _fact_text(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join("any" if size is None else str(size) for size in value)
    return str(value)


_TREE_NODES: Final[Mapping[str, Callable[[dict[str, Any], int], Form]]] = {
    "leaf": _tree_leaf,
    "dict": _tree_dict,
    "list": _tree_list,
    "sequence": _tree_sequence,
    "record": _tree_record,
}

_CODECS: Final[Mapping[str, Callable[[dict[str, Any], int], Form]]] = {
    "numpy": _array("NumPy array"),
    "torch": _array("torch Tensor"),
    "tensorflow": _array("TensorFlow Tensor"),
    "scipy": _array("scipy sparse array"),
    "pandas": _pandas,
    "pyarrow": _arrow,
    "polars": _polars,
    "json": _json,
    "scalar": _scalar,
    "text": _named("text"),
    "bytes": _named("bytes"),
    "image": _named("image"),
    "media": _media,
    "translator": _named("payload of a translator"),
    "tree": _tree,
    "pydantic": _pydantic,
    "stream": _stream,
    "named_tensors": _message("named tensors"),
    "mlflow_messages": _message("message of MLflow's"),
}
