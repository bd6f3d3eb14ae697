"""What every codec is, and the errors it may raise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Dict, Optional, Tuple

from .json_text import read_json, write_json
from .negotiation import choose_accepted
from .payload_errors import CodecError

JSON = "application/json"


class Codec(ABC):
    """One family of types, as one direction of a schema.

    A value has two forms. Its *plain* form is JSON data, the same inside of larger values and alone; its *native* form
    is the first of ``content_types``, compact and exact. A subclass writes the plain form and, where it has more
    content types than JSON, overrides :meth:`encode` and :meth:`decode` and hands what is JSON to this class.

    Attributes:
        name: What ``schema.json`` calls it.
        library: Top-level module whose types it takes; a sample of them would have imported it. None for Python's own.
        spec: What was derived from the sample: plain JSON data, never the sample itself.
        content_types: Media types that it reads and, but for those that :meth:`can_write` denies, writes; the native
            one first.
    """

    name: ClassVar[str]
    library: ClassVar[Optional[str]] = None
    content_types: Tuple[str, ...] = (JSON,)

    def __init__(self, spec: Dict[str, Any]) -> None:
        self.spec = spec

    @classmethod
    @abstractmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        """The spec for values like ``sample``, or None if they are not of this family.

        Raises CodecError for a value of the family that cannot be handled, with the way out.
        """

    @abstractmethod
    def to_plain(self, value: Any) -> Any:
        """``value`` as JSON data. Raises CodecError."""

    @abstractmethod
    def from_plain(self, plain: Any) -> Any:
        """The value for JSON data, checked against the spec. Raises CodecError, whatever the data is."""

    @abstractmethod
    def difference(self, value: Any) -> Optional[str]:
        """What keeps ``value`` from fitting the spec, in words; None if it fits."""

    @abstractmethod
    def summary(self) -> str:
        """The spec in a few words, for people."""

    @abstractmethod
    def json_schema(self) -> Dict[str, Any]:
        """JSON Schema (2020-12) of the plain forms that :meth:`from_plain` takes."""

    @abstractmethod
    def example(self) -> Any:
        """Some value of the family that fits the spec, made up from it."""

    def encode(self, value: Any, content_type: str) -> Any:
        """``value`` as ``content_type``, one of ``content_types``: bytes, bytearray or memoryview.

        Raises CodecError.
        """
        return write_json(self.to_plain(value))

    def decode(self, body: Any, content_type: str) -> Any:
        """The value in ``body`` (bytes, bytearray or memoryview), checked against the spec.

        The value may be a view of ``body``, and can be written to. Raises CodecError, whatever the bytes are.
        """
        return self.from_plain(read_json(body))

    def label(self, content_type: str, body: Any) -> str:
        """The Content-Type header for ``body``, which :meth:`encode` wrote as ``content_type``."""
        return content_type

    def choose(self, accept: Optional[str], value: Any) -> str:
        """The content type in which to answer with ``value``. Raises NotAcceptableError."""
        return choose_accepted(accept, self.written_types)

    def can_write(self, content_type: str) -> bool:
        """Whether values that fit the spec can be written as ``content_type``."""
        return True

    @property
    def written_types(self) -> Tuple[str, ...]:
        """Those of ``content_types`` that are written too."""
        return tuple(item for item in self.content_types if self.can_write(item))

    def needs(self, content_type: str) -> Optional[str]:
        """Top-level module beyond ``library`` that ``content_type`` takes, or None."""
        return None

    def checked(self, value: Any) -> Any:
        """``value``; CodecError if it does not fit."""
        found = self.difference(value)
        if found:
            raise CodecError(found)
        return value
