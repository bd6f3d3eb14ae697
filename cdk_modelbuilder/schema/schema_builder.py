"""SchemaBuilder: from a sample of the input and one of the output to a codec for each direction."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from cdk_modelbuilder.errors import SchemaError
from cdk_modelbuilder.schema.codecs import Codec, CodecError, Marshaller, codec_class, decode
from cdk_modelbuilder.schema.codecs.marshaller import SCHEMA_VERSION
from cdk_modelbuilder.schema.codecs.registry import CODEC_MODULES, describe_sample, is_installed
from cdk_modelbuilder.schema.codecs.streams import is_stream
from cdk_modelbuilder.schema.codecs.translators import CustomPayloadTranslator, TranslatorCodec

MAX_SAMPLE_ROWS = 1000


class SchemaBuilder:
    """Derives the marshalling of requests and responses from samples.

    The types that are recognised, and what each is sent as, stand in docs/payloads.md. The samples stay on this
    machine: a bundle holds what was derived from them (types, shapes, column names), not their values. Of a sample
    with more than 1000 rows the first 1000 are used.

    Args:
        sample_input: What ``predict()`` will be given, for example ``X_train[:5]``.
        sample_output: What comes back for it, for example ``model.predict(X_train[:5])`` or ``y_train[:5]``. An
            iterator means a streamed response; its first item is taken.
        input_translator: Your own conversion of requests, instead of a codec.
        output_translator: Your own conversion of responses.
        free_axes: Axes of arrays and tensors whose length may differ from the sample's, counted from 0. The first one,
            the batch, is free by default; ``(0, 1)`` is for sequences of any length.
        keep_samples: Keep the input sample and the model's answer in the bundle's ``golden.json``, so that
            :meth:`~cdk_modelbuilder.ModelBundle.golden_test` can ask any endpoint the same. Not for data that must not
            leave this machine.

    Raises:
        SchemaError: A sample is of a type that no codec takes, or does not survive the way through its translator.

    >>> SchemaBuilder(sample_input={"text": "hello"}, sample_output=[0.5])
    SchemaBuilder(input=JSON object, output=JSON array)
    """

    def __init__(
        self,
        sample_input: Any,
        sample_output: Any,
        input_translator: CustomPayloadTranslator | None = None,
        output_translator: CustomPayloadTranslator | None = None,
        *,
        free_axes: Sequence[int] = (0,),
        keep_samples: bool = False,
    ) -> None:
        self.free_axes, self.keep_samples = tuple(free_axes), keep_samples
        if is_stream(sample_input) and input_translator is None:
            raise SchemaError(
                "sample_input is an iterator, but requests are not streamed.", remedy="Give a list: list(sample)."
            )
        self.sample_input, self.sample_output = _head(sample_input), _head(sample_output)
        self.input_translator, self.output_translator = input_translator, output_translator
        self.input_codec = self._codec("sample_input", self.sample_input, input_translator, "content_type")
        streamed = is_stream(sample_output) and output_translator is None
        self.output_codec = self._codec(
            "sample_output",
            iter(self.sample_output) if streamed else self.sample_output,
            output_translator,
            "accept_type",
        )

    def __repr__(self) -> str:
        return f"SchemaBuilder(input={self.input_codec.summary()}, output={self.output_codec.summary()})"

    @property
    def marshaller(self) -> Marshaller:
        """Both directions, as the container uses them."""
        return Marshaller(self.input_codec, self.output_codec)

    def derive(self, sample: Any, place: str) -> Codec:
        """The codec for values like ``sample``, with this schema's free axes.

        Raises:
            SchemaError: No codec takes it.
        """
        return derive_codec(sample, place, self.free_axes)

    def _codec(self, place: str, sample: Any, translator: CustomPayloadTranslator | None, type_attribute: str) -> Codec:
        if translator is None:
            return self.derive(sample, place)
        if not isinstance(translator, CustomPayloadTranslator):
            raise SchemaError(
                f"the translator for {place} is a {type(translator).__name__}.",
                remedy="Give an instance of a subclass of CustomPayloadTranslator.",
            )
        try:
            codec = TranslatorCodec(
                TranslatorCodec.describe_translator(translator, getattr(translator, type_attribute))
            )
            codec.use(translator)
            decode(codec, codec.encode(sample, codec.content_types[0]), codec.content_types[0])
        except (CodecError, AttributeError) as error:
            raise SchemaError(
                f"{place} does not survive {type(translator).__name__}: {error}",
                remedy="deserialize_payload_from_stream() must read what serialize_payload_to_bytes() wrote.",
            ) from error
        return codec


def derive_codec(sample: Any, place: str, free_axes: Sequence[int] = (0,)) -> Codec:
    """The codec for values like ``sample``.

    Raises:
        SchemaError: No codec takes it; the message says what can be given instead.
    """
    try:
        found = describe_sample(sample)
    except CodecError as error:
        raise SchemaError(f"{place} cannot be used:", remedy=str(error)) from None
    if found is None:
        kind = f"{type(sample).__module__}.{type(sample).__qualname__}"
        raise SchemaError(
            f"{place} is a {kind}, which no codec takes.",
            remedy="Give a NumPy array, a table, a tensor, an image, text, bytes, plain values, or lists and dicts of "
            "them (docs/payloads.md has all), or write a CustomPayloadTranslator"
            + (" (for a DMatrix: the array or DataFrame that it was made from)." if "DMatrix" in kind else "."),
        )
    name, spec = found
    codec = codec_class(name)(with_free_axes(spec, frozenset(free_axes)))
    codec.content_types = tuple(item for item in codec.content_types if is_installed(codec.needs(item)))
    return codec


def schema_json(marshaller: Marshaller) -> dict[str, Any]:
    """Plain data for ``schema.json``."""
    return {
        "format_version": SCHEMA_VERSION,
        "input": _direction(marshaller.input),
        "output": _direction(marshaller.output),
    }


def _direction(codec: Codec) -> dict[str, Any]:
    direction: dict[str, Any] = {"codec": codec.name, "content_types": list(codec.content_types), "spec": codec.spec}
    if codec.name not in CODEC_MODULES:
        direction["class"] = f"{type(codec).__module__}:{type(codec).__qualname__}"
    return direction


def with_free_axes(spec: Any, free_axes: frozenset[int]) -> Any:
    """``spec`` of a codec with None for the free axes of every shape in it."""
    if isinstance(spec, list):
        return [with_free_axes(item, free_axes) for item in spec]
    if not isinstance(spec, dict):
        return spec
    found = {key: with_free_axes(item, free_axes) for key, item in spec.items()}
    if isinstance(found.get("shape"), list) and "dtype" in found:
        found["shape"] = [None if axis in free_axes else size for axis, size in enumerate(found["shape"])]
    return found


def _head(sample: Any) -> Any:
    if is_stream(sample):
        return list(itertools.islice(sample, MAX_SAMPLE_ROWS))
    rows: Any = getattr(sample, "shape", ())
    try:
        return sample[:MAX_SAMPLE_ROWS] if len(rows) and rows[0] > MAX_SAMPLE_ROWS else sample
    except Exception:  # noqa: BLE001 - a shape of its own kind, or a library that has no slices of such a layout
        return sample
