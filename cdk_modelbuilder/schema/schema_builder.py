"""SchemaBuilder: from a sample of the input and one of the output to a codec for each direction."""

from __future__ import annotations

import sys
from typing import Any

from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.schema.codecs import CODEC_MODULES, Codec, CodecError, Marshaller, codec_class

FORMAT_VERSION = 1
MAX_SAMPLE_ROWS = 1000


class SchemaBuilder:
    """Derives the marshalling of requests and responses from samples.

    Arrays, DataFrames, Series, text, bytes and JSON values are recognised by themselves. The samples stay on this
    machine: a bundle holds what was derived from them (types, shapes, column names), not their values. Of a sample
    with more than 1000 rows the first 1000 are used.

    Args:
        sample_input: What ``predict()`` will be given, for example ``X_train[:5]``.
        sample_output: What comes back for it, for example ``model.predict(X_train[:5])`` or ``y_train[:5]``.

    Raises:
        SchemaError: A sample is of a type that no codec takes.

    >>> SchemaBuilder(sample_input={"text": "hello"}, sample_output=[0.5])
    SchemaBuilder(input=JSON object, output=JSON array)
    """

    def __init__(self, sample_input: Any, sample_output: Any) -> None:
        self.sample_input, self.sample_output = _head(sample_input), _head(sample_output)
        self.input_codec = derive_codec(self.sample_input, "sample_input")
        self.output_codec = derive_codec(self.sample_output, "sample_output")

    def __repr__(self) -> str:
        return f"SchemaBuilder(input={self.input_codec.summary()}, output={self.output_codec.summary()})"

    @property
    def marshaller(self) -> Marshaller:
        """Both directions, as the container uses them."""
        return Marshaller(self.input_codec, self.output_codec)


def derive_codec(sample: Any, place: str) -> Codec:
    """The codec for values like ``sample``.

    Raises:
        SchemaError: No codec takes it; the message says what can be given instead.
    """
    for name in CODEC_MODULES:
        library = name if name in ("numpy", "pandas") else None
        if library is not None and library not in sys.modules:
            continue  # a sample of that library's types would have imported it
        codec = codec_class(name)
        try:
            spec = codec.describe(sample)
        except CodecError as error:
            raise SchemaError(f"{place} cannot be used:", remedy=str(error)) from None
        if spec is not None:
            return codec(spec)
    kind = f"{type(sample).__module__}.{type(sample).__qualname__}"
    raise SchemaError(
        f"{place} is a {kind}, which no codec takes.",
        remedy="Give a NumPy array, a DataFrame, a Series, text, bytes, or lists and dicts of plain values"
        + (" (for a DMatrix: the array or DataFrame that it was made from)." if "DMatrix" in kind else "."),
    )


def schema_json(marshaller: Marshaller) -> dict[str, Any]:
    """Plain data for ``schema.json``."""
    return {
        "format_version": FORMAT_VERSION,
        "input": _direction(marshaller.input),
        "output": _direction(marshaller.output),
    }


def _direction(codec: Codec) -> dict[str, Any]:
    return {"codec": codec.name, "content_types": list(codec.content_types), "spec": codec.spec}


def _head(sample: Any) -> Any:
    rows = getattr(sample, "shape", ())
    return sample[:MAX_SAMPLE_ROWS] if rows and rows[0] > MAX_SAMPLE_ROWS else sample
