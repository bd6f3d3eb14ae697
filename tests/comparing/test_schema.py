"""Schemas of every kind of payload: what is said of a change, held against what the codecs themselves take."""

from __future__ import annotations

import copy
import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder import SchemaBuilder
from cdk_modelbuilder.comparing import Mark
from cdk_modelbuilder.comparing.bundles.bundle_text import BundleText
from cdk_modelbuilder.comparing.bundles.payload_forms import form_of
from cdk_modelbuilder.comparing.bundles.schema_section import holds_all, schema_section
from cdk_modelbuilder.comparing.report import ABSENT, Change
from cdk_modelbuilder.comparing.trees import NoTree
from cdk_modelbuilder.schema.codecs import CodecError
from cdk_modelbuilder.schema.codecs.registry import CODEC_MODULES
from cdk_modelbuilder.schema.schema_builder import schema_json
from cdk_modelbuilder.schema.tensor_schema import as_named_tensors
from tests.payloads.cases import CASES
from tests.payloads.test_matrix import SLOW_LIBRARIES

INSTALLED = [
    pytest.param(case, id=case.name, marks=[pytest.mark.slow] * (case.library in SLOW_LIBRARIES))
    for case in CASES
    if not case.missing
]


def schema_of(sample: Any, output: Any = "x", **options: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return json.loads(json.dumps(schema_json(SchemaBuilder(sample, output, **options).marshaller)))


def lines(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    sections = schema_section(*(BundleText(NoTree(), {}, schema=schema) for schema in (old, new)))
    return [change for item in sections for group in item.groups for change in group.changes]


def marks(old: Any, new: Any) -> set[Mark]:
    """The marks for two samples of the input."""
    return {mark for change in lines(schema_of(old), schema_of(new)) for mark in change.marks}


@pytest.mark.parametrize("case", INSTALLED)
def test_every_kind_of_payload_has_a_form(case):
    schema = schema_of(case.make())["input"]
    form = form_of(schema["codec"], schema["spec"])
    assert form.kind != schema["codec"] or schema["codec"] in ("text", "bytes", "image")  # else it is a mere fallback
    assert str(form)
    assert not lines({"input": schema}, {"input": copy.deepcopy(schema)})


def test_every_codec_of_the_package_is_known():
    from cdk_modelbuilder.comparing.bundles.payload_forms import _CODECS

    assert set(_CODECS) == set(CODEC_MODULES)


def test_tensors_of_a_servers_protocol_are_told():
    def of(sample: Any) -> dict[str, Any]:
        return schema_json(as_named_tensors(SchemaBuilder(sample, sample).marshaller))

    assert lines(of(np.zeros((2, 3))), of(np.zeros((2, 3)))) == []
    changes = lines(of({"a": np.zeros((2, 3))}), of({"a": np.zeros((2, 4), "f4")}))
    assert any("tensor a" in str(change) for change in changes)


@pytest.mark.parametrize("case", INSTALLED)
def test_any_change_of_a_spec_is_told(case):
    """Whatever plain value of a spec is another one, there is a line."""
    schema = schema_of(case.make())["input"]

    def places(value: Any, path: tuple = ()):
        if isinstance(value, dict):
            for key in value:
                yield from places(value[key], (*path, key))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield from places(inner, (*path, index))
        else:
            yield path

    for path in places(schema["spec"], ("spec",)):
        other = copy.deepcopy(schema)
        parent = other
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = "something else"
        assert lines({"input": schema}, {"input": other}), path
        assert lines({"output": other}, {"output": schema}), path


DTYPES = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def extremes(dtype: str) -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return np.array([True, False])
    limits = np.iinfo(kind) if kind.kind in "iu" else np.finfo(kind)
    return np.array([limits.min, limits.max, 1], kind)


@pytest.mark.parametrize("old", DTYPES)
@pytest.mark.parametrize("new", DTYPES)
def test_what_is_called_compatible_is_taken_by_the_codec(old, new):
    """Requests of the old schema, with the largest values that it has, against the new one."""
    if old == new:
        return
    said = marks(np.ones(2, old), np.ones(2, new))
    before, after = (SchemaBuilder(np.ones(2, dtype), "x").marshaller for dtype in (old, new))
    body, content_type = before.encode_request(extremes(old))
    try:
        found = after.decode_request(body, content_type)
        taken = bool(np.isfinite(found.astype("f8")).all())
    except CodecError:
        taken = False
    if Mark.COMPATIBLE in said:
        assert taken
    if not taken:
        assert said == {Mark.BREAKING}


@pytest.mark.parametrize(
    ("old", "new", "taken"),
    [
        ({"a": [1], "b": [2]}, {"a": [1]}, False),
        ({"a": [1]}, {"a": [1], "b": [2]}, False),
        ({"a": [1], "b": [2]}, {"b": [1], "a": [2]}, True),
        ({"a": [1]}, {"a": [1.5]}, True),
        ({"a": [1.5]}, {"a": [1]}, False),
        ({"a": [1]}, {"a": ["x"]}, False),
        ({"a": pd.array([1], "Int64")}, {"a": [1]}, False),
        ({"a": [1]}, {"a": pd.array([1], "Int64")}, True),
        ({"a": pd.Categorical(["x"])}, {"a": pd.Categorical(["x"], categories=["x", "y"])}, True),
        ({"a": pd.Categorical(["x"], categories=["x", "y"])}, {"a": pd.Categorical(["x"])}, False),
    ],
)
def test_tables_are_judged_as_the_codec_takes_them(old, new, taken):
    samples = [pd.DataFrame(columns) for columns in (old, new)]
    said = marks(*samples)
    before, after = (SchemaBuilder(sample, "x").marshaller for sample in samples)
    sent = samples[0].copy()
    if sent["a"].dtype == "Int64":
        sent["a"] = pd.array([None], "Int64")
    elif sent["a"].dtype == "float64":
        sent["a"] = [0.5]
    elif sent["a"].dtype == "category":
        sent["a"] = pd.Categorical([sent["a"].cat.categories[-1]], categories=sent["a"].cat.categories)
    try:
        after.decode_request(*before.encode_request(sent))
        found = True
    except CodecError:
        found = False
    assert found == taken
    assert (Mark.BREAKING in said) == (not taken)


def test_a_renamed_column_is_told_as_one():
    old = schema_of(pd.DataFrame({"a": [1], "size": [2.5], "c": ["x"]}))
    new = schema_of(pd.DataFrame({"a": [1], "area": [2.5], "c": ["x"]}))
    (line,) = lines(old, new)
    assert (line.what, line.old, line.new, line.marks) == ("column renamed", "size", "area", (Mark.BREAKING,))


def test_an_order_of_columns_matters_where_they_have_no_names():
    old, new = (schema_of(pd.DataFrame({name: [1] for name in names})) for names in ("ab", "ba"))
    (line,) = lines(old, new)
    assert (line.what, line.old, line.new, line.marks) == ("order of columns", ["a", "b"], ["b", "a"], (Mark.UNCLEAR,))
    assert "CSV without a header" in line.note


def test_content_types():
    schema = schema_of(np.ones((2, 2)))
    native, other, *rest = schema["input"]["content_types"]
    without = copy.deepcopy(schema)
    without["input"]["content_types"] = [native, *rest]
    (line,) = lines(schema, without)
    assert (line.old, line.new, line.marks) == (other, ABSENT, (Mark.BREAKING,))
    (line,) = lines(without, schema)
    assert (line.old, line.new, line.marks) == (ABSENT, other, (Mark.COMPATIBLE,))
    turned = copy.deepcopy(schema)
    turned["input"]["content_types"] = [other, native, *rest]
    (line,) = lines(schema, turned)
    assert (line.old, line.new, line.marks) == (native, other, (Mark.BREAKING,))
    assert "without Content-Type" in line.note


def test_shapes():
    def mark_of(direction: str, old: tuple, new: tuple, **axes: Any) -> Mark:
        def make(shape: tuple, free: tuple) -> dict[str, Any]:
            sample = np.ones(shape)
            given = (sample, "x") if direction == "input" else ("x", sample)
            return schema_of(*given, free_axes=free)

        found = lines(make(old, axes.get("before", (0,))), make(new, axes.get("after", (0,))))
        (line,) = [item for item in found if item.what == "shape"]  # beside a CSV form that three axes do not have
        return line.marks[0]

    assert mark_of("input", (2, 3), (2, 4)) == Mark.BREAKING
    assert mark_of("input", (2, 3), (2, 3, 1)) == Mark.BREAKING
    assert mark_of("input", (2, 3), (2, 3), after=(0, 1)) == Mark.COMPATIBLE
    assert mark_of("input", (2, 3), (2, 3), before=(0, 1)) == Mark.BREAKING
    assert mark_of("output", (2, 3), (2, 3), after=(0, 1)) == Mark.BREAKING
    assert mark_of("output", (2, 3), (2, 3), before=(0, 1)) == Mark.COMPATIBLE


def test_outputs_break_where_readers_would_see_something_else():
    frame = pd.DataFrame({"a": [1]})
    wider = pd.DataFrame({"a": [1], "b": [2]})
    (line,) = lines(schema_of("x", frame), schema_of("x", wider))
    assert line.marks == (Mark.BREAKING,)
    (line,) = lines(schema_of("x", np.ones(2, "i4")), schema_of("x", np.ones(2, "i8")))
    assert (line.old, line.new, line.marks) == ("int32", "int64", (Mark.BREAKING,))


def test_another_codec():
    (line, *_) = [
        line for line in lines(schema_of(np.ones(2)), schema_of(pd.DataFrame({"a": [1.0]}))) if "kind" in line.what
    ]
    assert line.marks == (Mark.BREAKING,)
    assert (line.old, line.new) == ("NumPy array float64 any", "pandas DataFrame (a float64)")


def test_documents_may_have_other_keys():
    """As docs/payloads.md says: what a document has must be of the sample's kind, and null fits everywhere."""
    old, new = {"a": 1, "b": {"c": "x"}}, {"a": 1, "b": {"c": "x", "d": 1}, "e": [1]}
    assert marks(old, new) == {Mark.COMPATIBLE}
    assert marks(new, old) == {Mark.COMPATIBLE}
    (line,) = lines(schema_of(old), schema_of({"a": "1", "b": {"c": "x"}}))
    assert (line.what, line.marks) == ("field \x02a\x03: kind", (Mark.BREAKING,))
    assert marks({"a": 1}, {"a": None}) == {Mark.COMPATIBLE}
    gone = lines(schema_of("x", new), schema_of("x", old))
    assert {mark for line in gone for mark in line.marks} == {Mark.BREAKING}


def test_trees_are_compared_inside():
    old = {"image": np.zeros((2, 2, 3), "u1"), "rows": pd.DataFrame({"a": [1]})}
    new = {"image": np.zeros((2, 2, 4), "u1"), "rows": pd.DataFrame({"a": [1.5]}), "more": 1}
    found = {line.what: line.marks for line in lines(schema_of(old), schema_of(new))}
    assert found == {
        "field": (Mark.BREAKING,),
        "field \x02image\x03: shape": (Mark.BREAKING,),
        "field \x02rows\x03, column \x02a\x03: dtype": (Mark.COMPATIBLE,),
    }


def test_pydantic_models():
    def schema(required: list[str], **properties: Any) -> dict[str, Any]:
        spec = {"class": "m:Order", "json_schema": {"type": "object", "properties": properties, "required": required}}
        return {"input": {"codec": "pydantic", "content_types": ["application/json"], "spec": spec}}

    text, number = {"type": "string"}, {"type": "integer"}
    base = schema(["item"], item=text)

    def judged(new: dict[str, Any], old: dict[str, Any] = base) -> set[Mark]:
        return {mark for line in lines(old, new) for mark in line.marks}

    assert judged(schema(["item"], item=text, count=number)) == {Mark.COMPATIBLE}
    assert judged(schema(["item", "count"], item=text, count=number)) == {Mark.BREAKING}
    assert judged(schema([], item=text)) == {Mark.COMPATIBLE}
    assert judged(base, schema([], item=text)) == {Mark.BREAKING}
    assert judged(schema(["item"], item=number)) == {Mark.BREAKING}
    assert judged(schema(["item"], item={**text, "maxLength": 3})) == {Mark.UNCLEAR}
    choices = schema(["item"], item={"anyOf": [text, {"type": "null"}]})
    fewer = schema(["item"], item={"anyOf": [text]})
    assert judged(fewer, choices) == {Mark.BREAKING}
    assert judged(choices, fewer) == {Mark.COMPATIBLE}


def test_recursive_models_end():
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": []}
    spec = {"class": "m:Node", "json_schema": {"$ref": "#/$defs/Node", "$defs": {"Node": node}}}
    schema = {"input": {"codec": "pydantic", "content_types": [], "spec": spec}}
    assert not lines(schema, copy.deepcopy(schema))
    other = copy.deepcopy(schema)
    other["input"]["spec"]["json_schema"]["$defs"]["Node"]["properties"]["name"] = {"type": "string"}
    assert lines(schema, other)


def test_codecs_of_the_user_are_compared_as_they_are():
    old = {
        "input": {"codec": "money", "class": "m:MoneyCodec", "content_types": ["a/b"], "spec": {"cents": [1, {"x": 2}]}}
    }
    new = copy.deepcopy(old)
    new["input"]["spec"]["cents"][1]["x"] = 3
    (line,) = lines(old, new)
    assert (line.what, line.old, line.new, line.marks) == ("\x02cents[1].x\x03", 2, 3, (Mark.UNCLEAR,))
    new["input"]["class"] = "n:MoneyCodec"
    assert {line.what for line in lines(old, new)} == {"\x02cents[1].x\x03", "\x02class\x03"}


def test_numbers_hold_each_other_as_they_should():
    assert holds_all("int64", "int32")
    assert holds_all("Int64", "int64")
    assert not holds_all("int64", "Int64")
    assert not holds_all("uint64", "int8")
    assert holds_all("int16", "uint8")
    assert holds_all("float64", "int64")
    assert not holds_all("float16", "uint16")
    assert not holds_all("datetime64[s]", "int64")
    assert not holds_all("text", "int8")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
CODECS = st.sampled_from([*CODEC_MODULES, "other"])
SPECS = st.dictionaries(
    st.sampled_from(["kind", "columns", "dtype", "shape", "form", "node", "items", "fields", "item", "json_schema",
                     "properties", "$ref", "enums", "arrow", "index", "codec", "spec", "class", "type"]), JSON,
    max_size=6,
)  # fmt: skip


@given(codec=CODECS, old=JSON | SPECS, new=JSON | SPECS)
def test_no_spec_is_too_odd(codec, old, new):
    before, after = ({"input": {"codec": codec, "content_types": [], "spec": spec}} for spec in (old, new))
    assert bool(lines(before, after)) == (json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True))
