"""What is fuzzed: the decoder of every kind of payload, and the readers of formats under them."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cdk_modelbuilder import SchemaBuilder
from cdk_modelbuilder.schema.codecs import Codec, decode
from tests.payloads.cases import CASES, Case

HEAVY_LIBRARIES = ("torch", "tensorflow")
NPY, NPZ, SAFETENSORS = "application/x-npy", "application/x-npz", "application/x-safetensors"
ARROW = "application/vnd.apache."
ARROW_STREAM, ARROW_FILE, PARQUET = (ARROW + name for name in ("arrow.stream", "arrow.file", "parquet"))
MULTIPART, JSON, CSV = "multipart/form-data", "application/json", "text/csv"
IMAGE_BOUND = 1 << 30
"""What one image may take at most: images of 64 Mi pixels are read, and turned and converted copies of them made."""


@dataclass(frozen=True)
class Seed:
    """A valid body and the Content-Type header that goes with it."""

    header: str
    body: bytes

    @property
    def content_type(self) -> str:
        return self.header.partition(";")[0]


@dataclass(frozen=True)
class Target:
    """Something that reads bodies.

    Attributes:
        name: What reports call it.
        read: The value of a body under a Content-Type header; raises CodecError, and nothing else.
        seeds: Bodies that it reads, or that are of a type that it reads.
        check: What is wrong with a value that came out, or None.
        write: Writes such a value, which meets whatever in it leads outside of the body; a number chooses the type.
        allowance: Bytes that one decoding may take, beside 64 for each byte of the body and what its type allows.
    """

    name: str
    read: Callable[[Any, str], Any]
    seeds: tuple[Seed, ...]
    check: Callable[[Any], str | None] = lambda _: None
    write: Callable[[Any, int], Any] = lambda _value, _number: None
    allowance: int = 64 << 20
    content_types: tuple[str, ...] = field(default=())


def is_heavy(name: str) -> bool:
    """Whether the target needs a library that takes seconds to import."""
    return name.partition(" ")[0].lower() in HEAVY_LIBRARIES


def target_names() -> list[str]:
    """The targets whose library is installed."""
    return [*(case.name for case in _cases() if not case.missing), *_STREAMS, *_readers()]


@functools.cache
def target(name: str) -> Target:
    """The target called ``name``; imports its library."""
    if name in _readers():
        return _readers()[name]()
    if name in _STREAMS:
        return _target_of(name, SchemaBuilder([None], iter(_STREAMS[name])).output_codec, _STREAMS[name])
    case = next(case for case in _cases() if case.name == name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sample = case.make()
        return _target_of(name, SchemaBuilder(sample, sample).input_codec, sample)


def _cases() -> list[Case]:
    return CASES


_STREAMS: dict[str, list[Any]] = {
    "stream of texts": ["Łó", "dź\n", ""],
    "stream of documents": [{"token": "a"}, {"token": "b"}],
    "stream of bytes": [b"\x00", b"\xff\n"],
}


def _target_of(name: str, codec: Codec, sample: Any) -> Target:
    seeds = []
    for content_type in codec.written_types:
        module = codec.needs(content_type)
        if "*" not in content_type and (module is None or importlib.util.find_spec(module)):
            body = bytes(codec.encode(sample, content_type))
            seeds.append(Seed(codec.label(content_type, body), body))
    native, written = seeds[0], [seed.content_type for seed in seeds]
    seeds += [Seed(other, native.body) for other in codec.content_types if other not in codec.written_types]
    if "*/*" in codec.content_types:  # whatever it says, the body is taken
        seeds.append(Seed("text/plain", native.body))
    return Target(
        name=name,
        read=lambda body, header: decode(codec, body, header),
        seeds=tuple(seeds),
        check=codec.difference,
        write=lambda value, number: codec.encode(value, written[number % len(written)]),
        allowance=IMAGE_BOUND if codec.name == "image" else 64 << 20,
        content_types=tuple(seed.content_type for seed in seeds),
    )


@functools.cache
def _readers() -> dict[str, Callable[[], Target]]:
    found: dict[str, Callable[[], Target]] = {
        "reader of multipart": _multipart,
        "reader of safetensors": _safetensors,
        "reader of npy": _npy,
        "reader of npz": _npz,
        "reader of JSON": _json,
        "reader of base64": _base64,
        "reader of Content-Type": _content_type,
        "reader of Accept": _accept,
    }
    if importlib.util.find_spec("pyarrow"):
        names = {"Arrow stream": ARROW_STREAM, "Arrow file": ARROW_FILE, "Parquet": PARQUET}
        found.update({f"reader of {name}": functools.partial(_table, name, kind) for name, kind in names.items()})
    return found


def _reader(name: str, read: Callable[[Any, str], Any], seeds: list[Seed]) -> Target:
    return Target(f"reader of {name}", read, tuple(seeds), content_types=tuple(seed.content_type for seed in seeds))


def bodies_of(content_type: str, *, heavy: bool = False) -> Iterator[Seed]:
    """Valid bodies of a content type, of every target; those of heavy libraries only if ``heavy``."""
    for case in _cases():
        if not case.missing and (heavy or not is_heavy(case.name)):
            yield from (seed for seed in target(case.name).seeds if seed.content_type == content_type)


def _multipart() -> Target:
    from cdk_modelbuilder.schema.codecs.multipart import read_multipart
    from cdk_modelbuilder.schema.codecs.negotiation import MediaType

    def read(body: Any, header: str) -> Any:
        return read_multipart(body, MediaType.parse(header).parameters.get("boundary", ""))

    return _reader("multipart", read, list(bodies_of(MULTIPART)))


def _safetensors() -> Target:
    from cdk_modelbuilder.schema.codecs.safetensors_format import RawTensor, read_safetensors, write_safetensors

    one = write_safetensors({"a": RawTensor("F32", (2, 2), bytes(16)), "b": RawTensor("U8", (0,), b"")}, {"k": "v"})
    return _reader("safetensors", lambda body, _: read_safetensors(body), [Seed(SAFETENSORS, bytes(one))])


def _npy() -> Target:
    from cdk_modelbuilder.schema.codecs.npy_format import read_npy

    return _reader("npy", lambda body, _: read_npy(body), list(bodies_of(NPY)))


def _npz() -> Target:
    import numpy as np

    from cdk_modelbuilder.schema.codecs.npz_format import read_npz, write_npz

    one = write_npz({"a": np.zeros(3), "b": np.array("x")})
    return _reader("npz", lambda body, _: read_npz(body, ("a", "b")), [Seed(NPZ, one)])


def _json() -> Target:
    from cdk_modelbuilder.schema.codecs.json_text import read_json

    return _reader("JSON", lambda body, _: read_json(body), list(bodies_of(JSON)))


def _base64() -> Target:
    from cdk_modelbuilder.schema.codecs.media_types import media_type_of, read_base64

    def read(body: Any, _: str) -> Any:
        media_type_of(body)
        return read_base64(bytes(body).decode("latin-1"))

    return _reader("base64", read, [Seed("text/plain", b"data:image/png;base64,iVBORw0KGgo="), Seed("x/y", b"AAAA")])


def _content_type() -> Target:
    from cdk_modelbuilder.schema.codecs.negotiation import MediaType, as_utf8

    def read(body: Any, _: str) -> Any:
        return as_utf8(b'["\xc5\x81"]', MediaType.parse(bytes(body).decode("latin-1")))

    texts = ['text/csv; charset="utf-16"; header=absent', "application/json;charset=latin-1", 'a/b; c="d\\"e"']
    return _reader("Content-Type", read, [Seed("text/plain", text.encode()) for text in texts])


def _accept() -> Target:
    from cdk_modelbuilder.schema.codecs.negotiation import choose_accepted

    def read(body: Any, _: str) -> Any:
        return choose_accepted(bytes(body).decode("latin-1"), ["application/x-npy", "application/json", "text/csv"])

    texts = ["text/csv;q=0.5, application/json", "*/*", "text/*;q=1e9,image/png", "a/b;q=nan, */*;q=-1"]
    return _reader("Accept", read, [Seed("text/plain", text.encode()) for text in texts])


def _table(name: str, kind: str) -> Target:
    from cdk_modelbuilder.schema.codecs.arrow_format import read_table

    return _reader(name, lambda body, _: read_table(body, kind), list(bodies_of(kind)))
