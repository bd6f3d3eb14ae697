"""A page of the gateway: bytes that a path of its own answers to GET."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """What a path of its own answers to GET.

    Attributes:
        content_type: Its type.
        content: Its bytes.
        headers: Further headers.
    """

    content_type: str
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()
