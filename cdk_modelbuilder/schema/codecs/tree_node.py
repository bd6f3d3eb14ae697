"""What every node of a tree is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Dict, List, NamedTuple, Optional

from .json_text import read_json
from .multipart import Part


class PartOf(NamedTuple):
    """A part of a multipart body, in the place where its value belongs."""

    part: Part


class Node(ABC):
    """One node of a tree. ``path`` is where it stands, for messages and for the names of parts."""

    has_large_values: bool = False
    needs: Optional[str] = None
    """Library without which the large values cannot be sent in their native types."""

    @abstractmethod
    def to_plain(self, value: Any, path: str, parts: Optional[List[Part]]) -> Any:
        """JSON data; large values go to ``parts``, unless that is None, and leave null in their place."""

    @abstractmethod
    def from_plain(self, plain: Any, path: str) -> Any:
        """The value for JSON data with parts in it."""

    @abstractmethod
    def difference(self, value: Any, path: str) -> Optional[str]:
        """What keeps a value from fitting, or None."""

    @abstractmethod
    def summary(self) -> str:
        """A few words."""

    @abstractmethod
    def json_schema(self) -> Dict[str, Any]:
        """JSON Schema of the plain form."""

    def child(self, step: str) -> Optional[Node]:
        """The node at ``step`` below this one; None if there is none."""
        return None

    @abstractmethod
    def example(self) -> Any:
        """Some value that fits."""


def read_part(plain: Any) -> Any:
    """JSON data, or those in a part."""
    return read_json(plain.part.data) if isinstance(plain, PartOf) else plain


def first_of(found: Any) -> Optional[str]:
    """The first that is not None."""
    return next((item for item in found if item is not None), None)
