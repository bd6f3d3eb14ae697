"""What every codec is, and the errors it may raise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar


class CodecError(ValueError):
    """A body that cannot be read, or a value that cannot be written; the message says what was expected.

    ``http_status`` is how a server answers it.
    """

    http_status = 400


class UnsupportedMediaTypeError(CodecError):
    """The request's content type is none that the codec reads."""

    http_status = 415


class NotAcceptableError(CodecError):
    """The Accept header names nothing that the codec writes."""

    http_status = 406


class Codec(ABC):
    """One family of types, as one direction of a schema.

    Attributes:
        name: What ``schema.json`` calls it.
        spec: What was derived from the sample: plain JSON data, never the sample itself.
        content_types: Media types that it reads and writes, the native one first.
    """

    name: ClassVar[str]
    content_types: tuple[str, ...]

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    @classmethod
    @abstractmethod
    def describe(cls, sample: Any) -> dict[str, Any] | None:
        """The spec for values like ``sample``, or None if they are not of this family.

        Raises CodecError for a value of the family that cannot be handled, with the way out.
        """

    @abstractmethod
    def encode(self, value: Any, content_type: str) -> bytes:
        """``value`` as ``content_type``, one of ``content_types``. Raises CodecError."""

    @abstractmethod
    def decode(self, body: bytes, content_type: str) -> Any:
        """The value in ``body``, checked against the spec. Raises CodecError, whatever the bytes are."""

    @abstractmethod
    def difference(self, value: Any) -> str | None:
        """What keeps ``value`` from fitting the spec, in words; None if it fits."""

    @abstractmethod
    def summary(self) -> str:
        """The spec in a few words, for people."""
