"""A request that a bundle can answer, for who has none at hand."""

from __future__ import annotations

import base64
import binascii

from cdk_modelbuilder.bundle import GOLDEN_FILE, ModelBundle
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data


def sample_request(bundle: ModelBundle) -> tuple[bytes, str, str]:
    """Body, content type and Accept: the golden test's request, else one made up from the schema.

    Raises:
        UsageError: Neither is to be had.
    """
    try:
        marshaller = open_schema_data(bundle.schema)
        if (bundle.path / GOLDEN_FILE).is_file():
            kept = bundle.read_golden()["request"]
            return base64.b64decode(kept["base64"]), str(kept["content_type"]), marshaller.accept
        body, content_type = marshaller.encode_request(marshaller.input.example())
    except (BundleError, CodecError, AttributeError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise UsageError(
            f"there is no sample for {bundle.name}: {error}.",
            remedy="Give a request, or build with SchemaBuilder(..., keep_samples=True).",
        ) from None
    return bytes(body), content_type, marshaller.accept
