"""multipart/form-data (RFC 7578): named parts, each with a content type of its own. Reads without copying the parts."""

from __future__ import annotations

import hashlib
import re
from typing import Any, List, NamedTuple, Sequence

from .payload_errors import CodecError

CONTENT_TYPE = "multipart/form-data"
MAX_PARTS = 10_000
MAX_PART_HEADER = 4096
_NAME = re.compile(r'(?:^|;)\s*name="((?:[^"\\]|\\.)*)"')
_DISPOSITION = "form-data"


class Part(NamedTuple):
    """One part; an empty content type means that none was given."""

    name: str
    content_type: str
    data: Any


def write_multipart(parts: Sequence[Part]) -> bytearray:
    """``parts`` as one body; the same parts give the same bytes. One copy of their data."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.name}\n{part.content_type}\n{len(part.data)}\n".encode("utf-8", "surrogatepass"))
        digest.update(memoryview(part.data)[:4096])
    boundary = digest.hexdigest()[:32].encode()
    while any(re.search(boundary, part.data) for part in parts):  # by somebody's design only
        boundary = hashlib.sha256(boundary).hexdigest()[:32].encode()
    pieces: List[Any] = []
    for part in parts:
        name = re.sub(r'(["\\])', r"\\\1", part.name)
        head = f'Content-Disposition: {_DISPOSITION}; name="{name}"\r\nContent-Type: {part.content_type}\r\n\r\n'
        try:
            pieces += [b"--" + boundary + b"\r\n", head.encode("utf-8"), part.data, b"\r\n"]
        except UnicodeEncodeError:
            raise CodecError(f"the name {part.name!r} holds a lone surrogate, which UTF-8 cannot write.") from None
    return bytearray().join([*pieces, b"--" + boundary + b"--\r\n"])


def boundary_of(body: Any) -> str:
    """The boundary of a body that :func:`write_multipart` wrote."""
    return bytes(body[2:34]).decode("ascii")


def read_multipart(body: Any, boundary: str) -> List[Part]:
    """The parts of ``body``, whose data are views of it. Raises CodecError."""
    if not boundary:  # not said; then the first line has it
        first_line = bytes(body[:100]).partition(b"\r\n")[0]
        if not first_line.startswith(b"--") or len(first_line) < 3:
            raise CodecError("the content type multipart/form-data lacks its boundary=...")
        boundary = first_line[2:].decode("latin-1")
    data = body if isinstance(body, (bytes, bytearray)) else bytes(body)
    view = memoryview(data)
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    # The first delimiter may stand at the very beginning, without its line break.
    start = 0 if data.startswith(delimiter[2:]) else data.find(delimiter) + 2
    if not data.startswith(delimiter[2:], start):
        raise CodecError("the body is no multipart/form-data: its boundary is not in it.")
    parts: List[Part] = []
    place = start + len(delimiter) - 2
    while not data.startswith(b"--", place):
        if len(parts) == MAX_PARTS:
            raise CodecError(f"the body has more than {MAX_PARTS} parts.")
        end = data.find(delimiter, place)
        line = data.find(b"\r\n", place, place + 256)
        if end < 0 or line < 0 or line > end:
            raise CodecError("the body is no multipart/form-data: a part is cut short.")
        parts.append(_part(view, data, line + 2, end))
        place = end + len(delimiter)
    return parts


def _part(view: memoryview, data: Any, start: int, end: int) -> Part:
    if data.startswith(b"\r\n", start):
        head, first = b"", start + 2
    else:
        head_end = data.find(b"\r\n\r\n", start, min(end, start + MAX_PART_HEADER))
        if head_end < 0:
            raise CodecError(f"a part of the multipart/form-data has no header, or one over {MAX_PART_HEADER} bytes.")
        head, first = bytes(data[start:head_end]), head_end + 4
    name, content_type = None, ""
    for line in head.decode("utf-8", "replace").split("\r\n"):
        field, _, value = line.partition(":")
        if field.strip().lower() == "content-disposition":
            found = _NAME.search(value)
            name = None if found is None else re.sub(r"\\(.)", r"\1", found.group(1))
        elif field.strip().lower() == "content-type":
            content_type = value.strip()
    if name is None:
        raise CodecError("a part of the multipart/form-data has no name.")
    return Part(name, content_type, view[first:end] if end >= first else view[0:0])
