"""pydantic models: written, read, validated and described by pydantic itself."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Optional

import pydantic

from .base import Codec
from .class_references import reference_to, resolve
from .json_text import write_json
from .json_values import kind_of
from .payload_errors import CodecError


class PydanticCodec(Codec):
    """A model as JSON. Where its class is not to be had, plain JSON data stand in for it, both ways."""

    name: ClassVar[str] = "pydantic"
    library: ClassVar[Optional[str]] = "pydantic"

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if not isinstance(sample, pydantic.BaseModel):
            return None
        kind = type(sample)
        try:
            spec = {"class": reference_to(kind), "json_schema": kind.model_json_schema()}
            again = kind.model_validate_json(write_json(_dumped(sample)))
        except (pydantic.ValidationError, pydantic.errors.PydanticUserError, ValueError, TypeError) as error:
            raise CodecError(f"the {kind.__name__} does not survive as JSON: {str(error)[:300]}") from None
        if again != sample:
            raise CodecError(
                f"the {kind.__name__} comes back from JSON as another one: does it hold a secret, or a field with two "
                "aliases? Send a model of plain fields."
            )
        return spec

    def to_plain(self, value: Any) -> Any:
        try:
            return _dumped(value) if isinstance(value, pydantic.BaseModel) else value
        except (ValueError, TypeError) as error:
            raise CodecError(f"the {self.summary()} cannot be written as JSON: {error}.") from None

    def from_plain(self, plain: Any) -> Any:
        kind = self._kind
        if kind is None:
            return plain
        try:
            return kind.model_validate_json(write_json(plain))
        except pydantic.ValidationError as error:
            faults = [
                f"{'/'.join(map(str, fault['loc'])) or 'the value'}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False, include_context=False)[:5]
            ]
            raise CodecError(f"expected a {self.summary()}; {'; '.join(faults)}.") from None

    def difference(self, value: Any) -> Optional[str]:
        kind = self._kind
        if isinstance(value, dict) or (kind is not None and isinstance(value, kind)):
            return None
        return f"expected a {self.summary()}, got a {kind_of(value)}."

    @property
    def _kind(self) -> Any:
        return resolve(self.spec["class"], lambda kind: issubclass(kind, pydantic.BaseModel))

    def summary(self) -> str:
        return str(self.spec["class"].rpartition(":")[2])

    def json_schema(self) -> Dict[str, Any]:
        return dict(self.spec["json_schema"])

    def example(self) -> Any:
        return _example(self.spec["json_schema"], self.spec["json_schema"].get("$defs", {}))


def _dumped(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, round_trip=True)  # without computed fields


def _example(schema: Dict[str, Any], definitions: Dict[str, Any]) -> Any:
    """Some JSON value for a schema as pydantic writes them; None where it takes more than looking at types."""
    if "$ref" in schema:
        return _example(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if schema.get(name):
            return _example(schema[name][0], definitions)
    kind = schema.get("type")
    if kind == "object":
        required = schema.get("required", ())
        properties = schema.get("properties", {}).items()
        return {name: _example(inner, definitions) for name, inner in properties if name in required}
    formats = {
        "date-time": "2020-01-31T12:00:00Z",
        "date": "2020-01-31",
        "uuid": "00000000-0000-0000-0000-000000000000",
    }
    texts = formats.get(str(schema.get("format")), "text")
    return {"string": texts, "integer": 0, "number": 0.0, "boolean": False, "array": []}.get(str(kind))


CODEC = PydanticCodec
