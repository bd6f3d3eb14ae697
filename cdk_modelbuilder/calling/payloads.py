"""Python values to requests and answers to Python values, as the schema says, with errors in the caller's terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from cdk_modelbuilder.calling.transport import Answer, Request
from cdk_modelbuilder.errors import BundleError, SchemaError, UnreadableAnswerError
from cdk_modelbuilder.schema.codecs import CodecError, Marshaller, open_schema_data


class Payloads:
    """One endpoint's schema at work. It is opened when it is first used: raw bytes need none of its libraries.

    Args:
        schema: ``schema.json`` as plain data.
        input_translator: Instance of the input's payload translator, if its module is not to be had here.
        output_translator: The same for the output.
        labelled: Whether answers say what they are; else one type is asked for, and the answer is taken for that.
    """

    def __init__(
        self, schema: Mapping[str, Any], *, input_translator: Any, output_translator: Any, labelled: bool = True
    ) -> None:
        self._schema, self._labelled = schema, labelled
        self._translators = {"input_translator": input_translator, "output_translator": output_translator}

    @cached_property
    def _marshaller(self) -> Marshaller:
        try:
            return open_schema_data(self._schema, **self._translators)
        except CodecError as error:
            raise BundleError(
                f"the endpoint's schema cannot be used here: {error}",
                remedy="Use the bundle that the endpoint serves, and what its payloads need.",
            ) from None

    def request(self, data: Any) -> Request:
        """The request for ``data``.

        Raises:
            SchemaError: ``data`` does not fit the schema.
            BundleError: The schema is of another version, needs a library that is not here, or has no such translators.
        """
        try:
            body, content_type = self._marshaller.encode_request(data)
        except CodecError as error:
            raise SchemaError(
                f"the input does not fit the endpoint: {error}", remedy=f"Send a {self._marshaller.input.summary()}."
            ) from None
        native = self._marshaller.output.content_types[0]
        return Request(body, content_type, self._marshaller.accept if self._labelled else native)

    def value(self, answer: Answer) -> Any:
        """The prediction in ``answer``; a list of its items if the output is a stream.

        Raises:
            UnreadableAnswerError: It is not what the schema describes.
        """
        try:
            return self._marshaller.decode_response(answer.body, answer.content_type if self._labelled else None)
        except CodecError as error:
            raise _unreadable(error) from None

    def items(self, chunks: Iterable[bytes], content_type: str) -> Iterator[Any]:
        """The items in ``chunks``, each as soon as it is whole; for an output that is no stream, the one value.

        Raises:
            UnreadableAnswerError: They are not what the schema describes.
        """
        try:
            yield from self._marshaller.decode_stream(chunks, content_type if self._labelled else None)
        except CodecError as error:
            raise _unreadable(error) from None


def _unreadable(error: CodecError) -> UnreadableAnswerError:
    return UnreadableAnswerError(
        f"the endpoint's answer does not look like the output sample: {error}",
        remedy="Does the endpoint serve the bundle that this predictor was made from?",
        status=200,
    )
