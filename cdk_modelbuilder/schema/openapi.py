"""An OpenAPI 3.1 document of the endpoint that serves a bundle, made from its schema alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cdk_modelbuilder.schema.codecs import Codec, CodecError, Marshaller
from cdk_modelbuilder.schema.codecs.streams import StreamCodec

_JSON = "application/json"
_LINES = ("application/jsonl", "application/x-ndjson", "text/event-stream")
_REFUSALS = {
    "400": "The request does not fit the input's schema; the message says what was expected and what came.",
    "406": "The Accept header names nothing that can be written.",
    "413": "The body is larger than the endpoint takes.",
    "415": "The Content-Type is none that is read.",
    "500": "The model failed on this request.",
    "503": "The model is still loading, or does not answer any more.",
}


def openapi_document(marshaller: Marshaller, *, name: str) -> dict[str, Any]:
    """The document as plain data, the same for the same schema.

    Args:
        marshaller: The schema.
        name: The bundle's name, which becomes the title.
    """
    definitions: dict[str, Any] = {
        "Error": {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        }
    }
    definitions["Input"] = _hoisted(marshaller.input.json_schema(), definitions)
    definitions["Output"] = _hoisted(marshaller.output.json_schema(), definitions)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": "1",
            "description": f"Takes {marshaller.input.summary()}; gives {marshaller.output.summary()}. "
            "The routes are those that Amazon SageMaker asks of a container.",
        },
        "paths": {
            "/ping": {
                "get": {
                    "operationId": "ping",
                    "summary": "Whether the model is loaded and answers",
                    "responses": {
                        "200": {"description": "It is and does."},
                        "503": {"description": "It is loading, or has not answered for too long."},
                    },
                }
            },
            "/invocations": {
                "post": {
                    "operationId": "invoke",
                    "summary": "A prediction",
                    "requestBody": {
                        "required": not _takes_nothing(marshaller.input),
                        "description": marshaller.input.summary(),
                        "content": _contents(marshaller.input, marshaller.input.content_types, "Input"),
                    },
                    "responses": {
                        "200": {
                            "description": marshaller.output.summary(),
                            "content": _contents(marshaller.output, marshaller.output.written_types, "Output"),
                        },
                        **{status: _refusal(description) for status, description in _REFUSALS.items()},
                    },
                }
            },
        },
        "components": {"schemas": {key: definitions[key] for key in sorted(definitions)}},
    }


def _takes_nothing(codec: Codec) -> bool:
    """Whether an empty body is a value, as for text."""
    try:
        codec.decode(b"", codec.content_types[0])
    except CodecError:
        return False
    return True


def _contents(codec: Codec, content_types: Sequence[str], component: str) -> dict[str, Any]:
    return {item: _content(codec, item, component) for item in content_types if "*" not in item}


def _content(codec: Codec, content_type: str, component: str) -> dict[str, Any]:
    if content_type == _JSON:
        found: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{component}"}}
    elif content_type.startswith("text/") or content_type in _LINES:
        found = {"schema": {"type": "string"}}
    elif content_type == "multipart/form-data":
        found = {"schema": {"type": "object"}}
    else:
        return {"schema": {"contentMediaType": content_type}}
    example = _example(codec, content_type)
    return found if example is None else {**found, "example": example}


def _example(codec: Codec, content_type: str) -> Any:
    """The made-up value of the codec as it looks in a text type; None where there is none."""
    if content_type == "multipart/form-data":
        return None
    try:
        value = codec.example()
        body = bytes(codec.encode(value, content_type))
        return json.loads(body) if content_type == _JSON else body.decode("utf-8")
    except (CodecError, UnicodeDecodeError, AttributeError, TypeError):
        return [] if isinstance(codec, StreamCodec) and content_type == _JSON else None


def _refusal(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _hoisted(schema: Any, definitions: dict[str, Any]) -> Any:
    """``schema`` with one type in each part, and its ``$defs`` moved to the components, where references find them."""
    if isinstance(schema, list):
        return [_hoisted(item, definitions) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    for name, definition in schema.get("$defs", {}).items():
        definitions[name] = _hoisted(definition, definitions)
    found = {key: _hoisted(item, definitions) for key, item in schema.items() if key != "$defs"}
    if str(found.get("$ref", "")).startswith("#/$defs/"):
        found["$ref"] = "#/components/schemas/" + found["$ref"].rpartition("/")[2]
    return _one_type_each(found) if isinstance(found.get("type"), list) else found


def _one_type_each(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema as alternatives of one type each: some tools that read OpenAPI trip over lists of types."""
    notes: dict[str, Any] = {key: schema[key] for key in ("description", "title") if key in schema}
    limits = {key: item for key, item in schema.items() if key not in notes and key != "type"}
    alternatives = [{"type": kind, **(limits if kind not in ("null", "boolean") else {})} for kind in schema["type"]]
    return {**notes, "anyOf": alternatives}
