"""The requests of a load in another content type that the bundle takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data
from cdk_modelbuilder.tuning.load import LoadRequest


def encoded_as(
    bundle: ModelBundle, requests: Sequence[LoadRequest], content_type: str | None
) -> tuple[LoadRequest, ...]:
    """``requests`` with their values encoded as ``content_type``; None leaves them as they are.

    Raises:
        UsageError: A request is nothing that the bundle's schema takes.
    """
    if content_type is None:
        return tuple(requests)
    try:
        marshaller = open_schema_data(bundle.schema)
        found = []
        for one in requests:
            if one.content_type == content_type:
                found.append(one)
                continue
            value = marshaller.decode_request(one.body, one.content_type)
            body = marshaller.input.encode(value, content_type)
            found.append(replace(one, body=bytes(body), content_type=content_type))
    except CodecError as error:
        raise UsageError(
            f"a request cannot be encoded as {content_type}: {error}", remedy="Leave codec out, or give other requests."
        ) from None
    return tuple(found)
