"""Values that JSON holds: numbers, booleans, None, text inside, lists, tuples and dicts of them."""

from __future__ import annotations

from typing import Any, ClassVar

from .base import Codec, CodecError
from .json_text import read_json, write_json


class JsonCodec(Codec):
    """JSON values. Tuples come back as lists; NumPy values inside become numbers and lists."""

    name: ClassVar[str] = "json"
    content_types = ("application/json",)

    @classmethod
    def describe(cls, sample: Any) -> dict[str, Any] | None:
        if not isinstance(sample, (dict, list, tuple, int, float, bool, type(None))):
            return None
        try:
            write_json(sample)
        except CodecError:
            return None
        spec: dict[str, Any] = {"kind": _kind(sample)}
        if isinstance(sample, dict):
            spec["keys"] = sorted(map(str, sample))
        return spec

    def encode(self, value: Any, content_type: str) -> bytes:
        return write_json(value)

    def decode(self, body: bytes, content_type: str) -> Any:
        value = read_json(body)
        found = self.difference(value)
        if found:
            raise CodecError(found)
        return value

    def difference(self, value: Any) -> str | None:
        value = value.tolist() if hasattr(value, "tolist") else value
        expected, got = self.spec["kind"], _kind(value)
        if expected == got or "null" in (expected, got):
            return None
        return f"expected a JSON {expected}, got a JSON {got}."

    def summary(self) -> str:
        return f"JSON {self.spec['kind']}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else "array"


CODEC = JsonCodec
