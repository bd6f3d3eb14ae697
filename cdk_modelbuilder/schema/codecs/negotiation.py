"""Content types and Accept headers (RFC 9110 sections 8.3 and 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from .base import NotAcceptableError


def media_type(header: str) -> str:
    """The type without its parameters, in lower case.

    >>> media_type("Application/JSON; charset=utf-8")
    'application/json'
    """
    return header.split(";", 1)[0].strip().lower()


def choose_accepted(accept: str | None, offered: Sequence[str]) -> str:
    """The one of ``offered`` (best first) that an Accept header likes most; absent or empty means the first.

    >>> choose_accepted("text/csv;q=0.5, application/json", ["application/x-npy", "application/json", "text/csv"])
    'application/json'
    """
    if not accept or not accept.strip():
        return offered[0]
    ranges = [_parse(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return offered[0]
    if "*/*" in offered:  # a codec of raw bytes answers with whatever type is asked for
        concrete = sorted((item for item in ranges if "*" not in item[0]), key=lambda item: -item[1])
        if concrete and concrete[0][1] > 0:
            return concrete[0][0]
    best, best_quality = None, 0.0
    for candidate in offered:
        quality = _quality(candidate, ranges)
        if quality > best_quality:
            best, best_quality = candidate, quality
    if best is None:
        raise NotAcceptableError(f"Accept {accept!r} names nothing that can be sent. Ask for: {', '.join(offered)}.")
    return best


def _parse(part: str) -> tuple[str, float]:
    name, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return name.strip().lower(), min(max(quality, 0.0), 1.0)


def _quality(candidate: str, ranges: list[tuple[str, float]]) -> float:
    # The most specific range that matches decides.
    family = candidate.split("/", 1)[0] + "/*"
    for wanted in (candidate, family, "*/*"):
        found = [quality for name, quality in ranges if name == wanted]
        if found:
            return max(found)
    return 0.0
