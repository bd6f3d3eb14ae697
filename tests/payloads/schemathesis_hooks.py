"""Valid bodies of the content types that JSON Schema cannot describe, for schemathesis; see test_openapi.py."""

from __future__ import annotations

import json
import os
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

from cdk_modelbuilder.schema.codecs import open_schema_data

codec = open_schema_data(json.loads(Path(os.environ["SCHEMA_FILE"]).read_text("utf-8"))).input


def as_bytes(context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


for content_type in codec.content_types:
    if content_type == "application/json" or not codec.can_write(content_type):
        continue
    body = codec.encode(codec.example(), content_type)
    label = codec.label(content_type, body)
    bodies = (
        st.text(st.characters(codec="utf-8")).map(str.encode) if content_type == "text/plain" else st.just(bytes(body))
    )
    schemathesis.openapi.media_type(label, bodies)
    schemathesis.serializer(content_type, label)(as_bytes)
