"""CustomPayloadTranslator: bytes made and read by a class of the user. It travels with the bundle as source."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Dict, Optional

from .base import Codec
from .class_references import has_base, reference_to, resolve
from .json_values import is_plain
from .payload_errors import CodecError


class CustomPayloadTranslator(ABC):
    """Subclass this for payloads that no codec takes, or that must look as somebody else wants them.

    For the input, the client serializes and the container deserializes; for the output it is the other way round. The
    module that defines the class is shipped with the bundle as source, and so are the instance's attributes, which
    must be plain data (numbers, text, lists, dicts).

    Args:
        content_type: Content-Type of requests, where the class translates the input.
        accept_type: Content-Type of responses, where it translates the output.

    >>> class Semicolons(CustomPayloadTranslator):
    ...     def serialize_payload_to_bytes(self, payload):
    ...         return ";".join(map(str, payload)).encode()
    ...
    ...     def deserialize_payload_from_stream(self, stream):
    ...         return [int(part) for part in stream.read().split(b";")]
    >>> Semicolons(content_type="text/x-semicolons").serialize_payload_to_bytes([1, 2])
    b'1;2'
    """

    def __init__(self, content_type: str = "application/custom", accept_type: str = "application/custom") -> None:
        self.content_type = content_type
        self.accept_type = accept_type

    @abstractmethod
    def serialize_payload_to_bytes(self, payload: Any) -> bytes:
        """The bytes to send for ``payload``."""

    @abstractmethod
    def deserialize_payload_from_stream(self, stream: Any) -> Any:
        """The payload in ``stream``, a binary file that is open for reading."""


class TranslatorCodec(Codec):
    """Payloads that a translator makes and reads."""

    name: ClassVar[str] = "translator"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self.content_types = (spec["content_type"].partition(";")[0].strip().lower(),)
        self._header = spec["content_type"]
        self._translator: Any = None

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:  # noqa: ARG003 - chosen by name, never by a sample
        return None

    @classmethod
    def describe_translator(cls, translator: CustomPayloadTranslator, content_type: str) -> Dict[str, Any]:
        """The spec for an instance of the user's class. Raises CodecError if it cannot travel."""
        state = dict(vars(translator))
        odd = [name for name, item in state.items() if not is_plain(item)]
        if odd:
            raise CodecError(
                f"attribute {odd[0]!r} of {type(translator).__name__} is no plain data, so it cannot travel with the "
                "bundle. Keep numbers, text, lists and dicts, and make the rest when it is needed."
            )
        return {"class": reference_to(type(translator)), "content_type": content_type, "state": state}

    def use(self, translator: CustomPayloadTranslator) -> None:
        """Translate with this instance."""
        self._translator = translator

    def encode(self, value: Any, content_type: str) -> Any:
        try:
            body = self._opened().serialize_payload_to_bytes(value)
        except CodecError:
            raise
        except Exception as error:
            raise CodecError(f"{self.summary()} cannot serialize this {type(value).__name__}: {error}") from error
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise CodecError(f"{self.summary()} serialized to {type(body).__name__}, not to bytes.")
        return body

    def decode(self, body: Any, content_type: str) -> Any:
        try:
            return self._opened().deserialize_payload_from_stream(io.BytesIO(body))
        except CodecError:
            raise
        except Exception as error:
            raise CodecError(f"{self.summary()} cannot read the body: {type(error).__name__}: {error}") from error

    def label(self, content_type: str, body: Any) -> str:
        return str(self._header)

    def to_plain(self, value: Any) -> Any:
        raise CodecError(f"payloads of {self.summary()} have no JSON form.")

    def from_plain(self, plain: Any) -> Any:
        raise CodecError(f"payloads of {self.summary()} have no JSON form.")

    def difference(self, value: Any) -> Optional[str]:
        return None

    def summary(self) -> str:
        return f"{self.spec['class'].rpartition(':')[2]} payload"

    def json_schema(self) -> Dict[str, Any]:
        return {}

    def example(self) -> Any:
        return None

    def _opened(self) -> Any:
        if self._translator is None:
            kind: Any = resolve(self.spec["class"], has_base("CustomPayloadTranslator"))
            if kind is None:
                raise CodecError(
                    f"the class {self.spec['class']} that translates this endpoint's payloads is not loaded here: "
                    "import its module first, or give an instance as input_translator= or output_translator=."
                )
            self._translator = kind.__new__(kind)
            vars(self._translator).update(self.spec["state"])
        return self._translator


CODEC = TranslatorCodec
