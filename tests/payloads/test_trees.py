"""Dicts, lists and dataclasses that hold more than JSON does: structure, multipart bodies, messages with the place."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json

import numpy as np
import pytest
from PIL import Image

from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.schema.codecs import CodecError, decode
from cdk_modelbuilder.schema.codecs.multipart import Part, read_multipart, write_multipart
from cdk_modelbuilder.schema.schema_builder import derive_codec
from tests.payloads.equality import same

JSON, MULTIPART = "application/json", "multipart/form-data"


def form(*parts: tuple[str, str | None, bytes], boundary: bytes = b"----curl") -> bytes:
    """A body as `curl -F` writes it."""
    body = b""
    for name, content_type, data in parts:
        head = f'Content-Disposition: form-data; name="{name}"; filename="x"\r\n'
        head += f"Content-Type: {content_type}\r\n" if content_type else ""
        body += b"--" + boundary + b"\r\n" + head.encode() + b"\r\n" + data + b"\r\n"
    return body + b"--" + boundary + b"--\r\n"


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), "red").save(buffer, "PNG")
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_a_form_as_curl_sends_it():
    codec = derive_codec({"image": Image.new("RGB", (1, 1)), "threshold": 0.5, "tag": "x", "x": np.zeros(2)}, "sample")
    body = form(
        ("image", "image/png", png()),
        ("threshold", None, b"0.25"),
        ("tag", None, "Łódź".encode()),
        ("x", "application/octet-stream", npy(np.ones(3))),
    )
    for content_type in (f"{MULTIPART}; boundary=----curl", f'{MULTIPART}; boundary="----curl"', MULTIPART):
        found = decode(codec, body, content_type)
        assert found["image"].getpixel((0, 0)) == (255, 0, 0)
        assert (found["threshold"], found["tag"], found["x"].tolist()) == (0.25, "Łódź", [1, 1, 1])


def test_parts_may_be_json_too():
    codec = derive_codec({"x": np.zeros(2), "n": [1]}, "sample")
    found = decode(codec, form(("x", JSON, b"[1, 2]"), ("n", JSON, b"[3]")), f"{MULTIPART}; boundary=----curl")
    assert same(found, {"x": np.array([1.0, 2.0]), "n": [3]})


@pytest.mark.parametrize(
    "sample",
    [
        {"a/b": np.zeros(1), "~": {"": b"x"}, 'q"\\': [b"y"], "é": np.ones(2)},
        {"deep": [{"x": [np.zeros(1), np.zeros(2)]}, {"x": []}]},
        [{"at": dt.date(2020, 1, 1), "raw": b""}],
        {"empty list": [], "empty dict": {}, "x": b""},
        {"t": (), "u": (b"", (1, b"x"))},
        {"boundary": b"--x\r\n--" + b"0" * 32 + b"\r\n"},
    ],
    ids=lambda sample: json.dumps(sample, default=str)[:40],
)
def test_odd_names_and_empty_things(sample):
    codec = derive_codec(sample, "sample")
    for content_type in codec.content_types:
        body = codec.encode(sample, content_type)
        assert same(decode(codec, body, codec.label(content_type, body)), sample)


def test_the_boundary_is_never_inside_of_a_part():
    part = Part("a", "x/y", b"data")
    boundary = bytes(write_multipart([part])[2:34])
    for data in (boundary, b"--" + boundary + b"--\r\n", b"\r\n--" + boundary + b"\r\n"):
        tricky = [Part("a", "x/y", b"data" * 2000 + data)]
        body = write_multipart(tricky)
        (found,) = read_multipart(body, bytes(body[2:34]).decode())
        assert bytes(found.data) == tricky[0].data


def test_the_same_value_gives_the_same_bytes():
    sample = {"x": np.arange(3), "raw": b"x"}
    codec = derive_codec(sample, "sample")
    assert codec.encode(sample, MULTIPART) == codec.encode(sample, MULTIPART)


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ({"x": [1]}, r"expected the keys \['x', 'y'\]; missing: \['y'\]"),
        ({"x": [1], "y": [], "z": 1}, r"unexpected: \['z'\]"),
        ({"x": ["a"], "y": []}, "at x: expected numbers"),
        ({"x": [1], "y": [{"at": "2020-01-01"}, {"at": "soon"}]}, "at y/1/at: expected a date, got 'soon'"),
        ({"x": [1], "y": {}}, "at y: expected a list, got a object"),
        ([], r"expected an object with the keys \['x', 'y'\], got a array"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(body, match):
    codec = derive_codec({"x": np.zeros(1), "y": [{"at": dt.date(2020, 1, 1)}]}, "sample")
    with pytest.raises(CodecError, match=match):
        decode(codec, json.dumps(body).encode(), JSON)


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b"", "boundary"),
        (b"----curl", "cut short|not in it"),
        (b"------curl\r\n", "cut short"),
        (form(("nowhere/0", None, b"1")), "unexpected|has no place"),
        (form(("x", "application/x-npy", b"no")), "at x: the body is not a .npy array"),
        (form(("x", "image/png", b"no")), "at x: content type 'image/png' is not supported"),
        (form(("/", JSON, b"5"), ("x", None, b"1")), "has no place"),
        (form(("x", None, b"\xff")), "at x: "),
        (b"------curl\r\nX: y\r\n\r\n1\r\n------curl--\r\n", "has no name"),
        (b"------curl\r\n" + b"a" * 5000 + b"\r\n------curl--\r\n", "no header, or one over"),
        (b"------curl\r\n\r\n\r\n" * 10_002, "more than 10000 parts|has no name"),
    ],
)
def test_forms_that_are_none(body, match):
    codec = derive_codec({"x": np.zeros(1)}, "sample")
    with pytest.raises(CodecError, match=match):
        decode(codec, body, f"{MULTIPART}; boundary=----curl")


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: np.ndarray
    doubled: float = dataclasses.field(init=False, default=0.0)

    def __post_init__(self):
        object.__setattr__(self, "doubled", float(self.x.sum()) * 2)


@dataclasses.dataclass
class Slotted:
    __slots__ = ("inner", "pair")
    inner: Frozen
    pair: tuple


@dataclasses.dataclass
class Picky:
    n: int
    raw: bytes

    def __post_init__(self):
        if self.n < 0:
            raise ValueError("n is negative")


def test_dataclasses_of_every_kind():
    sample = Slotted(Frozen(np.array([1.5])), (1, "x"))
    codec = derive_codec(sample, "sample")
    for content_type in codec.content_types:
        body = codec.encode(sample, content_type)
        found = decode(codec, body, codec.label(content_type, body))
        assert type(found) is Slotted
        assert type(found.inner) is Frozen
        assert (found.inner.x.tolist(), found.inner.doubled, found.pair) == ([1.5], 3.0, (1, "x"))


def test_what_a_dataclass_itself_refuses_is_the_requests_fault():
    codec = derive_codec(Picky(1, b""), "sample")
    with pytest.raises(CodecError, match="Picky refuses these fields: n is negative"):
        decode(codec, b'{"n": -1, "raw": ""}', JSON)
    with pytest.raises(CodecError, match=r"missing: \['raw'\]"):
        codec.encode({"n": 1}, JSON)
    assert decode(codec, codec.encode({"n": 1, "raw": b"x"}, JSON), JSON) == Picky(1, b"x")


@pytest.mark.parametrize(
    ("sample", "match"),
    [
        ({"a": {1, 2}}, "at a: a builtins.set has no codec"),
        ([b"", [object()]], "at 1/0: a builtins.object has no codec"),
        ({1: b"", "a": b""}, "neither all text nor all integers"),
        ({"x": np.array([None])}, "at x: a NumPy array of Python objects"),
    ],
)
def test_samples_without_a_codec_are_told_with_the_place(sample, match):
    with pytest.raises(SchemaError, match=match):
        derive_codec(sample, "sample")


def test_alike_items_of_a_list_leave_open_what_differs():
    codec = derive_codec([np.zeros((2, 3)), np.zeros((5, 4))], "sample")
    assert codec.spec["item"]["spec"]["shape"] == [None, None]
    value = [np.ones((1, 9))] * 3
    assert same(decode(codec, codec.encode(value, JSON), JSON), value)
    with pytest.raises(CodecError, match="at 0: expected an array"):
        decode(codec, b"[[1]]", JSON)


@dataclasses.dataclass
class Sensible:
    x: np.ndarray
    until: dt.date | None
    weights: np.ndarray | None = None


@dataclasses.dataclass
class SlottedParent:
    inner: Slotted


def test_fields_that_may_be_none():
    codec = derive_codec(Sensible(np.zeros(1), dt.date(2020, 1, 1), np.zeros(1)), "sample")
    for value in (Sensible(np.ones(1), None, None), Sensible(np.ones(1), dt.date(2021, 1, 1), np.ones(2))):
        assert codec.difference(value) is None
        for content_type in codec.content_types:
            body = codec.encode(value, content_type)
            assert same(decode(codec, body, codec.label(content_type, body)), value)
    with pytest.raises(CodecError, match="at x: "):
        decode(codec, b'{"x": null, "until": null, "weights": null}', JSON)


def test_a_dataclass_with_slots_inside_of_one_without():
    sample = SlottedParent(Slotted(Frozen(np.array([1.5])), (1, "x")))
    codec = derive_codec(sample, "sample")
    assert decode(codec, codec.encode(sample, JSON), JSON).inner.pair == (1, "x")


@dataclasses.dataclass
class Careless:
    raw: bytes

    def __post_init__(self):
        if self.raw == b"bad":
            raise KeyError("bad")


def test_whatever_a_dataclass_raises():
    codec = derive_codec(Careless(b""), "sample")
    with pytest.raises(CodecError, match="Careless refuses"):
        decode(codec, b'{"raw": "YmFk"}', JSON)


@pytest.mark.parametrize(
    "name", ["m/z", "m/k/0", "x/0", "l/\u00b2", "l/-1", "l/99", "l/99999999999999", "/", "//", "l"]
)
def test_parts_are_placed_at_nodes_only(name):
    codec = derive_codec({"m": {"k": 1}, "x": np.zeros(1), "l": [np.zeros(1)]}, "sample")
    root = json.dumps({"m": {"k": 1}, "x": [1], "l": [[1]]}).encode()
    body = form(("/", JSON, root), (name, "application/x-npy", npy(np.zeros(1))))
    with pytest.raises(CodecError):
        decode(codec, body, f"{MULTIPART}; boundary=----curl")


def test_many_keys_are_compared_at_once():
    codec = derive_codec({str(number): np.float32(0) for number in range(1000)}, "sample")
    with pytest.raises(CodecError, match="unexpected") as caught:
        decode(codec, json.dumps(dict.fromkeys(map(str, range(5, 300_000)), 0)).encode(), JSON)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("sample", [dt.date(2020, 1, 1), {"d": dt.timedelta(1)}, 1j], ids=str)
def test_deep_documents_in_place_of_a_scalar(sample):
    codec = derive_codec(sample, "sample")
    with pytest.raises(CodecError):
        decode(codec, b"[" * 900 + b"]" * 900, JSON)


@pytest.mark.parametrize("key", ["class", "codec", "spec", "node", "items", "fields"])
def test_documents_may_have_keys_that_a_schema_has_too(key):
    from cdk_modelbuilder.schema.codecs.registry import class_names, codec_names
    from cdk_modelbuilder.schema.schema_builder import SchemaBuilder, schema_json

    for sample in ({key: "a:b"}, {key: {key: 1}, "x": b""}, [{key: [{key: 1}], "x": np.zeros(1)}]):
        schema = schema_json(SchemaBuilder(sample, {key: 0.9}).marshaller)
        assert class_names(schema) == []
        assert set(codec_names(schema)) <= {"json", "tree", "bytes", "numpy"}


def test_more_parts_than_are_read_are_not_written():
    value = [b""] * 10_001
    codec = derive_codec([b"x", b"y"], "sample")
    with pytest.raises(CodecError, match="too many parts"):
        codec.encode(value, MULTIPART)
    assert codec.decode(codec.encode(value, JSON), JSON) == value
