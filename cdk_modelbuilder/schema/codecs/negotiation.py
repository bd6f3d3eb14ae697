"""Content types and Accept headers (RFC 9110 sections 8.3 and 12.5.1)."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Sequence, Tuple

from .payload_errors import NotAcceptableError, UnsupportedMediaTypeError

# Single-byte and Unicode encodings only: Python also knows some that run as long as the text is, squared, or unzip it.
_CHARSETS = re.compile(
    r"(us-)?ascii|utf-?8|utf-?16(-?[lb]e)?|utf-?32(-?[lb]e)?|(iso-?8859|latin)-?\d+|(windows-|cp)125\d"
)
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)\s*')
MAX_RANGES = 100


class MediaType(str):
    """A media type without its parameters, in lower case; those stand in ``parameters``.

    >>> found = MediaType.parse('Text/CSV; charset="UTF-8"; header=absent')
    >>> found, found.parameters
    ('text/csv', {'charset': 'UTF-8', 'header': 'absent'})
    """

    __slots__ = ("parameters",)
    parameters: Dict[str, str]

    @classmethod
    def parse(cls, header: str) -> MediaType:
        """The media type in a Content-Type header."""
        name, separator, rest = header.partition(";")
        parsed = cls(name.strip().lower())
        found = _PARAMETER.findall(separator + rest) if separator else []
        parsed.parameters = {key.lower(): _unquoted(value) for key, value in found}
        return parsed


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value


def media_type(header: str) -> str:
    """The type without its parameters, in lower case.

    >>> media_type("Application/JSON; charset=utf-8")
    'application/json'
    """
    return header.split(";", 1)[0].strip().lower()


def as_utf8(body: Any, content_type: MediaType) -> Any:
    """``body`` as UTF-8, where its content type says that it is text in another charset.

    Raises UnsupportedMediaTypeError for a charset that is not known, or that the body is not written in.
    """
    charset = content_type.parameters.get("charset", "").lower()
    if charset in ("", "utf-8", "utf8") or not (content_type.startswith("text/") or content_type.endswith("json")):
        return body
    if not _CHARSETS.fullmatch(charset):
        raise UnsupportedMediaTypeError(f"charset {charset!r} is not supported. Send UTF-8.")
    try:
        return bytes(body).decode(charset).encode("utf-8")
    except (UnicodeError, LookupError):
        raise UnsupportedMediaTypeError(f"the body is not text in charset {charset!r}. Send UTF-8.") from None


def choose_accepted(accept: Any, offered: Sequence[str]) -> str:
    """The one of ``offered`` (best first) that an Accept header likes most; absent or empty means the first.

    >>> choose_accepted("text/csv;q=0.5, application/json", ["application/x-npy", "application/json", "text/csv"])
    'application/json'
    """
    ranges = accepted_ranges(accept)
    if not ranges:
        return offered[0]
    # Among types that are wanted alike, one that is named beats one that a wildcard lets pass.
    named = {name for name, _ in ranges}
    best, best_rank = None, (0.0, False)
    for candidate in offered:
        rank = (quality_of(candidate, ranges), candidate in named)
        if rank[0] > 0 and rank > best_rank:
            best, best_rank = candidate, rank
    if best is None:
        raise NotAcceptableError(f"Accept {accept!r} names nothing that can be sent. Ask for: {', '.join(offered)}.")
    return best


def accepted_ranges(accept: Any) -> List[Tuple[str, float]]:
    """Media ranges and their qualities; empty for an absent, empty or all-accepting header."""
    if not accept or accept == "*/*":
        return []
    return [_parse(part) for part in accept.split(",")[:MAX_RANGES] if part.strip()]


def quality_of(candidate: str, ranges: Sequence[Tuple[str, float]]) -> float:
    """How much ``candidate`` is wanted, from 0 to 1: the most specific range that matches decides."""
    family = candidate.split("/", 1)[0] + "/*"
    for wanted in (candidate, family, "*/*"):
        found = [quality for name, quality in ranges if name == wanted]
        if found:
            return max(found)
    return 0.0


def _parse(part: str) -> Tuple[str, float]:
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
